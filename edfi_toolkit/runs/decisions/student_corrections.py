"""The corrections that concern one student: those that are in force, and those made or removed since a run read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.tables.corrections import AGREES, APPLIED
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_ID = ("students", "student_unique_id")
_AGAIN = "Read the source again: notebook 10."


class Since(NamedTuple):
    """Corrections of one student that were made or removed since the source was read."""

    made: pd.DataFrame
    removed: pd.DataFrame

    def __bool__(self) -> bool:
        return bool(len(self.made) or len(self.removed))

    @property
    def corrected_ids(self) -> set[str]:
        """The state ids that the student has by corrections that were made since."""
        ids = self.made["table"].eq(_ID[0]) & self.made["column"].eq(_ID[1])
        return set(self.made.loc[ids, "value"].astype("str"))

    def says(self, *, again: bool = True) -> str:
        """What the run does not know of; empty where there is nothing. again: with the next step."""
        made = [f"{_named(row)} was made after this run read its source" for _, row in self.made.iterrows()]
        gone = [f"{_named(row)} was removed after that" for _, row in self.removed.iterrows()]
        then = " and is in force until the SIS has it" if made else ""
        return f"{'; '.join([*made, *gone])}{then}.{f' {_AGAIN}' if again else ''}" if self else ""


def corrections_since(run: Run, rows: set[str]) -> Since:
    """Those of a student's rows (`table:id`), and those of a text wherever a table of theirs has it."""
    made, removed = _since(run)
    return Since(made[_concern(made, rows)], removed[_concern(removed, rows)])


def ids_corrected_since(run: Run) -> str:
    """That state ids of the source were corrected since it was read, to end a message; empty where none was."""
    every = pd.concat(_since(run))
    ids = every["table"].eq(_ID[0]) & every["column"].eq(_ID[1])
    return f" Ids of students were corrected since this run read its source. {_AGAIN}" if ids.any() else ""


def corrections_in_force(run: Run, rows: set[str]) -> str:
    """That the run read cells of a student as people corrected them; empty where it did not."""
    laid = run.tables.corrections
    laid = laid[laid["state"].eq(APPLIED) & ~laid["number"].isin(_since(run)[1]["number"])]
    own = [bool(rows.intersection(f"{row.table}:{one}" for one in row.rows)) for row in laid.itertuples()]
    laid = laid[pd.Series(own, laid.index, dtype=bool)]
    return ". ".join(f"{_named(row)} is in force until the SIS has it" for _, row in laid.iterrows())


def _since(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The corrections made, and those removed, since the source was read; none where the feed is not known."""
    laid = run.tables.corrections[run.tables.corrections["state"].ne(AGREES)]
    if run.target_name not in run.installation.targets:
        return laid[:0], laid[:0]
    with decisions_of(run) as decisions:
        now = decisions.corrections()
    return now[~now["number"].isin(laid["number"])], laid[~laid["number"].isin(now["number"])]


def _concern(corrections: pd.DataFrame, rows: set[str]) -> pd.Series:
    """Which of them are of one of these rows, of a text wherever a table of theirs has it, or of no student's table."""
    tables = {row.partition(":")[0] for row in rows}
    own = [
        f"{table}:{row_id}" in rows
        or "student_id" not in TABLES[table].columns
        or (not row_id and table in tables)
        for table, row_id in zip(corrections["table"], corrections["row_id"].map(cell_text), strict=True)
    ]
    return pd.Series(own, corrections.index, dtype=bool)


def _named(correction: pd.Series) -> str:
    """A correction as a sentence has it."""
    given = correction["given_at"].to_pydatetime().astimezone()
    place = f"{correction['table']}.{correction['column']}"
    return f"Correction {correction['number']} of {place} ({given:%Y-%m-%d} by {correction['author']})"
