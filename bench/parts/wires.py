"""Other transports under httpx's interface, to measure next to the client's own; all send a request at most once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import httpx

from edfi_toolkit.settings.limits import DEFAULT_ANSWERS

if TYPE_CHECKING:
    import aiohttp
    from tornado.curl_httpclient import CurlAsyncHTTPClient


class TornadoTransport(httpx.AsyncBaseTransport):
    """libcurl by tornado's client, which owns the sockets and the timers."""

    _client: CurlAsyncHTTPClient | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import pycurl
        from tornado.curl_httpclient import CurlAsyncHTTPClient
        from tornado.httpclient import HTTPRequest

        if self._client is None:
            self._client = CurlAsyncHTTPClient(force_instance=True, max_clients=256)
        sent = False

        def once(*_: Any) -> int:
            nonlocal sent
            if sent:
                return pycurl.PREREQFUNC_ABORT
            sent = True
            return pycurl.PREREQFUNC_OK

        body = b"".join(request.stream)
        answer = await self._client.fetch(
            HTTPRequest(
                str(request.url),
                method=request.method,
                headers={name.decode(): value.decode() for name, value in request.headers.raw},
                body=body if body or request.method in ("POST", "PUT") else None,
                follow_redirects=False,
                decompress_response=False,
                connect_timeout=DEFAULT_ANSWERS.max_connect_s,
                request_timeout=DEFAULT_ANSWERS.max_answer_s,
                prepare_curl_callback=lambda easy: easy.setopt(pycurl.PREREQFUNCTION, once),
            ),
            raise_error=False,
        )
        if answer.code == 599:
            raise (httpx.ReadError if sent else httpx.ConnectError)("libcurl", request=request)
        headers = list(answer.headers.get_all())
        return httpx.Response(
            answer.code, headers=headers, stream=httpx.ByteStream(answer.body or b""), request=request
        )

    async def aclose(self) -> None:
        if self._client is not None:
            self._client.close()


class AiohttpTransport(httpx.AsyncBaseTransport):
    """A plain aiohttp session. By itself it sends a PUT or a DELETE again when a connection is lost; tracing stops
    that, and separates what was sent from what was not."""

    _session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import aiohttp

        session = self._session or self._open()
        sent: list[str] = []
        try:
            async with session.request(
                request.method,
                str(request.url),
                data=b"".join(request.stream) or None,
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                allow_redirects=False,
                trace_request_ctx=sent,
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise (httpx.ReadError if sent else httpx.ConnectError)("aiohttp", request=request) from error
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=httpx.ByteStream(content), request=request
        )

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        async def once(_session: Any, context: Any, _headers: Any) -> None:
            if context.trace_request_ctx:
                raise aiohttp.ClientError
            context.trace_request_ctx.append("sent")

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(once)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            trace_configs=[trace],
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=DEFAULT_ANSWERS.max_answer_s,
                sock_connect=DEFAULT_ANSWERS.max_connect_s,
                sock_read=DEFAULT_ANSWERS.max_silent_s,
            ),
        )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def named(name: str, folder: str) -> httpx.AsyncBaseTransport:
    """A transport by its library's name. folder: where aiohttp is, which the toolkit does not depend on."""
    sys.path.append(folder)
    return {"tornado": TornadoTransport, "aiohttp": AiohttpTransport}[name]()
