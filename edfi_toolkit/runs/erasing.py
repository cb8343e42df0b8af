"""One student erased from what runs left: rows and bodies in frames, ids and pseudonyms in texts, keys in shapes.

1. A row goes when a personal column names the student, or when it is about a row of theirs (table and id). Anywhere
   else the id, what stands for it, and first and last name next to each other become `[erased]`, so that no one else's
   row goes with it.
2. A file is changed whole or not at all; the manifest gets the new digests and a note, which `verify` accepts.
3. Ids of fewer than five characters, or without a digit, are found where a column names a student, not in sentences.
"""

from __future__ import annotations

import html
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edfi_toolkit.privacy import MASKED_FROM, PERSONAL_TABLES, STUDENT_IDS, is_personal, pseudonym
from edfi_toolkit.runs.folder import MANIFEST, RunFolder, now_text, runs_newest_first, sealed
from edfi_toolkit.runs.user import user_name
from edfi_toolkit.storage import write_private
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.tables.shapes import KEY

ERASED = "[erased]"
_NAMES = ("first_name", "last_name")
# Between the two parts of a name: a cell's end, a comma, a further name
_NEXT_TO = rb"(?:[\"']?[\s,;|]{1,3}[\"']?(?:\w+\.?\s)?)"
_TEXTS = (".json", ".jsonl", ".ipynb", ".html", ".csv", ".txt", ".log")


def _telling(value: str) -> bool:
    """Whether a text that has it is about the student: no word of the language, and no small number."""
    return len(value) >= MASKED_FROM and any(map(str.isdigit, value))


@dataclass
class Student:
    """Who is erased. ids: in the state and in the SIS. names: first and last. rows: of the source, as (table, id)."""

    ids: set[str]
    key: bytes
    names: set[tuple[str, str]] = field(default_factory=set)
    rows: set[tuple[str, str]] = field(default_factory=set)

    @cached_property
    def words(self) -> re.Pattern[bytes]:
        """What stands for the student in a text; to be asked for once all of it is known."""
        shown = [pseudonym(value, self.key) for value in self.ids]
        words = [*filter(_telling, self.ids), *shown]
        named = [pair for names in self.names for pair in (names, names[::-1])]
        one = [re.escape(word.encode()) for word in sorted(words)]
        one += [_NEXT_TO.join(map(_spelled, pair)) for pair in sorted(named)]
        short = b"|".join(re.escape(value.encode()) for value in sorted(self.ids))
        return re.compile(
            rb"(?<![A-Za-z0-9])(?i:S?(?:"
            + b"|".join(one)
            + rb"))(?![A-Za-z0-9])|(?<=students:)(?:"
            + short
            + rb")(?!\w)"
        )

    def cleared(self, content: bytes) -> bytes:
        """A text without what stands for the student."""
        return self.words.sub(ERASED.encode(), content)

    def without_keys(self, layout: bytes, table: str) -> bytes:
        """The shape of a table (`tables.shapes`) without the rows of the student."""
        rows = pq.read_table(pa.BufferReader(layout))
        own = {row_id for name, row_id in self.rows if name == table}
        own |= self.ids if table in PERSONAL_TABLES else set()
        kept = [
            key not in own and not (key and self.words.search(key.encode())) for key in rows[KEY].to_pylist()
        ]
        if all(kept):
            return layout
        sink = pa.BufferOutputStream()
        pq.write_table(rows.filter(pa.array(kept)), sink, compression="zstd", write_statistics=False)
        return sink.getvalue().to_pybytes()


def _spelled(name: str) -> bytes:
    """A name in each spelling that a text, a page and JSON have for it."""
    spelled = {name, html.escape(name), html.escape(name, quote=False), json.dumps(name)[1:-1]}
    return b"(?:" + b"|".join(re.escape(way.encode()) for way in sorted(spelled)) + b")"


def find(runs_dir: Path, student: str, key: bytes) -> Student:
    """The student by either id, with the other one and the rows of theirs that the runs kept."""
    found = Student({student}, key)
    tables = [folder.path / "tables" for folder in runs_newest_first(runs_dir)]
    for place in tables:
        for row in _rows(place / "students.parquet", [*STUDENT_IDS, *_NAMES]).to_pylist():
            if student in map(row.get, STUDENT_IDS):
                found.ids |= {str(row[name]) for name in STUDENT_IDS if row[name]}
                first_and_last = (row[_NAMES[0]], row[_NAMES[1]])
                if all(first_and_last):
                    found.names.add(first_and_last)
    for place in tables:
        for name, table in TABLES.items():
            if "student_id" in table.columns:
                every = _rows(place / f"{name}.parquet", list({"student_id", *table.primary_key}))
                kept = every.filter(
                    pc.is_in(every["student_id"].cast(pa.string()), value_set=pa.array(sorted(found.ids)))
                )
                found.rows |= {
                    (name, ",".join(str(row[key]) for key in table.primary_key)) for row in kept.to_pylist()
                }
    return found


def _rows(path: Path, columns: list[str]) -> pa.Table:
    """A table's rows; none where it is not there, or its run is removed meanwhile."""
    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        return pa.table({name: pa.array([], pa.string()) for name in columns})


def erase_from_runs(runs_dir: Path, student: Student) -> dict[str, list[str]]:
    """The files that were changed, by run; the manifest of each has the note."""
    changed: dict[str, list[str]] = {}
    for folder, manifest in [(folder, folder.manifest) for folder in runs_newest_first(runs_dir)]:
        names = _erased_in(folder, student)
        if names and folder.manifest:  # else it was removed meanwhile
            note = {"at": now_text(), "by": user_name(), "files": names}
            manifest["erased"] = [*manifest.get("erased", []), note]
            folder.write(MANIFEST, sealed(manifest))
            folder.seal(*names)
            changed[folder.run_id] = names
    return changed


def _erased_in(folder: RunFolder, student: Student) -> list[str]:
    """The files of a run that were changed; what is removed meanwhile, by prune or by a run, needs no change."""
    names = []
    with suppress(FileNotFoundError):
        for path in folder.files():
            with suppress(FileNotFoundError):
                if _erase(path, student):
                    names.append(path.relative_to(folder.path).as_posix())
    return names


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
        after = student.cleared(before)
    if after != before:
        write_private(path, after)
    return after != before


def _archive(content: bytes, student: Student) -> bytes:
    """A workbook with its parts cleared; as it was when none holds the student."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {info: archive.read(info) for info in archive.infolist()}
    cleared = {info: student.cleared(part) for info, part in parts.items()}
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
        return student.without_keys(cell, table)
    if isinstance(cell, bytes):
        return student.cleared(cell)
    return student.cleared(cell.encode()).decode() if isinstance(cell, str) else cell


def places_of(root: Path, student: Student) -> Iterator[Path]:
    """Every file under a folder that still names the student, packed ones too; one that goes meanwhile does not."""
    found = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    for path in sorted(path for path in found if path.is_file() and not path.is_symlink()):
        with suppress(FileNotFoundError):
            if _holds(path, student):
                yield path


def _holds(path: Path, student: Student) -> bool:
    """Also where an id is part of a longer one."""
    if path.suffix == ".parquet":
        return _cleared(table := pq.read_table(path), student) is not table
    content = path.read_bytes()
    parts = [content]
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [archive.read(name) for name in archive.namelist()]
    long = [value.encode() for value in student.ids if _telling(value)]
    return any(student.words.search(part) or any(value in part for value in long) for part in parts)
