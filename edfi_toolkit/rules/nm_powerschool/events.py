"""The events of profile `nm-powerschool` (docs/rules/nm_powerschool.md)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.rules.building import Build
from edfi_toolkit.rules.events import Changes, published_of_students, rows_now
from edfi_toolkit.rules.nm_powerschool.rules import enrolled_rows, year_window

KEY = ("begin_date", "education_organization_id", "student_unique_id")  # the parts that come from the SIS
UNCHANGED = ""  # the manual has no event for a record behind which nothing changed


def of_new(new: Changes, known: Changes, build: Build) -> dict[str, Any]:
    """NM-EVT: the student's first record, or one that begins after a published one."""
    earlier = first_begin(new)
    return {
        "NM-EVT-1": earlier.isna(),
        "NM-EVT-5": earlier.lt(new.now.keys.begin_date),
    }


def of_published(c: Changes, build: Build) -> dict[str, Any]:
    """NM-EVT, read from the two states."""
    return {
        "NM-EVT-2": c.moved(*KEY),
        "NM-EVT-3": completion_changed(c),
        "NM-EVT-4": c.are("DELETE") & deselected(c, build),
        "NM-EVT-6": c.are("NOOP") & another_credential(c),
    }


def first_begin(new: Changes) -> pd.Series:
    """The first day on which anything published of the student begins; missing when nothing is."""
    students = new.now.keys.student_unique_id
    first = published_of_students(new).groupby("student_unique_id").begin_date.min()
    return first.reindex(students).set_axis(students.index)


def completion_changed(c: Changes) -> pd.Series:
    """Updates from one completion indicator to another, to one, or to none."""
    differs = c.changed("ctePrograms")
    said = [_completion(diff["ctePrograms"]) for diff in c.diff[differs]]
    return pd.Series(said, index=c.action.index[differs], dtype=bool).reindex(
        c.action.index, fill_value=False
    )


def _completion(programs: list[Any]) -> bool:
    """Whether the indicator differs between two lists of programs; one of them is missing under another standard."""
    before, after = programs
    name = "cteProgramCompletionIndicator"
    return bool(before and after and before[0].get(name) != after[0].get(name))


def deselected(c: Changes, build: Build) -> pd.Series:
    """Student or school excluded, state number cleared, no credential row left, or the entry out of the year."""
    t = build.tables
    s = rows_now(t.students, "students", "student_id", c.was.student, ("state_exclude", "student_unique_id"))
    schools = rows_now(t.schools, "schools", "school_id", c.was.school, ("state_exclude",))
    e = rows_now(t.enrollments, "enrollments", "enrollment_id", c.was.enrollment, ("start_date", "school_id"))
    first, last = year_window(e, t, build.config, build.settings)
    in_cte = c.was.student.isin("students:" + enrolled_rows(t).student_id.astype(object))
    no_longer = s.there & (s.state_exclude.eq(True) | s.student_unique_id.isna() | ~in_cte)
    return no_longer | schools.state_exclude.eq(True) | (e.there & ~e.start_date.between(first, last))


def another_credential(c: Changes) -> pd.Series:
    """The record rests on a credential row that it did not rest on before."""
    added = [
        any(ref.startswith("cte_records:") for ref in set(now) - set(was))
        for was, now in zip(c.was.refs, c.now.refs, strict=True)
    ]
    return pd.Series(added, index=c.action.index, dtype=bool)
