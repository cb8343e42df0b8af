"""One token for all workers of a key, renewed once however many of them find it used up."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import orjson

from edfi_toolkit.errors import OdsError, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.ods.problems import Problem, parse_problem
from edfi_toolkit.ods.retry import retry_after_s
from edfi_toolkit.ods.tokens import KeptToken, Token, token_of
from edfi_toolkit.settings import Target

_LIFE_S = 1800.0  # as shipped; used when the answer does not say
_LONGEST_LIFE_S = 86_400.0  # a longer one is asked for again after a day
_FRESH = 3  # fresh tokens in a row that may be refused: one may end before it is used, three do not
_CODES = frozenset(
    {"invalid_client", "invalid_request", "invalid_scope", "invalid_grant", "unsupported_grant_type"}
    | {"unauthorized_client"}
)
_LIMIT = re.compile(r"limit is (\d{1,6})")
_TOO_MANY_TOKENS = "security:authentication:too-many-tokens"
NAMES_TOKEN = "names_token"  # noqa: S105 - extension of a request that names, in its body, the token it is sent with


class LoginDelayed(OdsUnavailable):
    """No token for now: the answer says nothing about key and secret."""

    def __init__(self, message: str, problem: Problem, wait_s: float | None, path: str) -> None:
        super().__init__(
            message, method="POST", path=path, status=problem.status, correlation_id=problem.correlation_id
        )
        self.problem, self.wait_s = problem, wait_s


class OdsAuth(httpx.Auth):
    """Client-credentials OAuth.  Asks for a token when there is none or it wears out, and again after a 401.

    shared: tokens by login; an API gives a key few tokens at a time, so the clients of one process share theirs, and
    the processes of one person by the target's token_cache.
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
        self._slot = (url, target.identity, key, secret)
        self._kept = KeptToken(url, target)
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
        for _ in range(_FRESH if refused is not None else _FRESH + 1):
            if self.token in (None, refused):
                async with self._lock, self._kept.renewing():
                    if self.token in (None, refused) and not self._take_kept(refused):
                        self._accept((yield self._token_request()), refused)
            token = self._tokens[self._slot]
            response = yield signed(request, token)
            if response.status_code != 401:
                return
            refused = token
        raise OdsRefusedLogin(
            f"Target '{self._target.name}' gave a token and then did not accept it. The key may be "
            "disabled, or tenant, instance or year are not the key's own. Ask the host, then run again.",
            method=request.method,
            path=request.url.path,
            status=401,
            correlation_id=request.headers.get("correlation-id"),
        )

    def _take_kept(self, refused: Token | None) -> bool:
        """Use the token that another process has got; whether there was one."""
        kept = self._kept.load(self._clock())
        if kept is None:
            return False
        if refused is not None and kept.value == refused.value:
            self._kept.drop()
            return False
        self._tokens[self._slot] = kept
        return True

    def _token_request(self) -> httpx.Request:
        return httpx.Request(
            "POST",
            self._url,
            headers={"Authorization": self._basic, "Accept": "application/json"},
            data={"grant_type": "client_credentials"},
        )

    def _accept(self, response: httpx.Response, refused: Token | None) -> None:
        status, now = response.status_code, self._clock()
        content = response.read()
        answer = _object(content)
        if status < 300:
            life_s = _seconds(answer.get("expires_in"))
            token = token_of(answer.get("access_token"), life_s, now, life_s)
            if token is not None:
                self._tokens[self._slot] = token
                self._kept.save(token, life_s)
                return
        problem = parse_problem(status, content, content_type=response.headers.get("content-type", ""))
        path = urlsplit(self._url).path
        if 300 <= status < 400:
            raise OdsError(
                f"Target '{self._target.name}': the address that gives tokens leads elsewhere ({status}); key and "
                "secret are not sent there. Check the address with the host, correct url under "
                f"[targets.{self._target.name}], and run again.",
                method="POST",
                path=path,
                status=status,
                correlation_id=problem.correlation_id,
            )
        if not (status < 300 or status in (408, 429) or status >= 500):
            code = str(answer.get("error", ""))
            raise OdsRefusedLogin(
                f"Target '{self._target.name}' refused key and secret ({status}"
                f"{f' {code}' if code in _CODES else ''}; "
                f"{self._target.credentials_from or 'given directly'}). The key may be mistyped, disabled or another "
                "API's, the secret mistyped, expired or replaced; the answer does not say which. Compare both with "
                "what the host gave you, or ask the host whether they are still valid, then run again.",
                method="POST",
                path=path,
                status=status,
                correlation_id=problem.correlation_id,
            )
        old = self._tokens.get(self._slot)
        if old is not None and old != refused and now < old.ends_at:  # it wears out, but still holds
            self._tokens[self._slot] = replace(old, renew_at=now + (old.ends_at - now) / 2)
            return
        raise self._delayed(
            problem, retry_after_s(response.headers.get("retry-after"), datetime.now(UTC)), path
        )

    def _delayed(self, problem: Problem, wait_s: float | None, path: str) -> LoginDelayed:
        """What to say when there is no token for now, and when to try again."""
        crowded, then = "", "Run again later; the run resumes."
        if problem.status == 429 and problem.is_a(_TOO_MANY_TOKENS):
            limit = _LIMIT.search(" ".join(problem.messages))
            crowded = f": this login has reached the limit of{f' {limit[1]}' if limit else ''} live tokens"
            wait_s = _LIFE_S if wait_s is None else wait_s  # by then the last of them has ended
            at = datetime.now().astimezone() + timedelta(seconds=min(wait_s, 2 * _LIFE_S), minutes=1)
            then = f"Try again at {at:%H:%M}, when they have ended; the run resumes."
        return LoginDelayed(
            f"Target '{self._target.name}' gives no token at the moment ({problem.status}){crowded}. {then}",
            problem,
            wait_s,
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
    return min(seconds, _LONGEST_LIFE_S) if seconds > 0 else _LIFE_S
