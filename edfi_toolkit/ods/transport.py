"""The wire under httpx's types: libcurl, because it was measured (bench/README.md).

It distinguishes a request that was never sent from one that got no answer, which decides whether a record is `pending`
or `unsure`, and sends nothing twice by itself.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx
import pycurl

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ods.sockets import Sockets
from edfi_toolkit.settings import AnswerLimits, Target
from edfi_toolkit.settings.limits import DEFAULT_ANSWERS

# Gateways drop idle connections after 60 seconds or more; ours are gone before.
_KEEP_S = 45
_READ_SIZE = 2**17
_NEVER = float("inf")
_TOO_LARGE = 100  # libcurl's own limits of headers, for which pycurl has no name
_CUT = -1  # what libcurl takes for: no more of this


class Overlong(httpx.TransportError):
    """An answer was cut off at a limit. setting: of which name under `[answers]`."""

    def __init__(self, setting: str, request: httpx.Request) -> None:
        super().__init__(setting, request=request)
        self.setting = setting


class NoTls(httpx.ConnectError):
    """What listens there does not speak TLS, or not as it has to."""


_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BEFORE_IT_WAS_SENT: dict[int, type[httpx.TransportError]] = {
    pycurl.E_UNSUPPORTED_PROTOCOL: httpx.UnsupportedProtocol,
    pycurl.E_URL_MALFORMAT: httpx.UnsupportedProtocol,
    pycurl.E_COULDNT_RESOLVE_PROXY: httpx.ProxyError,
    pycurl.E_OPERATION_TIMEDOUT: httpx.ConnectTimeout,
    pycurl.E_SSL_CONNECT_ERROR: NoTls,
}
_AFTERWARDS: dict[int, type[httpx.TransportError]] = {
    pycurl.E_UNSUPPORTED_PROTOCOL: httpx.RemoteProtocolError,  # what came is no HTTP
    pycurl.E_FTP_WEIRD_SERVER_REPLY: httpx.RemoteProtocolError,
    pycurl.E_PARTIAL_FILE: httpx.RemoteProtocolError,
    pycurl.E_OPERATION_TIMEDOUT: httpx.ReadTimeout,
}


class CurlTransport(httpx.AsyncBaseTransport):
    """One pool of HTTP/1.1 connections; proxies come from the environment, as everywhere.

    trusted: certificates, as `trust` gives them. limits: of time and size; an answer that is compressed counts as what
        it becomes, while it is unpacked.
    Runs on the loop of its first request, which must be able to watch sockets.
    """

    def __init__(self, *, trusted: bytes | None = None, limits: AnswerLimits = DEFAULT_ANSWERS) -> None:
        self._limits, self._room = limits, _Room(int(limits.max_answer_mb * 2**20))
        self._options: dict[int, Any] = {
            pycurl.NOSIGNAL: 1,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.CONNECTTIMEOUT_MS: round(1000 * limits.max_connect_s),
            pycurl.TIMEOUT_MS: round(1000 * limits.max_answer_s),
            pycurl.LOW_SPEED_LIMIT: 1,
            pycurl.LOW_SPEED_TIME: limits.max_silent_s,
            pycurl.MAXAGE_CONN: _KEEP_S,
            pycurl.BUFFERSIZE: _READ_SIZE,
            pycurl.ENCODING: "gzip, deflate",
        }
        if trusted is not None:
            self._options[pycurl.CAINFO_BLOB] = trusted
            # Where the system keeps its own not in a file
            self._options[pycurl.SSL_OPTIONS] = pycurl.SSLOPT_NATIVE_CA
            if folder := ssl.get_default_verify_paths().capath:
                self._options[pycurl.CAPATH] = folder
        self._loop: asyncio.AbstractEventLoop  # from the first request on
        self._started = False
        self._idle: list[_Exchange] = []
        # Each gets 0, or the number of libcurl's error.
        self._under_way: dict[pycurl.Curl, asyncio.Future[int]] = {}
        self._timer: asyncio.Handle | None = None
        # When libcurl wants to act and when the timer checks, in the loop's time
        self._due = self._wakes = _NEVER

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop = self._loop if self._started else self._start(request.url)
        exchange = self._idle.pop() if self._idle else _Exchange(self._options, self._limits, self._room)
        exchange.prepare(request)
        ended = self._under_way[exchange.easy] = loop.create_future()
        self._multi.add_handle(exchange.easy)
        self._go_on()
        try:
            code = await ended
        except asyncio.CancelledError:
            self._under_way.pop(exchange.easy, None)  # it may have ended at the same moment
            self._multi.remove_handle(exchange.easy)
            exchange.easy.close()
            exchange.let_go()
            raise
        self._multi.remove_handle(exchange.easy)
        self._idle.append(exchange)
        if code:
            raise exchange.error(code, request) from pycurl.error(code)
        return exchange.response(request)

    async def aclose(self) -> None:
        if not self._started:
            return
        for exchange in self._idle:
            exchange.easy.close()
        self._multi.close()
        self._sockets.close()
        if self._timer is not None:
            self._timer.cancel()

    def _start(self, url: httpx.URL) -> asyncio.AbstractEventLoop:
        self._options[pycurl.PROXY] = environment_proxy(url) or ""
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._wake_in)
        self._loop, self._started = asyncio.get_running_loop(), True
        self._sockets = Sockets(self._loop, self._ready)
        return self._loop

    def _watch(self, what: int, socket: int, _multi: Any, _data: Any) -> None:
        """Called by libcurl: which sockets to watch for what."""
        self._sockets.watch(
            socket,
            reads=what in (pycurl.POLL_IN, pycurl.POLL_INOUT),
            writes=what in (pycurl.POLL_OUT, pycurl.POLL_INOUT),
        )

    def _ready(self, sockets: Iterable[tuple[int, bool, bool]]) -> None:
        for socket, reads, writes in sockets:
            what = (pycurl.CSELECT_IN if reads else 0) | (pycurl.CSELECT_OUT if writes else 0)
            self._act(socket, what)
        self._go_on()

    def _wake_in(self, milliseconds: int) -> None:
        """Called by libcurl, often: when it wants to act next; -1: not for now."""
        self._due = self._loop.time() + milliseconds / 1000 if milliseconds >= 0 else _NEVER

    def _go_on(self) -> None:
        """What there is to do after libcurl was called. A timer that is due earlier than wanted stays, and checks again
        then: several times a request libcurl only puts it off."""
        if self._due <= self._loop.time():
            self._due = _NEVER
            self._act(pycurl.SOCKET_TIMEOUT, 0)
        if self._due < self._wakes:
            if self._timer is not None:
                self._timer.cancel()
            self._wakes, self._timer = self._due, self._loop.call_at(self._due, self._timeout)

    def _timeout(self) -> None:
        self._wakes, self._timer = _NEVER, None
        self._go_on()

    def _act(self, socket: int, what: int) -> None:
        """Let libcurl do what it can, and wake those whose exchange has ended."""
        _, running = self._multi.socket_action(socket, what)
        waiting = running < len(self._under_way)
        while waiting:
            waiting, done, failed = self._multi.info_read()
            for easy, code in (*((easy, 0) for easy in done), *((easy, code) for easy, code, _ in failed)):
                ended = self._under_way.pop(easy)
                if not ended.cancelled():
                    ended.set_result(code)


class _Room:
    """Bytes that the bodies under way may still take, all of them together: many at once must not fill the memory."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Exchange:
    """A handle of libcurl and what came in by it; it serves one request after the other."""

    def __init__(self, options: dict[int, Any], limits: AnswerLimits, room: _Room) -> None:
        self.easy = pycurl.Curl()
        self._most_header, self._room = int(limits.max_headers_kb * 2**10), room
        self._taken, self._cut = 0, False
        self._lines: list[bytes] = []
        self._parts: list[bytes] = []
        self._sent = False
        for option, value in options.items():
            self.easy.setopt(option, value)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._take_line)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._take_part)
        self.easy.setopt(pycurl.PREREQFUNCTION, self._may_send)

    def _may_send(self, *_addresses: Any) -> int:
        """Once: libcurl would send a request again by itself when a connection in use is lost. Tries are counted, and
        are the client's alone."""
        if self._sent:
            return pycurl.PREREQFUNC_ABORT
        self._sent = True
        return pycurl.PREREQFUNC_OK

    def _take_line(self, line: bytes) -> int | None:
        self._header_left -= len(line)
        self._lines.append(line)
        return None if self._header_left >= 0 else _CUT

    def _take_part(self, part: bytes) -> int | None:
        if len(part) > self._room.left:
            self._cut = True
            return _CUT
        self._room.left -= len(part)
        self._taken += len(part)
        self._parts.append(part)
        return None

    def let_go(self) -> None:
        """Give up what came in, and its room."""
        self._parts.clear()
        self._room.left += self._taken
        self._taken = 0

    def prepare(self, request: httpx.Request) -> None:
        """Take a request on."""
        self._lines.clear()
        self._parts.clear()
        self._header_left, self._cut = self._most_header, False
        self._sent = False
        content = b"".join(request.stream)  # type: ignore[arg-type]  # bytes that are here, made by `Session` or httpx
        if content or request.method in ("POST", "PUT"):
            self.easy.setopt(pycurl.POSTFIELDS, content)
        else:
            self.easy.setopt(pycurl.HTTPGET, 1)
        self.easy.setopt(pycurl.CUSTOMREQUEST, request.method)
        self.easy.setopt(pycurl.URL, str(request.url))
        headers = [b"%b: %b" % header for header in request.headers.raw]
        self.easy.setopt(pycurl.HTTPHEADER, [*headers, b"Expect:"])  # no wait for "100 Continue"

    def response(self, request: httpx.Request) -> httpx.Response:
        """The answer, when all of it is here."""
        headers: list[tuple[bytes, bytes]] = []
        for line in self._lines:
            if line.startswith(b"HTTP/"):  # again after an interim answer, or that of a proxy
                headers.clear()
            elif line.strip():
                name, _, value = line.partition(b":")
                if name.lower() != b"content-encoding":  # it is unpacked
                    headers.append((name, value.strip()))
        content = b"".join(self._parts)
        self.let_go()
        return httpx.Response(
            self.easy.getinfo(pycurl.RESPONSE_CODE),
            headers=headers,
            stream=httpx.ByteStream(content),
            request=request,
        )

    def error(self, code: int, request: httpx.Request) -> httpx.TransportError:
        """What an error of libcurl means, by whether the request had been sent."""
        self.let_go()
        if self._sent:
            if self._header_left < 0 or code == _TOO_LARGE:
                return Overlong("max_headers_kb", request)
            if self._cut:
                return Overlong("max_answer_mb", request)
            kind = _AFTERWARDS.get(code, httpx.ReadError)
        elif self.easy.getinfo(pycurl.HTTP_CONNECTCODE) >= 300:
            kind = httpx.ProxyError
        else:
            kind = _BEFORE_IT_WAS_SENT.get(code, httpx.ConnectError)
        return kind(f"libcurl {code}", request=request)


def environment_proxy(url: httpx.URL) -> str | None:
    """The proxy the environment names for an address."""
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def trust(target: Target) -> bytes | None:
    """Certificates to trust, as PEM: the system's, the usual public ones, and the target's own bundle.

    None where plain http makes loading them all a waste.
    """
    if target.base_url.startswith("http:") and not target.ca_bundle:
        return None
    try:
        return _certificates(target.ca_bundle)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            f"Target '{target.name}': {target.ca_bundle} cannot be read as certificates. "
            "Set ca_bundle to a PEM file."
        ) from None


@lru_cache
def _certificates(ca_bundle: str | None) -> bytes:
    files = [certifi.where(), ssl.get_default_verify_paths().cafile]
    if ca_bundle:
        ssl.create_default_context(cafile=ca_bundle)  # raises where it holds no certificates
        files.append(ca_bundle)
    return b"\n".join(Path(file).read_bytes() for file in files if file)


def was_sent(error: Exception) -> bool:
    """Whether a request that failed this way may have reached the server."""
    return not isinstance(error, _NEVER_SENT)


def is_untrusted(error: Exception) -> bool:
    """Whether the server's certificate was the reason."""
    cause = error.__cause__
    return isinstance(cause, pycurl.error) and cause.args[0] == pycurl.E_PEER_FAILED_VERIFICATION
