"""Erasing: no file and no page of the workspace names the student, but what is reported; no one else is missing."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.runs import Run, open_run
from edfi_toolkit.runs.erasing import Student
from edfi_toolkit.runs.evidence import FAULTS, verify

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


def test_a_student_is_erased_and_no_one_else_is(work: Playground) -> None:
    run = open_run(profile="certification", school_year=2026, source="sample")
    run.publish(approved="auto", progress=lambda *_: True)
    run.workbook(reveal=True)
    students = run.tables["students"]
    (sis_id,) = students.loc[students["student_unique_id"].eq(STUDENT), "student_id"]
    mask = run.masker().value(STUDENT)
    before, rows = others(run), {name: len(frame) for name, frame in frames(run).items()}
    assert len(still_in(work.folder, STUDENT)) >= 8
    assert still_in(work.folder, mask) > set()
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

    left = still_in(work.folder, STUDENT)
    assert (done.returncode, report["by_hand"]) == (0, []), done.stderr
    assert {name for name in left if not name.startswith("source/")} == {"ledger.db"}
    assert {Path(name).name for name in report["in_source"]} >= {Path(name).name for name in left} - {
        "ledger.db"
    }
    assert all("/source/" in name for name in report["in_source"])
    assert {name for name in still_in(work.folder, sis_id) if not name.startswith("source/")} <= {"ledger.db"}
    assert still_in(work.folder, mask) == set()
    assert still_in(work.folder, NAME) == {"source/students.csv"}
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
