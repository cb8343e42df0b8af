"""One student erased from what runs left: rows and bodies in frames, ids and pseudonyms in texts, keys in shapes.

1. A row goes when a personal column names the student, or when it is about a row of theirs (table and id). Anywhere
   else the id, and what stands for it, becomes `[erased]`, so that no one else's row goes with it.
2. A file is changed whole or not at all; the manifest gets the new digests and a note, which `verify` accepts.
3. Ids of fewer than five characters, or without a digit, are found where a column names a student, not in sentences.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edfi_toolkit.privacy import MASKED_FROM, PERSONAL_TABLES, STUDENT_IDS, is_personal, pseudonym
from edfi_toolkit.runs.folder import MANIFEST, now_text, runs_newest_first, sealed
from edfi_toolkit.runs.manifest import user_name
from edfi_toolkit.storage import write_private
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.tables.shapes import KEY

ERASED = "[erased]"
_TEXTS = (".json", ".jsonl", ".ipynb", ".html", ".csv", ".txt", ".log")


def _telling(value: str) -> bool:
    """Whether a text that has it is about the student: no word of the language, and no small number."""
    return len(value) >= MASKED_FROM and any(map(str.isdigit, value))


@dataclass
class Student:
    """Who is erased. ids: in the state and in the SIS. rows: of the source that are theirs, as (table, id)."""

    ids: set[str]
    key: bytes
    rows: set[tuple[str, str]] = field(default_factory=set)

    def words(self) -> re.Pattern[bytes]:
        """What stands for the student in a text."""
        shown = [pseudonym(value, self.key) for value in self.ids]
        words = [*filter(_telling, self.ids), *shown]
        one = b"|".join(re.escape(word.encode()) for word in sorted(words))
        short = b"|".join(re.escape(value.encode()) for value in sorted(self.ids))
        return re.compile(
            rb"(?<![A-Za-z0-9])S?(?:" + one + rb")(?![A-Za-z0-9])|(?<=students:)(?:" + short + rb")(?!\w)"
        )


def find(runs_dir: Path, student: str, key: bytes) -> Student:
    """The student by either id, with the other one and the rows of theirs that the runs kept."""
    found = Student({student}, key)
    tables = [folder.path / "tables" for folder, _ in runs_newest_first(runs_dir)]
    for path in (place / "students.parquet" for place in tables):
        if path.is_file():
            rows = pq.read_table(path, columns=STUDENT_IDS).to_pylist()
            found.ids |= {
                str(row[name]) for row in rows if student in row.values() for name in STUDENT_IDS if row[name]
            }
    for place in tables:
        for name, table in TABLES.items():
            if "student_id" in table.columns and (path := place / f"{name}.parquet").is_file():
                own = pq.read_table(path, columns=list({"student_id", *table.primary_key}))
                kept = own.filter(
                    pc.is_in(own["student_id"].cast(pa.string()), value_set=pa.array(sorted(found.ids)))
                )
                found.rows |= {
                    (name, ",".join(str(row[key]) for key in table.primary_key)) for row in kept.to_pylist()
                }
    return found


def erase_from_runs(runs_dir: Path, student: Student) -> dict[str, list[str]]:
    """The files that were changed, by run; the manifest of each has the note."""
    changed: dict[str, list[str]] = {}
    for folder, manifest in list(runs_newest_first(runs_dir)):
        names = [path.relative_to(folder.path).as_posix() for path in folder.files() if _erase(path, student)]
        if names:
            note = {"at": now_text(), "by": user_name(), "files": names}
            manifest["erased"] = [*manifest.get("erased", []), note]
            folder.write(MANIFEST, sealed(manifest))
            folder.seal(*names)
            changed[folder.run_id] = names
    return changed


def _erase(path: Path, student: Student) -> bool:
    """Whether the file held the student."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        cleared = _cleared(table, student)
        if cleared is table:
            return False
        sink = io.BytesIO()
        pq.write_table(cleared, sink)
        write_private(path, sink.getvalue())
        return True
    before = path.read_bytes()
    after = _archive(before, student) if path.suffix == ".xlsx" else before
    if path.suffix in _TEXTS:
        after = student.words().sub(ERASED.encode(), before)
    if after != before:
        write_private(path, after)
    return after != before


def _archive(content: bytes, student: Student) -> bytes:
    """A workbook with its parts cleared; as it was when none holds the student."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {info: archive.read(info) for info in archive.infolist()}
    cleared = {info: student.words().sub(ERASED.encode(), part) for info, part in parts.items()}
    if cleared == parts:
        return content
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, part in cleared.items():
            archive.writestr(info, part)
    return sink.getvalue()


def _cleared(table: pa.Table, student: Student) -> pa.Table:
    """The table without the student; the same object when it did not hold them."""
    columns = {name: table[name].to_pylist() for name in table.column_names}
    gone = [False] * len(table)
    for name, cells in columns.items():
        if is_personal(name):
            gone = [
                was or (cell is not None and str(cell) in student.ids)
                for was, cell in zip(gone, cells, strict=True)
            ]
    if "table" in columns and (ids := columns.get("id", columns.get("row_id"))):
        pairs = zip(columns["table"], map(str, ids), strict=True)
        gone = [was or pair in student.rows for was, pair in zip(gone, pairs, strict=True)]
    cleared = table.filter(pa.array([not goes for goes in gone])) if any(gone) else table
    for name in cleared.column_names:
        at = cleared.column_names.index(name)
        cells = cleared[name].to_pylist()
        owners = cleared["table"].to_pylist() if "table" in columns else [""] * len(cells)
        fresh = [_cell(cell, name, owner, student) for cell, owner in zip(cells, owners, strict=True)]
        if fresh != cells:
            cleared = cleared.set_column(
                at, cleared.schema.field(at), pa.array(fresh, cleared.schema.field(at).type)
            )
    return cleared


def _cell(cell: Any, name: str, table: str, student: Student) -> Any:
    if name == "layout" and isinstance(cell, bytes):
        return without_keys(cell, table, student)
    if isinstance(cell, bytes):
        return student.words().sub(ERASED.encode(), cell)
    return student.words().sub(ERASED.encode(), cell.encode()).decode() if isinstance(cell, str) else cell


def without_keys(layout: bytes, table: str, student: Student) -> bytes:
    """The shape of a table (`tables.shapes`) without the rows of the student."""
    rows = pq.read_table(pa.BufferReader(layout))
    own = {row_id for name, row_id in student.rows if name == table}
    own |= student.ids if table in PERSONAL_TABLES else set()
    kept = [
        key not in own and not (key and student.words().search(key.encode())) for key in rows[KEY].to_pylist()
    ]
    if all(kept):
        return layout
    sink = pa.BufferOutputStream()
    pq.write_table(rows.filter(pa.array(kept)), sink, compression="zstd", write_statistics=False)
    return sink.getvalue().to_pybytes()


def places_of(root: Path, student: Student) -> Iterator[Path]:
    """Every file under a folder that still names the student, packed ones too."""
    for path in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
        if _holds(path, student):
            yield path


def _holds(path: Path, student: Student) -> bool:
    """Also where an id is part of a longer one."""
    if path.suffix == ".parquet":
        return _cleared(table := pq.read_table(path), student) is not table
    parts = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(name) for name in archive.namelist()]
    long = [value.encode() for value in student.ids if _telling(value)]
    return any(student.words().search(part) or any(value in part for value in long) for part in parts)
