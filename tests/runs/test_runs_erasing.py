"""Erasing: no file and no page of the workspace names the student, but what is reported; no one else is missing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from sqlalchemy import select, update

from edfi_toolkit.cli.erase import erase
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.runs import Run, erasing, open_run
from edfi_toolkit.runs.erasing import Student, places_of
from edfi_toolkit.runs.evidence import FAULTS, verify
from edfi_toolkit.runs.folder import RunFolder

pytestmark = pytest.mark.process
STUDENT, NAME = "900417303", "Quittenbaum"


def frames(run: Run) -> dict[str, pd.DataFrame]:
    return {str(path.relative_to(run.path)): pd.read_parquet(path) for path in run.path.rglob("*.parquet")}


def others(run: Run) -> dict[str, set[str]]:
    """The students in each frame, without the one."""
    return {
        f"{name}.{column}": set(map(str, frame[column].dropna())) - {STUDENT}
        for name, frame in frames(run).items()
        for column in frame.columns
        if column == "student_unique_id"
    }


def still_in(folder: Path, word: str) -> set[str]:
    """Files that hold a word, packed or in a frame."""
    found = set()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes()
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                text = b"".join(archive.read(name) for name in archive.namelist())
        if path.suffix == ".parquet":
            text += repr(pq.read_table(path).to_pylist()).encode()
        if word.encode() in text:
            found.add(path.relative_to(folder).as_posix())
    return found


def test_a_student_is_erased_and_no_one_else_is(sent: Playground) -> None:
    run = open_run(profile="certification", school_year=2026, source="sample")
    run.workbook(reveal=True)
    students = run.tables["students"]
    (sis_id,) = students.loc[students["student_unique_id"].eq(STUDENT), "student_id"]
    mask = run.masker().value(STUDENT)
    before, rows = others(run), {name: len(frame) for name, frame in frames(run).items()}
    assert len(still_in(sent.folder, STUDENT)) >= 8
    assert still_in(sent.folder, mask) > set()
    notes = pd.DataFrame(
        {"says": [f"Ask for {NAME}, Cornelis.", "Cornelis Pappel"], "student_id": [None, "1"]}
    )
    run.folder.save_frame("notes", notes)
    run.folder.seal("notes.parquet")
    rows["notes.parquet"] = 2

    command = [sys.executable, "-m", "edfi_toolkit", "erase", STUDENT, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert "by_hand" in report, done.stderr

    left = still_in(sent.folder, STUDENT)
    assert (done.returncode, report["by_hand"]) == (0, []), done.stderr
    assert {name for name in left if not name.startswith("source/")} == {"ledger.db"}
    assert {Path(name).name for name in report["in_source"]} >= {Path(name).name for name in left} - {
        "ledger.db"
    }
    assert all("/source/" in name for name in report["in_source"])
    assert {name for name in still_in(sent.folder, sis_id) if not name.startswith("source/")} <= {"ledger.db"}
    assert still_in(sent.folder, mask) == set()
    assert still_in(sent.folder, NAME) == {"source/students.csv"}
    assert others(run) == before
    assert frames(run)["notes.parquet"]["says"].to_list() == ["Ask for [erased].", "Cornelis Pappel"]
    assert any(len(frame) < rows[name] for name, frame in frames(run).items())
    with Ledger(run.installation.ledger) as ledger, ledger.reading() as connection:
        for table in schema.metadata.sorted_tables:
            named = [
                row
                for row in connection.execute(select(table)).mappings()
                if STUDENT in map(str, row.values())
            ]
            assert len(named) == (report["identity_map"] if table.name == "identity_map" else 0), table.name
    assert report["identity_map"] > 0
    found = verify(run.folder, run.installation)
    assert found[found["state"].isin(FAULTS)].to_dict("records") == []
    assert found["state"].eq("erased on request").any()


def test_a_ledger_that_another_program_reads_is_told_and_its_files_are_no_rubbish(
    sent: Playground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edfi_toolkit.ledger.database.BUSY_S", 0.05)
    run = open_run(profile="certification", school_year=2026, source="sample")
    path = Path(run.installation.ledger)
    log = path.with_name("ledger.db-wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM attempts").fetchall()
        with Ledger(path) as ledger, ledger.writing() as connection:
            connection.execute(update(schema.identity_map).values(last_status=299))
        assert STUDENT.encode() in log.read_bytes()
        with pytest.raises(typer.Exit) as ended:
            erase(STUDENT, as_json=True)
        out, err = capsys.readouterr()
        report = json.loads(out)
        assert (ended.value.exit_code, report["ledger_compacted"], report["by_hand"]) == (3, False, [])
        assert "Close all notebooks" in err
        assert "the same command again" in err
        assert run.id in report["changed"]
        assert log.stat().st_size > 0
    with pytest.raises(typer.Exit) as ended:
        erase(STUDENT, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.exit_code, report["ledger_compacted"], report["by_hand"]) == (0, True, [])


def test_a_run_that_is_removed_meanwhile_holds_no_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it goes before its rows are read, its files are listed, one of them is read, or the note is written."""
    kept = [RunFolder(tmp_path, run_id) for run_id in ("kept", "listed", "read", "written")]
    for folder in kept:
        folder.begin({})
        students = {
            "student_unique_id": [STUDENT],
            "student_id": ["S"],
            "first_name": ["A"],
            "last_name": ["B"],
        }
        folder.save_frame("tables/students", pd.DataFrame(students))
        folder.write("a.txt", STUDENT.encode())
        folder.write("b.txt", STUDENT.encode())
        folder.seal()
    reads, files, erases = pq.read_table, RunFolder.files, erasing._erase

    def read_table(path: Path, **how: Any) -> Any:
        if "listed" in str(path):
            path.unlink(missing_ok=True)
        return reads(path, **how)

    def listing(folder: RunFolder) -> Any:
        if folder.run_id == "listed":
            raise FileNotFoundError
        return files(folder)

    def erased(path: Path, student: Student) -> bool:
        if path.parent.name == "read" and path.name == "a.txt":
            path.unlink()
        found = erases(path, student)
        if path.parent.name == "written":
            (path.parent / "manifest.json").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(pq, "read_table", read_table)
    student = erasing.find(tmp_path, STUDENT, b"key")
    assert student.ids == {STUDENT, "S"}
    monkeypatch.setattr(pq, "read_table", reads)
    monkeypatch.setattr(RunFolder, "files", listing)
    monkeypatch.setattr(erasing, "_erase", erased)
    changed = erasing.erase_from_runs(tmp_path, student)
    whole = ["a.txt", "b.txt", "tables/students.parquet"]
    assert changed == {"kept": whole, "read": whole[1:]}


def test_a_file_that_goes_while_it_is_looked_for_names_no_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite's own files do, and a folder that prune removes."""
    for name in ("a.txt", "b.parquet", "c.txt", "run/tables/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(STUDENT)
    holds = erasing._holds

    def later(path: Path, student: Student) -> bool:
        if path.suffix == ".parquet" or path.name == "c.txt":
            path.unlink()
        return holds(path, student)

    monkeypatch.setattr(erasing, "_holds", later)
    listing = os.scandir

    def gone(path: Any = ".") -> Any:
        if Path(path).name == "tables":
            raise FileNotFoundError
        return listing(path)

    monkeypatch.setattr("os.scandir", gone)
    assert [path.name for path in places_of(tmp_path, Student({STUDENT}, b"key"))] == ["a.txt"]


@pytest.mark.parametrize(
    "said",
    [
        "Zoë D'Arc", "D'Arc, Zoë", "Zoë Maria D'Arc", "ZOë d'arc", '"Zoë","D\'Arc"', "Zoë,D'Arc", "Zoë D&#x27;Arc",
        "Zo\\u00eb D'Arc", "S900417303", "900417303",
    ],
)  # fmt: skip
def test_id_and_name_are_found_in_each_spelling(said: str) -> None:
    student = Student({STUDENT}, b"key", {("Zoë", "D'Arc")})
    cleared = student.cleared(f"Ask {said}.".encode()).decode()
    assert cleared.replace('"', "") == "Ask [erased]."


@pytest.mark.parametrize(
    "said", ["Zoë Darc", "Zoën D'Arc", "Zoë", "D'Arc", "9004173035", "A900417303", "Zoë or Ann D'Arc"]
)
def test_what_is_another_s_stays(said: str) -> None:
    assert Student({STUDENT}, b"key", {("Zoë", "D'Arc")}).cleared(said.encode()).decode() == said
