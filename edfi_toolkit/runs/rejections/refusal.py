"""All that is known of one refused record: its student's story, what was sent and answered, the ODS now, its source
rows, the attempts. Frames hold real data and are masked when they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.differences import differences
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import nearest_first
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.review.places import row_places
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.feed import history_of
from edfi_toolkit.runs.rejections.in_the_way import others_in_the_ods
from edfi_toolkit.runs.rejections.named_in_answer import (
    code,
    is_named,
    members_named,
    texts,
    values_of,
    words,
)
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies
from edfi_toolkit.runs.rejections.source_cells import (
    IN_THE_WAY,
    NAMED,
    Answered,
    Behind,
    Cell,
    rows_referred_to,
)
from edfi_toolkit.runs.students.student import student
from edfi_toolkit.tables import TABLES
from edfi_toolkit.tables.corrections import written

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables

Row = Mapping[str, Any]
IN_THE_ODS = "in the ODS"
_CELLS = ["table", "id", "column", "value", "mark", "others"]


class Refusal:
    """One refused record of a run's feed. row: as of `Workshop.refused`. read: the run that read the source last."""

    def __init__(self, run: Run, row: Row, read: Run | None = None) -> None:
        self.run, self.row, self._read = run, row, read or run

    @property
    def tables(self) -> Tables:
        """The source as it was read last."""
        return self._read.tables

    @cached_property
    def sent(self) -> dict[str, Any] | None:
        """The body as it was sent; None where the folder of its run is gone, or nothing was sent."""
        return self._sent.of(self.row)

    @property
    def _sent(self) -> SentBodies:
        return SentBodies(self.run.installation.runs_dir, pd.DataFrame({"key_hash": [self.row["key_hash"]]}))

    @cached_property
    def _answered(self) -> Answered:
        this = pd.DataFrame({"source_refs": [self.row["source_refs"]]})
        return Answered(Behind(self.tables, self.run.profile, this, self._sent), self.row)

    def story(self) -> View:
        """The student's story, the answer first. Raises ConfigError where the source no longer has the student."""
        return student(self.run, str(self.row["student_unique_id"]))

    def sent_and_answered(self) -> pd.DataFrame:
        """Each member that was sent, and whether the answer names it."""
        body = self.sent or {}
        named = set(values_of(body, members_named(self.row["messages"])))
        said = words(" ".join(self.row["messages"]))
        rows = [
            (
                part.member,
                part.after,
                NAMED if part.after in named or is_named(code(part.after), said) else "",
            )
            for part in differences(None, body)
        ]
        return pd.DataFrame(rows, columns=["member", "sent", "answer"], dtype="str")

    def in_the_ods(self) -> pd.DataFrame:
        """Each member as it was sent and as the ODS holds it now; where it holds none, without a column of that.

        Raises OdsError where it cannot be asked.
        """

        with client_of(self.run) as client:
            found = client.find(str(self.row["resource"]), tuple(self.row[name] for name in KEY_COLUMNS))
        parts = differences(found.body if found else None, self.sent or {})
        rows = [
            (part.member, part.before, part.after, "yes" if part.before != part.after else "")
            for part in parts
        ]
        table = pd.DataFrame(rows, columns=["member", IN_THE_ODS, "sent", "differs"], dtype="str")
        return table if found else table[["member", "sent"]]

    def others(self) -> pd.DataFrame | None:
        """What else the ODS has of the student, where another record is in the way of this one, else None."""
        return others_in_the_ods(self.run, self.row) if self.row["cause_id"] in IN_THE_WAY else None

    def source_rows(self) -> pd.DataFrame:
        """The filled cells of the source rows behind the record: file, row, column, value, mark, others, table, id.

        value: as the source has it, also where it was read as it is corrected.
        mark: where a cell made the value of a member that the answer names, which come first, or a value that it
        names; before them the empty ones of which the answer misses the value. others: how many further rows are
        written so. Where a cell has an open correction also, after value, corrected_to: what people say it should be.
        """
        cells = self._frame([*self._answered.lacking, *self._answered.filled])
        at = row_places(cells, self.tables, id_column="id")
        corrected = pd.Series(self._corrected(cells), cells.index, dtype="str")
        known = ["corrected_to"] if corrected.ne("").any() else []
        columns = ["column", "value", *known, "mark", "others", "table", "id"]
        laid = self.tables.corrections
        value = [written(laid, cell) for cell in cells.to_dict("records")] if len(laid) else cells["value"]
        return at.join(cells.assign(value=value, corrected_to=corrected)[columns])

    def _corrected(self, cells: pd.DataFrame) -> list[str]:
        """What each cell is corrected to, by itself or else wherever it is written so; empty where it is not."""
        with decisions_of(self.run) as decisions:
            known = decisions.corrections()
        # The rows of these say by now what they should.
        laid = self.tables.corrections.set_index("number")["rows"]
        every = dict[tuple[str, ...], str]()
        for one in known.to_dict("records"):
            path = f"{one['column']}.{one['member']}".rstrip(".")
            if row_id := cell_text(one["row_id"]):
                every[one["table"], path, "id", row_id] = one["value"]
                continue
            every[one["table"], path, "was", cell_text(one["was"])] = one["value"]
            for touched in laid.get(one["number"], []):
                every.setdefault((one["table"], path, "id", touched), one["value"])
        return [
            every.get((table, column, "id", key)) or every.get((table, column, "was", value), "")
            for table, column, key, value in cells[["table", "column", "id", "value"]].itertuples(index=False)
        ]

    def waits_for_correction(self) -> bool:
        """Whether it is neither fixed in the source by now, nor a cell of its source rows corrected."""
        return not self.row["fixed"] and "corrected_to" not in self.source_rows()

    def cells(self) -> pd.DataFrame:
        """The cells that can be corrected: table, id, column, value, mark, others; those that the answer names first.

        An empty one goes first where the answer names its member and nothing was sent for that.
        """
        return self._frame(self._answered.correctable)

    def _frame(self, cells: Iterable[Cell]) -> pd.DataFrame:
        rows = [(*cell, self._times(cell) - 1 if cell.value else 0) for cell in cells]
        return pd.DataFrame(rows, columns=_CELLS)

    def _times(self, cell: Cell) -> int:
        """How many rows are written so."""
        name, _, member = cell.column.partition(".")
        every = self.tables[cell.table][name]
        if isinstance(every.dtype, pd.StringDtype):  # most columns, and those with as many values as rows
            return int(every.eq(cell.value).sum())
        counts = (
            every.value_counts().items() if every.dtype != object else ((one, 1) for one in every.dropna())
        )
        return sum(count for one, count in counts if (member, cell.value) in texts(one))

    def history(self) -> pd.DataFrame:
        """Every attempt for the record, oldest first."""
        with history_of(self.run) as history:
            return history.of_record(self.row["resource"], self.row["key_hash"]).drop(columns="body_hash")

    def schools_for(self, cell: Row) -> dict[str, str]:
        """Names of the source's schools by what this cell says for each, the record's own school first.

        Empty where the record's organization does not come from the cell, or the cell is the school's own.
        """
        if (
            f"{cell['table']}.{cell['column']}" != self._answered.organization_cell
            or cell["table"] == "schools"
        ):
            return {}
        schools, profile = self.tables["schools"], profile_of(self.run.profile)
        usable = profile.school_ids(self.tables).notna()
        own = {row_id for name, row_id in rows_referred_to(self.row["source_refs"]) if name == "schools"}
        says = profile.school_cells(self.tables).map(cell_text)
        others = ~TABLES["schools"].ids(schools).isin(own)
        listed = schools.assign(says=says, others=others)[usable & says.ne("")].sort_values(
            "others", kind="stable"
        )
        return {
            says: cell_text(name)
            for says, name in listed.drop_duplicates("says")[["says", "name"]].itertuples(index=False)
        }

    def values_for(self, text: str) -> list[str]:
        """What the ODS has for the descriptor that this text became, the nearest first, without what it refused."""

        name = _descriptor_of(self.sent or {}, code(text))
        if name is None:
            return []
        with client_of(self.run) as client:
            values = sorted(client.descriptors(name))
        others = [value for value in values if code(value).casefold() != code(text).casefold()]
        return nearest_first(text, others, key=lambda value: code(value).casefold())


def _descriptor_of(body: Any, wanted: str) -> str | None:
    """The name of the descriptor whose value in a body has this code."""
    pairs = (
        body.items()
        if isinstance(body, Mapping)
        else ((None, entry) for entry in body)
        if isinstance(body, list)
        else ()
    )
    for name, value in pairs:
        if isinstance(value, str):
            if str(name).endswith("Descriptor") and code(value).casefold() == wanted.casefold():
                return value.partition("#")[0].rpartition("/")[2]
        elif found := _descriptor_of(value, wanted):
            return found
    return None
