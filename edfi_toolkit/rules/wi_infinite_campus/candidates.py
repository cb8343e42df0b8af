"""A candidate, one association to be: what its trigger says, and what the enrollment that determines it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from edfi_toolkit.tables import TABLES, Tables

GENERIC = "studentProgramAssociations"
FROM_RECORD, FROM_FLAG = 0, 1  # WI-MUL-2: a program record before the enrollment's flag
OF_ENROLLMENT = [
    "enrollment_id", "student_id", "student_unique_id", "school_id", "calendar_id", "ed_fi_school_id",
    "override_ed_fi_school_id", "service_order", "enrollment_order",
]  # fmt: skip


def candidates(
    rows: pd.DataFrame,
    table: str,
    *,
    rule: str,
    priority: int,
    program_name: Any,
    program_type: Any,
    begin_date: pd.Series,
    end_date: pd.Series,
    flag: str = "",
    resource: str = GENERIC,
    members: Any = None,
) -> pd.DataFrame:
    """One candidate per row of a trigger.

    rows: the key of `table`, and in `enrollment` the number of the enrollment that determines the record.
    flag: of a trigger that the enrollment holds its name, such as `#ceis`.
    """
    (key,) = TABLES[table].primary_key
    return pd.DataFrame(
        {
            "enrollment": rows.enrollment,
            "ref": f"{table}:" + rows[key] + flag,
            "resource": resource,
            "program_name": program_name,
            "program_type": program_type,
            "begin_date": begin_date,
            "end_date": end_date,
            "members": members,
            "priority": priority,
            "rule": rule,
        }
    )


def with_enrollments(triggered: Sequence[pd.DataFrame], e: pd.DataFrame) -> pd.DataFrame:
    """The candidates of all triggers, each with its enrollment. An empty frame does not decide a column's type."""
    filled = [frame for frame in triggered if len(frame)] or triggered[:1]
    return pd.concat(filled, ignore_index=True).join(e[OF_ENROLLMENT], on="enrollment")


def at_override(pairs: pd.DataFrame, e: pd.DataFrame, t: Tables) -> pd.Series:
    """WI-MOD-4: where the School Override of the enrollment is the school of the record's number."""
    schools = pd.MultiIndex.from_frame(t.schools[["ed_fi_school_id", "school_number"]].dropna())
    override = e.override_ed_fi_school_id.reindex(pairs.enrollment).array
    named = pd.MultiIndex.from_arrays([override, pairs.school_number])
    return pd.Series(named.isin(schools), index=pairs.index) & pd.notna(override)
