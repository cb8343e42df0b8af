"""The cells of the source behind a refused record, and which of them its answer is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.frames import places
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.review.causes import causes
from edfi_toolkit.review.places import schools_by_id
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.rules.owners import PROGRAM_OFFICE, SIS_PUBLISHING_TEAM
from edfi_toolkit.runs.rejections.named_in_answer import (
    code,
    is_named,
    members_named,
    names_in,
    organizations_of_the_key,
    texts,
    texts_by_name,
    values_at,
    values_of,
    without_claims,
    words,
)
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables

Row = Mapping[str, Any]
# The texts of a cell by path; None where the source has no such column.
Written = list[tuple[str, str]] | None
NAMED = "named by the answer"
NOT_ENROLLED = "not-enrolled"
KEY_TAKEN = "key-taken"
IN_THE_WAY = (KEY_TAKEN, "value-taken")  # causes: another record has what this one may not have too
_REQUIRED = "value-required"  # a cause
_OF_A_VALUE = (_REQUIRED, "value-too-long", "value-wrong", "code-unknown")  # causes
_IN_A_CELL = {cause.id for cause in causes() if cause.who in (PROGRAM_OFFICE, SIS_PUBLISHING_TEAM)} - {
    *IN_THE_WAY
}
_OTHER_NAMES = {"start_date": "begindate", "ed_fi_school_id": "educationorganizationid"}  # members by column
_OF_ANY = ("yes", "no")  # values that say nothing of whose they are
_UNNAMED = 4  # the rank of a cell that an answer is not about
_NAMES_OF_PERSONS = ("first_name", "last_name")  # columns that are never sent
# Members that name the organization of a record, or of its program
_ORGANIZATION, _PROGRAM = "educationorganizationid", "programreference"
_OWN_ORGANIZATION = "educationorganizationreference"


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


class Read(NamedTuple):
    """A cell as it was read. texts: by path, the column with the member; of an empty cell none."""

    table: str
    id: str
    column: str
    texts: list[tuple[str, str]]


class Behind:
    """What was read of the source rows behind refusals, looked up once for all of them, and what was sent.

    refused: those that may be asked for, with source_refs, a list or missing.
    """

    def __init__(self, tables: Tables, profile: str, refused: pd.DataFrame, sent: SentBodies) -> None:
        self.tables, self.profile, self.sent, self._refused = tables, profile, sent, refused
        self._answers: dict[tuple[str, ...], Answer] = {}

    @cached_property
    def schools(self) -> dict[str, str]:
        """The names of the schools of the source by their Ed-Fi ids as texts."""
        named = schools_by_id(self.tables, self.profile)
        return dict(zip(named.index.map(cell_text), named, strict=True))

    def cells(self, refs: object) -> Iterator[Read]:
        """The cells of the source rows of a record, of the columns that the source has."""
        for name, row_id in rows_referred_to(refs):
            known = self.written.get((name, row_id), ())  # not of a row that is no longer there
            for column, written in zip(self.tables[name], known, strict=False):
                if written is not None:
                    yield Read(name, row_id, column, written)

    def answer(self, messages: Sequence[str]) -> Answer:
        """What an answer names; made once for all refusals that have it."""
        key = tuple(messages)
        if key not in self._answers:
            self._answers[key] = Answer(key)
        return self._answers[key]

    @cached_property
    def written(self) -> dict[tuple[str, str], tuple[Written, ...]]:
        """The texts of each row behind the refusals, by table and id: an entry for each column of the table."""
        ids = dict[str, dict[str, None]]()
        for refs in self._refused["source_refs"]:
            for name, row_id in rows_referred_to(refs):
                ids.setdefault(name, {})[row_id] = None
        found = dict[tuple[str, str], tuple[Written, ...]]()
        for name in ids:
            wanted, table = pd.Series(list(ids[name]), dtype="str"), self.tables[name]
            at = places(wanted, TABLES[name].ids(table))
            is_there = at.ge(0)
            rows, row_ids = table.iloc[at[is_there].tolist()], wanted[is_there].tolist()
            shape = self.tables.shapes.get(name)
            known = shape.columns if shape else TABLES[name].columns
            columns = [
                _written(rows[column], None if column in known else (TABLES[name].columns[column].default,))
                for column in rows.columns
            ]
            found |= zip(((name, row_id) for row_id in row_ids), zip(*columns, strict=True), strict=True)
        return found


class Answer:
    """What an answer of the ODS names, whichever record it is about."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        self.text, self.members = " ".join(messages), members_named(messages)
        self.said, self.of_the_key = words(without_claims(self.text)), organizations_of_the_key(self.text)
        self.has = cache(self._has)

    def _has(self, text: str) -> bool:
        """Whether a text, of whatever length, may be among what the answer names."""
        own = words(code(text))
        return text in self.of_the_key or (bool(own) and own <= self.said)


class Answered:
    """One refused record: the cells behind it, in the light of its answer. row: as of `Workshop.refused`."""

    def __init__(self, behind: Behind, row: Row) -> None:
        self._behind, self._row = behind, row
        self._answer = behind.answer(row["messages"])
        self._members, self._said = self._answer.members, self._answer.said

    @cached_property
    def sent(self) -> dict[str, Any] | None:
        """As `SentBodies.of`."""
        return self._behind.sent.of(self._row)

    @cached_property
    def filled(self) -> list[Cell]:
        """The filled cells in the order of `_rank`, each with the mark where the answer is about it."""
        return [_filled(*ranked) for ranked in self._ranked]

    @cached_property
    def _ranked(self) -> list[tuple[int, Read, str, str]]:
        """Rank, cell, path and text of the filled cells, the likeliest first."""
        every = [
            (self._rank(cell, path, text), cell, path, text)
            for cell in self._cells
            for path, text in cell.texts
            if text  # that of a member without a value is empty
        ]
        every.sort(key=lambda ranked: ranked[0])
        return every

    def _rank(self, cell: Read, path: str, text: str) -> int:
        """How likely the answer is about a filled cell: first where it made the value of a member that the answer
        names, by the rules or by its name, then where it only has that value, then where the answer names its text."""
        if cell.column in _NAMES_OF_PERSONS:
            return _UNNAMED
        if self._values:
            if self._names_organization and f"{cell.table}.{cell.column}" == self.organization_cell:
                return 0
            if self._fills(path, text):
                return 1
            if text in self._values and text not in _OF_ANY:
                return 2
        return 3 if is_named(code(text), self._said) and self._may_be_sent(text) else _UNNAMED

    def _fills(self, path: str, text: str) -> bool:
        """Whether a cell fills a member that the answer names, and was sent for it as it is, or else as a code."""
        filled = _members_of(path) & self._members
        if path == "program_education_organization_id":
            filled = self._members & {_ORGANIZATION} if _PROGRAM in self._members else set()
        elif _ORGANIZATION in filled and not self._is_own_organization:
            return False
        if text in self._values:
            return bool(filled)
        return any(member.endswith("descriptor") and member in self._names for member in filled)

    @cached_property
    def _values(self) -> set[str]:
        """The values that were sent for the members that the answer names."""
        sent = set(values_at(self.sent or {}, self._members))
        return sent.difference(self._answer.of_the_key)

    @cached_property
    def _names(self) -> set[str]:
        """The members that were sent, in lower case."""
        return {name.casefold() for name in names_in(self.sent or {})}

    @cached_property
    def _sent_texts(self) -> set[str]:
        return {code(text).casefold() for text in values_of(self.sent or {}, self._names)}

    def _may_be_sent(self, text: str) -> bool:
        """Whether a text was sent, as far as that is known."""
        return self.sent is None or code(text).casefold() in self._sent_texts

    @cached_property
    def _is_own_organization(self) -> bool:
        """Whether an organization that the answer names is the record's own, not its program's."""
        return _PROGRAM not in self._members or _OWN_ORGANIZATION in self._members

    @cached_property
    def _names_organization(self) -> bool:
        organization = cell_text(self._row["education_organization_id"])
        return self._is_own_organization and organization in self._values

    @cached_property
    def correctable(self) -> list[Cell]:
        """The cells that can be corrected: those `lacking`, the filled ones, then the other empty ones."""
        named = {cell[:3] for cell in self.lacking}
        others = (_empty(cell, "") for cell in self._empty if cell[:3] not in named)
        return [cell for cell in (*self.lacking, *self.filled, *others) if not _is_fixed(cell)]

    @cached_property
    def lacking(self) -> list[Cell]:
        """The empty cells whose member the answer names, and nothing was sent for that."""
        members = self._members.difference(name.casefold() for name in self.sent or {})
        return [_empty(cell, NAMED) for cell in self._empty if members and _members_of(cell.column) & members]

    @cached_property
    def _empty(self) -> list[Read]:
        columns = (TABLES[cell.table].columns[cell.column] for cell in self._cells)
        pairs = zip(self._cells, columns, strict=True)
        members = (
            Read(cell.table, cell.id, path, [])
            for cell in self._cells
            for path, text in cell.texts
            if not text
        )
        empty = (cell for cell, column in pairs if not cell.texts and column.type != "json")
        return [*empty, *members]

    @cached_property
    def wrong(self) -> list[Cell]:
        """The cells that the answer may be about, the likeliest first; several only where it is about a value."""
        cause = self._row["cause_id"]
        if cause == NOT_ENROLLED:
            first = next(iter(self.correctable), None) if self.is_foreign else None
            return [first] if first and first.name == self.organization_cell else []
        filled = [] if cause == _REQUIRED else [_filled(*one) for one in self._ranked if one[0] < _UNNAMED]
        named = [cell for cell in (*self.lacking, *filled) if not _is_fixed(cell)]
        return named if len(named) == 1 or cause in _OF_A_VALUE else []

    @cached_property
    def is_foreign(self) -> bool:
        """Whether it is refused since its organization is neither a school of the source nor the key's."""
        if self._row["cause_id"] != NOT_ENROLLED:
            return False
        known = (*self._behind.schools, *self._answer.of_the_key)
        return bool(self._behind.schools) and cell_text(self._row["education_organization_id"]) not in known

    @cached_property
    def organization_cell(self) -> str:
        """The `table.column` that the record's organization comes from by the rules; empty where that is not sure."""
        filled = [(f"{cell.table}.{cell.column}", cell.texts[0][1]) for cell in self._cells if cell.texts]
        found = profile_of(self._behind.profile).organization_cell(dict(filled))
        return found if [name for name, _ in filled].count(found) == 1 else ""

    @cached_property
    def _cells(self) -> list[Read]:
        return list(self._behind.cells(self._row["source_refs"]))

    def kind(self) -> tuple[Any, ...]:
        """Equal for refusals of which the same is known but for the ids of their rows.

        A text counts as it is where the answer may name it, and where its value is judged by itself: none, yes, no. Of
        any other one it only matters what else of its record is the same: it counts as the number of the first such.
        """
        row, has = self._row, self._answer.has
        plain = ("", *_OF_ANY)
        organization = cell_text(row["education_organization_id"])
        shape, texts = list[Any](), [organization]
        for name, row_id in rows_referred_to(row["source_refs"]):
            written = self._behind.written.get((name, row_id), ())
            filled = list(chain.from_iterable(filter(None, written)))
            shape += [name, *[path for path, _ in filled], *[cell is None for cell in written]]
            texts += [text for _, text in filled]
        sent = list[tuple[str, str]]()
        texts_by_name(self.sent or {}, shape, sent)
        texts.extend(text for _, text in sent)
        numbers = dict[str, int]()
        marks = [
            text if text in plain or has(text) else numbers.setdefault(text, len(numbers)) for text in texts
        ]
        by_rules = self.is_foreign or any(
            text == organization and name.casefold() in self._members for name, text in sent
        )
        cell = self.organization_cell if by_rules else ""  # the rules may look at any text for it
        asked = (organization, self._answer.text, row["cause_id"], row["todo"], row["who"], cell)
        return asked, self.sent is None, tuple(shape), tuple(marks)


def is_in_a_cell(refused: pd.DataFrame) -> pd.Series:
    """Which refusals a cell of the source may be the reason of. refused: with causes."""
    return refused["cause_id"].isin(_IN_A_CELL) & refused["action"].ne("DELETE")


def rows_referred_to(refs: object) -> Iterable[tuple[str, str]]:
    """table and id of each source row of a record once, although its own is among those it rests on."""
    known = refs if isinstance(refs, list) else []
    parts = (split_ref(str(ref)) for ref in known)
    return dict.fromkeys((name, row_id) for name, row_id in parts if name in TABLES)


def _written(cells: pd.Series, default: tuple[Any] | None) -> Iterator[Written]:
    """For each cell of a column its texts by path; None for one that has only what its column has where the source has
    none. default: that of a column that the source has not, else None."""
    known = dict[Any, Written]()
    for cell in cells.to_numpy(dtype=object):  # at once: one by one Arrow would take long
        at = id(cell) if isinstance(cell, (dict, list)) else cell
        if at not in known:
            pairs = [
                (f"{cells.name}.{member}" if member else str(cells.name), text)
                for member, text in texts(cell)
            ]
            is_default = default is not None and (not pairs or bool(cell == default[0]))
            known[at] = None if is_default else pairs
        yield known[at]


def _filled(rank: int, cell: Read, path: str, text: str) -> Cell:
    return Cell(cell.table, cell.id, path, text, NAMED if rank < _UNNAMED else "")


def _empty(cell: Read, mark: str) -> Cell:
    return Cell(cell.table, cell.id, cell.column, "", mark)


def _is_fixed(cell: Cell) -> bool:
    """Whether a cell cannot be corrected: a key, and most of the control data."""
    in_control = cell.table in CONTROL_TABLES and cell.table != "descriptor_map"
    return in_control or cell.column in TABLES[cell.table].primary_key


@cache
def _members_of(path: str) -> set[str]:
    """The members that a column may fill, in lower case: `end_date` is endDate, `reason` may be reasonDescriptor, and
    `attributes.x` is x."""
    column = path.rpartition(".")[2]
    member = _OTHER_NAMES.get(column, column.replace("_", "").casefold())
    return {member, f"{member}descriptor"}
