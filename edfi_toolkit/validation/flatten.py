"""Bodies of one resource -> flat frames, and what their JSON shape has wrong.

One frame for the records and one for each collection, a column for each JSON path, column by column and
never body by body: a hundred thousand records take about a second.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from edfi_toolkit.errors import did_you_mean
from edfi_toolkit.model import standards
from edfi_toolkit.validation.findings import Collected

RECORDS = ""  # the name of the frame that has one row a record
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
_WORDS = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "array": "a list",
}
_DTYPES = {  # made once: pandas would look a name up for each column
    "string": pd.StringDtype(na_value=np.nan),
    "boolean": pd.BooleanDtype(),
    "integer": pd.Int64Dtype(),
    "number": pd.Float64Dtype(),
}
# What stands in a frame for a value of the wrong type, which has its own finding: it only counts as present.
_PRESENT = {"boolean": True, "integer": 1, "number": 1.0}
_NUMBERS = frozenset({"integer", "number"})
_BITS = {"int32": 31, "int64": 63}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MARKUP = re.compile(r"<[A-Za-z!/?]|&#")
_EXTENSION = "_ext"


@dataclass(frozen=True)
class Member:
    """One member of an object in the model; `members` are those of an object or of a collection's items."""

    path: str
    facts: dict[str, Any]
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path as a steward reads it."""
        return self.path.replace("[*]", "")


@dataclass
class Flat:
    """frames: by collection path (`cteProgramServices[*]`), and RECORDS for the records themselves.

    Each has a plain RangeIndex and a column for each JSON path. Those of collections also have `record`, the
    position of the record, and `parent`, the row of the enclosing frame. A collection's own path is a column
    with the number of its items, missing when there are none.
    """

    endpoint: str
    standard: str
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    def column(self, path: str) -> tuple[pd.Series, np.ndarray]:
        """The values of a path and the position of each value's record."""
        frame = self.frames[frame_of(path)]
        positions = frame.get("record", frame.index)
        return frame[path], np.asarray(positions)


def frame_of(path: str) -> str:
    """The collection whose items a path is about: all of it up to the last `[*]`."""
    head, star, _ = path.rpartition("[*]")
    return head + star


@cache
def model_of(endpoint: str, standard: str) -> Member:
    """The members of one endpoint as a tree."""
    root = Member("", {"type": "object"})
    properties = standards.resources(standard)[endpoint]["properties"]
    for path, facts in sorted(properties.items(), key=lambda each: each[0].count(".")):
        plain = path.removeprefix("$.")
        here = root
        *above, last = plain.replace("[*]", "").split(".")
        for name in above:
            here = here.members[name]
        here.members[last] = Member(plain, facts)
    return root


def flatten(endpoint: str, bodies: Sequence[Any], collected: Collected, standard: str) -> Flat:
    """Frames of the bodies of one endpoint of a data standard; what is wrong with their shape goes to `collected` by
    position in `bodies`."""
    flat, model = Flat(endpoint, standard), model_of(endpoint, standard)
    objects = _of_type(list(bodies), model, np.arange(len(bodies)), collected)
    _walk(flat, model, RECORDS, objects, np.arange(len(bodies)), collected, parents=None)
    return flat


def _walk(
    flat: Flat,
    node: Member,
    frame: str,
    objects: list[Any],
    records: np.ndarray,
    collected: Collected,
    *,
    parents: np.ndarray | None,
) -> None:
    """Make the frame of one collection (or of the records) out of its objects, and those of what it
    contains."""
    columns: dict[str, Any] = {} if parents is None else {"record": records, "parent": parents}
    inner: list[tuple[Member, list[Any]]] = []
    _columns(node, objects, records, columns, inner, collected)
    flat.frames[frame] = pd.DataFrame(columns, index=pd.RangeIndex(len(objects)), copy=False)
    for member, lists in inner:
        counts = np.fromiter((len(items) if items else 0 for items in lists), dtype="int64", count=len(lists))
        inside = np.repeat(records, counts)
        parent = np.repeat(np.arange(len(lists)), counts)
        items = _of_type(
            list(chain.from_iterable(items for items in lists if items)), member, inside, collected, item=True
        )
        kept = np.fromiter((item is not None for item in items), dtype=bool, count=len(items))
        items, inside, parent = [item for item in items if item is not None], inside[kept], parent[kept]
        _walk(flat, member, f"{member.path}[*]", items, inside, collected, parents=parent)
        _unique_items(flat.frames[f"{member.path}[*]"], member, collected)


def _columns(
    node: Member,
    objects: list[Any],
    records: np.ndarray,
    columns: dict[str, Any],
    inner: list[tuple[Member, list[Any]]],
    collected: Collected,
) -> None:
    """Add the columns of one object's members; an object inside of it belongs to the same frame."""
    given = frozenset(chain.from_iterable(filter(None, objects)))  # the names of members, of all together
    nothing: list[Any] = [None] * len(objects)
    _unknown(node, given, objects, records, collected)
    for name, member in node.members.items():
        kind = member.facts["type"]
        values = nothing
        if name in given:
            values = _of_type(
                [None if item is None else item.get(name) for item in objects], member, records, collected
            )
        if kind == "object":
            _columns(member, values, records, columns, inner, collected)
        elif kind == "array":
            counts = [len(value) if value else None for value in values]
            columns[member.path] = pd.array(counts, dtype="Int64")
            inner.append((member, values))
        else:
            distinct = set(values) - {None} if name in given else set()
            column = pd.array(values, dtype=_DTYPES[kind]) if distinct else _missing(kind, len(values))
            _limits(column, distinct, member, records, collected)
            columns[member.path] = column


@lru_cache(maxsize=len(_DTYPES))
def _missing(kind: str, count: int) -> ExtensionArray:
    """So many missing values: most columns of a frame are like that. None is changed in place."""
    return pd.array([None] * count, dtype=_DTYPES[kind])


def _of_type(
    values: list[Any], member: Member, records: np.ndarray, collected: Collected, *, item: bool = False
) -> list[Any]:
    """DS-TYPE: the values; one of a wrong type is reported, and something harmless of the right type stands
    for it."""
    kind = "object" if item else member.facts["type"]
    allowed = {*_TYPES[kind], type(None)}
    if set(map(type, values)) <= allowed and not (kind in _NUMBERS and any(map(_unholdable, values))):
        return values
    wrong = [type(value) not in allowed or _unholdable(value) for value in values]
    what = f"An item of {member.name}" if item else member.name or "The record"
    collected.add("DS-TYPE", records[wrong], field=member.name, says=f"{what} must be {_WORDS[kind]}.")
    stand_in = str if kind == "string" else lambda _: _PRESENT.get(kind)
    return [stand_in(value) if bad else value for value, bad in zip(values, wrong, strict=True)]


def _unholdable(value: Any) -> bool:
    """A number that no column can hold: infinite, or beyond 64 bits."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _unknown(
    node: Member, given: frozenset[Any], objects: list[Any], records: np.ndarray, collected: Collected
) -> None:
    """DS-MEMBER: members that the model does not have, each with the nearest it has.

    given: the names of all members that there are.
    """
    for name in sorted(given - node.members.keys(), key=str):
        has = np.fromiter(
            (item is not None and name in item for item in objects), dtype=bool, count=len(objects)
        )
        path = f"{node.name}.{name}" if node.name else str(name)
        if name == _EXTENSION:
            collected.add("DS-EXTENSION", records[has], field=path)
            continue
        collected.add(
            "DS-MEMBER",
            records[has],
            field=path,
            says=f"{path} is not a property of this resource.{did_you_mean(name, node.members)}",
        )


def _limits(
    column: ExtensionArray, distinct: set[Any], member: Member, records: np.ndarray, collected: Collected
) -> None:
    """COM-PAY-4, DS-MARKUP, DS-RANGE, DS-DATE: what the model says about one value, whatever the suites say.

    distinct: the values of the column, each once; there are none of most members.
    """
    for rule_id, says, test in _tests(member) if distinct else ():
        bad = [value for value in distinct if test(value)]
        if bad:
            collected.add(
                rule_id,
                records[np.asarray(column.isin(bad))],
                field=member.name,
                says=f"{member.name} {says}",
            )


def _tests(member: Member) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    facts = member.facts
    if limit := facts.get("maxLength"):
        yield (
            "COM-PAY-4",
            f"is longer than {limit} characters. It is held, never cut.",
            lambda value: len(value) > limit,
        )
    if facts["type"] == "string":
        yield "DS-MARKUP", "looks like markup, which the ODS refuses as dangerous.", _MARKUP.search
    if facts.get("format") == "date":
        yield (
            "DS-DATE",
            "is not a day of the calendar written as yyyy-mm-dd.",
            lambda value: not is_day(value),
        )
    if bits := _BITS.get(facts.get("format", "")):
        low, high = facts.get("minimum", -(2**bits)), facts.get("maximum", 2**bits - 1)
        yield "DS-RANGE", f"is not between {low} and {high}.", lambda value: not low <= value <= high
    if digits := facts.get("totalDigits"):
        places = facts["decimalPlaces"]
        yield (
            "DS-RANGE",
            f"does not fit into {digits - places} digits and {places} decimals.",
            lambda value: abs(value) >= 10 ** (digits - places) or round(value, places) != value,
        )


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar written as yyyy-mm-dd."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None  # Python also reads 20250823 and 2025-W34-6


def _unique_items(items: pd.DataFrame, member: Member, collected: Collected) -> None:
    """DS-ITEM-KEY: two items of one collection with one key; descriptors compare without case."""
    paths = [f"{member.path}[*].{part}" for part in member.facts.get("key", ())]
    if not paths or items["parent"].is_unique:
        return
    key = items[["parent", *paths]].copy()
    for path in paths:
        if path.endswith("Descriptor"):
            key[path] = key[path].str.casefold()
    twice = key.duplicated() & key.notna().all(axis=1)
    collected.add(
        "DS-ITEM-KEY",
        items["record"].to_numpy()[twice.to_numpy()],
        field=member.name,
        says=f"{member.name} holds two items with one {' and '.join(member.facts['key'])}.",
    )
