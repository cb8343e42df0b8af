"""Whose a record is, by the source rows that it rests on: the id it was sent under may be another by now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.model.refs import row_of, split_ref
from edfi_toolkit.tables.corrections import APPLIED
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables


def rows_of_student(tables: Tables, local: str) -> set[str]:
    """Every source row of a student, as `table:id`. local: the SIS key."""
    found = set[str]()
    for name, frame in tables.items():
        if name in TABLES and "student_id" in frame:
            own = frame.loc[frame["student_id"].eq(local), list(TABLES[name].primary_key)].astype("str")
            found |= {f"{name}:{'|'.join(key)}" for key in own.itertuples(index=False)}
    return found


def resting_on(records: pd.DataFrame, rows: set[str]) -> pd.Series:
    """Which records rest on one of these rows. records: with `source_refs`, a list or missing."""
    hits = [
        isinstance(refs, list) and any(row_of(str(ref)) in rows for ref in refs)
        for refs in records["source_refs"]
    ]
    return pd.Series(hits, index=records.index, dtype=bool)


def student_behind(tables: Tables, refs: Any) -> str | None:
    """The SIS key of the student whose source rows these are; None where the source has none of them any more."""
    for ref in refs if isinstance(refs, Iterable) and not isinstance(refs, str) else ():
        name, row_id = split_ref(str(ref))
        rows = tables[name] if name in TABLES else pd.DataFrame()
        if "student_id" in rows:
            own = rows.loc[TABLES[name].ids(rows).eq(row_id), "student_id"].dropna()
            if len(own):
                return str(own.iloc[0])
    return None


def others_with(tables: Tables, student_unique_id: str, local: str | None) -> list[str]:
    """The SIS keys of the other students who have this state id in the source. local: the SIS key of whose it is."""
    students = tables["students"]
    same = students.loc[students["student_unique_id"].eq(student_unique_id), "student_id"].dropna()
    return [other for other in same.astype("str").unique() if other != local]


def shared_by_correction(tables: Tables, refs: Any) -> bool:
    """Whether the student whose source rows these are has, as ids were corrected, the state id of another one."""
    laid = tables.corrections
    ids = laid["table"].eq("students") & laid["column"].eq("student_unique_id") & laid["state"].eq(APPLIED)
    corrected = set(laid.loc[ids, "rows"].explode().dropna().astype("str"))
    if not corrected or (local := student_behind(tables, refs)) is None:
        return False
    states = tables["students"].loc[tables["students"]["student_id"].eq(local), "student_unique_id"].dropna()
    return any(
        others and corrected.intersection([local, *others])
        for others in (others_with(tables, str(state), local) for state in states.unique())
    )
