"""The wire under httpx's types: aiohttp, because it was measured.

CPU seconds per 1000 POSTs, 8 and 64 at once: several httpx clients of eight connections each 1.26 and 1.47,
httpx-aiohttp under httpx.AsyncClient 0.47 and 0.56, this transport with no AsyncClient around it 0.21 and
0.23. It also tells a request that was never sent from one that got no answer, which decides whether a record
is `pending` or `unsure`.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Target

CONNECT_S, READ_S, TOTAL_S = 10.0, 60.0, 180.0
# Gateways drop idle connections after 60 seconds or more; ours are gone before.
_KEEP_S = 45.0

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


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
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_S, ssl=self._verify),
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


def environment_proxy(url: httpx.URL) -> str | None:
    """The proxy the environment names for an address; asked once, as aiohttp would ask at every request."""
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def trust(target: Target) -> ssl.SSLContext | bool:
    """Certificates to trust: the system's, the usual public ones, and the target's own bundle.

    True, which is aiohttp's own care, where plain http makes loading them all a waste.
    """
    if target.base_url.startswith("http:") and not target.ca_bundle:
        return True
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
        if isinstance(error, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError):
            return True
        error = error.__cause__
    return False


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
