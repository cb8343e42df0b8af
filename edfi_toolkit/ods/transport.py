"""The wire under httpx's types: pyreqwest, because it was measured.

CPU seconds per 1000 POSTs, 64 at once, each answered after 30 ms, in one run on a busy machine: aiohttp 0.29, under
httpx's types 0.36; pyreqwest 0.12, under httpx's types 0.17. Its connections live in a thread of their own, outside
Python's lock. What a transport also has to tell is a request that was never sent from one that got no answer, which
decides whether a record is `pending` or `unsure`.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

import httpx

# Here and not where they are used: whatever thread imports them first must not end before their last use.
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import Response

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Target

CONNECT_S, READ_S, TOTAL_S = 10.0, 60.0, 180.0
# Gateways drop idle connections after 60 seconds or more; ours are gone before.
KEEP_S = 45.0
# The headers of an answer that mean something to us
_NEEDED = (
    *("content-type", "content-encoding", "location", "etag"),
    *("retry-after", "next-page-token", "total-count"),
)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def transport_for(target: Target) -> httpx.AsyncBaseTransport:
    """The way to a target. Raises ConfigError when its bundle of certificates cannot be read."""
    if not target.ca_bundle:
        return ReqwestTransport()
    from edfi_toolkit.ods.aiohttp_transport import AiohttpTransport

    return AiohttpTransport(verify=trust(target))


class ReqwestTransport(httpx.AsyncBaseTransport):
    """One pool of HTTP/1.1 connections.  It trusts what the system trusts, and the usual public certificates."""

    def __init__(self, *, read_s: float = READ_S, connect_s: float = CONNECT_S) -> None:
        self._read_s, self._connect_s = read_s, connect_s
        self._client: Client | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._client is None:
            self._client = self._connected(request.url)
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        try:
            asked = self._client.request(request.method, str(request.url)).headers(headers)
            if content := b"".join(request.stream):
                asked = asked.body_bytes(content)
            response = await asked.build().send()
            content = bytes(await response.bytes())
        except (PyreqwestError, ValueError) as error:  # the latter for an address that cannot be
            raise _translated(error, request) from _certificate_error(error)
        return httpx.Response(
            response.status, headers=_headers(response), stream=httpx.ByteStream(content), request=request
        )

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _connected(self, url: httpx.URL) -> Client:
        builder = (
            ClientBuilder()
            .connect_timeout(timedelta(seconds=self._connect_s))
            .read_timeout(timedelta(seconds=self._read_s))
            .timeout(timedelta(seconds=max(TOTAL_S, self._read_s)))
            .pool_idle_timeout(timedelta(seconds=KEEP_S))
            .follow_redirects(False)
            .referer(False)
            .gzip(False)  # httpx unpacks
            .deflate(False)
            .brotli(False)
            .zstd(False)
            .no_proxy()
        )
        if proxy := environment_proxy(url):
            builder = builder.proxy(ProxyBuilder.all(proxy))
        if url.scheme == "https":
            for certificate in _context(None).get_ca_certs(binary_form=True):
                builder = builder.add_root_certificate_der(certificate)
        return builder.build()


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    """As bytes, which httpx need not turn into bytes first."""
    try:
        return [(name.encode(), value.encode()) for name, value in response.headers.items()]
    except ValueError:  # one of them is not UTF-8, and none of those that matter
        found = [(name, response.get_header(name)) for name in _NEEDED]
        return [(name.encode(), value.encode()) for name, value in found if value is not None]


def _translated(error: Exception, request: httpx.Request) -> httpx.RequestError:
    """Its words are left out: they may hold the address with a student's number in it.

    Its class tells a connection that was not made from one that was lost only in its causes, so whatever is not said
    to be about connecting counts as sent.
    """
    late = isinstance(error, TimeoutError)
    kind: type[httpx.RequestError]
    if isinstance(error, ValueError):
        kind = httpx.UnsupportedProtocol
    elif "client error (Connect)" in _causes(error):
        kind = httpx.ConnectTimeout if late else httpx.ConnectError
    else:
        kind = httpx.ReadTimeout if late else httpx.ReadError
    return kind(kind.__name__, request=request)


def _certificate_error(error: Exception) -> ssl.SSLCertVerificationError | None:
    found = [cause for cause in _causes(error) if "certificate" in cause]
    return ssl.SSLCertVerificationError(found[0]) if found else None


def _causes(error: Exception) -> list[str]:
    return [cause["message"] for cause in (getattr(error, "details", None) or {}).get("causes") or ()]


def environment_proxy(url: httpx.URL) -> str | None:
    """The proxy the environment names for an address; asked once, at the first request."""
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def trust(target: Target) -> ssl.SSLContext:
    """Certificates to trust: the system's, the usual public ones, and the target's own bundle."""
    try:
        return _context(target.ca_bundle)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"Target '{target.name}': {target.ca_bundle} cannot be read as certificates. "
            "Set ca_bundle to a PEM file."
        ) from None


@lru_cache  # loading them takes longer than everything else about a short visit
def _context(ca_bundle: str | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if ca_bundle:
        context.load_verify_locations(ca_bundle)
    return context


def was_sent(error: Exception) -> bool:
    """Whether a request that failed this way may have reached the server."""
    return not isinstance(error, _NEVER_SENT)


def is_untrusted(error: BaseException | None) -> bool:
    """Whether the server's certificate was the reason."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__
    return False
