"""One action per natural key (REC-*), and which DELETE belongs to which POST (COM-SRC-1). Pure.

The two tables below are the truth tables of docs/concepts.md: read one against the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Condition = tuple[bool | None, ...]
Table = Mapping[Condition, tuple[str, tuple[str, ...]]]

YES, NO, ANY = True, False, None

PUBLISH_READS = ("in_source", "in_map", "equal")
PUBLISH: Table = {
    # source, map, equal to what was last sent
    (YES, NO, ANY): ("REC-P1", ("POST",)),
    (YES, YES, YES): ("REC-P2", ("NOOP",)),
    (YES, YES, NO): ("REC-P3", ("PUT",)),
    (NO, YES, ANY): ("REC-P4", ("DELETE",)),
    (NO, NO, ANY): ("REC-P5", ()),
}

RESYNC_READS = ("in_source", "in_map", "in_ods", "equal", "same_id")
RESYNC: Table = {
    # source, map, ODS, equal to what the ODS holds, map and ODS agree on the id
    (YES, YES, YES, YES, YES): ("REC-R1", ("NOOP",)),
    (YES, YES, YES, YES, NO): ("REC-R1", ("ADOPT",)),
    (YES, YES, YES, NO, YES): ("REC-R2", ("PUT",)),
    (YES, YES, YES, NO, NO): ("REC-R2", ("ADOPT", "PUT")),
    (YES, YES, NO, ANY, ANY): ("REC-R3", ("UNMAP", "POST")),
    (YES, NO, YES, YES, ANY): ("REC-R4", ("ADOPT",)),
    (YES, NO, YES, NO, ANY): ("REC-R5", ("ADOPT", "PUT")),
    (YES, NO, NO, ANY, ANY): ("REC-R6", ("POST",)),
    (NO, YES, YES, ANY, ANY): ("REC-R7", ("DELETE",)),
    (NO, YES, NO, ANY, ANY): ("REC-R8", ("UNMAP",)),
    (NO, NO, YES, ANY, ANY): ("REC-R9", ("DELETE",)),  # when in scope, else FOREIGN
    (NO, NO, NO, ANY, ANY): ("REC-R10", ()),
}

# Order of execution: what only the ledger learns, linked pairs, then creates, updates, deletes; NOOP is
# listed last.
WAVES = {"UNMAP": 0, "ADOPT": 1, "POST": 3, "PUT": 4, "DELETE": 5, "NOOP": 6}
LINKED_WAVE = 2


def decide(sides: pd.DataFrame, table: Table, reads: tuple[str, ...]) -> pd.DataFrame:
    """`action`, `rule` and `side` (a row of `sides`), a row for each action in a key's cell of the table."""
    parts = []
    for conditions, (rule, actions) in table.items():
        hit = np.ones(len(sides), dtype=bool)
        for column, wanted in zip(reads, conditions, strict=True):
            if wanted is not None:
                hit &= sides[column].to_numpy() == wanted
        rows = np.flatnonzero(hit)
        parts += [pd.DataFrame({"action": action, "rule": rule, "side": rows}) for action in actions]
    return pd.concat(parts, ignore_index=True).astype({"action": "str", "rule": "str"})


def link(old: pd.DataFrame, new: pd.DataFrame) -> pd.Series:
    """For each row of `old` the index of the row of `new` that its key became; NA where there is none.

    old, new: resource, key, education_organization_id, begin_date, source_refs; unique indexes; not modified.
    A key found again under another resource comes first (one key space), then rows that share student,
    trigger and enrollment, then rows that share their first reference. Among several: the same organization
    and begin date, the same organization, then by begin date. Rows without references match nothing.
    """
    linked = pd.Series(pd.NA, index=old.index, dtype="Int64")
    if old.empty or new.empty:
        return linked
    left, right = _origins(old), _origins(new)
    origin = ["trigger", "student", "enrollment"]
    ties: list[list[str]] = [["education_organization_id", "begin_date"], ["education_organization_id"], []]
    rounds = [["key"], *([*origin, *tie] for tie in ties), *(["trigger", *tie] for tie in ties)]
    for columns in rounds:
        matched = _match(left, right, columns)
        linked[matched.index] = matched
        left, right = left.drop(matched.index), right.drop(matched)
    return linked


def _match(left: pd.DataFrame, right: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Pair the n-th row of either side within equal `columns`, in the order of begin date and key."""
    sides = []
    for side in (left, right):
        rows = side if columns == ["key"] else side[side["trigger"].ne("")]
        sides.append(rows.assign(row=rows.index, turn=rows.groupby(columns).cumcount()))
    pairs = sides[0].merge(sides[1], on=[*columns, "turn"], suffixes=("", "_new"))
    return pd.Series(pairs["row_new"].to_numpy(), index=pairs["row"].to_numpy())


def _origins(rows: pd.DataFrame) -> pd.DataFrame:
    """What a record rests on: the trigger it names first, its student and its enrollment."""
    refs = rows["source_refs"]
    return pd.DataFrame(
        {
            "key": rows["key"].astype(object),
            "begin_date": rows["begin_date"],
            "education_organization_id": rows["education_organization_id"],
            "trigger": [each[0] if each else "" for each in refs],
            "student": [_first(each, "students:") for each in refs],
            "enrollment": [_first(each, "enrollments:") for each in refs],
            "resource": rows["resource"],
        },
        index=rows.index,
    ).sort_values(["begin_date", "key", "resource"], kind="stable")


def _first(refs: list[str], table: str) -> str:
    return next((row_of(ref) for ref in refs if ref.startswith(table)), "")


def row_of(ref: str) -> str:
    """`table:id` of a reference that may name a trigger: `enrollments:20#ceis` is about `enrollments:20`."""
    row, mark, _ = ref.rpartition("#")
    return row if mark else ref
