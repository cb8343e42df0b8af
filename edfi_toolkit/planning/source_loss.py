"""What the source has lost since the last publish: tables, columns and rows (COM-GRD-1, COM-GRD-3). Pure.

What it was like then is what the ledger remembers; where it remembers nothing, the rows that the published records name
stand in. A sentence names tables, files, columns, headers and numbers of rows, never the key of a row.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.errors import nearest
from edfi_toolkit.model.keys import key_texts
from edfi_toolkit.rules import profile
from edfi_toolkit.tables import CONTROL_TABLES, TABLES, Tables
from edfi_toolkit.tables.shapes import FILE, TableShape, shapes_of, table_shape

_LAST_ROWS = 3  # so many rows at the end, all gone, look like a file that was cut off
_STILL_THERE = (
    3  # so many rows that are there, and have lost the value of a column, look like an emptied column
)
_MANY_ROWS = 10  # fewer lost rows are never too large a share
_HEADERS = 5  # new headers that a sentence lists
_Parts = dict[str, np.ndarray]  # by the name of a file, which rows of a table are of it
_SUFFIX = re.compile(r"\.\w+$")
_ROW = r":(?P<row>.*?)(?:#[^#]*)?$"  # of a reference, which is `table:id` or `table:id#trigger`


def stand_in(mapped: pd.DataFrame) -> dict[str, TableShape]:
    """What is known of the last publish's source where nothing was remembered: the rows that gave records."""
    refs, _ = _references(mapped)
    parts = pc.extract_regex(refs.unique(), rf"(?s)^(?P<table>[^:]*){_ROW}")
    columns = {name: pd.Series(pc.struct_field(parts, name), dtype="str") for name in ("table", "row")}
    rows = pd.DataFrame(columns).drop_duplicates()
    return {
        str(table): table_shape(named["row"], "", {}, ordered=False, unread=())
        for table, named in rows.groupby("table", sort=False)
    }


def source_loss(
    last_shapes: pd.DataFrame | None, mapped: pd.DataFrame, tables: Tables, profile_name: str
) -> SourceLoss:
    """The loss of a feed's source. last_shapes: SHAPES of the last publish. mapped: what the feed has published."""
    known = {} if last_shapes is None else shapes_of(last_shapes)
    unread = {"preferences"} - set(profile(profile_name).tables)  # every profile reads the others
    return SourceLoss(known or stand_in(mapped), tables.shapes, mapped, {*CONTROL_TABLES} - unread)


class SourceLoss:
    """The source then, against the source now."""

    def __init__(
        self,
        then: Mapping[str, TableShape],
        now: Mapping[str, TableShape],
        mapped: pd.DataFrame,
        controls: Collection[str],
    ) -> None:
        """mapped: the feed's published records, with their `key`. controls: the tables that all of them rest on."""
        self._then, self._now, self._mapped, self._controls = then, now, mapped, controls

    @cached_property
    def gone(self) -> dict[str, np.ndarray]:
        """Of each table that has lost rows: which of those it had. An unreadable row is not lost."""
        lost = {table: then.rows_not_in(self._now.get(table)) for table, then in self._then.items()}
        return {table: rows for table, rows in lost.items() if rows.any()}

    def lost(self) -> Iterator[str]:
        """COM-GRD-1: a sentence for each table and column that fed published records and is absent or empty."""
        for table, then in self._then.items():
            now = self._now.get(table)
            if not then.rows.num_rows:
                continue
            if now is None or not now.rows.num_rows:
                what = "is not in the source any more" if now is None else "has no row any more"
                yield from self._sentence(table, then, f"The table {_named(table, then)} {what}")
                continue
            parts, there = _parts(then), _parts(now)
            yield from self._lost_files(table, then, parts, there)
            for column in then.columns:
                yield from self._lost_column(table, then, now, column, parts, there)

    def _lost_files(self, table: str, then: TableShape, parts: _Parts, there: _Parts) -> Iterator[str]:
        """Files that the table was also made of, of which no row is there."""
        for name, rows in parts.items():
            if len(parts) > 1 and name not in there and self._gone_of(table)[rows].all():
                yield from self._sentence(
                    table, then, f"The table {table} has no row of {name} any more", rows
                )

    def _lost_column(
        self, table: str, then: TableShape, now: TableShape, column: str, parts: _Parts, there: _Parts
    ) -> Iterator[str]:
        known, had = TABLES[table].columns.get(column), then.rows[column].to_numpy()
        if known is None or known.shown_only or not had.any():
            return
        header = then.names.get(column, column)
        if column not in now.columns:
            what = f"The column {header} of {_named(table, then)} is not there any more"
            also = _new_headers(header, then, now)
            yield from self._sentence(table, then, what, had, unit="value", also=also)
            return
        for name, rows in parts.items():
            of_file = there.get(name) if len(parts) > 1 else slice(None)
            if of_file is None or now.rows[column].to_numpy()[of_file].any():
                continue
            if (had & rows & ~self._gone_of(table)).sum() >= _STILL_THERE:
                what = f"The column {header} of {table} ({name}) is empty in all its rows"
                yield from self._sentence(table, then, what, had & rows, unit="value")

    def _sentence(
        self,
        table: str,
        then: TableShape,
        what: str,
        rows: np.ndarray | None = None,
        *,
        unit: str = "row",
        also: str = "",
    ) -> Iterator[str]:
        """The sentence of a loss, of the whole table or of these rows; none where no published record rests on it."""
        controls = table in self._controls
        resting = len(self._mapped) if controls else len(self._resting_on(table, rows))
        count = then.rows.num_rows if rows is None else int(rows.sum())
        if resting:
            had = f"it had {_count(count, unit)} when it was last published, and " if then.files else ""
            yield f"{what}; {had}{_resting(resting)} on it.{also}"

    def shrunk(self, changed: pd.DataFrame, share: float) -> Iterator[str]:
        """COM-GRD-3: a sentence for each table whose end, or too large a share of it, is gone and missed by the plan.

        changed: the items of a plan that delete or update something (ITEMS).
        """
        for table, gone in self.gone.items():
            then, now = self._then[table], self._now.get(table)
            if now is None or not now.rows.num_rows:
                continue
            count, total = int(gone.sum()), then.rows.num_rows
            too_many = count >= _MANY_ROWS and count > share * total
            ordered = then.ordered and now.ordered
            cut = ordered and _ends_are_gone(then, gone)
            if cut and _sorted_otherwise(then.keys, now.keys):
                ordered = cut = False
            if not (too_many or cut):
                continue
            resting = self._resting_on(table, gone)
            if self._changes(changed, resting):
                yield self._shrunk(table, then, now, gone, len(resting), ordered=ordered, cut=cut)

    def _shrunk(
        self,
        table: str,
        then: TableShape,
        now: TableShape,
        gone: np.ndarray,
        resting: int,
        *,
        ordered: bool,
        cut: bool,
    ) -> str:
        rows, count = np.flatnonzero(gone) + 1, int(gone.sum())
        had = f"had {_count(len(gone), 'row')} when it was last published"
        if not then.files:
            had = f"fed published records by {_count(len(gone), 'row')}"
        says = f"The table {_named(table, now)} {had} and has {now.rows.num_rows:,} now; {count:,} of them are gone"
        if ordered:
            says += f", the first of them row {rows[0]:,} and the last row {rows[-1]:,}"
        says += f". {_resting(resting)} on them. "
        if cut:
            return (
                says
                + "The end is gone: this looks like a file that was cut off while it was written or copied."
            )
        says += "This looks like an export that is filtered or incomplete."
        return says if ordered else f"{says} The order of its rows is not known, so only their number counts."

    def _changes(self, changed: pd.DataFrame, resting: np.ndarray) -> bool:
        """Whether one of these items is about one of these published records."""
        records = self._mapped.iloc[resting]
        known = pd.MultiIndex.from_arrays([records["resource"], records["key"]])
        return bool(pd.MultiIndex.from_arrays([changed["resource"], key_texts(changed)]).isin(known).any())

    def _resting_on(self, table: str, rows: np.ndarray | None) -> np.ndarray:
        """The published records, by position, that name a row of the table, or one of these."""
        refs, record = self._references
        mine = pc.starts_with(refs, f"{table}:")
        record = record.filter(mine)
        if rows is not None:
            row = pc.struct_field(pc.extract_regex(refs.filter(mine), rf"(?s)^[^:]*{_ROW}"), "row")
            record = record.filter(pc.is_in(row, self._then[table].keys.filter(pa.array(rows))))
        return record.unique().to_numpy()

    @cached_property
    def _references(self) -> tuple[pa.Array, pa.Array]:
        return _references(self._mapped)

    def _gone_of(self, table: str) -> np.ndarray:
        return self.gone.get(table, np.zeros(self._then[table].rows.num_rows, dtype=bool))


def _references(mapped: pd.DataFrame) -> tuple[pa.Array, pa.Array]:
    """Every reference of the published records to a source row, and the position of its record."""
    refs = pa.array(mapped["source_refs"].tolist(), pa.list_(pa.string()))
    return refs.flatten(), pc.list_parent_indices(refs)


def _parts(shape: TableShape) -> _Parts:
    """By the name of each file, without its ending: which rows are of it."""
    files = shape.rows[FILE].combine_chunks()
    stems = [_SUFFIX.sub("", name) for name in files.dictionary.to_pylist()]
    names = list(dict.fromkeys(stems))
    of_row = np.array([names.index(stem) for stem in stems], dtype=int)[files.indices.to_numpy()]
    return {name: of_row == number for number, name in enumerate(names)}


def _ends_are_gone(then: TableShape, gone: np.ndarray) -> bool:
    """Whether the last rows of a file, or of one of those that the table was made of, are all gone."""
    known = pc.is_valid(then.keys).to_numpy(zero_copy_only=False)
    ends = (gone[rows & known][-_LAST_ROWS:] for rows in _parts(then).values())
    return any(len(end) == _LAST_ROWS and end.all() for end in ends)


def _sorted_otherwise(then: pa.Array, now: pa.Array) -> bool:
    """Whether the rows that are still there stand in another order: not even half of them in the one they had."""
    places = pc.index_in(now, then).drop_null().to_pylist()
    ascending: list[int] = []  # the end of the best ascending run of each length
    for place in places:
        at = bisect_left(ascending, place)
        ascending[at : at + 1] = [place]
    return len(ascending) < len(places) / 2


def _new_headers(header: str, then: TableShape, now: TableShape) -> str:
    """The end of a sentence about a lost column: what its header may have become."""
    new = [name for name in now.unread if name not in then.unread]
    if not new:
        return ""
    meant = nearest(header, new)
    new.sort(key=lambda name: name != meant)
    listed = ", ".join(new[:_HEADERS]) + (", ..." if len(new) > _HEADERS else "")
    return f" There is a new header that nothing reads, {listed}: was the column renamed?"


def _named(table: str, shape: TableShape) -> str:
    return f"{table} ({shape.files})" if shape.files not in ("", table) else table


def _resting(records: int) -> str:
    return f"{_count(records, 'published record')} {'rests' if records == 1 else 'rest'}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
