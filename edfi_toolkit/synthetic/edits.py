"""Rows of a district replaced by others, at a set rate: to make it dirty, or to let time pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model.frames import among
from edfi_toolkit.synthetic.people import day_texts
from edfi_toolkit.tables.schema import TABLES

Frames = Mapping[str, pd.DataFrame]
Rows = Callable[[pd.DataFrame], pd.DataFrame]
NO_DAY = "2026-02-30"
MOST = 0.2  # of the rows of a table
MADE = {"table": "str", "id": "str", "student_id": "str", "what": "str", "rule": "str"}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One kind of replacement.

    to: the rows that replace those given; it may change, remove or add to them.
    rule: the rule or finding that reports such a row. where: which rows may be chosen; all when None.
    """

    table: str
    what: str
    to: Rows
    rule: str | None = None
    where: Callable[[Frames], pd.Series] | None = None


def replace_rows(
    tables: Frames, edits: Sequence[Edit], share: float, random: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The tables with that share of the rows of each edited table replaced, and what was done (columns of MADE).

    The rows of a table are dealt to its edits in equal parts. Students edited in one table are left alone in those
    that follow, so that no edit hides another. Raises ConfigError for a share above 0.2: there would not be enough.
    """
    if not 0 <= share <= MOST:
        raise ConfigError(f"{share} is no share of rows that can be replaced. Give one from 0 to {MOST}.")
    after, made = dict(tables), [pd.DataFrame(columns=list(MADE))]
    for table in dict.fromkeys(edit.table for edit in edits):
        own = [edit for edit in edits if edit.table == table]
        frame = tables[table].reset_index(drop=True)
        free = ~among(frame["student_id"], pd.concat(made)["student_id"]).to_numpy()
        order, wanted = random.permutation(len(frame)), round(share * len(frame))
        taken, replaced = np.zeros(len(frame), dtype=bool), []
        for place, edit in enumerate(own):
            fit = free & ~taken
            if edit.where is not None:
                fit &= edit.where(tables).to_numpy(dtype=bool)
            chosen = order[fit[order]][: wanted // len(own) + (place < wanted % len(own))]
            taken[chosen] = True
            rows = frame.iloc[np.sort(chosen)]
            replaced.append(edit.to(rows))
            key = rows[TABLES[table].primary_key[0]]
            facts = {"id": key, "student_id": rows["student_id"], "what": edit.what, "rule": edit.rule}
            made.append(pd.DataFrame({"table": table, **facts}))
        every = pd.concat([frame[~taken], *replaced]).sort_index(kind="stable", ignore_index=True)
        after[table] = every.astype("str")
    return after, pd.concat(made, ignore_index=True).astype(MADE)


# ---- replacements that several profiles use


def cell(
    table: str,
    column: str,
    becomes: str | Callable[[pd.DataFrame], pd.Series] | None,
    rule: str,
    where: Callable[[Frames], pd.Series] | None = None,
) -> Edit:
    """One cell of a row becomes another text, or empty."""

    def to(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{column: becomes(rows) if callable(becomes) else becomes})

    return Edit(table=table, what=column, to=to, rule=rule, where=where)


def decimal(column: str) -> Callable[[pd.DataFrame], pd.Series]:
    """An id as a spreadsheet writes it that took it for a number."""
    return lambda rows: rows[column] + ".0"


def years_before(column: str) -> Callable[[pd.DataFrame], pd.Series]:
    """A day in the year before, so that the row ends before it begins."""
    return lambda rows: (rows[column].str[:4].astype("int64") - 1).astype("str") + "-01-01"


def mistyped(rows: pd.DataFrame) -> pd.Series:
    """A state id that no ODS knows."""
    return rows["student_unique_id"] + "X"


def students_of(enrollments: Callable[[Frames], pd.Series]) -> Callable[[Frames], pd.Series]:
    """The students of the enrollments chosen, as rows of `students`."""
    return lambda tables: among(
        tables["students"]["student_id"], tables["enrollments"].loc[enrollments(tables), "student_id"]
    )


def opening(tables: Frames) -> str:
    """July 1 of the year of the configuration."""
    return f"{int(tables['edfi_config']['school_year'].iloc[0]) - 1}-07-01"


def later(days: pd.Series, by: int) -> pd.Series:
    """So many days later; a cell that is no day stays as it is."""
    read = pd.to_datetime(days, format="%Y-%m-%d", errors="coerce")
    return day_texts(read + pd.Timedelta(days=by)).set_axis(days.index).fillna(days)


def dated(column: str, base: str, by: int) -> Rows:
    """`column` becomes `base` so many days later."""
    return lambda rows: rows.assign(**{column: later(rows[base], by)})


def removed(rows: pd.DataFrame) -> pd.DataFrame:
    """None of the rows."""
    return rows[:0]


def open_rows(table: str) -> Callable[[Frames], pd.Series]:
    """The rows that have no end."""
    return lambda tables: tables[table]["end_date"].isna()
