"""All that is known of one refused record: its student's story, what was sent and answered, the ODS now, its source
rows, the attempts. Frames hold real data and are masked when they are shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.differences import differences
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import PlanError, nearest_first
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.explained import CLAIMS, NOT_ENROLLED, is_foreign, organizations_of_the_key
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.others import IN_THE_WAY, others_in_the_ods
from edfi_toolkit.runs.planning import short_retry
from edfi_toolkit.runs.student import student
from edfi_toolkit.tables.corrections import members_with_texts
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs.run import Run

Row = Mapping[str, Any]
_TELLING = 4  # characters from which a cell is looked for in an answer
# Quoted, or written together: BeginDate, $.beginDate
_MEMBER = re.compile(r"'(\w+)'|\b([A-Za-z]+[a-z][A-Z]\w*)")
IN_THE_ODS = "in the ODS"
NAMED = "named by the answer"
_CELLS = ["table", "id", "column", "value", "mark", "others"]


class Refusal:
    """One refused record of a run's feed. row: as of `Workshop.refused`."""

    def __init__(self, run: Run, row: Row) -> None:
        self.run, self.row = run, row

    def story(self) -> View:
        """The student's story, the answer first. Raises ConfigError where the source no longer has the student."""
        return student(self.run, str(self.row["student_unique_id"]))

    @cached_property
    def sent(self) -> dict[str, Any] | None:
        """The body as it was sent; None where the folder of its run is gone, or nothing was sent."""
        from edfi_toolkit.planning import Plan

        with suppress(PlanError):
            folder = RunFolder(self.run.installation.runs_dir, str(self.row["run_id"]))
            items = Plan.load(folder.path).items
            own = items["resource"].eq(self.row["resource"]) & items["key_hash"].eq(self.row["key_hash"])
            if len(bodies := items.loc[own, "body"].dropna()):
                return dict(bodies.iloc[-1])
        return None

    def sent_and_answered(self) -> pd.DataFrame:
        """Each member that was sent, and whether the answer names it."""
        body = self.sent or {}
        named = set(_values_of(body, self._members_named()))
        words = _words(" ".join(self.row["messages"]))
        rows = [
            (
                part.member,
                part.after,
                NAMED if part.after in named or _named(_code(part.after), words) else "",
            )
            for part in differences(None, body)
        ]
        return pd.DataFrame(rows, columns=["member", "sent", "answer"], dtype="str")

    def in_the_ods(self) -> pd.DataFrame:
        """Each member as it was sent and as the ODS holds it now; where it holds none, without a column of that.

        Raises OdsError where it cannot be asked.
        """
        from edfi_toolkit.ods import Client

        with Client(self.run.target, retry=short_retry()) as client:
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
        """The filled cells of the source rows behind the record: table, id, column, value, mark, others.

        mark: where a cell made the value of a member that the answer names, which come first, or a value that it
        names. others: how many further rows are written so.
        """
        return pd.DataFrame(self._filled, columns=_CELLS)

    @cached_property
    def _filled(self) -> list[tuple[Any, ...]]:
        said = _words(self._answer())
        sent = _values_of(self.sent or {}, self._members_named())
        members = set(sent).difference(organizations_of_the_key(self.row["messages"]))
        names_organization = cell_text(self.row["education_organization_id"]) in members
        cells = []
        for name, row_id, column, cell in self._cells():
            alike = Counter(pair for other in self.run.tables[name][column] for pair in _texts(other))
            for member, text in _texts(cell):
                path = f"{column}.{member}" if member else column
                makes = names_organization and f"{name}.{column}" == self._organization_cell
                rank = 0 if makes or text in members else 1 if _named(_code(text), said) else 2
                rank -= makes and self._is_foreign
                mark = NAMED if rank < 2 else ""
                cells.append((rank, (name, row_id, path, text, mark, alike[member, text] - 1)))
        cells.sort(key=lambda ranked: ranked[0])
        return [cell for _, cell in cells]

    def cells(self) -> pd.DataFrame:
        """The cells that can be corrected: the filled ones, those that the answer names first, then the empty ones.

        An empty one goes first where the answer names its member and nothing was sent for that.
        """
        lacking = self._members_named().difference(name.casefold() for name in self.sent or {})
        empty = [
            (name, row_id, column, "", "", 0)
            for name, row_id, column, cell in self._cells()
            if not _texts(cell) and TABLES[name].columns[column].type != "json"
        ]
        wanted = [cell for cell in empty if _members_of(cell[2]) & lacking]
        others = [cell for cell in empty if cell not in wanted]
        wanted = [(*cell[:4], NAMED, cell[5]) for cell in wanted]
        parts = (
            pd.DataFrame(wanted, columns=_CELLS),
            self.source_rows(),
            pd.DataFrame(others, columns=_CELLS),
        )
        every = pd.concat([part for part in parts if len(part)] or [parts[0]], ignore_index=True)
        fixed = [
            column in TABLES[table].primary_key or (table in CONTROL_TABLES and table != "descriptor_map")
            for table, column in zip(every["table"], every["column"], strict=True)
        ]
        return every[[not it_is for it_is in fixed]].reset_index(drop=True)

    def is_sure(self) -> bool:
        """Whether the first of `cells` is the one that the answer is about."""
        cells = self.cells()
        if cells.empty or self.row["cause_id"] in IN_THE_WAY:
            return False
        if self.row["cause_id"] == NOT_ENROLLED:
            first = f"{cells['table'].iloc[0]}.{cells['column'].iloc[0]}"
            return self._is_foreign and first == self._organization_cell
        return int(cells["mark"].eq(NAMED).sum()) == 1

    def next_step(self) -> tuple[str, str]:
        """What to do about this record, and who can; where its organization is wrong, in which cell."""
        todo, who = str(self.row["todo"]), str(self.row["who"])
        if self._is_foreign and (cell := self._organization_cell):
            todo = todo.replace("the cell that it comes from", f"{cell}, which it comes from")
        return todo, who

    def _members_named(self) -> set[str]:
        """The members that the answer names, as it says what is wrong with one without its value."""
        return {(quoted or plain).casefold() for quoted, plain in _MEMBER.findall(self._answer())}

    def _answer(self) -> str:
        """What the ODS said, without the organizations of the key."""
        return CLAIMS.sub("claim", " ".join(self.row["messages"]))

    @cached_property
    def _is_foreign(self) -> bool:
        """Whether it is refused since its organization is neither a school of the source nor the key's."""
        organization = cell_text(self.row["education_organization_id"])
        return self.row["cause_id"] == NOT_ENROLLED and is_foreign(
            self.run, organization, self.row["messages"]
        )

    @cached_property
    def _organization_cell(self) -> str:
        """The `table.column` that the record's organization comes from by the rules; empty where that is not sure."""
        filled = [(f"{table}.{column}", cell) for table, _, column, cell in self._cells() if _texts(cell)]
        found = profile_of(self.run.profile).organization_cell(
            {name: cell_text(cell) for name, cell in filled}
        )
        return found if [name for name, _ in filled].count(found) == 1 else ""

    def history(self) -> pd.DataFrame:
        """Every attempt for the record, oldest first."""
        with decisions_of(self.run) as decisions:
            return decisions.history(self.row["resource"], self.row["key_hash"]).drop(columns="body_hash")

    def values_for(self, text: str) -> list[str]:
        """What the ODS has for the descriptor that this text became, the nearest first, without what it refused."""
        from edfi_toolkit.ods import Client

        name = _descriptor_of(self.sent or {}, _code(text))
        if name is None:
            return []
        with Client(self.run.target, retry=short_retry()) as client:
            values = sorted(client.descriptors(name))
        others = [value for value in values if _code(value).casefold() != _code(text).casefold()]
        return nearest_first(text, others, key=lambda value: _code(value).casefold())

    def _cells(self) -> Iterator[tuple[str, str, str, Any]]:
        """table, id of the row, column and cell of each source row behind the record, of the columns that it has."""
        refs = dict.fromkeys(str(ref).partition("#")[0] for ref in self.row["source_refs"])
        for ref in refs:  # once, although the row that a record is made from is among those it rests on
            name, _, row_id = ref.partition(":")
            table = self.run.tables[name]
            key = table[list(TABLES[name].primary_key)].astype("str").agg("|".join, axis=1)
            shape = self.run.tables.shapes.get(name)
            for column, cells in table[key.eq(row_id)].head(1).items():
                cell = cells.iloc[0] if len(cells) else None
                if shape is None or column in shape.columns or not _is_default(name, str(column), cell):
                    yield name, row_id, str(column), cell


def _is_default(table: str, column: str, cell: Any) -> bool:
    """Whether a cell has only what its column has where the source has no such column."""
    return not _texts(cell) or cell == TABLES[table].columns[column].default


def _members_of(column: str) -> set[str]:
    """The members that a column may fill, in lower case: `end_date` is endDate, `reason` may be reasonDescriptor."""
    member = column.replace("_", "").casefold()
    return {member, f"{member}descriptor"}


def _texts(cell: Any) -> list[tuple[str, str]]:
    """A cell as texts by member; an empty one has none."""
    if isinstance(cell, dict):
        return list(members_with_texts(cell))
    if isinstance(cell, pd.Timestamp):
        return [("", f"{cell:%Y-%m-%d}")]
    return [("", text)] if (text := cell_text(cell)) else []


def _values_of(body: Any, members: set[str]) -> Iterator[str]:
    """The values, as texts, that a body has for these members, wherever they are in it."""
    pairs = body.items() if isinstance(body, Mapping) else enumerate(body if isinstance(body, list) else ())
    for name, value in pairs:
        if isinstance(value, (Mapping, list)):
            yield from _values_of(value, members)
        elif str(name).casefold() in members:
            yield cell_text(value)


def _named(text: str, words: set[str]) -> bool:
    """Whether all words of a text are among those of an answer; one as short as "no" is in any."""
    own = _words(text)
    return len(text) >= _TELLING and bool(own) and own <= words


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w.-]*\w", text.casefold()))


def _code(text: str) -> str:
    return text.rpartition("#")[2]


def _descriptor_of(body: Any, code: str) -> str | None:
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
            if str(name).endswith("Descriptor") and _code(value).casefold() == code.casefold():
                return value.partition("#")[0].rpartition("/")[2]
        elif found := _descriptor_of(value, code):
            return found
    return None
