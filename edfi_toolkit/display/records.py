"""How one record is shown in full: its values, its lists, its bodies, and what changes in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from edfi_toolkit.display.differences import differences
from edfi_toolkit.display.labels import label
from edfi_toolkit.display.values import SEQUENCES, cell_text, members
from edfi_toolkit.privacy import is_missing


def read_json(value: Any) -> Any:
    """A mapping or list that came as JSON text; anything else unchanged."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def record_parts(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts in which one row is shown in full, each with a `label` and a `kind`.

    Plain values first, then bodies: `before` and `body` next to each other (in place of `diff`) when the row has both.
    Empty values are left out. Kinds: text (`text`), list (`values`), members (`members`: label, text) and compare
    (`headings`, `members`: label, before, after, changed).
    """
    record = {name: read_json(value) for name, value in record.items()}
    compared = []
    bodies = [record.get("before"), record.get("body")]
    if {"before", "body"} <= record.keys() and any(isinstance(body, Mapping) for body in bodies):
        compared = [_comparison(*bodies)]
        record = {name: value for name, value in record.items() if name not in {"before", "body", "diff"}}
    plain = [part for name, value in record.items() if (part := _plain_part(name, value))]
    whole = [
        {"label": label(name), "kind": "members", "members": list(map(list, members(value)))}
        for name, value in record.items()
        if isinstance(value, Mapping)
    ]
    return [*plain, *compared, *whole]


def _plain_part(name: str, value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping) or is_missing(value):
        return None
    if isinstance(value, SEQUENCES):
        values = [cell_text(item) for item in value]
        return {"label": label(name), "kind": "list", "values": values} if values else None
    text = value if isinstance(value, str) else cell_text(value)  # a descriptor with its namespace
    return {"label": label(name), "kind": "text", "text": text} if text else None


def _comparison(before: Any, after: Any) -> dict[str, Any]:
    compared = sorted(
        differences(before, after), key=lambda each: not each.changed
    )  # what changes comes first
    return {
        "label": "Record",
        "kind": "compare",
        "headings": [
            f"{when}{'' if isinstance(body, Mapping) else ': nothing'}"
            for when, body in (("Now in the ODS", before), ("After publishing", after))
        ],
        "members": [list(difference) for difference in compared],
    }
