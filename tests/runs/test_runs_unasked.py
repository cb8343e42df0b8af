"""A plan that was made while the target could not be asked, published when it can be: no published record is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import Plan
from edfi_toolkit.runs import Run

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
RESOURCE, PROGRAM = "studentProgramAssociations", "Grand Bend Bilingual 101"


def a_run(run_id: str = "new") -> Run:
    return edfi.open_run(profile="certification", school_year=2026, source="sample", run_id=run_id)


def in_the_ods(run: Run) -> set[tuple[Any, ...]]:
    with Client(run.target) as client:
        return {
            (
                row["studentReference"]["studentUniqueId"],
                row["programReference"]["programName"],
                row["beginDate"],
            )
            for row in client.rows(RESOURCE)
        }


def correct(folder: Path, old: str, new: str) -> None:
    path = folder / "source" / "program_participation.csv"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_key_change_planned_without_the_target_deletes_nothing_that_it_may_not_replace(
    sent: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = a_run("latest")
    before = in_the_ods(first)

    row = f"K7310002,{RESOURCE},255901,255901,{PROGRAM}"
    correct(sent.folder, row, row.replace("101", "102"))  # a program that the ODS does not have
    with monkeypatch.context() as away:
        away.setenv("EDFI_TARGET_SANDBOX_KEY", "one-that-was-withdrawn")
        run = a_run()
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
        assert run.folder.manifest["steps"]["validate"]["unasked"] == "OdsRefusedLogin"
        fingerprint = run.plan.fingerprint
    later = a_run("latest")
    later.publish(approved=fingerprint)
    assert in_the_ods(later) == before
    assert exit_of_steps(later.folder.manifest["steps"]) == 3

    correct(sent.folder, "Bilingual 102", "Bilingual 103")
    asked = a_run()
    for step in (asked.extract, asked.build, asked.validate, asked.preview):
        step()
    assert "COM-DEP-1" in {rule for rules in asked.checked.held["held_by"] for rule in rules}
    asked.publish(approved="auto")
    assert in_the_ods(asked) == before


def actions_of(run: Run) -> list[str]:
    """What is sent."""
    plan = Plan.load(run.path)
    return plan.items.loc[plan.sends, "action"].tolist()


def test_a_run_knows_later_too_whether_its_key_changes_were_checked(sent: Playground) -> None:
    """One that was checked by an earlier version, which kept nothing of that, holds them until it is checked again."""
    row = f"K7310002,{RESOURCE},255901,255901,{PROGRAM},Bilingual,2025-10-20"
    correct(sent.folder, row, row.replace("2025-10-20", "2025-10-21"))
    run = a_run()
    for step in (run.extract, run.build, run.validate):
        step()
    later = a_run("latest")
    later.preview()
    assert later.checked.checked_against == Plan.load(run.path).checked_against == run.target.identity
    assert actions_of(run) == ["DELETE", "POST"]

    of_earlier = dict(run.folder.manifest["steps"]["validate"])
    del of_earlier["checked_against"]
    run.folder.record("validate", of_earlier)
    again = a_run("latest")
    again.preview()
    assert actions_of(run) == []
    a_run("latest").validate()  # as another notebook does, which finds the same
    assert not again.folder.has("preview")  # made of what no one had asked
    again.preview()
    assert actions_of(run) == ["DELETE", "POST"]
    before = in_the_ods(run)
    a_run("latest").publish(approved="auto")
    assert in_the_ods(run) ^ before == {("222222", PROGRAM, f"2025-10-2{day}") for day in (0, 1)}
