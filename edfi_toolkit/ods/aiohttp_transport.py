"""aiohttp under httpx's types: the wire of targets that name their own certificates.

A host's own bundle often holds a certificate that signed itself. OpenSSL, which aiohttp uses, trusts one that it was
given; rustls, under `transport.ReqwestTransport`, takes none from a server.
"""

from __future__ import annotations

import ssl

import aiohttp
import httpx

from edfi_toolkit.ods.transport import CONNECT_S, KEEP_S, READ_S, TOTAL_S, environment_proxy


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One pool of HTTP/1.1 connections; proxies come from the environment, as everywhere."""

    def __init__(
        self, *, verify: ssl.SSLContext | bool, read_s: float = READ_S, connect_s: float = CONNECT_S
    ) -> None:
        self._verify = verify
        self._timeout = aiohttp.ClientTimeout(
            total=max(TOTAL_S, read_s), sock_connect=connect_s, sock_read=read_s
        )
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._session is None:  # made here: aiohttp wants to be born on the loop it lives on
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_S, ssl=self._verify),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
            # It would send a PUT or DELETE again by itself after a lost answer: tries are counted, and ours alone.
            self._session._retry_connection = False
            self._proxy = environment_proxy(request.url)
        try:
            async with self._session.request(
                request.method,
                str(request.url),
                headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw],
                data=request.read() or None,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=self._timeout,
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _translated(error)(type(error).__name__, request=request) from error
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=httpx.ByteStream(content),
            request=request,
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


def _translated(error: Exception) -> type[httpx.TransportError]:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return httpx.ProxyError
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return httpx.ConnectError
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout
    if isinstance(error, aiohttp.ClientResponseError):
        return httpx.RemoteProtocolError
    return httpx.ReadError
