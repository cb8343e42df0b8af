"""What happens to a district from one publish to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from edfi_toolkit.synthetic.edits import Edit
from edfi_toolkit.synthetic.people import day_texts

Tables = Mapping[str, pd.DataFrame]
Rows = Callable[[pd.DataFrame], pd.DataFrame]
OTHER_MODE = {"In-Person": "Hybrid", "Hybrid": "Remote", "Remote": "In-Person"}


def _later(days: pd.Series, by: int) -> pd.Series:
    """So many days later; a cell that is no day stays as it is."""
    read = pd.to_datetime(days, format="%Y-%m-%d", errors="coerce")
    return day_texts(read + pd.Timedelta(days=by)).set_axis(days.index).fillna(days)


def _dated(column: str, base: str, by: int) -> Rows:
    """`column` becomes `base` so many days later."""
    return lambda rows: rows.assign(**{column: _later(rows[base], by)})


def _removed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[:0]


def _moved_in_wisconsin(rows: pd.DataFrame) -> pd.DataFrame:
    """The period ends, and another begins at the school of another of these students."""
    places = ["school_id", "calendar_id"]
    then = rows.assign(
        enrollment_id="9" + rows["enrollment_id"].str.zfill(8), start_date=_later(rows["start_date"], 40)
    )
    then[places] = np.roll(rows[places].to_numpy(dtype=object), 1, axis=0)
    return pd.concat([rows.assign(end_date=_later(rows["start_date"], 35)), then])


def _moved_in_new_mexico(rows: pd.DataFrame) -> pd.DataFrame:
    """The current period becomes that at the new school; the one before it goes to the re-enrollments.

    `students` stays: its schools count only for a student in the midst of a transfer.
    """
    moved = _later(rows["start_date"], 40)
    earlier = "R" + rows["student_id"] + "-" + rows["start_date"]
    before = rows.assign(enrollment_id=earlier, is_current="0", end_date=moved)
    school = pd.Series(np.roll(rows["school_id"].to_numpy(dtype=object), 1), index=rows.index, dtype="str")
    return pd.concat([before, rows.assign(start_date=moved, school_id=school)])


def _open(table: str) -> Callable[[Tables], pd.Series]:
    """The rows that have no end."""
    return lambda tables: tables[table]["end_date"].isna()


def _current(tables: Tables) -> pd.Series:
    return tables["enrollments"]["is_current"].eq("1")


CHANGES: Mapping[str, tuple[Edit, ...]] = {
    "certification": (
        Edit(table="program_participation", what="ended", to=_dated("end_date", "end_date", -30)),
        Edit(table="program_participation", what="begin corrected", to=_dated("begin_date", "begin_date", 7)),
        Edit(table="program_participation", what="removed", to=_removed),
    ),
    "nm-powerschool": (
        Edit(table="students", what="left out", to=lambda rows: rows.assign(state_exclude="1")),
        Edit(table="students", what="building", to=lambda rows: rows.assign(location_code="1")),
        Edit(table="enrollments", what="moved", to=_moved_in_new_mexico, where=_current),
        Edit(table="enrollments", what="begin corrected", to=_dated("start_date", "start_date", 7)),
        Edit(table="cte_records", what="removed", to=_removed),
    ),
    "wi-infinite-campus": (
        Edit(table="enrollments", what="moved", to=_moved_in_wisconsin, where=_open("enrollments")),
        Edit(table="enrollments", what="begin corrected", to=_dated("start_date", "start_date", 7)),
        Edit(table="enrollments", what="no show", to=lambda rows: rows.assign(no_show="1")),
        Edit(table="enrollments", what="provider", to=lambda rows: rows.assign(third_party_provider="CESA")),
        Edit(
            table="section504_records",
            what="ended",
            to=_dated("end_date", "start_date", 300),
            where=_open("section504_records"),
        ),
        Edit(table="ceis_records", what="removed", to=_removed),
        Edit(
            table="instruction_mode_records",
            what="ended",
            to=_dated("end_date", "start_date", 20),
            where=_open("instruction_mode_records"),
        ),
        Edit(
            table="instruction_mode_records",
            what="mode",
            to=lambda rows: rows.assign(learning_modality=rows["learning_modality"].replace(OTHER_MODE)),
        ),
    ),
}
