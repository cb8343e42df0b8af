"""Any table through each reader: never an exception but the toolkit's own, never a cell in its text."""

from __future__ import annotations

import math
import sqlite3
import tempfile
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

import edfi_toolkit as edfi
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.tables import TABLES
from tests.proofs import bounded

pytestmark = pytest.mark.volume
QUICK = bounded(
    12,
    ignored=[HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking builds thousands of files
)
CANARY = "Zwirnfaden"
DISGUISED = ["NULL", '="1"', "'1", "1,234", "1.0", "1E+5", "--", "Total"]
STUDENTS = list(TABLES["students"].columns)
PARTICIPATION = list(TABLES["program_participation"].columns)

words = st.sampled_from(
    [
        "",
        " ",
        "NULL",
        '="1"',
        "'1",
        "1,234",
        "1.0",
        "1E+5",
        "A1",
        "7",
        "2025-09-02",
        "9/2/25",
        "45901",
        "yes",
        "{}",
    ]
    + [
        '{"a":',
        "[1]",
        "(2 rows affected)",
        "--",
        "Total",
        "a\0b",
        "\u200b",
        "\ufeff",
        "\ud7ff",
        "x" * 300,
        '"',
        "a\nb",
    ]
)
texts = st.one_of(words, st.text(max_size=12), st.just(CANARY)).map(
    lambda text: f"{text}{CANARY}" if len(text) > 5 else text
)
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.decimals(allow_nan=False))
moments = st.one_of(st.dates(), st.datetimes(), st.times(), st.timedeltas())
headers = st.one_of(
    st.sampled_from([*STUDENTS, *PARTICIPATION, "", "Student_ID", "note"]), st.text(max_size=8)
)


@st.composite
def a_table(draw: st.DrawFn, cells: st.SearchStrategy[Any]) -> tuple[str, list[Any], list[list[Any]]]:
    """The name of a table, a header, and rows as wide as it or not quite."""
    name = draw(st.sampled_from(["students", "program_participation", "edfi_config", "Students", "other"]))
    fitting = list(TABLES[name].columns) if name in TABLES else STUDENTS
    header = draw(st.one_of(st.just(fitting), st.lists(headers, min_size=1, max_size=6)))
    width = st.sampled_from([len(header)] * 12 + [len(header) + 1, 1])
    rows = [[draw(cells) for _ in range(draw(width))] for _ in range(draw(st.integers(0, 4)))]
    return name, header, rows


def refusal(source: Any) -> EdfiToolkitError | None:
    """The toolkit's own error; without one, every row is accounted for and no disguised id is built."""
    try:
        tables = edfi.extract(source, profile="certification")
        build = edfi.build(tables, profile="certification", school_year=2026)
    except EdfiToolkitError as error:
        return error
    read = tables.summary()
    assert (read["rows"] == read["kept"] + read["set_aside"] + read["collapsed"]).all()
    assert not tables.skipped["detail"].str.contains(CANARY).any()
    assert not build.records["student_unique_id"].isin(DISGUISED).any()
    return None


def check(write: Callable[[Path], Path | str]) -> None:
    """Read and build what is written; an error has no cell in its traceback either."""
    with tempfile.TemporaryDirectory() as place:
        error = refusal(write(Path(place)))
    assert error is None or CANARY not in "".join(traceback.format_exception(error))


@QUICK
@given(
    a_table(texts),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    st.booleans(),
)
def test_any_text_file(
    table: tuple[str, list[Any], list[list[Any]]], separator: str, encoding: str, quoted: bool
) -> None:
    name, header, rows = table

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quoted else text

    def write(folder: Path) -> Path:
        lines = [separator.join(cell(text) for text in row) for row in [header, *rows]]
        (folder / f"{name}.csv").write_bytes("\r\n".join(lines).encode(encoding, "replace"))
        return folder

    check(write)


@QUICK
@given(st.binary(max_size=400))
def test_any_bytes_as_a_file_of_any_kind(content: bytes) -> None:
    for suffix in (".csv", ".xlsx", ".parquet"):

        def write(folder: Path, suffix: str = suffix) -> Path:
            (folder / f"students{suffix}").write_bytes(content)
            return folder

        check(write)


def in_excel(cell: Any) -> Any:
    if isinstance(cell, str):
        return ILLEGAL_CHARACTERS_RE.sub("", cell).removeprefix("=")
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, date | datetime) and cell.year < 1900:
        return None
    return cell


@QUICK
@given(a_table(st.one_of(texts, numbers, moments, st.none())))
def test_any_workbook(table: tuple[str, list[Any], list[list[Any]]]) -> None:
    name, header, rows = table

    def write(folder: Path) -> Path:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = name
        for row in [header, *rows]:
            sheet.append([in_excel(cell) for cell in row])
        book.save(folder / "a.xlsx")
        return folder / "a.xlsx"

    check(write)


TYPES: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): texts,
    pa.large_string(): texts,
    pa.binary(): st.binary(max_size=5),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("ns", "America/Denver"): st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
    pa.time64("us"): st.times(),
    pa.duration("us"): st.timedeltas(timedelta(-9_999), timedelta(9_999)),
    pa.decimal128(20, 0): st.integers(-(10**19), 10**19).map(Decimal),
    pa.decimal128(20, 3): st.integers(-(10**9), 10**9).map(Decimal),
    pa.null(): st.none(),
    pa.list_(pa.string()): st.lists(texts, max_size=2),
    pa.struct({"a": pa.list_(pa.int32()), "b": pa.string()}): st.fixed_dictionaries(
        {"a": st.lists(st.integers(0, 9), max_size=2), "b": st.one_of(st.none(), texts)}
    ),
    pa.map_(pa.string(), pa.float64()): st.dictionaries(texts, st.floats(), max_size=2).map(
        lambda m: list(m.items())
    ),
}


@st.composite
def a_parquet_table(draw: st.DrawFn) -> tuple[str, pa.Table]:
    name = draw(st.sampled_from(["students", "program_participation", "edfi_config", "other"]))
    fitting = list(TABLES[name].columns) if name in TABLES else STUDENTS
    names = draw(st.one_of(st.just(fitting), st.lists(headers, min_size=1, max_size=5)))
    rows = draw(st.integers(0, 3))
    columns = []
    for _ in names:
        kind = draw(st.sampled_from(list(TYPES)))
        cells = draw(st.lists(st.one_of(st.none(), TYPES[kind]), min_size=rows, max_size=rows))
        column = pa.array(cells, kind)
        columns.append(
            column.dictionary_encode() if pa.types.is_string(kind) and draw(st.booleans()) else column
        )
    return name, pa.Table.from_arrays(columns, names=names)


@QUICK
@given(a_parquet_table())
def test_any_parquet_file(named: tuple[str, pa.Table]) -> None:
    name, table = named

    def write(folder: Path) -> Path:
        pq.write_table(table, folder / f"{name}.parquet")
        return folder

    check(write)


in_sqlite = st.one_of(
    texts.map(lambda text: text.encode("utf-8", "replace").decode()),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=6),
    st.none(),
)


@QUICK
@given(a_table(in_sqlite), st.binary(max_size=6))
def test_any_database_table(table: tuple[str, list[Any], list[list[Any]]], broken: bytes) -> None:
    name, header, rows = table
    names = list(dict.fromkeys(str(label).replace("\0", "").lower() or "c" for label in header))
    columns = ['"' + label.encode("utf-8", "replace").decode().replace('"', '""') + '"' for label in names]

    def write(folder: Path) -> str:
        with closing(sqlite3.connect(folder / "sis.db")) as connection, connection:
            connection.execute(f'create table "{name}" ({", ".join(columns)})')
            marks = ", ".join("?" * len(names))
            for row in rows:
                cells = [*row, *[None] * len(names)][: len(names)]
                connection.execute(f'insert into "{name}" values ({marks})', cells)  # noqa: S608
            change = f'update "{name}" set {columns[0]} = cast(? as text) where rowid = 2'  # noqa: S608
            connection.execute(change, [broken])
        return f"sqlite:///{folder / 'sis.db'}"

    check(write)


cells = st.one_of(texts, numbers, moments, st.none(), st.binary(max_size=4), st.lists(texts, max_size=2))


@QUICK
@given(a_table(st.one_of(cells, st.dictionaries(texts, cells, max_size=2))))
def test_any_records(table: tuple[str, list[Any], list[list[Any]]]) -> None:
    name, header, rows = table
    records = [dict(zip(map(str, header), row, strict=False)) for row in rows]
    error = refusal({"students": [], name: records} if name != "students" else {name: records})
    assert error is None or CANARY not in str(error)
