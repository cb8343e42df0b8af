"""School years: named by the year they end in, and read in each way people write them."""

from __future__ import annotations

import re

from edfi_toolkit.errors import ConfigError

_FIRST, _LAST = 2000, 2099
_WRITTEN = re.compile(r"(?:(\d{4}|\d{2})\s*[-/\u2013]\s*)?(\d{4}|\d{2})")
_SUBTRACTED = 1999  # what Python makes of 2025-26, and of any other school year without quotes


def read_school_year(value: object, what: str = "school_year") -> int:
    """The year a school year ends in: 2026 of 2026, "2026", 26, "2025-26", "2025/2026".

    Raises ConfigError that names `what` for anything else, so that no other year is ever meant.
    """
    example = 'Write the year it ends in, such as 2026, or "2025-26" in quotes.'
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigError(f"{what} is no school year. {example}")
    if value == _SUBTRACTED and isinstance(value, int):
        raise ConfigError(
            f"{what} is {value}, which is what comes of 2025-26 without quotes: a subtraction. {example}"
        )
    if (match := _WRITTEN.fullmatch(str(value).strip())) is None:
        raise ConfigError(f"{what} {value!r} is no school year. {example}")
    ends = _with_century(match[2])
    if match[1] and _with_century(match[1]) + 1 != ends:
        raise ConfigError(
            f"{what} {value!r} is no school year: it must end one year after it begins. {example}"
        )
    if not _FIRST <= ends <= _LAST:
        raise ConfigError(f"{what} {value!r} is no school year from {_FIRST} to {_LAST}. {example}")
    return ends


def _with_century(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)


def school_year_text(ends: int) -> str:
    """For example `2025-26`."""
    return f"{ends - 1}-{ends % 100:02}"
