"""NM-SEL-1 with `nm.student_published_from = "ods"`: real exports do not know who is published; the target does."""

from __future__ import annotations

from pathlib import Path

import httpx
import pandas as pd
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import make_playground, target_environ, working_in
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import Running

ASKS = {"nm.student_published_from": "ods"}


def test_the_target_says_who_is_published_and_the_run_keeps_it(tmp_path: Path, sandbox: Running) -> None:
    made = make_playground(tmp_path / "work", "nm-powerschool")
    made.source_becomes("before")
    httpx.post(f"{sandbox.control_url}/reset", json={"drop": ["seed"]}).raise_for_status()
    for seed in made.seeds:
        httpx.post(f"{sandbox.control_url}/seed", content=seed.read_bytes()).raise_for_status()
    file = next((tmp_path / "work").rglob("students.csv"))
    students = pd.read_csv(file, dtype="str")
    students.drop(columns="student_published").to_csv(file, index=False)
    with working_in(made.folder, target_environ(sandbox)):
        run = edfi.open_run(
            profile="nm-powerschool", school_year=2026, source="sample", run_id="new", settings=ASKS
        )
        run.extract()
        run.build()
        assert run.folder.damaged() == []  # a run that is taken up again goes on from these
        again = edfi.open_run(profile="nm-powerschool", school_year=2026, source="sample").tables.students

    seeded = b"".join(seed.read_bytes() for seed in made.seeds)
    held = [f'"{each}"'.encode() in seeded for each in students["student_unique_id"].fillna("none")]
    assert again["student_published"].fillna(False).tolist() == held
    assert again["student_published"].isna().tolist() == students["student_unique_id"].isna().tolist()
    assert len(run.built.records) > 0
    unpublished = set(students["student_id"][[not each for each in held]])
    asked_for = set(pd.read_csv(file.with_name("cte_records.csv"), dtype="str")["student_id"])
    skipped = set(run.built.skipped.query("rule == 'NM-SEL-1' and table == 'students'")["id"])
    assert skipped == unpublished & asked_for != set()


def test_a_build_that_cannot_ask_says_so() -> None:
    students = [{"student_id": "1", "student_unique_id": "900111222"}]
    with pytest.raises(ConfigError, match="nothing has asked it"):
        edfi.build({"students": students}, profile="nm-powerschool", school_year=2026, settings=ASKS)
