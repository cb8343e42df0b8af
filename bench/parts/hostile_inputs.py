"""Files that are broken, or made to be slow: how each is written, and what its message says.

A size is that of the measurement; a test writes a small part of it, which must end in the same message.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .workbooks import (
    HEAD,
    MAIN,
    SHEET,
    SHEET_END,
    Write,
    damaged,
    many_sheets,
    repeated,
    rows_of,
    workbook,
)

MEGABYTE = 2**20
HEADER = b"student_id,student_unique_id,last_name\n"
ROW = b"A1,0090417307,Zwirnfaden\n"
LAST_ROW, LAST_COLUMN = 1_048_576, "XFD"


@dataclass(frozen=True)
class Input:
    """One source: written into a folder at a share of its size, and what the error or the extract says about it."""

    name: str
    write: Write
    says: str
    profile: str = "certification"


def text(content: bytes, name: str = "students.csv") -> Write:
    def write(folder: Path, share: float) -> Path:
        (folder / name).write_bytes(content)
        return folder

    return write


def blocks(start: bytes, block: bytes, times: int, end: bytes = b"") -> Write:
    """A text of one block again and again."""

    def write(folder: Path, share: float) -> Path:
        with (folder / "students.csv").open("wb") as file:
            file.write(start)
            for _ in range(max(1, int(times * share))):
                file.write(block)
            file.write(end)
        return folder

    return write


def nuls(folder: Path, share: float) -> Path:
    with (folder / "students.csv").open("wb") as file:
        file.truncate(int(3_000 * MEGABYTE * (share if share == 1 else 0.7)))
    return folder


def noise(folder: Path, share: float) -> Path:
    (folder / "students.csv").write_bytes(random.Random(1).randbytes(int(50 * MEGABYTE * share)))  # noqa: S311
    return folder


def odd_name(folder: Path, share: float) -> Path:
    (folder / "students.csv").write_bytes(HEADER + ROW)
    name = b"M\xfcller\x1b[2J.csv".decode(errors="surrogateescape")
    (folder / name).write_bytes(HEADER + ROW)
    return folder


def lines(header: str, row: str, rows: int, name: str = "students") -> Write:
    def write(folder: Path, share: float) -> Path:
        with (folder / f"{name}.csv").open("w", encoding="utf-8") as file:
            file.write(header + "\n")
            file.writelines(row.format(number) + "\n" for number in range(int(rows * share)))
        return folder

    return write


def campus(folder: Path, share: float) -> Path:
    for name, content in {
        "person": "personID,stateID\n7,0090417307\n",
        "section504": "section504ID,personID,activeEnrollment.startDate,other.startDate\n1,7,9/2/2025,10/1/2025\n",
    }.items():
        (folder / f"{name}.csv").write_text(content)
    return folder


# Parquet and databases


def parquet(table: Callable[[float], pa.Table], change: Callable[[bytes], bytes] = bytes) -> Write:
    def write(folder: Path, share: float) -> Path:
        path = folder / "students.parquet"
        pq.write_table(table(share), path)
        path.write_bytes(change(path.read_bytes()))
        return folder

    return write


def repeated_text(share: float) -> pa.Table:
    count = int(1_000_000 * share)
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), ["x" * MEGABYTE])
    return pa.table({"student_id": texts})


def nested(share: float) -> pa.Table:
    value: object = "x"
    for _ in range(60):
        value = {"a": [value]}
    return pa.table({"student_id": [value]})


def database(*statements: str, content: bytes = b"") -> Write:
    def write(folder: Path, share: float) -> str:
        path = folder / "sis.db"
        if content:
            path.write_bytes(content)
            return f"sqlite:///{path}"
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement.replace("$SIZE", str(int(500 * MEGABYTE * max(share, 0.05)))))
        return f"sqlite:///{path}"

    return write


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10))
LAUGHS = f"<!DOCTYPE sst [{ENTITIES}]>" + f'<sst xmlns="{MAIN}"><si><t>&e9;</t></si></sst>'
STYLES = f'<styleSheet xmlns="{MAIN}"><cellXfs>'

INPUTS = (
    # text
    Input(
        "a cell of 500 MB",
        blocks(HEADER + b'A1,1,"', b"x" * MEGABYTE, 500, b'"\n'),
        "row.* longer than 16 MB",
    ),
    Input(
        "a quotation mark never closed, 500 MB",
        blocks(HEADER + b'A1,1,"', ROW * 40_000, 500),
        "longer than 16 MB|quotation mark",
    ),
    Input("a first line of 500 MB", blocks(b"student_id", b"x" * MEGABYTE, 500), "first line has more than"),
    Input(
        "100,000 columns",
        text(b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"," * 99_999 + b"\n"),
        "100,000 columns",
    ),
    Input("3 GB of NUL", nuls, "at most 2,000 MB|is empty"),
    Input(
        "300 million empty lines",
        blocks(HEADER, b"\n" * MEGABYTE, 286),
        r"more than [\d,]+ rows|^students: 0 rows",
    ),
    Input("NUL in the header", text(b"student_id,last\0_name\nA1,x\n"), "last.*is not part of students"),
    Input("NUL in an id", text(HEADER + b"A\0001,1,x\n"), "holds a control character"),
    Input("NUL in a name", text(HEADER + b"A1,1,x\0y\n"), "holds a NUL character"),
    Input(
        "UTF-16 cut inside a letter", text((HEADER + ROW).decode().encode("utf-16")[:-1]), "not text in UTF-8"
    ),
    Input("50 MB of noise", noise, "not text in UTF-8|do not have|is not a table"),
    Input(
        "a title above the header",
        text(b"Students as of 11/03/2025\n\n" + HEADER + ROW),
        "row 3 looks like it",
    ),
    Input("a title filled up with commas", text(b"Students,,\n" + HEADER + ROW), "row 2 looks like it"),
    Input(
        "dashes and a closing line",
        text(HEADER + b"--,--,--\n" + ROW + b"\n(1 row affected)\n"),
        "line of dashes",
    ),
    Input("a total and a repeated header", text(HEADER + ROW + HEADER + b"Total,1,\n"), "header again"),
    Input(
        "a second table below", text(HEADER + ROW + b"school_id,name\nA,High\n"), "do not have the 3 cells"
    ),
    Input(
        "2 million rows with a cell too many",
        blocks(HEADER, b"1,2,3,4\n" * 20_000, 100),
        "More than 1,000 rows",
    ),
    Input("one column twice", text(b"student_id,Student_ID\nA,B\n"), "student_id is there twice"),
    Input("two headers for one column", campus, "two columns for startDate", "wi-infinite-campus"),
    Input("a file name that is no text", odd_name, r"M\\udcfcller\\x1b\[2J is not one the toolkit knows"),
    Input(
        "200,000 ids in disguise", lines("student_id,last_name", "{0}.0,x", 200_000), "has a decimal point"
    ),
    Input(
        "200,000 dates of two-digit years",
        lines("record_id,student_id,start_date", "{0},7,8/23/25", 200_000, "ceis_records"),
        "year of two digits",
        "wi-infinite-campus",
    ),
    Input(
        "200,000 dates as serial numbers",
        lines("record_id,student_id,start_date", "{0},7,45901", 200_000, "ceis_records"),
        "number by which a spreadsheet",
        "wi-infinite-campus",
    ),
    Input(
        "a cell of a million lines",
        blocks(HEADER + b'A1,1,"', b"x\n" * 10_000, 100, b'"\n'),
        "^students: 1 rows",
    ),
    # workbooks
    Input(
        "one cell in the last row of the last column",
        workbook(rows_of(f'<row r="{LAST_ROW}"><c r="{LAST_COLUMN}{LAST_ROW}"><v>1</v></c></row>', 1)),
        "right of the header|^students: 0 rows",
    ),
    Input(
        "100,000 rows with a cell in the last column",
        workbook(rows_of('<row r="{row}"><c r="XFD{row}"><v>1</v></c></row>', 100_000)),
        "more than 100,000,000 cells|right of the header",
    ),
    Input(
        "row a thousand million",
        workbook(rows_of('<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>', 1)),
        r"more than [\d,]+ rows",
    ),
    Input(
        "3 GB unpacked",
        workbook(repeated(SHEET + HEAD, " " * MEGABYTE, 3_000, SHEET_END)),
        "at most 250 MB|^students: 0 rows",
    ),
    Input(
        "200 MB of shared texts",
        workbook(
            sharedStrings=repeated(f'<sst xmlns="{MAIN}">', "<si><t>x</t></si>" * 1_000, 11_000, "</sst>")
        ),
        "more than 600,000 different texts|^students: 0 rows",
    ),
    Input(
        "entities within entities",
        workbook(sharedStrings=LAUGHS),
        r"cannot|is not an Excel workbook that can be read \(",
    ),
    Input(
        "a million styles",
        workbook(styles=repeated(STYLES, "<xf/>" * 1_000, 1_000, "</cellXfs></styleSheet>")),
        "more formats|^students: 0 rows",
    ),
    Input(
        "a size that is claimed",
        workbook(f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>' + HEAD + SHEET_END),
        "^students: 0 rows",
    ),
    Input(
        "encrypted by Excel",
        damaged(lambda content: bytes.fromhex("d0cf11e0a1b11ae1") + content),
        "has a password",
    ),
    Input(
        "encrypted as a zip",
        damaged(
            lambda content: content.replace(b"PK\1\2\x2d\3\x2d\0\0\0", b"PK\1\2\x2d\3\x2d\0\1\0").replace(
                b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
            )
        ),
        "has a password|cannot|can be read",
    ),
    Input(
        "cut in the middle", damaged(lambda content: content[: len(content) // 2]), "is not an Excel workbook"
    ),
    Input("a sheet without its part", workbook(without="xl/worksheets/sheet1.xml"), "is missing in the file"),
    Input("XML that breaks off", workbook(SHEET + HEAD + "<row><c r="), "is not an Excel workbook"),
    Input(
        "a number of 5,000 digits",
        workbook(SHEET + HEAD + f'<row r="2"><c r="A2"><v>{"9" * 5_000}</v></c></row>' + SHEET_END),
        "is not an Excel workbook",
    ),
    Input(
        "a formula without a result",
        workbook(SHEET + HEAD + '<row r="2"><c r="A2"><f>1+1</f></c></row>' + SHEET_END),
        "cell A2 has a formula",
    ),
    Input(
        "a cell that shows an error",
        workbook(SHEET + HEAD + '<row r="2"><c r="A2" t="e"><v>#REF!</v></c></row>' + SHEET_END),
        "cell A2 shows #REF!",
    ),
    Input(
        "rows out of order",
        workbook(
            SHEET
            + HEAD
            + '<row r="3"><c r="A3"><v>3</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
            + SHEET_END
        ),
        "out of order at row 2",
    ),
    Input("2,000 sheets", many_sheets, "is not one the toolkit knows"),
    # Parquet and databases
    Input("a text of 1 MB a million times", parquet(repeated_text), "at most 2,000 MB"),
    Input(
        "Parquet cut in the middle",
        parquet(
            lambda share: pa.table({"student_id": ["A1"] * 1_000}),
            lambda content: content[: len(content) // 2],
        ),
        "is not a Parquet file",
    ),
    Input("Parquet of 60 levels", parquet(nested), "neither text nor a whole number|is not a Parquet file"),
    Input("Parquet with binary ids", parquet(lambda share: pa.table({"student_id": [b"A1"]})), "is binary"),
    Input(
        "Parquet of 20,000 columns",
        parquet(lambda share: pa.table({f"c{n}": [1] for n in range(int(20_000 * share))})),
        "has [0-9,]+ columns; at most 5,000 are read",
    ),
    Input(
        "a view without an end",
        database(
            "create view students as with recursive n(student_id) as "
            "(select 1 union all select student_id + 1 from n) select student_id from n"
        ),
        r"more than [\d,]+ rows",
    ),
    Input(
        "a value of 500 MB",
        database(
            "create table students (student_id, last_name)",
            "insert into students values ('A1', zeroblob($SIZE))",
        ),
        "longer than the longest",
    ),
    Input(
        "a database text that is not UTF-8",
        database(
            "create table students (student_id, student_unique_id)",
            "insert into students values ('A1', cast(x'fffe41' as text))",
        ),
        "is binary",
    ),
    Input(
        "a database that is none",
        database(content=b"SQLite format 3\0" + b"x" * 5_000),
        "damaged|no SQLite database|cannot be read",
    ),
)
