"""The cells of the source behind a refused record, and which of them its answer is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import ConfigError, PlanError
from edfi_toolkit.model.frames import places
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.review.causes import causes
from edfi_toolkit.review.meanings import IN_THE_SIS
from edfi_toolkit.review.places import schools_by_id
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.tables.corrections import members_with_texts
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables

Row = Mapping[str, Any]
NAMED = "named by the answer"
NOT_ENROLLED = "not-enrolled"
IN_THE_WAY = ("key-taken", "value-taken")  # causes: another record has what this one may not have too
_CLAIMS = re.compile(r"\bclaims? \(([^)]*)\)")
_OF_A_VALUE = ("value-required", "value-too-long", "value-wrong", "code-unknown")  # causes
_IN_A_CELL = {cause.id for cause in causes() if cause.who in (IN_THE_SIS, "SIS publishing team")} - {
    *IN_THE_WAY
}
_TELLING = 4  # characters from which a cell is looked for in an answer
# Quoted, or written together: BeginDate, $.beginDate
_MEMBER = re.compile(r"'(\w+)'|\b([A-Za-z]+[a-z][A-Z]\w*)")


class Cell(NamedTuple):
    """A cell of a source row; of one with JSON a member of it. mark: NAMED where the answer is about it."""

    table: str
    id: str
    column: str
    value: str
    mark: str

    @property
    def name(self) -> str:
        """For example `students.student_unique_id`."""
        return f"{self.table}.{self.column}"


class Sent:
    """What was sent for refusals. runs: the folder of the runs. refused: with key_hash; those that may be asked for."""

    def __init__(self, runs: Path, refused: pd.DataFrame) -> None:
        self._runs, self._hashes = runs, set(refused["key_hash"])
        self._bodies: dict[str, dict[Any, Any]] = {}  # by run, then resource and hash of the key

    def of(self, row: Row) -> dict[str, Any] | None:
        """The body as it was sent; None where the folder of its run is gone, or nothing was sent."""
        run_id = str(row["run_id"])
        if run_id not in self._bodies:
            self._bodies[run_id] = self._of_run(run_id)
        body = self._bodies[run_id].get((row["resource"], row["key_hash"]))
        return None if body is None else dict(body)

    def _of_run(self, run_id: str) -> dict[Any, Any]:
        from edfi_toolkit.planning import Plan

        with suppress(PlanError, ConfigError):  # a run that was published from Python may have any name
            items = Plan.load(RunFolder(self._runs, run_id).path).items
            own = items[items["key_hash"].isin(self._hashes)].dropna(subset="body")
            return dict(zip(zip(own["resource"], own["key_hash"], strict=True), own["body"], strict=True))
        return {}


class Behind:
    """What was read of the source rows behind refusals, looked up once for all of them, and what was sent.

    refused: those that may be asked for, with source_refs, a list or missing.
    """

    def __init__(self, tables: Tables, profile: str, refused: pd.DataFrame, sent: Sent) -> None:
        self.tables, self.profile, self.sent, self._refused = tables, profile, sent, refused

    @cached_property
    def schools(self) -> dict[str, str]:
        """The names of the schools of the source by their Ed-Fi ids as texts."""
        named = schools_by_id(self.tables, self.profile)
        return dict(zip(named.index.map(cell_text), named, strict=True))

    def cells(self, refs: object) -> Iterator[tuple[str, str, str, Any]]:
        """table, id of the row, column and cell of the source rows of a record, of the columns that the source has."""
        for name, row_id in _rows(refs):
            shape = self.tables.shapes.get(name)
            known = shape.columns if shape else TABLES[name].columns
            for column, cell in self._by_row.get((name, row_id), {}).items():
                if column in known or not _is_default(name, column, cell):
                    yield name, row_id, column, cell

    @cached_property
    def _by_row(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The cells of each row behind the refusals, by table and id."""
        ids = dict[str, dict[str, None]]()
        for refs in self._refused["source_refs"]:
            for name, row_id in _rows(refs):
                ids.setdefault(name, {})[row_id] = None
        found = dict[tuple[str, str], dict[str, Any]]()
        for name in ids:
            wanted, table = pd.Series(list(ids[name]), dtype="str"), self.tables[name]
            at = places(wanted, TABLES[name].ids(table))
            is_there = at.ge(0)
            rows: list[dict[str, Any]] = table.iloc[at[is_there].tolist()].to_dict("records")
            found |= {(name, row_id): row for row_id, row in zip(wanted[is_there], rows, strict=True)}
        return found


class Answered:
    """One refused record: the cells behind it, in the light of its answer. row: as of `Workshop.refused`."""

    def __init__(self, behind: Behind, row: Row) -> None:
        self._behind, self._row = behind, row
        self._messages = " ".join(row["messages"])
        self._members = members_named(row["messages"])

    @cached_property
    def sent(self) -> dict[str, Any] | None:
        """As `Sent.of`."""
        return self._behind.sent.of(self._row)

    @cached_property
    def filled(self) -> list[Cell]:
        """The filled cells, those first that made the value of a member that the answer names, or a value it names."""
        said = words(_without_claims(self._messages))
        sent = values_of(self.sent or {}, self._members)
        members = set(sent).difference(organizations_of_the_key(self._messages))
        names_organization = cell_text(self._row["education_organization_id"]) in members
        cells = []
        for name, row_id, column, cell in self._cells:
            for member, text in texts(cell):
                path = f"{column}.{member}" if member else column
                makes = names_organization and f"{name}.{column}" == self.organization_cell
                rank = 0 if makes or text in members else 1 if is_named(code(text), said) else 2
                rank -= makes and self.is_foreign
                cells.append((rank, Cell(name, row_id, path, text, NAMED if rank < 2 else "")))
        cells.sort(key=lambda ranked: ranked[0])
        return [cell for _, cell in cells]

    @cached_property
    def correctable(self) -> list[Cell]:
        """The cells that can be corrected: those `lacking`, the filled ones, then the other empty ones."""
        others = (cell for cell in self._empty if not cell.mark)
        return [cell for cell in (*self.lacking, *self.filled, *others) if not _is_fixed(cell)]

    @property
    def lacking(self) -> list[Cell]:
        """The empty cells whose member the answer names, and nothing was sent for that."""
        return [cell for cell in self._empty if cell.mark]

    @cached_property
    def _empty(self) -> list[Cell]:
        lacking = self._members.difference(name.casefold() for name in self.sent or {})
        return [
            Cell(name, row_id, column, "", NAMED if _members_of(column) & lacking else "")
            for name, row_id, column, cell in self._cells
            if not texts(cell) and TABLES[name].columns[column].type != "json"
        ]

    @cached_property
    def wrong(self) -> list[Cell]:
        """The cells that the answer may be about, the likeliest first; several only where it is about a value."""
        cause = self._row["cause_id"]
        if not self.correctable:
            return []
        if cause == NOT_ENROLLED:
            first = self.correctable[0]
            return [first] if self.is_foreign and first.name == self.organization_cell else []
        named = [cell for cell in self.correctable if cell.mark]
        return named if len(named) == 1 or cause in _OF_A_VALUE else []

    @cached_property
    def is_foreign(self) -> bool:
        """Whether it is refused since its organization is neither a school of the source nor the key's."""
        known = (*self._behind.schools, *organizations_of_the_key(self._messages))
        organization = cell_text(self._row["education_organization_id"])
        is_missing = self._row["cause_id"] == NOT_ENROLLED
        return is_missing and bool(self._behind.schools) and organization not in known

    @cached_property
    def organization_cell(self) -> str:
        """The `table.column` that the record's organization comes from by the rules; empty where that is not sure."""
        filled = [(f"{table}.{column}", cell) for table, _, column, cell in self._cells if texts(cell)]
        found = profile_of(self._behind.profile).organization_cell(
            {name: cell_text(cell) for name, cell in filled}
        )
        return found if [name for name, _ in filled].count(found) == 1 else ""

    @cached_property
    def _cells(self) -> list[tuple[str, str, str, Any]]:
        return list(self._behind.cells(self._row["source_refs"]))


def is_in_a_cell(refused: pd.DataFrame) -> pd.Series:
    """Which refusals a cell of the source may be the reason of. refused: with causes."""
    return refused["cause_id"].isin(_IN_A_CELL) & refused["action"].ne("DELETE")


def organizations_of_the_key(answer: str) -> list[str]:
    """Those that an answer names as the key's own; not of the record."""
    claims = _CLAIMS.search(answer)
    return claims[1].split(", ") if claims else []


def members_named(messages: Iterable[str]) -> set[str]:
    """The members that an answer names, in lower case, as it says what is wrong with one without its value."""
    answer = _without_claims(" ".join(messages))
    return {(quoted or plain).casefold() for quoted, plain in _MEMBER.findall(answer)}


def _without_claims(answer: str) -> str:
    """What the ODS said, without the organizations of the key."""
    return _CLAIMS.sub("claim", answer)


def texts(cell: Any) -> list[tuple[str, str]]:
    """A cell as texts by member; an empty one has none."""
    if isinstance(cell, dict):
        return list(members_with_texts(cell))
    if isinstance(cell, pd.Timestamp):
        return [("", f"{cell:%Y-%m-%d}")]
    return [("", text)] if (text := cell_text(cell)) else []


def values_of(body: Any, members: set[str]) -> Iterator[str]:
    """The values, as texts, that a body has for these members, wherever they are in it."""
    pairs = body.items() if isinstance(body, Mapping) else enumerate(body if isinstance(body, list) else ())
    for name, value in pairs:
        if isinstance(value, (Mapping, list)):
            yield from values_of(value, members)
        elif str(name).casefold() in members:
            yield cell_text(value)


def is_named(text: str, said: set[str]) -> bool:
    """Whether all words of a text are among those of an answer; one as short as "no" is in any."""
    own = words(text)
    return len(text) >= _TELLING and bool(own) and own <= said


def words(text: str) -> set[str]:
    """The words of a text, in lower case."""
    return set(re.findall(r"[\w.-]*\w", text.casefold()))


def code(text: str) -> str:
    """The code of a descriptor; any other text as it is."""
    return text.rpartition("#")[2]


def _rows(refs: object) -> Iterable[tuple[str, str]]:
    """table and id of each source row of a record once, although its own is among those it rests on."""
    known = refs if isinstance(refs, list) else []
    parts = (split_ref(str(ref)) for ref in known)
    return dict.fromkeys((name, row_id) for name, row_id in parts if name in TABLES)


def _is_default(table: str, column: str, cell: Any) -> bool:
    """Whether a cell has only what its column has where the source has no such column."""
    return not texts(cell) or cell == TABLES[table].columns[column].default


def _is_fixed(cell: Cell) -> bool:
    """Whether a cell cannot be corrected: a key, and most of the control data."""
    in_control = cell.table in CONTROL_TABLES and cell.table != "descriptor_map"
    return in_control or cell.column in TABLES[cell.table].primary_key


def _members_of(column: str) -> set[str]:
    """The members that a column may fill, in lower case: `end_date` is endDate, `reason` may be reasonDescriptor."""
    member = column.replace("_", "").casefold()
    return {member, f"{member}descriptor"}
