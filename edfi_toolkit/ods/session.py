"""One conversation with one ODS on an event loop: addresses, token, single tries and tries until answered."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from edfi_toolkit.errors import OdsError, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.logs import event
from edfi_toolkit.ods.auth import NAMES_TOKEN, LoginDelayed, OdsAuth, signed
from edfi_toolkit.ods.bounds import has_too_many_values, past_limit
from edfi_toolkit.ods.discovery import Discovery, read_discovery
from edfi_toolkit.ods.problems import Problem, parse_problem
from edfi_toolkit.ods.retry import RetryPolicy, Verdict, judge, retry_after_s
from edfi_toolkit.ods.tokens import Token
from edfi_toolkit.ods.transport import CurlTransport, NoTls, Overlong, is_untrusted, trust, was_sent
from edfi_toolkit.settings import Target
from edfi_toolkit.spans import span

LOG = logging.getLogger("edfi_toolkit")

_HEADERS = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"User-Agent", b"edfi-toolkit"),
)
_BOM = b"\xef\xbb\xbf"
_BEFORE_TEXT = _BOM + b" \t\r\n"
_shared_tokens: dict[object, Token] = {}  # of this process: an API allows a key few tokens at a time


@dataclass(slots=True)
class Answer:
    """One answer, or the lack of one: then status is None, and `sent` says whether the ODS may have acted."""

    status: int | None
    correlation_id: str
    headers: Mapping[str, str]
    content: bytes = b""
    problem: Problem | None = None
    sent: bool = True
    failure: str = ""
    wait_s: float | None = None
    delayed: str = ""  # what to say where no token was to be had, so that nothing was sent

    @property
    def etag(self) -> str | None:
        """The ETag header without weak mark and quotes; None when there is none."""
        found = self.headers.get("etag", "").removeprefix("W/").strip('"')
        return found if found and found.isascii() and found.isprintable() else None


class Session:
    """Everything here runs on one loop; `Client` is the way in for all others."""

    def __init__(
        self,
        target: Target,
        *,
        transport: httpx.AsyncBaseTransport | None,
        policy: RetryPolicy,
        chance: random.Random,
    ) -> None:
        target.credentials()  # before anything is contacted
        self.target, self.policy, self.chance = target, policy, chance
        self._shared = _shared_tokens if transport is None else {}
        self._transport = transport or CurlTransport(trusted=trust(target), limits=target.answers)
        self._discovery: Discovery | None = None
        self._auth: OdsAuth | None = None
        self._lock = asyncio.Lock()
        self._conversation, self._sent = uuid.uuid4().hex[:20], 0
        # As httpx keeps them: to set them in its own way takes several times as long.
        self._headers = [*_HEADERS, (b"Host", httpx.URL(target.base_url).netloc)]

    @property
    def addresses(self) -> Discovery:
        """What `discovery` found; ask it first."""
        if self._discovery is None:
            raise RuntimeError("the addresses are not known yet")
        return self._discovery

    async def discovery(self) -> Discovery:
        """Read once, without a token."""
        async with self._lock:
            if self._discovery is None:
                answer = await self.ask(
                    "GET", f"{self.target.base_url}/", anonymous=True, accept=(401, 403, 404, 405)
                )
                self._discovery = read_discovery(self.json(answer), self.target)
                self._auth = OdsAuth(self._discovery.oauth, self.target, shared=self._shared)
        return self._discovery

    def json(self, answer: Answer) -> Any:
        """What an answer holds. Raises OdsError when it is not JSON, or more than is read."""
        facts: dict[str, Any] = {"status": answer.status, "correlation_id": answer.correlation_id}
        if has_too_many_values(answer.content, self.target.answers):
            raise past_limit(self.target, "an answer has too many values", "max_values", **facts)
        try:
            found = _loads(answer.content)
            orjson.dumps(found)  # with hundreds of levels it can be read, and never be written again
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            raise OdsError(
                f"Target '{self.target.name}': the API's {answer.status} answer is not JSON. "
                "Check the address with the host, and run again.",
                **facts,
            ) from None
        return found

    async def ask(
        self,
        verb: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        anonymous: bool = False,
        names_token: bool = False,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Ask until answered, within the limits. Raises OdsError unless the status is 2xx or in `accept`."""
        begun, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            answer = await self.attempt(
                verb, url, params=params, headers=headers, anonymous=anonymous, names_token=names_token
            )
            verdict = judge(verb, answer.status, answer.problem)
            if verdict is Verdict.DELIVERED or answer.status in accept:
                return answer
            wait_s = self.policy.next_wait_s(
                verdict,
                attempt,
                self.chance,
                elapsed_s=time.monotonic() - begun,
                retry_after_s=answer.wait_s,
            )
            if wait_s is None:
                raise self.error(verb, url, answer, verdict)
            await asyncio.sleep(wait_s)

    async def attempt(
        self,
        verb: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        if_match: str | None = None,
        anonymous: bool = False,
        names_token: bool = False,
    ) -> Answer:
        """Try once. Silence is an Answer too; raises OdsError only for what no second try can repair."""
        self._sent += 1
        correlation_id = f"{self._conversation}-{self._sent}"
        path = urlsplit(url).path
        current: httpx.Request | None = None
        try:
            sent = [*self._headers, (b"correlation-id", correlation_id.encode())]
            if content is not None:
                sent += (b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content))
            if if_match is not None:
                sent.append((b"If-Match", f'"{if_match}"'.encode()))
            sent += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
            # A stream and not content: httpx then works out no headers of its own, which takes longer than all else.
            request = httpx.Request(
                verb,
                _url(url) if params is None else httpx.URL(url, params=params),
                headers=sent,
                stream=httpx.ByteStream(content or b""),
                extensions={NAMES_TOKEN: True} if names_token else {},
            )
            if anonymous or self._auth is None:
                response, received = await self._exchange(request)
            else:
                token = self._auth.token
                if token is not None:  # nearly always; the whole flow is for the rest
                    response, received = await self._exchange(signed(request, token))
                if token is None or response.status_code == 401:
                    flow = self._auth.async_auth_flow(request, refused=token)
                    try:
                        current = await anext(flow)
                        while True:
                            response, received = await self._exchange(current)
                            current = await flow.asend(response)
                    except StopAsyncIteration:
                        pass
                    finally:
                        await flow.aclose()
        except LoginDelayed as delayed:
            return Answer(
                delayed.problem.status if delayed.problem.status >= 300 else 503,
                delayed.correlation_id or correlation_id,
                {},
                problem=delayed.problem,
                sent=False,
                wait_s=delayed.wait_s,
                delayed=str(delayed),
            )
        except Overlong as overlong:
            login = current is not None and current.url.path != path
            what = (
                f"the answer to {verb} {urlsplit(self.addresses.oauth).path if login else path} does not end"
            )
            raise past_limit(
                self.target, what, overlong.setting, sent=not login, method=verb, path=path
            ) from None
        except (httpx.TransportError, httpx.DecodingError, OSError) as error:
            if is_untrusted(error):
                raise OdsError(
                    f"Target '{self.target.name}': the certificate of {urlsplit(url).hostname} is not "
                    "trusted here. Ask your network staff for the certificate bundle and set ca_bundle under "
                    f"[targets.{self.target.name}].",
                    method=verb,
                    path=path,
                ) from None
            if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
                raise self._unusable(error, verb, path) from None
            login = current is not None and current.url.path != path
            silence = Answer(
                None, correlation_id, {}, sent=was_sent(error) and not login, failure=type(error).__name__
            )
            _log(verb, silence)
            return silence
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError) as error:
            raise self._unusable(error, verb, path) from None
        answer = _answer(response, received, correlation_id)
        _log(verb, answer)
        return answer

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """An answer and its body. A body that is here already and plain is taken without httpx's reading, which costs
        as much as the sending."""
        with span("request") as current:
            if current:
                asked = {"http.request.method": request.method}
                current.set_attributes(asked | {"correlation_id": request.headers.get("correlation-id", "")})
            response = await self._transport.handle_async_request(request)
            if current:
                current.set_attribute("http.response.status_code", response.status_code)
            if isinstance(response.stream, httpx.ByteStream) and "content-encoding" not in response.headers:
                return response, b"".join(response.stream)
            content = await response.aread()
            await response.aclose()
            return response, content

    def error(self, verb: str, url: str, answer: Answer, verdict: Verdict) -> OdsError:
        """The exception for an answer that ends what was being done; it quotes no text of the answer."""
        if answer.delayed:
            return OdsUnavailable(
                answer.delayed,
                method=verb,
                path=urlsplit(url).path,
                status=answer.status,
                correlation_id=answer.correlation_id,
            )
        kind: type[OdsError] = OdsUnavailable
        limits = self.target.answers
        what = answer.failure or (answer.problem.title if answer.problem is not None else "")
        next_step = "Nothing is lost; run again later, and the run resumes."
        if verdict is Verdict.LOGIN:
            kind, next_step = OdsRefusedLogin, "Check key and secret with the host, then run again."
        elif verdict in (Verdict.REFUSED, Verdict.PRECONDITION_FAILED, Verdict.DELIVERED):
            kind = OdsError
            next_step = "Check the login's permissions and the address with the host, then run again."
        elif verdict is Verdict.MISCONFIGURED:
            kind = OdsError
            next_step = "The host is set up wrongly or the address is. Give the host the correlation id, and run again."
        elif answer.failure == NoTls.__name__:
            next_step = (
                "What listens there does not speak TLS. Check that url begins with the right scheme and has "
                f"the right port, under [targets.{self.target.name}], then run again."
            )
        elif answer.failure == httpx.ReadTimeout.__name__:
            next_step = (
                f"It was silent for max_silent_s = {limits.max_silent_s} seconds, or took longer than "
                f"max_answer_s = {limits.max_answer_s} ([answers] in edfi.toml). {next_step}"
            )
        elif self.too_long(answer):
            next_step = f"{self.too_long(answer)} {next_step}"
        asked = f"{verb} {urlsplit(url).path}"
        happened = (
            f"{asked} was answered {answer.status} {what}"
            if answer.status
            else f"no answer to {asked} ({what})"
        )
        return kind(
            f"Target '{self.target.name}': {happened}. {next_step}",
            method=verb,
            path=urlsplit(url).path,
            status=answer.status,
            correlation_id=answer.correlation_id,
        )

    def too_long(self, answer: Answer) -> str:
        """The sentence about a wait that is asked for and too long; empty when it is not."""
        if answer.wait_s is None or answer.wait_s <= self.policy.longest_pause_s:
            return ""
        return (
            f"It asks to wait {answer.wait_s:.0f} s, and the limit is max_wait_s = "
            f"{self.policy.longest_pause_s:.0f} under [answers] in edfi.toml."
        )

    def _unusable(self, error: Exception, verb: str, path: str) -> OdsError:
        return OdsError(
            f"Target '{self.target.name}': {verb} {path} cannot be carried out ({type(error).__name__}). "
            f"Check url under [targets.{self.target.name}] and run again.",
            method=verb,
            path=path,
        )

    async def aclose(self) -> None:
        await self._transport.aclose()


_url = lru_cache(maxsize=64)(httpx.URL)  # parsing one takes longer than all else about a small request


def _loads(content: bytes) -> Any:
    """A page makes thousands of objects that all stay; looking for garbage among them meanwhile takes a third of a
    reading."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(content.removeprefix(_BOM))
    finally:
        if collects:
            gc.enable()


def _log(verb: str, answer: Answer) -> None:
    """What became of a request, for whoever looks it up in the host's log by its correlation id; no path, no body."""
    fine = answer.status is not None and answer.status < 400
    level = logging.DEBUG if fine else logging.WARNING
    if LOG.isEnabledFor(level):
        fields = {"verb": verb, "status": answer.status, "failure": answer.failure or None}
        event("request", level=level, correlation_id=answer.correlation_id, **fields)


def _answer(response: httpx.Response, content: bytes, correlation_id: str) -> Answer:
    status = response.status_code
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
    }
    content_type = headers.get("content-type", "")
    # A page of HTML is a gateway's or a login page, whatever it is called.
    wrong = status >= 300 or "html" in content_type.lower() or content[:99].lstrip(_BEFORE_TEXT)[:1] == b"<"
    problem = None
    if wrong:
        problem = parse_problem(status, content, content_type=content_type, correlation_id=correlation_id)
    return Answer(
        status,
        (problem.correlation_id if problem else None) or correlation_id,
        headers,
        content,
        problem,
        wait_s=retry_after_s(headers.get("retry-after"), datetime.now(UTC)) if wrong else None,
    )
