"""A correction on its way: from the ledger over the source to the plan and the ODS, until the source says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.errors import ConfigError, PlanError
from edfi_toolkit.review import rejections
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.ledger_now import rejection_rows
from edfi_toolkit.runs.rejections.retry import check_again, send_again, verdicts
from edfi_toolkit.runs.run import Run
from tests.processes import KeptOds
from tests.proofs import long_proof
from tests.stages import Stage

ROW = "cert-d1-b"


def a_run(run_id: str = "new") -> Run:
    return edfi.open_run(profile="certification", school_year=2026, source="sample", run_id=run_id)


def previewed() -> Run:
    run = a_run()
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    return run


def source_file(work: Playground) -> Path:
    return work.folder / "source" / "program_participation.csv"


def correct_end(run: Run, value: str) -> None:
    rows = run.tables["program_participation"].set_index("participation_id")
    was = rows.loc[ROW, "end_date"]
    with decisions_of(run) as decisions:
        decisions.correct(
            table="program_participation",
            row_id=ROW,
            column="end_date",
            was=f"{was:%Y-%m-%d}",
            value=value,
            student_id=rows.loc[ROW, "student_id"],
            author="R. Ibarra",
            reason="left earlier",
        )


@pytest.fixture(scope="module")
def first_corrected(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_run: Stage) -> Stage:
    """A correction, and a run that read the source with it up to its preview."""
    with first_run.copied(tmp_path_factory.mktemp("corrected") / "work", sandbox) as made:
        correct_end(a_run("latest"), "2026-03-06")
        previewed()
    return Stage(made, sandbox.keep())


@pytest.fixture
def corrected(tmp_path: Path, sandbox: KeptOds, first_corrected: Stage) -> Iterator[Playground]:
    """A copy of it."""
    with first_corrected.copied(tmp_path / "work", sandbox) as made:
        yield made


def test_a_correction_asks_for_the_source_to_be_read_again(work: Playground) -> None:
    """COM-COR-1."""
    run = a_run("latest")
    correct_end(run, "2026-03-06")
    with pytest.raises(PlanError, match="Read the source again"):
        run.preview()
    with pytest.raises(ConfigError, match=r"^No student of the source has that id or name\.(?!.*corrected)"):
        run.student("nobody")
    whose = run.tables["program_participation"].set_index("participation_id").loc[ROW, "student_id"]
    assert (story := run.student(whose)).tone == "check"
    assert "Read the source again" in story.says
    assert "Read the source again" not in run.student("111111").says, "it is about another student"


def test_a_correction_reaches_the_plan_and_ends_when_the_source_agrees(corrected: Playground) -> None:
    """COM-COR-1."""
    again = a_run("latest")
    (first,) = {path.name for path in again.path.parent.iterdir()} - {again.id}
    run = a_run(first)
    whose = run.tables["program_participation"].set_index("participation_id").loc[ROW, "student_id"]
    assert "Read the source again" not in again.student(whose).says
    assert again.folder.manifest["steps"]["extract"]["corrected"] == 1
    assert again.folder.manifest["steps"]["extract"]["corrections"] == {"1": "applied"}
    items = again.plan.items
    resting = items[[f"program_participation:{ROW}" in refs for refs in items["source_refs"]]]
    assert [body["endDate"] for body in resting["body"]] == ["2026-03-06"]
    assert "COM-COR-1" in resting["rules"].iloc[0]
    assert again.plan.findings["code"].eq("CORRECTED").sum() == 1
    assert again.plan.fingerprint != run.plan.fingerprint
    text = source_file(corrected).read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{ROW},"))
    was = f"{run.tables['program_participation'].set_index('participation_id').loc[ROW, 'end_date']:%Y-%m-%d}"
    source_file(corrected).write_text(text.replace(line, line.replace(was, "2026-03-06")))
    agreed = previewed()
    assert agreed.plan.fingerprint == again.plan.fingerprint
    with decisions_of(agreed) as decisions:
        assert decisions.corrections(closed=True)["closed_how"].tolist() == ["source agrees"]


def test_a_corrected_row_under_another_key_deletes_and_sends_nothing(corrected: Playground) -> None:
    """COM-COR-3: what was published from it stays, until a person has decided."""
    a_run("latest").publish(approved="auto")
    text = source_file(corrected).read_text()
    source_file(corrected).write_text(text.replace(f"{ROW},", "moved-1,", 1))
    run = previewed()
    items = run.plan.items
    of_row = [f"program_participation:{ROW}" in refs for refs in items["source_refs"]]
    assert not items[of_row]["action"].isin(["POST", "PUT", "DELETE"]).any()
    held = run.plan.findings[run.plan.findings["code"].eq("HELD")]
    assert held["says"].str.contains("COM-COR-3").any()
    assert "COM-COR-3" in set(run.tables.skipped["rule"])


def quiet(_done: int, _total: int | None, _counts: object = None) -> None:
    """Progress that no one watches."""


@long_proof
def test_a_refused_record_is_corrected_checked_again_retried_and_delivered(work: Playground) -> None:
    work.source_becomes("before")
    run = previewed()
    run.publish(approved="auto")
    opened = rejection_rows(run).query("open")
    assert sorted(opened["status"].tolist()) == [400, 400, 400, 400, 400, 403, 409]
    refused, others = opened.query("status == 403"), opened.query("status != 403")
    unchanged = check_again(run, refused, progress=quiet)
    assert verdicts(unchanged, refused)["now"].tolist() == ["would be created"]
    with decisions_of(run) as decisions:
        decisions.correct(
            table="program_participation",
            row_id="p-9014",
            column="education_organization_id",
            was="255900",
            value="255901",
            author="R. Ibarra",
            reason="reported at the state agency by mistake",
        )
    again = check_again(run, refused, progress=quiet)
    assert again.plan.mode == "retry"
    assert again.plan.items["action"].tolist() == ["POST"]
    assert again.plan.findings["code"].eq("ONLY_CHOSEN").sum() == 1
    send_again(again, refused, approved=again.plan.fingerprint, progress=quiet)
    after = rejection_rows(run).set_index("status")
    assert after.loc[403, ["open", "closed_how"]].tolist() == [False, "delivered under another key"]
    assert sorted(rejections(run.installation.ledger, open=True)["status"]) == sorted(others["status"])
    assert a_run("latest").id == run.id  # the retry is opened by its name
    plan = previewed().plan
    sent_again = plan.items[plan.sends]
    assert sorted(sent_again["student_unique_id"]) == sorted(others["student_unique_id"])
