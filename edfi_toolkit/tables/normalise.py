"""From the cells of a source to typed canonical tables (COM-NRM-1 to COM-NRM-7).

A cell that cannot be read makes its row unreadable, with a sentence on how to fix it; it never becomes an empty cell.
For every table, rows read = rows kept + unreadable rows + identical rows collapsed, whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from edfi_toolkit.errors import SourceError, SourceShapeError
from edfi_toolkit.model.frames import with_types
from edfi_toolkit.tables.cell_errors import reasons, rule_of
from edfi_toolkit.tables.cells import convert
from edfi_toolkit.tables.corrections import CORRECTION_COLUMNS, LAID_COLUMNS, lay_over, without_table
from edfi_toolkit.tables.disguises import EDGES
from edfi_toolkit.tables.duplicates import duplicates
from edfi_toolkit.tables.load_errors import (
    Sheet,
    collapsed_rows,
    corrected_cells,
    missing_column,
    unknown_table,
    unreadable_rows,
    unused_column,
)
from edfi_toolkit.tables.schema import TABLES, Column, Table
from edfi_toolkit.tables.shapes import TableShape, table_shape
from edfi_toolkit.tables.tables import NOTICE_COLUMNS, ORIGIN_COLUMNS, SKIPPED_COLUMNS, Tables, framed

MISSING_KEY = "COM-NRM-6"
_FAULT_COLUMNS = {"position": "int64", "rule": "str", "order": "int64", "column": "str", "says": "str"}

Raw: TypeAlias = pd.DataFrame | Sequence[Mapping[str, Any]] | Sheet
Notices: TypeAlias = list[dict[str, Any]]


def normalise(
    raw: Mapping[str, Raw],
    *,
    files: Mapping[str, str] | None = None,
    corrections: pd.DataFrame | None = None,
) -> Tables:
    """Type every cell of every table and take out the rows that cannot be trusted.

    raw: frames (text or typed), lists of records, or sheets, by table name; not modified. In a list of
        records a required member that no record has reads as empty, as records leave out what is empty;
        keys must be there all the same.
    files: the file each table came from; then rows are counted as lines below a header, else from 1.
    corrections: open corrections of this source (CORRECTION_COLUMNS), laid over its cells before they are read.
    Raises SourceShapeError when a required column is missing. Normalising twice changes nothing.
    """
    if isinstance(raw, Tables):
        return raw
    frames: dict[str, pd.DataFrame] = {}
    skipped: list[pd.DataFrame] = []
    notices: Notices = [unknown_table(name, list(TABLES)) for name in raw if name not in TABLES]
    origins: list[dict[str, Any]] = []
    shapes: dict[str, TableShape] = {}
    given = framed(corrections, CORRECTION_COLUMNS)
    written: dict[str, pd.DataFrame] = {}
    places: dict[str, pd.DataFrame] = {}
    laid: list[pd.DataFrame] = [without_table(given[~given["table"].isin(list(raw))])]
    for table in (TABLES[name] for name in TABLES if name in raw):
        sheet = _sheet(table, raw[table.name], (files or {}).get(table.name))
        own = given[given["table"].eq(table.name)] if len(given) else given
        frames[table.name], aside, found, shapes[table.name], done, texts_and_places = _read(
            table, sheet, own
        )
        written[table.name], places[table.name] = texts_and_places
        laid.append(done)
        skipped.append(aside)
        notices += found
        origins.append({"table": table.name, "file": sheet.files, "rows": len(sheet.frame)})
    return Tables(
        frames,
        skipped=_stack(skipped, SKIPPED_COLUMNS),
        notices=pd.DataFrame(notices, columns=list(NOTICE_COLUMNS)),
        origins=pd.DataFrame(origins, columns=list(ORIGIN_COLUMNS)),
        shapes=shapes,
        corrections=_stack(laid, LAID_COLUMNS),
        written=written,
        places=places,
    )


def _sheet(table: Table, content: Raw, file: str | None) -> Sheet:
    if isinstance(content, Sheet):
        return content
    if isinstance(content, pd.DataFrame):
        first = 2 if file else 1
        return Sheet(frame=content, file=file or table.name, rows=np.arange(len(content)) + first)
    records = pd.DataFrame(list(content), dtype=object)
    for column in table.columns.values() if len(records) else ():
        if column.required and column.name not in table.required_keys and column.name not in records:
            records[column.name] = None
    return Sheet(frame=records, file=file or table.name, rows=np.arange(len(records)) + 1)


def _read(
    table: Table, sheet: Sheet, corrections: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, Notices, TableShape, pd.DataFrame, tuple[pd.DataFrame, pd.DataFrame]]:
    """The typed rows, the unreadable rows, notices, what the table looked like, what became of its corrections, and of
    the typed rows their texts as the source has them and their places in it."""
    raw, notices, unused = _matched(table, sheet)
    misplaced = pd.DataFrame()
    if len(corrections):
        raw, corrections, misplaced = lay_over(table, raw, corrections)
        notices += corrected_cells(table.name, corrections)
    typed, faults, filled = _typed(table, raw)
    faults = _stack([faults, misplaced], _FAULT_COLUMNS) if len(misplaced) else faults
    faulty = pd.Series(False, index=typed.index)
    if len(faults):
        faulty[faults["position"].unique()] = True
    collapsed, clashes = duplicates(table, typed, faulty)
    skipped = unreadable_rows(table, sheet, raw, typed, faults, clashes) if len(faults) or clashes else faults
    notices += collapsed_rows(table, sheet, typed, collapsed) if collapsed.any() else []
    aside = faulty.copy()
    aside[list(clashes)] = True
    used = ~aside & ~collapsed
    kept = typed[used].reset_index(drop=True)
    if len(kept) + len(skipped) + int(collapsed.sum()) != len(raw):
        raise SourceError(f"{table.name}: not all of the {len(raw)} rows read are accounted for.")
    keys = table.ids(typed)
    if len(skipped):
        keys[aside] = skipped["id"].to_numpy()
    unread = [*unused, *sheet.unread]
    shape = table_shape(keys, sheet.file, filled, ordered=sheet.ordered, unread=unread, names=sheet.names)
    texts = _texts(table, raw[used]).reset_index(drop=True)
    return kept, skipped, notices, shape, corrections, (texts, _places(sheet, used.to_numpy()))


def _texts(table: Table, raw: pd.DataFrame) -> pd.DataFrame:
    """The cells as written, of the columns that become something else; few distinct ones, so categories."""
    typed = [
        name for name in raw if not table.columns[name].keeps_text and table.columns[name].type != "json"
    ]
    texts = {name: pd.Categorical(raw[name].astype("str").str.strip(EDGES)) for name in typed}
    for name, cells in texts.items():
        if "" in cells.categories:
            texts[name] = cells.remove_categories("")
    return pd.DataFrame(texts, index=raw.index)


def _places(sheet: Sheet, used: np.ndarray) -> pd.DataFrame:
    """File and line of the rows that are used; few distinct files, so a category."""
    at = np.flatnonzero(used)
    files = (
        pd.Categorical.from_codes(np.zeros(len(at), dtype="int8"), [sheet.file])
        if isinstance(sheet.file, str)
        else pd.Categorical(sheet.file_of(at))
    )
    return pd.DataFrame({"file": files, "row": sheet.rows[at]})


def _matched(table: Table, sheet: Sheet) -> tuple[pd.DataFrame, Notices, list[str]]:
    """The canonical columns of the raw frame, a notice per column that nothing reads (COM-NRM-6), and these columns."""
    headers = [str(header).strip() for header in sheet.frame.columns]
    found = [header if header in table.columns else header.lower() for header in headers]
    twice = sorted(name for name in set(found) if name in table.columns and found.count(name) > 1)
    if twice:
        raise SourceShapeError(f"{sheet.files}: column {twice[0]} is there twice. Rename one of them.")
    unused = [header for header, name in zip(headers, found, strict=True) if name not in table.columns]
    missing = [
        column.name for column in table.columns.values() if column.required and column.name not in found
    ]
    if missing and headers:
        raise SourceShapeError("\n".join(missing_column(table.name, name, sheet, unused) for name in missing))
    frame = sheet.frame.reset_index(drop=True).set_axis(pd.Index(found, dtype=object), axis="columns")
    absent = [name for name in table.columns if name not in found]
    present = [name for name in table.columns if name in found]
    notices = [unused_column(table, header, sheet, absent) for header in unused]
    return frame if found == present else frame[present], notices, unused


def _typed(table: Table, raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """The typed frame; its faults: one row per cell that cannot be read or is an empty key; and, for each column that
    the source has, which cells are filled."""
    typed: dict[str, Any] = {}
    filled: dict[str, np.ndarray] = {}
    faults: list[pd.DataFrame] = []
    first = np.zeros(len(raw), dtype=int)
    for order, column in enumerate(table.columns.values()):
        if column.name not in raw:
            typed[column.name] = _default(column).take(first)
            continue
        values, bad = convert(raw[column.name], column)
        if bad.any():
            causes = reasons(raw[column.name][bad], column)
            faults.append(_faults(rule_of(column), order, column, causes, raw.index[bad]))
        filled[column.name] = cells = values.notna().to_numpy() | bad.to_numpy()
        if column.name in table.required_keys and not cells.all():
            says = "is empty, and every row needs one. Fill it in."
            faults.append(_faults(MISSING_KEY, order, column, says, raw.index[~cells]))
        typed[column.name] = _with_default(values, column)
    frame = pd.DataFrame(typed, index=raw.index)
    if table.name == "edfi_config":
        _fill_school_year(frame)
    return frame, _stack(faults, _FAULT_COLUMNS), filled


@cache
def _default(column: Column) -> Any:
    """An array of one cell, for a column that the source has not."""
    return pd.Series([column.default], dtype=column.dtype).array


def _faults(
    rule: str, order: int, column: Column, says: str | list[str], positions: pd.Index
) -> pd.DataFrame:
    constants = {"rule": rule, "order": order, "column": column.name, "says": says}
    return pd.DataFrame({"position": positions, **constants}, index=positions)


def _with_default(values: pd.Series, column: Column) -> pd.Series:
    return values if column.default is None else values.fillna(column.default).astype(column.dtype)


def _fill_school_year(config: pd.DataFrame) -> None:
    """An open begin or end of a configuration is July 1 of the year before, or June 30."""
    for column, year, day in (
        ("config_start", config["school_year"] - 1, "-07-01"),
        ("config_end", config["school_year"], "-06-30"),
    ):
        default = pd.to_datetime(year.astype("str") + day, format="%Y-%m-%d", errors="coerce")
        config[column] = config[column].fillna(default.astype("datetime64[us]"))


def _stack(frames: Iterable[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return framed(None, columns)
    return with_types(pd.concat(filled, ignore_index=True), columns)
