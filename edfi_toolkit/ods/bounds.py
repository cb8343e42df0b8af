"""Where an answer or a reading ends because it is more than an honest ODS sends: the limits of `[answers]`."""

from __future__ import annotations

from typing import Any

from edfi_toolkit.errors import OdsError
from edfi_toolkit.settings import AnswerLimits, Target

_SMALL = 2**20  # bytes of JSON that need no count: as short lists they take some 20 MB


class PastLimit(OdsError):
    """A limit of `[answers]` is reached. sent: whether the ODS may have acted on the request that was answered so."""

    def __init__(self, message: str, *, sent: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.sent = sent


def past_limit(target: Target, what: str, setting: str, *, sent: bool = False, **facts: Any) -> PastLimit:
    """The error for what a limit does not allow."""
    limit = getattr(target.answers, setting)
    return PastLimit(
        f"Target '{target.name}': {what}; the limit is {setting} = {limit:,}. Ask the host whether that is right. "
        f"If so, set a higher {setting} under [answers] in edfi.toml, and run again.",
        sent=sent,
        **facts,
    )


class Extent:
    """What one reading of a collection has taken so far; its parts share one."""

    def __init__(self, target: Target) -> None:
        self._target, self._limits = target, target.answers
        self.pages = self.records = 0
        self._begun: float | None = None

    def add(self, rows: int, now: float) -> None:
        """Count a page that came at `now` seconds of any clock. Raises PastLimit."""
        self.pages += 1
        self.records += rows
        self._begun = now if self._begun is None else self._begun
        if self.pages > self._limits.max_pages:
            raise self._past("a collection has more pages than a reading takes", "max_pages")
        self.check(self.records)
        if now - self._begun > self._limits.max_reading_s:
            raise self._past("the reading of a collection takes too long", "max_reading_s")

    def check(self, records: int) -> int:
        """A number of records, where it can be read. Raises PastLimit."""
        if records > self._limits.max_records:
            raise self._past(f"a collection has {records:,} records", "max_records")
        return records

    def check_parts(self, parts: int) -> None:
        """Raises PastLimit where a collection has too many parts."""
        if parts > self._limits.max_partitions:
            raise self._past(f"a collection is split into {parts:,} parts", "max_partitions")

    def _past(self, what: str, setting: str) -> PastLimit:
        return past_limit(self._target, what, setting)


def has_too_many_values(content: bytes, limits: AnswerLimits) -> bool:
    """Whether JSON has more values than are read: in memory a short one takes many times its text."""
    if len(content) <= _SMALL:
        return False
    return sum(map(content.count, (b",", b"[", b"{"))) > limits.max_values


def token_fits(token: str, limits: AnswerLimits) -> bool:
    """Whether a token, of a login or of a page, can be sent."""
    return 0 < len(token) <= limits.max_token_kb * 2**10
