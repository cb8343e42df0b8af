"""How a long step reports how far it is, and learns that a person wants it to stop."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

NO_COUNTS: Mapping[str, int] = MappingProxyType({})


class Progress(Protocol):
    """What a long step calls while it works: a bar in a notebook, a line in a terminal, a test's list."""

    def __call__(self, done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS, /) -> bool | None:
        """Report progress; False asks the step to stop before its next record.

        done: records so far. total: how many there will be, None while that is unknown. counts: records by outcome.
        """


def progress_text(done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS) -> str:
    """For example `812 of 1,203 (delivered 810, refused 2)`; outcomes without a record are left out."""
    of = f" of {total:,}" if total is not None else ""
    by_outcome = counts_text(counts)
    return f"{done:,}{of}" + (f" ({by_outcome})" if by_outcome else "")


def rate_text(a_second: float | None) -> str:
    """For example `96 a second`; empty below one, which says nothing. a_second: rows or records, never steps."""
    return f"{a_second:,.0f} a second" if a_second and a_second >= 1 else ""


def counts_text(counts: Mapping[str, int]) -> str:
    """For example `delivered 810, refused 2`."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
