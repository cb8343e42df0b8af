"""Evidence: one changed byte in any file of a run is found and named; a source that goes on is no fault."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest
from sqlalchemy import update

from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.runs import Run, evidence, folder, open_run
from edfi_toolkit.runs.evidence import CHANGED, FAULTS, verify
from edfi_toolkit.runs.folder import RunFolder

pytestmark = pytest.mark.process


@pytest.fixture
def run(sent: Playground) -> Run:
    """A run that has published."""
    opened = open_run(profile="certification", school_year=2026, source="sample")
    opened.workbook(reveal=True)
    return opened


def checks(run: Run) -> pd.DataFrame:
    return verify(run.folder, run.installation)


def faults(run: Run) -> list[tuple[str, str]]:
    found = checks(run)
    wrong = found[found["state"].isin(FAULTS)]
    return list(zip(wrong["name"], wrong["state"], strict=True))


def flip(path: Path) -> bytes:
    """One byte becomes another: in the middle, or in the manifest within a text; gives the file as it was."""
    before = path.read_bytes()
    at = before.index(b'": "') + 5 if path.name == "manifest.json" else len(before) // 2
    path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    return before


def test_one_changed_byte_in_any_file_is_named(run: Run) -> None:
    found = checks(run)
    assert faults(run) == []
    assert set(found["kind"]) == {"manifest", "artifact", "plan", "version", "source", "ledger"}
    files = [path for path in sorted(run.path.rglob("*")) if path.is_file()]
    assert len(files) > 15
    for path in files:
        before = flip(path)
        name = path.relative_to(run.path).as_posix()
        if name == "manifest.json":
            assert faults(run) == [(name, "differs")]
        else:
            assert (name, "differs") in faults(run)
        path.write_bytes(before)
    assert faults(run) == []


def test_what_a_killed_run_could_not_record_is_no_fault_and_anything_else_is(work: Playground) -> None:
    run = open_run(profile="certification", school_year=2026, source="sample")
    log, notebook = run.path / "log.jsonl", run.path / "notebooks" / "10_extract.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    (run.path / "held.csv").write_text("")
    with log.open("a") as file:
        file.write("{}\n")
    found = checks(run).set_index("name")["state"]
    assert (found["log.jsonl"], found["notebooks/10_extract.ipynb"]) == (CHANGED, CHANGED)
    assert faults(run) == [("held.csv", "added")]
    flip(log)
    assert ("log.jsonl", "differs") in faults(run)


def test_what_was_added_removed_or_written_into_the_manifest_or_the_ledger_is_named(run: Run) -> None:
    (run.path / "notebooks").mkdir()
    (run.path / "notebooks" / "x.ipynb").write_text("{}")
    (run.path / "held.parquet").unlink()
    with Ledger(run.installation.ledger) as ledger, ledger.writing() as connection:
        connection.execute(
            update(schema.attempts).where(schema.attempts.c.item == 0).values(outcome="refused")
        )
    assert set(faults(run)) == {
        ("notebooks/x.ipynb", "added"),
        ("held.parquet", "missing"),
        (run.id, "differs"),
    }
    manifest = run.path / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"started_by": "', b'"started_by": "x'))
    assert faults(run) == [("manifest.json", "differs")]


def test_a_source_that_has_gone_on_is_reported_and_is_no_fault(run: Run, sent: Playground) -> None:
    sent.source_becomes("before")
    found = checks(run)
    assert found.loc[found["kind"].eq("source"), "state"].eq("changed since").any()
    assert faults(run) == []


def test_the_command_names_what_differs_and_ends_with_2(run: Run) -> None:
    flip(run.path / "report.html")
    command = [sys.executable, "-m", "edfi_toolkit", "verify", run.id]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "report.html" in done.stdout, "1 differ" in done.stdout) == (2, True, True)


def test_a_run_that_is_removed_while_it_is_looked_through_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_folder(run_id: str) -> RunFolder:
        made = RunFolder(tmp_path, run_id)
        made.begin({"profile": "certification"})
        made.write("held.parquet", b"x")
        made.seal()
        return made

    one, other, last = map(a_folder, ("one", "other", "last"))
    digest = folder.sha256_of

    def removed_first(path: Path) -> str:
        shutil.rmtree(one.path) if one.path in path.parents else path.unlink()
        return digest(path)

    monkeypatch.setattr(folder, "sha256_of", removed_first)
    with pytest.raises(ConfigError, match=r"There is no run one .*'edfi-toolkit ledger' lists runs"):
        verify(one, Mock())
    with pytest.raises(ConfigError, match=r"Run other changed .* then verify it again"):
        verify(other, Mock())
    monkeypatch.setattr(evidence, "_artifacts", lambda *_: shutil.rmtree(last.path) or [])
    with pytest.raises(ConfigError, match="There is no run last"):
        verify(last, Mock())
    with pytest.raises(ConfigError, match="There is no run never"):
        verify(RunFolder(tmp_path, "never"), Mock())
