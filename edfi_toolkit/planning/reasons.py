"""Why an item is in a plan, in words: the reason of each action and what changed. Pure.

A reason names rules, tables and members, never a value or the id of a row: it may be shown to anyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit.model import RECORD_KEY, canonical, standards
from edfi_toolkit.model.frames import shared_texts
from edfi_toolkit.model.refs import row_of
from edfi_toolkit.rules import Build
from edfi_toolkit.tables.corrections import NO_ROW
from edfi_toolkit.tables.schema import TABLES

_SENTENCES = {
    ("REC-P1", "POST"): "the source has it and it was never published.",
    ("REC-P2", "NOOP"): "unchanged since it was last sent.",
    ("REC-P6", "UNMAP"): "its key moved; the ledger names it by the new one.",
    (
        "REC-P6",
        "ADOPT",
    ): "its key moved, and an update may move it: the ledger names it by the new key first.",
    ("REC-R1", "NOOP"): "the ODS holds it as the source says.",
    ("REC-R1", "ADOPT"): "the ODS holds it, under another id than the ledger knew.",
    ("REC-R2", "ADOPT"): "the ODS holds it under another id than the ledger knew.",
    ("REC-R3", "UNMAP"): "the ODS no longer has it, so the ledger forgets its id.",
    ("REC-R3", "POST"): "the ODS no longer has it and the source still does, so it is sent again.",
    ("REC-R4", "ADOPT"): "the ODS holds it already; the ledger takes it over.",
    ("REC-R5", "ADOPT"): "the ODS holds it already; the ledger takes it over before it is updated.",
    ("REC-R6", "POST"): "the source has it and the ODS has not.",
    ("REC-R8", "UNMAP"): "neither the source nor the ODS has it any more, so the ledger forgets its id.",
    ("REC-R9", "DELETE"): "neither the source nor the ledger knows it, and it lies in this district's scope.",
}


class Origins:
    """Answers what became of the source rows a published record rested on."""

    def __init__(self, build: Build) -> None:
        skipped = build.skipped
        names = [f"{table}:{row_id}" for table, row_id in zip(skipped["table"], skipped["id"], strict=True)]
        # The first rule of a row is the one a steward sees.
        self._rules = dict(zip(reversed(names), reversed(skipped["rule"].tolist()), strict=True))
        lost = build.tables.lost_corrections()
        refs = (f"{table}:{row_id}" for table, row_id in zip(lost["table"], lost["id"], strict=True))
        self._rules.update(dict.fromkeys(refs, NO_ROW))
        self._tables, self.standard = build.tables, build.standard
        self._ids: dict[str, set[str]] = {}

    def rule_of(self, ref: str) -> str | None:
        """The rule by which a row is unreadable or skipped, by its reference."""
        return self._rules.get(ref) or self._rules.get(row_of(ref))

    def has(self, ref: str) -> bool:
        """Whether the source still holds the row of a reference."""
        table, _, row_id = ref.partition(":")
        if table not in self._ids:
            rows = self._tables.get(table) if table in TABLES else None
            self._ids[table] = set() if rows is None else set(rows[TABLES[table].primary_key[0]].astype(str))
        return row_id in self._ids[table] or row_of(f"{table}:{row_id}").partition(":")[2] in self._ids[table]

    def held_by(self, ref: str) -> str:
        """Why an error holds a published record that rests on this row."""
        if rule := self.rule_of(ref):
            why = f"has an error ({rule})"
        elif self.has(ref):
            why = "names a student who is not in the source"
        else:
            why = "may be one that could not be read"
        return f"Its {_table(ref)} row {why}; what is published stays as it is."

    def gone(self, refs: list[str]) -> str:
        """Why a published record is no longer built."""
        for ref in refs:
            rule = self.rule_of(ref)
            if rule:
                return f"{rule} skips its {_table(ref)} row."
        for ref in refs:
            if not self.has(ref):
                return f"its {_table(ref)} row is no longer in the source."
        return "the source no longer gives a record with this key."


def _table(ref: str) -> str:
    return ref.partition(":")[0]


def changed_members(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, list[Any]]:
    """{member: [before, after]} of the members that differ (COM-EQ-1)."""
    old, new = before or {}, after or {}
    return {
        member: [old.get(member), new.get(member)]
        for member in sorted(old.keys() | new.keys())
        if _differs(member, old.get(member), new.get(member))
    }


def _differs(member: str, old: Any, new: Any) -> bool:
    """Most members are equal to the letter, which is much cheaper to see than their canonical form."""
    return orjson.dumps(old) != orjson.dumps(new) and canonical({member: old}) != canonical({member: new})


def reasons(items: pd.DataFrame, events: list[str], origins: Origins) -> list[str]:
    """One sentence per item, led by its rule and the events behind it: `REC-P6, ZZ-EVT-7: its key moved ...`.

    items: resource, action, rule, pair, diff, source_refs and the key columns. events: one text per item, may be empty.
    """
    moved = _moved_parts(items)
    names = (shared_texts(items[name]) for name in ("action", "rule"))
    columns = (*names, *(items[name].tolist() for name in ("resource", "pair", "diff", "source_refs")))
    return [
        (_usual(rule, event, action) if pair is pd.NA else "")
        or f"{_lead(rule, event)}{_sentence(action, resource, moved.get(pair), diff, refs, origins)}"
        for event, action, rule, resource, pair, diff, refs in zip(events, *columns, strict=True)
    ]


@cache
def _usual(rule: str, event: str, action: str) -> str:
    """What most items say: one text serves them all. Empty where an item has a sentence of its own."""
    sentence = _SENTENCES.get((rule, action))
    return f"{_lead(rule, event)}{sentence}" if sentence else ""


def _lead(rule: str, event: str) -> str:
    return f"{rule}{event and ', '}{event}: "


def _sentence(
    action: str,
    resource: str,
    moved: str | None,
    diff: Mapping[str, Any] | None,
    refs: list[str],
    origins: Origins,
) -> str:
    if moved is not None:
        return f"its key moved ({moved}), so the old record is deleted and then the new one created."
    if action == "PUT":
        return f"changed: {', '.join(diff or {})}{_of_standard(resource, diff or {}, origins.standard)}."
    return origins.gone(refs)


def _of_standard(resource: str, diff: Mapping[str, Any], standard: str) -> str:
    """Which of the changed members were published under another data standard, and have no place in this one."""
    gone = [member for member in diff if member in standards.elsewhere(resource, standard)]
    return f"; Data Standard {standard} has no {', '.join(gone)}" if gone else ""


def _moved_parts(items: pd.DataFrame) -> dict[Any, str]:
    """By pair: the parts of the key that differ between its DELETE and its POST."""
    is_linked = items["pair"].notna()
    if not is_linked.any():
        return {}
    linked = items.loc[is_linked, ["pair", "action", *RECORD_KEY]]
    old, new = (linked[linked["action"].eq(half)].set_index("pair") for half in ("DELETE", "POST"))
    new = new.reindex(old.index)
    differs = {
        name: [a != b for a, b in zip(old[name].tolist(), new[name].tolist(), strict=True)]
        for name in RECORD_KEY
    }
    return {
        pair: _listed(name for name in RECORD_KEY if differs[name][row]) for row, pair in enumerate(old.index)
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
