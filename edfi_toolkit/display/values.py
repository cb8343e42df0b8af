"""How one value reads, wherever it is shown.

missing         nothing
yes or no       yes, no
a number        its digits; seven as 7 and never 7.0
a day           2025-08-23
an instant      2025-08-23 10:05, with its zone where it has one
a descriptor    its code value, without the namespace; the full URI is in the record's own columns and files
a list          its values with commas
a nested object its filled members in words with semicolons, without those that the ODS adds
a text          as it is, with what shows nothing escaped; only a table on a page shortens it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.texts import visible
from edfi_toolkit.model import SERVER_MEMBERS
from edfi_toolkit.privacy import is_missing

DESCRIPTOR = "uri://"  # what the URI of a descriptor begins with
SEQUENCES = (list, tuple, set, frozenset, np.ndarray)


def cell_text(value: Any) -> str:
    """One value as a person reads it, by the table above."""
    if isinstance(value, str):
        return visible(value.rpartition("#")[2] if value.startswith(DESCRIPTOR) else value)
    if is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"
    if isinstance(value, date):
        return _day_or_instant(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{member}: {text}" for member, text in members(value))
    if isinstance(value, SEQUENCES):
        between = "; " if any(isinstance(item, Mapping) for item in value) else ", "
        return between.join(cell_text(item) for item in value)
    return visible(str(value))


def _day_or_instant(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None and (value.hour, value.minute, value.second) == (0, 0, 0):
        return f"{value:%Y-%m-%d}"  # what pandas has for a day
    return f"{value:%Y-%m-%d %H:%M %Z}".rstrip()


def members(body: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every filled member of a JSON body in its order: its path in words, its value as text.

    The items of a collection are numbered. Members that the ODS adds by itself are left out.
    """
    for member, value in body.items():
        if member in SERVER_MEMBERS:
            continue
        here = f"{path}.{member}" if path else str(member)
        if isinstance(value, Mapping):
            yield from members(value, here)
        elif isinstance(value, SEQUENCES) and any(isinstance(item, Mapping) for item in value):
            for number, each in enumerate(value, 1):
                yield from members(each if isinstance(each, Mapping) else {"": each}, f"{here} {number}")
        elif text := cell_text(value):
            yield label(here), text


def moment(at: datetime) -> str:
    """An instant as the clock on the wall shows it, with its zone: `2025-12-03 07:31 CET`."""
    return f"{at.astimezone():%Y-%m-%d %H:%M %Z}"


def search_text(value: Any) -> str:
    """The values in a body or list without the names of its members, to search in; else as a cell."""
    if isinstance(value, str):
        return cell_text(value)
    if isinstance(value, SEQUENCES):
        return "\n".join(map(search_text, value))
    if isinstance(value, Mapping):
        return "\n".join(map(search_text, value.values()))
    return cell_text(value)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 record`, `2 records`, `no record`."""
    return f"no {one}" if count == 0 else f"{count:,} {one if count == 1 else many or one + 's'}"
