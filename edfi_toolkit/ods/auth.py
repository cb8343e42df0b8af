"""One token for all workers of a key, renewed once however many of them find it used up."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import orjson

from edfi_toolkit.errors import OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.ods.problems import Problem, parse_problem
from edfi_toolkit.ods.retry import retry_after_s
from edfi_toolkit.settings import Target

_LIFE_S = 1800.0  # as shipped; used when the answer does not say
_EARLY_S, _EARLY_SHARE = 120.0, 0.1
_FRESH = 3  # fresh tokens in a row that may be refused: one may end before it is used, three do not
_CODES = frozenset(
    {"invalid_client", "invalid_request", "invalid_scope", "invalid_grant", "unsupported_grant_type"}
    | {"unauthorized_client"}
)
NAMES_TOKEN = "names_token"  # noqa: S105 - extension of a request that names, in its body, the token it is sent with


@dataclass(frozen=True)
class Token:
    """An access token; its times are on the clock of the auth that got it."""

    value: str
    renew_at: float
    ends_at: float

    def __repr__(self) -> str:
        return "Token('****')"


class LoginDelayed(OdsUnavailable):
    """No token for now: the answer says nothing about key and secret."""

    def __init__(self, message: str, problem: Problem, wait_s: float | None, path: str) -> None:
        super().__init__(
            message, method="POST", path=path, status=problem.status, correlation_id=problem.correlation_id
        )
        self.problem, self.wait_s = problem, wait_s


class OdsAuth(httpx.Auth):
    """Client-credentials OAuth.  Asks for a token when there is none or it wears out, and again after a 401.

    shared: tokens by (address, key, secret); an API gives a key few tokens at a time, so the clients of one
    process share theirs.
    Raises OdsRefusedLogin when key and secret, or a fresh token, are not accepted; LoginDelayed when the
    token endpoint is busy or unavailable.
    """

    def __init__(
        self,
        url: str,
        target: Target,
        *,
        shared: dict[object, Token] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        key, secret = target.credentials()
        self._url, self._target, self._clock = url, target, clock
        self._basic = f"Basic {base64.b64encode(f'{key.reveal()}:{secret.reveal()}'.encode()).decode()}"
        self._tokens = {} if shared is None else shared
        self._slot = (url, key, secret)
        self._lock = asyncio.Lock()

    @property
    def token(self) -> Token | None:
        """The token to send; None when one must be asked for first."""
        token = self._tokens.get(self._slot)
        return None if token is None or self._clock() >= token.renew_at else token

    async def async_auth_flow(
        self, request: httpx.Request, *, refused: Token | None = None
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As httpx has it. refused: the token that this request was sent with already, in vain."""
        token = refused
        if token is None:
            token = self._tokens.get(self._slot)
            if token is None or self._clock() >= token.renew_at:
                async with self._lock:
                    if self._tokens.get(self._slot) is token:
                        self._accept((yield self._token_request()), instead_of=token)
                token = self._tokens[self._slot]
            response = yield signed(request, token)
            if response.status_code != 401:
                return
        for _ in range(_FRESH):
            async with self._lock:
                if self._tokens.get(self._slot) is token:
                    self._accept((yield self._token_request()))
            token = self._tokens[self._slot]
            response = yield signed(request, token)
            if response.status_code != 401:
                return
        raise OdsRefusedLogin(
            f"Target '{self._target.name}' gave a token and then did not accept it. The key may be "
            "disabled, or tenant, instance or year are not the key's own. Ask the host, then run again.",
            method=request.method,
            path=request.url.path,
            status=401,
            correlation_id=request.headers.get("correlation-id"),
        )

    def _token_request(self) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._url,
            headers={"Authorization": self._basic, "Accept": "application/json"},
            data={"grant_type": "client_credentials"},
        )

    def _accept(self, response: httpx.Response, *, instead_of: Token | None = None) -> None:
        status, now = response.status_code, self._clock()
        content = response.read()
        answer = _object(content)
        if status < 300 and (value := answer.get("access_token")):
            life_s = _seconds(answer.get("expires_in"))
            early_s = min(_EARLY_S, life_s * _EARLY_SHARE)
            self._tokens[self._slot] = Token(str(value), now + life_s - early_s, now + life_s)
            return
        problem = parse_problem(status, content, content_type=response.headers.get("content-type", ""))
        path = urlsplit(self._url).path
        if not (status < 300 or status in (408, 429) or status >= 500):
            code = str(answer.get("error", ""))
            raise OdsRefusedLogin(
                f"Target '{self._target.name}' refused key and secret ({status}"
                f"{f' {code}' if code in _CODES else ''}; "
                f"{self._target.credentials_from or 'given directly'}). Correct them and run again.",
                method="POST",
                path=path,
                status=status,
                correlation_id=problem.correlation_id,
            )
        if instead_of is not None and now < instead_of.ends_at:  # it wears out, but still holds
            self._tokens[self._slot] = replace(instead_of, renew_at=now + (instead_of.ends_at - now) / 2)
            return
        crowded = " This key holds too many tokens already; they free up within half an hour."
        raise LoginDelayed(
            f"Target '{self._target.name}' gives no token at the moment ({status})."
            f"{crowded if status == 429 else ''} Run again later; the run resumes.",
            problem,
            retry_after_s(response.headers.get("retry-after"), datetime.now(UTC)),
            path,
        )


def signed(request: httpx.Request, token: Token) -> httpx.Request:
    """The request with its token, as header and, where it names it, as body."""
    if NAMES_TOKEN in request.extensions:
        kept = {name: value for name, value in request.headers.items() if not name.startswith("content-")}
        request = httpx.Request(
            request.method,
            request.url,
            headers=kept,
            data={"token": token.value},
            extensions=request.extensions,
        )
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _object(content: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        return _LIFE_S
    return seconds if seconds > 0 else _LIFE_S
