"""How many students the records put into each program: on the first of each month, and by school."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.review.places import schools_of

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build

MOST_SCHOOLS = 30  # bars that a picture has room for; the rest is one bar


def participation(build: Build) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Students by program: a row for each first of a month of the school year; a row for each school, all year.

    Programs with most students first; columns are their names.
    """
    records = pd.DataFrame(
        {
            "student": build.records["student_unique_id"],
            "program": build.records["program_name"].astype("str"),
            "school": schools_of(build.records, build.tables, build.profile),
            "begins": pd.to_datetime(build.records["begin_date"]),
            "ends": pd.to_datetime(
                pd.Series(
                    [body.get("endDate") for body in build.records["body"]],
                    build.records.index,
                    dtype="object",
                )
            ),
        }
    )
    programs = _students(records, "program").sort_values(ascending=False, kind="stable").index
    days = pd.date_range(
        pd.Timestamp(build.config["config_start"]), pd.Timestamp(build.config["config_end"]), freq="MS"
    )
    by_day = {
        day: _students(records[records["begins"].le(day) & ~records["ends"].lt(day)], "program")
        for day in days
    }
    by_school = records.groupby(["school", "program"])["student"].nunique().unstack("program")
    by_school = by_school.reindex(columns=programs).fillna(0).astype("int64")
    return (
        pd.DataFrame(by_day, index=programs).T.reindex(days).fillna(0).astype("int64"),
        _largest(by_school),
    )


def _students(records: pd.DataFrame, by: str) -> pd.Series:
    return records.groupby(by)["student"].nunique()


def _largest(counts: pd.DataFrame) -> pd.DataFrame:
    ordered = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    if len(ordered) <= MOST_SCHOOLS:
        return ordered
    rest = (
        ordered.iloc[MOST_SCHOOLS:]
        .sum()
        .rename(f"{len(ordered) - MOST_SCHOOLS:,} further schools")
        .to_frame()
        .T
    )
    return pd.concat([ordered.iloc[:MOST_SCHOOLS], rest])
