"""What an answer means and what to do about it.  Pure: no clock, no network, chance is handed in.

1. A record the API judged is settled; only answers that say nothing about the record are tried again.
2. POST (an upsert), PUT and DELETE may be repeated after silence: the second does no harm.
3. Nothing is retried before its Retry-After, and what is retried waits a random part of a growing span, so
   that many clients do not come back together.
4. Attempts, seconds and the share of retries are all limited.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

from edfi_toolkit.ods.problems import GATEWAY, Problem


class Verdict(Enum):
    """What an answer says about the request."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # the record is wrong; a person must act
    PRECONDITION_FAILED = "precondition failed"  # changed since it was read: it may already say what we say
    CONFLICT = "conflict"  # another request wrote the same at the same time
    BUSY = "busy"  # too many requests
    UNAVAILABLE = "unavailable"  # the server or a gateway in front of it
    SERVER_ERROR = "server error"  # an error inside the server: a deadlock, or a bug with this record
    UNSURE = "unsure"  # sent, and no answer came
    LOGIN = "login"  # a fresh token was not accepted
    MISCONFIGURED = "misconfigured"  # the host is set up wrongly; no record can get through


_CONFLICTS = (
    "data-conflict:multi-user-conflict",
    "data-conflict:non-unique-identity",
    "identity-conflict",
    "conflict",
)


def judge(verb: str, status: int | None, problem: Problem | None = None) -> Verdict:
    """The meaning of an answer to GET, POST, PUT or DELETE; status None means that none came."""
    if status is None:
        return Verdict.UNSURE
    if status < 200:
        return Verdict.UNAVAILABLE  # no answer to a request ends with one of these
    if status < 300:
        # A page of HTML is a gateway's, whatever its status.
        return Verdict.DELIVERED if problem is None else Verdict.UNAVAILABLE
    if status < 400 or (status >= 500 and problem is not None and problem.is_a("system:configuration")):
        return Verdict.MISCONFIGURED
    if status == 404:
        return _missing(verb, problem)
    if status == 409 and problem is not None and problem.is_a(*_CONFLICTS):
        return Verdict.CONFLICT
    known = {
        401: Verdict.LOGIN,
        408: Verdict.UNAVAILABLE,
        412: Verdict.PRECONDITION_FAILED,
        429: Verdict.BUSY,
        500: Verdict.SERVER_ERROR,
    }
    if status in known:
        return known[status]
    return Verdict.UNAVAILABLE if status > 501 else Verdict.REFUSED


def _missing(verb: str, problem: Problem | None) -> Verdict:
    if problem is not None and problem.type == GATEWAY:
        return Verdict.UNAVAILABLE  # the application is unavailable for the moment
    wrong_path = problem is not None and any("' does not exist" in text for text in problem.messages)
    return Verdict.DELIVERED if verb == "DELETE" and not wrong_path else Verdict.REFUSED


@dataclass(frozen=True)
class RetryPolicy:
    """How often, how long and how much is tried again.

    The first waits are short: most failures are over at once, and the last records of a run wait for nothing else.

    attempts, attempts_*: requests for one record in all, by what is answered. total_s: seconds for it in all.
    longest_pause_s: a longer Retry-After ends the run instead of being waited for.
    share, reserve: retries may be this part of all requests, and this many more.
    rounds: tries in a row, pauses between them, that may find the ODS unavailable before the run ends.
    same_failure: records in a row of one resource that fail for a reason not their own (the key may not write
        it, or the server has an error) before the rest of that resource is not sent.
    same_refusal: the same for any 403, while no record of that resource was delivered.
    """

    first_wait_s: float = 0.25
    longest_wait_s: float = 30.0
    attempts: int = 7
    attempts_busy: int = 9
    attempts_server_error: int = 4
    attempts_conflict: int = 5
    total_s: float = 600.0
    longest_pause_s: float = 300.0
    share: float = 0.5
    reserve: int = 100
    rounds: int = 11
    same_failure: int = 50
    same_refusal: int = 200

    def tries(self, verdict: Verdict) -> int:
        """Requests in all for something that is answered like this; 1 means never again."""
        return {
            Verdict.UNSURE: self.attempts,
            Verdict.UNAVAILABLE: self.attempts,
            Verdict.BUSY: self.attempts_busy,
            Verdict.SERVER_ERROR: self.attempts_server_error,
            Verdict.CONFLICT: self.attempts_conflict,
        }.get(verdict, 1)

    def backoff_s(self, attempt: int, chance: random.Random) -> float:
        """Seconds to wait after the `attempt`th try: any part of a span that doubles (full jitter)."""
        return chance.uniform(0, min(self.longest_wait_s, self.first_wait_s * 2 ** min(attempt - 1, 30)))

    def next_wait_s(
        self,
        verdict: Verdict,
        attempt: int,
        chance: random.Random,
        *,
        elapsed_s: float = 0.0,
        retry_after_s: float | None = None,
    ) -> float | None:
        """Seconds before the next try, or None when the limits are reached."""
        if attempt >= self.tries(verdict):
            return None
        wait_s = self.backoff_s(attempt, chance)
        if retry_after_s is not None:
            if retry_after_s > self.longest_pause_s:
                return None
            wait_s = retry_after_s + chance.uniform(0, min(self.first_wait_s, retry_after_s))
        return wait_s if elapsed_s + wait_s <= self.total_s else None


class RetryBudget:
    """Keeps retries a bounded share of all requests: a struggling server is spared."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._left = float(policy.reserve)
        self._share, self._most = policy.share, float(policy.reserve)

    def earn(self) -> None:
        """Count a first try."""
        self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Take one retry; False when none is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a Retry-After header, given as seconds or as a date; None when it is neither."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):  # of a date that is none
            return None
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
