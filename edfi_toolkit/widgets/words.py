"""How names and values read on a screen: words for columns, one line for a cell, parts for a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.model import SERVER_MEMBERS
from edfi_toolkit.review.views import LABELS

_CAPITALS = {
    "id": "ID",
    "ids": "IDs",
    "ods": "ODS",
    "url": "URL",
    "etag": "ETag",
    "http": "HTTP",
    "json": "JSON",
}
_SEQUENCES = (list, tuple, set, frozenset, np.ndarray)


@lru_cache(maxsize=4096)
def label(name: Hashable) -> str:
    """A column of ours by its label (`Student`); else its words, `schoolName` as `School name`.

    A path has an arrow between its parts.
    """
    if known := LABELS.get(str(name)):
        return known[:1].upper() + known[1:]
    parts = [part for part in str(name).split(".") if part]
    return " \u203a ".join(_words(part) for part in parts) or str(name)


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("ed_fi", "Ed-Fi")
    words = re.split(r"[_\s]+", spaced.strip("_ "))
    text = " ".join(_CAPITALS.get(word.lower(), word.lower() if word.istitle() else word) for word in words)
    text = text.replace("ed-fi", "Ed-Fi")
    return text[:1].upper() + text[1:]


def is_missing(value: Any) -> bool:
    """None, NaN, NA or NaT; a list is never missing."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def cell(value: Any) -> str:
    """One line: missing as nothing, yes or no, ISO dates, code values without namespace, lists joined."""
    if is_missing(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.rpartition("#")[2] if value.startswith("uri://") else value
    if isinstance(value, float | np.floating):
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"
    if isinstance(value, date):
        return _moment(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{member}: {text}" for member, text in flat(value))
    if isinstance(value, _SEQUENCES):
        return ", ".join(cell(each) for each in value)
    return str(value)


def _moment(value: date) -> str:
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) != (0, 0, 0):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.strftime("%Y-%m-%d")


def flat(body: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every filled member of a JSON body in its order: the path in words, the value as in a cell."""
    for member, value in body.items():
        if member in SERVER_MEMBERS:
            continue
        here = f"{path}.{member}" if path else str(member)
        if isinstance(value, Mapping):
            yield from flat(value, here)
        elif isinstance(value, _SEQUENCES) and any(isinstance(each, Mapping) for each in value):
            for at, each in enumerate(value, 1):
                yield from flat(each if isinstance(each, Mapping) else {"": each}, f"{here} {at}")
        elif not is_missing(value):
            yield label(here), cell(value)


def leaf_texts(value: Any) -> str:
    """The values in a body or list without the names of its members, to search in; else as a cell."""
    if isinstance(value, Mapping):
        return "\n".join(leaf_texts(each) for each in value.values())
    if isinstance(value, _SEQUENCES):
        return "\n".join(leaf_texts(each) for each in value)
    return cell(value)


def texts(column: pd.Series, shown_as: Callable[[Any], str] = cell) -> list[str]:
    """The cells of a column as texts, each distinct value formatted once."""
    try:
        codes, distinct = pd.factorize(column.astype(object) if column.dtype == "category" else column)
    except TypeError:  # lists and dicts cannot be compared
        return [shown_as(each) for each in column]
    shown = np.array([*(shown_as(each) for each in distinct), ""], dtype=object)
    return list(shown[codes])


def on_a_line(frame: pd.DataFrame) -> list[int]:
    """The positions of the columns that fit in a table: all but those of JSON bodies."""
    fitting = [at for at in range(frame.shape[1]) if not _holds_bodies(frame.iloc[:, at])]
    return fitting or list(range(frame.shape[1]))


def _holds_bodies(column: pd.Series) -> bool:
    if column.dtype != object and not isinstance(column.dtype, pd.StringDtype):
        return False
    return any(isinstance(as_json(value), Mapping) for value in column.dropna().head(1))


def is_count(column: pd.Series) -> bool:
    """Whether a column holds numbers to be read as numbers, right-aligned."""
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def as_json(value: Any) -> Any:
    """A mapping or list that came as JSON text; anything else unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def record_parts(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the pane under a grid shows of one row.

    Plain values first, then bodies: `before` and `body` side by side (in place of `diff`) when the row has both. Empty
    values are left out. Kinds: text (`text`), list (`values`), members (`members`: label, text) and compare
    (`headings`, `members`: label, before, after, changed).
    """
    record = {name: as_json(value) for name, value in record.items()}
    compared = []
    sides = [record.get("before"), record.get("body")]
    if {"before", "body"} <= record.keys() and any(isinstance(side, Mapping) for side in sides):
        compared = [_compared(*sides)]
        record = {name: value for name, value in record.items() if name not in {"before", "body", "diff"}}
    plain = [part for name, value in record.items() if (part := _plain_part(name, value))]
    bodies = [
        {"label": label(name), "kind": "members", "members": list(map(list, flat(value)))}
        for name, value in record.items()
        if isinstance(value, Mapping)
    ]
    return [*plain, *compared, *bodies]


def _plain_part(name: str, value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping) or is_missing(value):
        return None
    if isinstance(value, _SEQUENCES):
        values = [cell(each) for each in value]
        return {"label": label(name), "kind": "list", "values": values} if values else None
    text = value if isinstance(value, str) else cell(value)
    return {"label": label(name), "kind": "text", "text": text} if text else None


def _compared(before: Any, after: Any) -> dict[str, Any]:
    old = dict(flat(before)) if isinstance(before, Mapping) else {}
    new = dict(flat(after)) if isinstance(after, Mapping) else {}
    members = [
        [
            member,
            old.get(member, ""),
            new.get(member, ""),
            bool(old and new) and old.get(member) != new.get(member),
        ]
        for member in [*new, *(member for member in old if member not in new)]
    ]
    members.sort(key=lambda each: not each[3])  # what changes comes first
    return {
        "label": "Record",
        "kind": "compare",
        "headings": ["Now in the ODS", "After publishing"],
        "members": members,
    }
