"""The worked examples of the manuals as data: tables in, records or actions out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

EXAMPLES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "examples").glob("*.json"))
}
PRIMARY_KEYS = {
    "students": "student_id",
    "schools": "school_id",
    "calendars": "calendar_id",
    "enrollments": "enrollment_id",
    "program_participation": "participation_id",
    "section504_records": "record_id",
    "ceis_records": "record_id",
    "instruction_mode_records": "record_id",
    "lep_records": "record_id",
    "cte_records": "record_id",
    "preferences": "name",
    "resource_preferences": "resource",
}


def settings_of(example: dict[str, Any]) -> dict[str, Any]:
    """An example's settings; one that builds on another starts from the other's."""
    earlier = EXAMPLES.get(example.get("before") or example.get("tables_of") or "", {})
    return {**earlier.get("settings", {}), **example.get("settings", {})}


def tables_before(example: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The tables an example starts from."""
    return copy.deepcopy(EXAMPLES[example["before"]]["tables"])


def patched(tables: dict[str, list[dict[str, Any]]], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """Tables after the changes of an example: `set`, `remove` or `add`."""
    tables = copy.deepcopy(tables)
    for change in patch:
        rows = tables.setdefault(change["table"], [])
        if "add" in change:
            rows.append(change["add"])
            continue
        key = PRIMARY_KEYS[change["table"]]
        (row,) = [each for each in rows if each[key] == change["id"]]
        if change.get("remove"):
            rows.remove(row)
        else:
            row.update(change["set"])
    return tables
