"""The rejection workshop on the sample with its sandbox: look, correct, check again, retry, dismiss, hand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import make_playground, target_environ, working_in
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.run import Run
from edfi_toolkit.runs.workshop import Workshop
from edfi_toolkit.widgets.workshop_panel import WorkshopPanel
from tests.processes import KeptOds
from tests.stages import Stage, seeded

WHO = {"author": "R. Ibarra", "reason": "reported at the state agency by mistake"}


@pytest.fixture(scope="module")
def first_published(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds) -> Stage:
    """The sample's first state, of which the ODS refused seven records, one of them with 403."""
    made = make_playground(tmp_path_factory.mktemp("refused") / "work", "certification")
    seeded(made, "before", sandbox)
    with working_in(made.folder, target_environ(sandbox)):
        run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
        run.publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture
def published(tmp_path: Path, sandbox: KeptOds, first_published: Stage) -> Iterator[Run]:
    """A copy of it."""
    with first_published.copied(tmp_path / "work", sandbox):
        yield edfi.open_run(profile="certification", school_year=2026, source="sample")


def choose(panel: WorkshopPanel, cause: str = "not-enrolled") -> None:
    """Choose the only record of a cause."""
    panel.records.select(panel._shown["cause_id"].tolist().index(cause))


def test_a_refusal_is_understood_corrected_retried_and_delivered_in_the_panel(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    panel.form.press("correct", **WHO)
    assert "Choose a record" in panel.status.value
    choose(panel)
    cells, sent, live, story, history = (leaf.value for leaf in panel.leaves.children)
    assert "255900" in cells
    marked = panel.workshop.source_rows(panel.chosen.iloc[0]).query("mark != ''")
    assert marked["column"].tolist() == ["program_education_organization_id"]
    assert "Answered: 403" in sent
    assert "255900" in live
    assert "CERT" in story
    assert "refused" in history
    student = panel.chosen["student_unique_id"].iloc[0]
    assert all(student not in leaf.value for leaf in panel.leaves.children)
    cell = "program_participation.education_organization_id"
    panel.form.press("correct", cell=cell, value="255901", author="R. Ibarra")
    assert "your name and a reason" in panel.status.value
    panel.form.press("correct", cell=cell, value="255901", **WHO)
    assert "Kept as correction 1" in panel.status.value
    panel.form.press("check", **WHO)
    assert "Nothing was sent. 1 would be created" in panel.status.value
    panel.form.press("retry", **WHO)
    assert "1 of 1 delivered; 0 still refused." in panel.status.value
    assert "not-enrolled" not in panel.workshop.open["cause_id"].tolist()
    assert "delivered under another key" in repr(published.workshop())


def test_a_dismissed_refusal_is_shown_again_when_its_record_changes(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    choose(panel)
    refused = panel.chosen
    panel.form.press("dismiss", author="R. Ibarra", reason="the agency is asked")
    assert len(Workshop(published).open) == 6
    assert "1 refusal dismissed" in repr(published.workshop())
    again, _ = panel.workshop.check(refused, progress=lambda *_: None)
    panel.workshop.retry(again, refused, person="R. Ibarra", progress=lambda *_: None)
    assert len(Workshop(published).open) == 6  # the same record, refused for the same reason
    with decisions_of(published) as decisions:
        decisions.correct(
            table="program_participation",
            row_id="p-9014",
            column="end_date",
            was="2026-05-23",
            value="2026-05-01",
            **WHO,
        )
    again, _ = panel.workshop.check(refused, progress=lambda *_: None)
    panel.workshop.retry(again, refused, person="R. Ibarra", progress=lambda *_: None)
    assert len(Workshop(published).open) == 7
    with decisions_of(published) as decisions:
        assert decisions.dismissals(closed=True)["closed_how"].tolist() == ["its record changed"]


def test_the_chosen_ones_are_handed_on_masked_by_owner(published: Run) -> None:
    from openpyxl import load_workbook

    panel = WorkshopPanel(Workshop(published))
    panel.form.press("hand_on", **WHO)
    book = load_workbook(published.path / "hand-on.xlsx")
    assert book.sheetnames == panel.workshop.open["who"].unique().tolist()
    written = str([[cell.value for cell in row] for sheet in book for row in sheet])
    assert panel.workshop.open["student_unique_id"].iloc[0] not in written
