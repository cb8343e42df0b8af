"""One login for the commands and notebooks of one person: a token is kept in a private file for as long as it lives.

1. A file belongs to one login: token address, target, key and secret. It holds neither key nor secret, only a hash of
   all four keyed with the token; a file that does not match is ignored.
2. Of processes that need a token at the same time one asks, and the others take what it got.
3. The file saves logins and nothing else depends on it: one that cannot be read or written is done without.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import AsyncFileLock, Timeout

from edfi_toolkit.errors import StorageUnavailable
from edfi_toolkit.settings import Target
from edfi_toolkit.storage import create_private, readable_by_others, write_private

_EARLY_S, _EARLY_SHARE = 120.0, 0.1
_WAIT_S = 30.0  # for another process that asks; then this one asks, too
_USABLE = re.compile(r"[!-~]{1,16384}")  # what a header can carry


@dataclass(frozen=True)
class Token:
    """An access token; its times are on the clock of the auth that got it."""

    value: str
    renew_at: float
    ends_at: float

    def __repr__(self) -> str:
        return "Token('****')"


def token_of(value: Any, left_s: float, now: float, life_s: float) -> Token | None:
    """The token that was given for `life_s` and lives `left_s` more; None for a value that no header can carry."""
    if not isinstance(value, str) or not _USABLE.fullmatch(value):
        return None
    return Token(value, now + left_s - min(_EARLY_S, life_s * _EARLY_SHARE), now + left_s)


class KeptToken:
    """The file of one login; without a folder nothing is kept."""

    def __init__(self, url: str, target: Target) -> None:
        key, secret = target.credentials()
        login = (url, target.identity, key.reveal())
        self._login = orjson.dumps((*login, secret.reveal()))
        name = hashlib.blake2b(orjson.dumps(login), digest_size=16).hexdigest()
        self._file = None if target.token_cache is None else Path(target.token_cache) / f"{name}.json"

    def load(self, now: float) -> Token | None:
        """The token that is kept, its times on the clock of `now`; None where there is none that still holds."""
        try:
            if self._file is None or readable_by_others(self._file):
                return None
            kept = orjson.loads(self._file.read_bytes())
            value, life_s, left_s = kept["token"], float(kept["life_s"]), kept["ends_at"] - time.time()
            is_ours = hmac.compare_digest(str(kept["login"]), self._proof(value))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if not is_ours or not 0 < left_s <= life_s:  # a clock that was put back makes no token live longer
            return None
        token = token_of(value, left_s, now, life_s)
        return token if token is not None and now < token.renew_at else None

    def save(self, token: Token, life_s: float) -> None:
        """Keep a token that was just given."""
        if self._file is None:
            return
        kept = {
            "token": token.value,
            "life_s": life_s,
            "ends_at": time.time() + life_s,
            "login": self._proof(token.value),
        }
        with suppress(StorageUnavailable):
            write_private(self._file, orjson.dumps(kept))

    def drop(self) -> None:
        """Forget a token that was not accepted."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Hold the right to ask for a token, against other processes; for a limited time, and where it can be had."""
        lock = None
        if self._file is not None:
            with suppress(StorageUnavailable, OSError, Timeout):
                file = create_private(self._file.with_suffix(".lock"))
                lock = AsyncFileLock(file, fallback_to_soft=False, run_in_executor=False)
                await lock.acquire(timeout=_WAIT_S)
        try:
            yield
        finally:
            if lock is not None:
                await lock.release()

    def _proof(self, value: str) -> str:
        return hmac.new(value.encode(), self._login, hashlib.sha256).hexdigest()
