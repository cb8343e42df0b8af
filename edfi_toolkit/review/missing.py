"""Who is missing in the ODS before anything is sent: records that are held, and rows that gave no record."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.review.meanings import owners_of
from edfi_toolkit.review.places import places_of, row_places
from edfi_toolkit.review.summaries import held_texts, quotes_a_person, skipped_of
from edfi_toolkit.tables.load_errors import is_load_error

if TYPE_CHECKING:
    from edfi_toolkit.validation import Checked

HELD, SKIPPED, UNREADABLE = "held", "skipped", "unreadable"


def missing(checked: Checked) -> pd.DataFrame:
    """One row for each, held records first: `state` (one of the above), then the columns of `skipped_rows`.

    A record that several rules hold is there under the first of them, with the sentences of all.
    """
    build = checked.build
    without = skipped_of(build)
    without = without.assign(
        says=_with_other_records(without, checked), todo=_better_todo(without, checked.findings)
    )
    state = is_load_error(without["rule"]).map({True: UNREADABLE, False: SKIPPED})
    without.insert(0, "state", state.astype("str"))
    held = _held(checked)
    if held.empty:
        return without
    return pd.concat([held, without], ignore_index=True)[
        [*without.columns, *held.columns.difference(without.columns)]
    ]


def missing_counts(checked: Checked) -> Counter[str]:
    """How many `missing` has of each state that it has any of."""
    skipped = checked.build.skipped["rule"]
    unreadable = int(is_load_error(skipped).sum())
    return +Counter({HELD: len(checked.held), SKIPPED: len(skipped) - unreadable, UNREADABLE: unreadable})


def _with_other_records(skipped: pd.DataFrame, checked: Checked) -> pd.Series:
    """What is wrong with each row; where other rows of its student give a record of its program, that they do.

    Of a row that does not say its program, whatever program they give a record of.
    """
    students, ready = checked.build.tables["students"].drop_duplicates("student_id"), checked.ready
    ids = skipped["student_id"].map(students.set_index("student_id")["student_unique_id"]).astype("str")
    theirs = ready[ready["student_unique_id"].isin(ids.dropna())]
    programs = theirs.groupby("student_unique_id")["program_name"].agg(lambda names: [*dict.fromkeys(names)])
    wanted = skipped["program"] if "program" in skipped else pd.Series(None, skipped.index, dtype="str")
    found = [
        [name for name in (programs.get(student) or []) if pd.isna(program) or name == program]
        for student, program in zip(ids, wanted, strict=True)
    ]
    also = [
        f" Other rows of this student give a record: {', '.join(names)}." if names else "" for names in found
    ]
    return skipped["says"] + pd.Series(also, skipped.index, dtype="str")


def _better_todo(skipped: pd.DataFrame, findings: pd.DataFrame) -> pd.Series:
    """What to do about each skipped row: as the finding of its rule says it with the values, where there is one."""
    about = findings[findings["row_id"].notna() & findings["rule_id"].isin(skipped["rule"].unique())]
    plain = [not quotes_a_person(*texts) for texts in about[["field", "hint"]].itertuples(index=False)]
    about = about.loc[pd.Series(plain, about.index, dtype=bool)]
    place = ["rule_id", "table", "row_id"]
    hints = about.drop_duplicates(place).set_index(place)["hint"]
    keys = zip(skipped["rule"], skipped["table"], skipped["id"], strict=True)
    found = pd.Series([hints.get(key) for key in keys], skipped.index, dtype="str")
    return found.fillna(skipped["todo"])


def _held(checked: Checked) -> pd.DataFrame:
    from edfi_toolkit.validation.findings import first_rows

    held, tables, profile = checked.held, checked.build.tables, checked.build.profile
    rows = first_rows(held).rename(columns={"row_id": "id"})
    places, at = (
        places_of(rows, tables, profile, id_column="id"),
        row_places(rows, tables, id_column="id"),
    )
    texts = held_texts(checked)
    columns = {
        "state": HELD,
        "rule": [rules[0] for rules in held["held_by"]],
        "says": texts["says"].to_numpy(),
        "todo": texts["hint"].to_numpy(),
        "who": [owners_of(rules) for rules in held["held_by"]],
        "student_id": places["student_id"].fillna(held["student_unique_id"].set_axis(places.index)),
        "school": places["school"],
        "program": held["program_name"].to_numpy(),
        "file": at["file"],
        "row": at["row"],
        "id": rows["id"],
        "table": rows["table"],
    }
    return pd.DataFrame(columns, index=rows.index)
