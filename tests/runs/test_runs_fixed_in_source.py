"""A refusal of which the source says something else by now: it is to be sent, and no one is asked to correct again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import edfi_toolkit as edfi
from edfi_toolkit.cli import app
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.review.causes import CORRECTED, FIXED, GIVES_NONE, by_cause
from edfi_toolkit.rules.owners import SIS_PUBLISHING_TEAM
from edfi_toolkit.runs import artifacts
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.ledger_now import rejection_rows
from edfi_toolkit.runs.rejections.explained import refusals
from edfi_toolkit.runs.rejections.fixed_in_source import Reading, reading_of, with_fixed
from edfi_toolkit.runs.rejections.source_places import explained_by_runs
from edfi_toolkit.runs.rejections.workshop import Workshop
from edfi_toolkit.runs.run import Run
from edfi_toolkit.widgets.workshop_panel import WorkshopPanel
from edfi_toolkit.widgets.workshop_says import of_a_record
from tests.processes import KeptOds
from tests.stages import Stage

TOO_EARLY, FOREIGN, NOT_GRANTED, KEY_TAKEN = "880088104", "880088113", "880088117", "880088115"
SAID = (
    "Fixed in the source since: begin date is now 2025-08-01 (it was 2025-07-01 when it was refused). Not sent yet. "
    "Press Check again, then Send what was checked; or approve the plan in notebook 30 and publish it in notebook 40. "
    "Who can do it: SIS publishing team. It was refused for this: A value is not acceptable to the ODS."
)


# What the source says when it is read again: (file, text): another text in its place.
SINCE: dict[str, dict[tuple[str, str], str]] = {
    "the same": {},
    "fixed": {  # the one that is too early; the foreign one says something else that is not wrong
        ("enrollments.csv", "420,2025-07-01"): "420,2025-08-01",
        ("enrollments.csv", "S13,N8810013,410,2025-08-11"): "S13,N8810013,410,2025-08-12",
    },
    "worse": {  # the one that is too early has an error; the one whose key is taken is gone
        ("enrollments.csv", "420,2025-07-01"): "420,2025-07-32",
        ("cte_records.csv", "c15,N8810015,410,CNA,,1,\n"): "",
    },
}


class Published(NamedTuple):
    """A run of which the ODS refused six records, and its source."""

    run: Run
    source: Path


class Since(NamedTuple):
    """That run, and another that read the source since."""

    run: Run
    again: Run


@pytest.fixture
def published(tmp_path: Path, sandbox: KeptOds, first_in_new_mexico: Stage) -> Iterator[Published]:
    """A copy of it before the source was read again."""
    with first_in_new_mexico.copied(tmp_path / "work", sandbox) as made:
        yield Published(a_run("latest"), made.folder / "source")


@pytest.fixture(scope="module")
def read_since(
    tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_in_new_mexico: Stage
) -> Callable[[str], Stage]:
    """The same after the source was read again, by what it says then."""

    @cache
    def made_of(says: str) -> Stage:
        with first_in_new_mexico.copied(tmp_path_factory.mktemp("since") / "work", sandbox) as made:
            for (name, was), is_now in SINCE[says].items():
                write(made.folder / "source" / name, was, is_now)
            read()
        return replace(first_in_new_mexico, made=made)

    return made_of


@pytest.fixture
def since(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox: KeptOds, read_since: Callable[[str], Stage]
) -> Iterator[Since]:
    """A copy of that; the parameter is what the source says by then."""
    with read_since(request.param).copied(tmp_path / "work", sandbox):
        again = a_run("latest")
        (first,) = {path.name for path in again.path.parent.iterdir()} - {again.id}
        yield Since(a_run(first), again)


def says(what: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("since", [what], indirect=True)


def write(path: Path, was: str, is_now: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(was) == 1
    path.write_text(text.replace(was, is_now), "utf-8")


def a_run(run_id: str) -> Run:
    return edfi.open_run(profile="nm-powerschool", school_year=2026, source="sample", run_id=run_id)


def read() -> Run:
    run = a_run("new")
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    return run


def of(run: Run, student: str) -> pd.Series:
    """The only refusal of a student."""
    (row,) = (row for _, row in refusals(run).iterrows() if row["student_unique_id"] == student)
    return row


def chosen(run: Run, student: str) -> WorkshopPanel:
    panel = WorkshopPanel(Workshop(run))
    panel.records.select(panel._shown["student_unique_id"].tolist().index(student))
    return panel


@says("the same")
def test_nothing_is_fixed_where_the_source_says_the_same(since: Since) -> None:
    assert set(refusals(since.run)["fixed"]) == {""}
    found = refusals(since.again)
    assert set(found["fixed"]) == {""}
    same = ["todo", "who", "field"]
    assert found[same].equals(refusals(since.run)[same])


@says("the same")
def test_the_newest_run_of_a_feed_is_loaded_once_for_the_refusals_of_all_its_runs(
    since: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load_build = list[str](), artifacts.load_build

    def counted(folder: RunFolder, *given: Any) -> Any:
        loaded.append(folder.run_id)
        return load_build(folder, *given)

    monkeypatch.setattr(artifacts, "load_build", counted)
    refused = rejection_rows(since.run)
    refused["run_id"] = [since.again.id, *[since.run.id] * (len(refused) - 1)]
    explained_by_runs(refused, since.run.installation.runs_dir)
    assert loaded == [since.again.id]


@says("fixed")
def test_what_was_fixed_in_the_source_is_to_be_sent_and_not_corrected_again(
    since: Since, tmp_path: Path
) -> None:
    run = since.again
    panel = chosen(run, TOO_EARLY)
    assert SAID in panel.status.value
    assert "which cell is wrong" not in panel.status.value
    row = of(run, TOO_EARLY)
    assert (row["todo"], row["who"], pd.isna(row["field"])) == (FIXED, SIS_PUBLISHING_TEAM, True)
    others = refusals(run).query("student_unique_id != @TOO_EARLY")
    before = refusals(since.run).query("student_unique_id != @TOO_EARLY")
    assert others["todo"].tolist() == before["todo"].tolist()
    _cause_report_and_files_ask_for_no_correction(run)
    told = run.student(TOO_EARLY).frames["missing"]
    assert "refused by the ODS" not in set(told["state"])
    listed = tmp_path / "refused.csv"
    assert CliRunner().invoke(app, ["rejections", "--open", "--csv", str(listed)]).exit_code == 3
    (line,) = (
        row
        for row in csv.DictReader(listed.read_text("utf-8-sig").splitlines())
        if row["Cause"] == "A value is not acceptable to the ODS"
    )
    assert line["Who can do it"] == SIS_PUBLISHING_TEAM
    # What a run has read is no news about what was refused after it.
    later = refusals(run).assign(last_seen_at=pd.Timestamp.now("UTC") + pd.Timedelta(hours=1))
    runs = run.installation.runs_dir
    assert with_fixed(later, reading_of(run), runs)["fixed"].eq("").all()


def _cause_report_and_files_ask_for_no_correction(run: Run) -> None:
    panel = WorkshopPanel(Workshop(run))
    cause = panel.causes.shown_rows.query("cause == 'A value is not acceptable to the ODS'").iloc[0]
    assert cause["todo"] == FIXED.replace(", in notebook 50", "")
    assert cause["who"] == SIS_PUBLISHING_TEAM
    run.rejections()
    assert FIXED in (run.path / "report.html").read_text("utf-8")
    workshop = Workshop(run)
    book = load_workbook(workshop.hand_on(workshop.open))
    head, *rows = book[SIS_PUBLISHING_TEAM].iter_rows(values_only=True)
    todo = [dict(zip(head, row, strict=True))["What to do"] for row in rows]
    assert "It was fixed in the source since, and that is not sent yet." in todo


def test_what_was_corrected_here_is_not_said_to_be_fixed_in_the_source(published: Published) -> None:
    workshop = Workshop(published.run)
    (refused,) = workshop.open.query("student_unique_id == @TOO_EARLY").to_dict("records")
    known = workshop.refusal(refused).cells()
    cell = known.query("table == 'enrollments' and column == 'start_date'").iloc[0]
    author = {"author": "R. Ibarra", "reason": "typed a month early"}
    number = workshop.correct(cell, "2025-08-01", **author)
    run = read()
    row = of(run, TOO_EARLY)
    assert row["fixed"].startswith("A correction since: begin date is now 2025-08-01 (it was 2025-07-01")
    assert (row["todo"], row["who"], pd.isna(row["field"])) == (CORRECTED, SIS_PUBLISHING_TEAM, True)
    said = chosen(run, TOO_EARLY).status.value
    assert "in the source since" not in said
    assert "Not sent yet. Press Check again, then Send what was checked; or " in said
    assert "The SIS still has it as it was refused: have it corrected there too. Who can do it: " in said
    (cause,) = by_cause(refusals(run).query("student_unique_id == @TOO_EARLY")).to_dict("records")
    assert cause["todo"] == CORRECTED
    with decisions_of(published.run) as decisions:
        decisions.close_corrections([number], "removed")
    write(published.source / "enrollments.csv", "420,2025-07-01", "420,2025-08-01")
    later = a_run("new")
    later.extract()
    later.build()
    assert of(later, TOO_EARLY)["todo"] == FIXED


@says("fixed")
def test_a_change_of_what_the_answer_is_not_about_fixes_nothing(since: Since) -> None:
    of_foreign = [run.built.records.query("student_unique_id == @FOREIGN") for run in since]
    assert [f"{records['begin_date'].item():%m-%d}" for records in of_foreign] == ["08-11", "08-12"]
    row = of(since.again, FOREIGN)
    assert (row["fixed"], row["who"], row["field"]) == ("", "SIS clerk", "location_code")


def test_no_change_of_a_record_helps_where_the_key_may_not_write_it(published: Published) -> None:
    built = published.run.built
    bodies = [{**body, "endDate": "2026-01-09"} for body in built.records["body"]]
    other = Reading(replace(built, records=built.records.assign(body=bodies)), pd.Timestamp.now("UTC"))
    found = with_fixed(refusals(published.run), other, published.run.installation.runs_dir)
    found = found.set_index("student_unique_id")
    assert found.loc[NOT_GRANTED, ["fixed", "who"]].tolist() == ["", "ODS administrator"]
    assert found.loc[KEY_TAKEN, "fixed"].startswith("Fixed in the source since: end date is now 2026-01-09")


@says("worse")
def test_a_record_whose_row_has_an_error_by_now_is_for_who_can_correct_the_row(since: Since) -> None:
    run = since.again
    row = of(run, TOO_EARLY)
    assert (row["todo"], row["who"]) == (
        "Write the day that is meant, for example 2025-09-02.",
        "SIS clerk",
    )
    said = chosen(run, TOO_EARLY).status.value
    assert "gives no record for it: enrollments.csv, row 21, column start_date has an error." in said


def test_a_record_that_is_fixed_and_held_by_now_says_what_holds_it(published: Published) -> None:
    run = published.run
    held = run.built.records.query("student_unique_id == @KEY_TAKEN").assign(held_by=[["ZZ-1"]])
    bodies = [{**body, "endDate": "2026-01-09"} for body in run.built.records["body"]]
    built = replace(run.built, records=run.built.records.assign(body=bodies))
    key = ["resource", *KEY_COLUMNS]
    about = {
        "rule_id": "COM-VAL-1",
        "severity": "critical",
        "says": "The end lies before the begin.",
        "hint": "Correct it.",
    }
    findings = held[key].assign(**about).reindex(columns=run.checked.findings.columns)
    checked = replace(run.checked, build=built, held=held.assign(held_by=[["COM-VAL-1"]]), findings=findings)
    runs = run.installation.runs_dir
    found = with_fixed(refusals(run), Reading(built, pd.Timestamp.now("UTC"), checked), runs)
    row = found.set_index("student_unique_id").loc[KEY_TAKEN]
    assert row["fixed"].startswith("Fixed in the source since: end date is now 2026-01-09")
    assert row["fixed"].endswith(". The record is held by now: The end lies before the begin.")
    assert (row["todo"], row["who"]) == ("Correct it.", "Program office")
    said = of_a_record(row, "", is_cell_known=True)
    assert "Correct it. Who can do it: Program office." in said
    assert "Not sent yet" not in said


@says("worse")
def test_a_record_that_the_source_gives_no_more_is_neither_corrected_nor_sent(since: Since) -> None:
    row = of(since.again, KEY_TAKEN)
    assert (row["todo"], row["who"]) == (GIVES_NONE, SIS_PUBLISHING_TEAM)
    said = chosen(since.again, KEY_TAKEN).status.value
    assert "The source as it was read since gives no record for it any more. Check again says why;" in said


def test_a_check_reads_the_source_too(published: Published) -> None:
    panel = chosen(published.run, TOO_EARLY)
    assert "The cell is enrollments.start_date." in panel.status.value
    write(published.source / "enrollments.csv", "420,2025-07-01", "420,2025-08-01")
    panel.form.press("check")
    panel.records.select()
    panel.records.select(panel._shown["student_unique_id"].tolist().index(TOO_EARLY))
    assert SAID in panel.status.value


def test_a_cause_says_what_to_do_of_the_records_that_are_not_fixed(published: Published) -> None:
    every = refusals(published.run)
    one = every[every["student_unique_id"].eq(FOREIGN)]
    both = pd.concat([one.assign(todo=FIXED, who=SIS_PUBLISHING_TEAM, fixed="Fixed"), one])
    (cause,) = by_cause(both).to_dict("records")
    assert cause["todo"] == one["todo"].item()
    assert cause["who"] == f"{SIS_PUBLISHING_TEAM}, SIS clerk"
