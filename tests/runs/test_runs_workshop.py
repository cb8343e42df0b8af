"""The rejection workshop on the sample with its sandbox: look, correct, check again, retry, dismiss, hand on."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from openpyxl import load_workbook
from typer.testing import CliRunner

import edfi_toolkit as edfi
from edfi_toolkit.cli import app
from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.display.following import follow
from edfi_toolkit.display.values import moment
from edfi_toolkit.review import views
from edfi_toolkit.review.student import SENT_SINCE
from edfi_toolkit.runs import approving, open_run
from edfi_toolkit.runs import workbook as runs_workbook
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.decisions.listed import Decided
from edfi_toolkit.runs.read_again import read_again
from edfi_toolkit.runs.rejections.explained import refused_before
from edfi_toolkit.runs.rejections.handing_on import hand_on_all, still_refused
from edfi_toolkit.runs.rejections.refusal import Refusal
from edfi_toolkit.runs.rejections.workshop import Workshop
from edfi_toolkit.runs.run import Run
from edfi_toolkit.runs.standing import began
from edfi_toolkit.runs.user import name_of_a_person
from edfi_toolkit.validation import validate
from edfi_toolkit.widgets.bar import Bar
from edfi_toolkit.widgets.decided_panel import DecidedPanel
from edfi_toolkit.widgets.row_buttons import RowActions
from edfi_toolkit.widgets.workshop_buttons import labels
from edfi_toolkit.widgets.workshop_panel import WorkshopPanel
from tests.factories.district import a_build, a_participation
from tests.processes import KeptOds
from tests.proofs import long_proof
from tests.stages import Stage, seeded

WHO = {"author": "R. Ibarra", "reason": "reported at the state agency by mistake"}


@pytest.mark.parametrize(
    ("login", "offered"), [("root", ""), ("Administrator", ""), ("unknown", ""), ("ribarra", "ribarra")]
)
def test_an_account_of_the_system_is_not_offered_as_a_name(
    login: str, offered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", login)
    assert name_of_a_person() == offered


@pytest.fixture(scope="module")
def first_previewed(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds) -> Stage:
    """A run of the sample's first state up to its preview."""
    made = make_playground(tmp_path_factory.mktemp("refused") / "work", "certification")
    stage = seeded(made, "before", sandbox)
    with working_in(made.folder, target_environ(sandbox)):
        run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
    return stage


@pytest.fixture(scope="module")
def first_published(
    tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_previewed: Stage
) -> Stage:
    """The same published; the ODS refused seven records, one of them with 403."""
    with first_previewed.copied(tmp_path_factory.mktemp("published") / "work", sandbox) as made:
        edfi.open_run(profile="certification", school_year=2026, source="sample").publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture(scope="module")
def first_read_again(
    tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_published: Stage
) -> Stage:
    """After that, the source read again up to the preview of another run."""
    with first_published.copied(tmp_path_factory.mktemp("again") / "work", sandbox) as made:
        read_again(edfi.open_run(profile="certification", school_year=2026, source="sample"), progress=quiet)
    return Stage(made, sandbox.keep())


@pytest.fixture
def published(tmp_path: Path, sandbox: KeptOds, first_published: Stage) -> Iterator[Run]:
    """A copy of it."""
    with first_published.copied(tmp_path / "work", sandbox):
        yield edfi.open_run(profile="certification", school_year=2026, source="sample")


@pytest.fixture
def published_and_again(
    tmp_path: Path, sandbox: KeptOds, first_read_again: Stage
) -> Iterator[tuple[Run, Run]]:
    """The published run and the one that was read again, in a copy of their folder."""
    with first_read_again.copied(tmp_path / "work", sandbox):
        again = edfi.open_run(profile="certification", school_year=2026, source="sample")
        (first,) = {path.name for path in again.path.parent.iterdir()} - {again.id}
        yield edfi.open_run(profile="certification", school_year=2026, source="sample", run_id=first), again


@pytest.fixture
def previewed(tmp_path: Path, sandbox: KeptOds, first_previewed: Stage) -> Iterator[Playground]:
    """A copy of the run before it was published."""
    with first_previewed.copied(tmp_path / "work", sandbox) as made:
        yield made


def command(*words: str) -> Result:
    """`edfi-toolkit dismissals`, in this process."""
    return CliRunner().invoke(app, ["dismissals", *words])


def choose(panel: WorkshopPanel, cause: str = "not-enrolled") -> None:
    """Choose the only record of a cause."""
    panel.records.select(panel._shown["cause_id"].tolist().index(cause))


def opened(panel: WorkshopPanel) -> list[str]:
    """What each leaf says when it is opened; then the first is in view again."""
    for at in range(len(panel.leaves.children)):
        panel.leaves.selected_index = at
    panel.leaves.selected_index = 0
    return [leaf.value for leaf in panel.leaves.children]


def test_a_refusal_is_understood_corrected_retried_and_delivered_in_the_panel(
    published: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, decisions, bar = published.workshop(), published.decisions(), Bar({})
    bar.run = published
    follow("bar", bar.look)
    decided, panel = decisions.panel(), view.panel()
    panel.form.press("correct", **WHO)
    assert "Choose a record" in panel.status.value
    choose(panel)
    in_view, *others = (leaf.value for leaf in panel.leaves.children)
    assert "255900" in in_view
    assert {text.partition(".")[0] for text in others} == {"<p>Not looked up for this record"}
    cells, sent, live, story, history = opened(panel)
    assert cells == in_view
    row = panel._shown.iloc[panel.records.selection[-1]]
    known = Refusal(published, {**row, "source_refs": [*row["source_refs"], f"{row['source_refs'][0]}#1"]})
    assert len(known.source_rows()) == len(Refusal(published, row).source_rows())  # each row once
    listed = panel.records.shown_rows
    assert list(listed.columns[:3]) == ["student_unique_id", "cause", "who"]
    assert listed.iloc[panel.records.selection[-1]]["education_organization_id"].startswith("255900 \u00b7 ")
    assert not panel.causes._view()["tools"]  # all in view, so nothing to filter
    marked = Refusal(published, panel.chosen.iloc[0]).source_rows().query("mark != ''")
    assert marked.columns.tolist()[:4] == ["file", "row", "column", "value"]
    assert marked["file"].tolist() == ["program_participation.csv", "students.csv"]
    assert marked["row"].gt(1).all()
    assert marked["column"].tolist() == ["education_organization_id", "student_unique_id"]
    assert panel.form.fields[0]["choices"][0] == "program_participation.education_organization_id"
    assert panel.form.fields[0]["shown"][0] == "education_organization_id"
    _a_member_named_without_its_value_leads_to_its_cell(published, panel)
    _an_empty_cell_is_chosen_where_its_member_is_required(published, row)
    assert "The ODS: " in panel.status.value
    assert (
        "Organization 255900 is not one that the target&#x27;s login may write for (255901)"
        in panel.status.value
    )
    assert "Who can do it: Program office" in panel.status.value
    assert "Answered: 403" in sent
    assert "255900" in live
    assert "The ODS has no such record of this student, organization, program and begin date." in live
    assert "Differs" not in live
    assert "CERT" in story
    assert "refused" in history
    _its_story_tells_the_refusal_with_message_and_row(published, row)
    _what_is_revealed_in_the_list_is_revealed_in_the_leaves_by_a_message(panel)
    choose(panel)  # another cause was looked at
    _report_and_workbook_have_the_refusals(published)
    cell = "program_participation.education_organization_id"
    panel.form.press("correct", cell=cell, value="255901", author="R. Ibarra")
    assert "your name and a reason" in panel.status.value
    panel.form.press("correct", cell=cell, value="255901", **WHO)
    assert "Kept as correction 1" in panel.status.value
    assert decided.grid.shown_rows["number"].tolist() == [1]
    assert decisions.says == "1 correction."
    once = decisions._page().data
    assert ("Counts now" in repr(decisions), "Counts now" in once, "Ended, and how" in once) == (
        True,
        False,
        True,
    )
    seen = list[tuple[str, bool]]()
    panel.status.observe(
        lambda change: seen.append((change["new"], all(one["off"] for one in panel.form.buttons))), "value"
    )
    panel.form.press("check", **WHO)
    assert [off for text, off in seen if "Checking again … 1 of 4" in text] == [True]
    # What is corrected is no more to be corrected, and no other cell of the record is.
    assert panel.form.fields[0]["choices"][0] == "(choose a cell)"
    assert not any(one["off"] for one in panel.form.buttons)
    assert _leading(panel) == ["retry"]
    assert "Nothing was sent. 1 would be created. Press &#x27;Send what was checked" in panel.status.value
    assert _label(panel, "retry") == "Send what was checked"
    assert ">7 refused<" in bar._html()
    monkeypatch.setattr(runs_workbook, "attended", lambda: True)
    panel.form.press("retry", **WHO)
    said = f"1 of 1 delivered: {row['program_name']}, begin {row['begin_date']:%Y-%m-%d} (as corrected).</p>"
    assert said in panel.status.value
    _report_and_workbook_are_written_again_when_a_refusal_is_solved(published)
    _a_settled_cause_stays_in_its_place_until_another_list_is_asked_for(panel)
    assert (_label(panel, "retry"), _is_off(panel, "retry")) == ("Send what was checked", True)
    assert "1 more since" in bar._html()
    assert ">6 refused<" in bar._html()
    overview, results = published.overview(), published.results()
    assert "6 refused" in overview.next_step
    assert overview.blocks[0].frame["found"].iloc[-1].endswith("; 1 of the refused ones delivered since")
    assert "7 refused, of which 1 delivered since." in results.says
    assert results.frames["sent"]["came_of_it"].str.contains("; delivered since, 20").sum() == 1
    listed = results.frames["not delivered"]
    assert len(listed) == results.blocks[1].frame["records"].sum() == 6
    assert listed[["cause", "messages"]].notna().all(axis=None)
    assert "1 refusal closed" in view.says
    assert "not-enrolled" not in panel.workshop.open["cause_id"].tolist()
    assert "delivered under another key" in repr(published.workshop())


def test_what_became_of_records_names_them_and_says_what_else_their_students_have_open(
    published: Run,
) -> None:
    workshop = Workshop(published)
    refused = workshop.refused
    refused["student_unique_id"] = students = [f"{number}" for number in range(len(refused))]
    rows = workshop.open.iloc[[0]]
    columns = refused[["program_name", "begin_date"]].head(3).itertuples(index=False)
    named = [f"{program}, begin {begun:%Y-%m-%d}" for program, begun in columns]
    assert workshop.became_of(rows) == f"0 of 1 delivered. 1 still refused: {named[0]}."
    refused.loc[[0], ["open", "state", "closed_how"]] = [False, "closed", "delivered"]
    assert workshop.became_of(rows) == f"1 of 1 delivered: {named[0]}."
    refused.loc[[1], "student_unique_id"] = students[0]
    assert workshop.became_of(rows) == (
        f"1 of 1 delivered: {named[0]}. 1 other refusal of this student is open: {named[1]}. "
        "If the same correction solves it: choose it, then press Check again."
    )
    refused.loc[[2], "student_unique_id"] = students[0]
    assert workshop.became_of(rows).endswith(
        f" 2 other refusals of this student are open: {'; '.join(dict.fromkeys(named[1:]))}. "
        "If the same correction solves them: choose them, then press Check again."
    )
    # One that a person has dismissed is not asked for again, nor one that is closed.
    refused.loc[[1, 2], "state"] = ["dismissed", "closed"]
    assert workshop.became_of(rows) == f"1 of 1 delivered: {named[0]}."


def test_the_workshop_of_an_older_run_says_that_it_is_one(
    published_and_again: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    published, again = published_and_again
    monkeypatch.setattr(approving, "attended", lambda: True)
    older = published.workshop()
    assert older.says.startswith(f"This is an older run, of {began(published.folder.manifest)}; ")
    assert older.next_step.startswith("Press Open the newest run in the bar at the top")
    assert not again.workshop().says.startswith("This is an older run")


def _a_settled_cause_stays_in_its_place_until_another_list_is_asked_for(panel: WorkshopPanel) -> None:
    listed = panel.causes.shown_rows
    assert listed["rejections"].tolist()[-1:] == [0]
    assert listed["cause"].iloc[-1] == "The ODS does not know this student at this organization"
    assert listed[["todo", "who"]].iloc[-1].tolist() == ["Nothing of it is open any more.", ""]
    assert panel.causes.title == f"Causes: {len(listed) - 1} open, 1 settled"
    assert not panel.causes.selection
    panel.causes.select(len(listed) - 1)
    assert "None of this cause is left." in panel.status.value
    panel.causes.select()
    before = panel.filters["owner"].value
    panel.filters["owner"].value = "SIS publishing team"
    assert panel.causes.shown_rows["rejections"].gt(0).all()
    assert panel.causes.title == "Causes"
    panel.filters["owner"].value = before


def _report_and_workbook_have_the_refusals(run: Run) -> None:
    run.workbook()
    report, book = run.path / "report.html", run.path / "workbook.xlsx"
    assert "</b> 7 records of " in report.read_text("utf-8")
    assert "Records, and the message of the ODS" in report.read_text("utf-8")
    assert "program_participation.csv</td>" in report.read_text("utf-8")
    assert '<div style="overflow-x:auto"><table' in report.read_text("utf-8"), "what the style goes by"
    assert 'div[style*="overflow-x"] td[style] { white-space:normal' in report.read_text("utf-8")
    assert _sheet(book, "Corrections") == []
    assert [row["Open"] for row in _sheet(book, "Refused")] == ["yes"] * 7


def _report_and_workbook_are_written_again_when_a_refusal_is_solved(run: Run) -> None:
    report, book = run.path / "report.html", run.path / "workbook.xlsx"
    assert "refused; 1 earlier refusal settled since." in report.read_text("utf-8")
    assert "made since the source was read" in report.read_text("utf-8")
    assert "No cell read as people corrected them. What was corrected since then counts" in report.read_text(
        "utf-8"
    )
    summary = {row["What"]: row["Value"] for row in _sheet(book, "Summary")}
    assert summary["refused, and delivered since"] == "1"
    assert sorted(row["Open"] for row in _sheet(book, "Refused")) == ["no"] + ["yes"] * 6
    (correction,) = _sheet(book, "Corrections")
    assert (correction["Value"], correction["State"]) == ("255901", "made since the source was read")
    assert correction["File"] == "program_participation.csv"
    assert str(correction["Row"]).isdigit()
    assert str(correction["Row"]) != correction["Id of the row"]
    came = [row["What came of it"] for row in _sheet(book, "Sent") if row["Outcome"] == "refused"]
    assert len(came) == 7
    assert ["; delivered since, 20" in text for text in came].count(True) == 1
    places = {(row["File"], str(row["Row"]).isdigit()) for row in _sheet(book, "Refused")}
    assert places == {("program_participation.csv", True)}


def test_workbook_and_report_of_a_run_read_again_have_what_the_feed_left_open(
    published_and_again: tuple[Run, Run],
) -> None:
    published, again = published_and_again
    again.workbook()
    refused = _sheet(again.path / "workbook.xlsx", "Refused")
    assert len(refused) == len(Workshop(again).open) == 7
    began = dt.datetime.fromisoformat(published.folder.manifest["started_at"]).astimezone()
    assert {row["Refused in"] for row in refused} == {f"run of {began:%Y-%m-%d %H:%M}"}
    assert {row["Action"] for row in refused} == {"create"}
    report = (again.path / "report.html").read_text("utf-8")
    assert "Records, and the message of the ODS" in report
    assert f"run of {began:%Y-%m-%d %H:%M}" in report
    published.workbook()
    assert {row["Refused in"] for row in _sheet(published.path / "workbook.xlsx", "Refused")} == {"this run"}
    shutil.rmtree(published.path)
    again.workbook()
    named = {row["Refused in"] for row in _sheet(again.path / "workbook.xlsx", "Refused")}
    assert named == {f"run {published.id}"}
    words = [text for name in ("Summary", "Changes") for text in _texts(again.path / "workbook.xlsx", name)]
    assert not [text for text in words if "POST" in text or "NOOP" in text or "cpu" in text or text == "Pair"]
    assert "create" in words


def test_a_run_read_again_says_what_was_sent_last_when_and_by_whom(
    published_and_again: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    published, again = published_and_again
    unattended = again.publish()
    assert "Sent last" not in unattended.says
    assert unattended.frames["sent"].empty
    monkeypatch.setattr(approving, "attended", lambda: True)
    stands = again.publish()
    of = began(published.folder.manifest)
    assert "Nothing was sent" in stands.says
    assert f"Sent last, by the run of {of}: " in stands.says
    assert "7 refused" in stands.says
    step = published.folder.manifest["steps"]["publish"]
    assert f"Published {moment(dt.datetime.fromisoformat(step['at']))}, by {step['by']}." in stands.says
    assert stands.blocks[-1].caption == f"Sent by the run of {of}"
    then = published.results()
    assert len(stands.frames["sent"]) == len(then.frames["sent"]) > 7
    assert stands.as_of.endswith(f"by the run of {of}")
    assert then.frames["sent"]["student_unique_id"].iloc[0] not in repr(stands.browse("sent"))
    shutil.rmtree(published.path)
    assert "Sent last" not in again.publish().says


def test_what_goes_again_because_it_was_refused_claims_no_event_of_the_source(
    published_and_again: tuple[Run, Run],
) -> None:
    published, again = published_and_again
    added = "A participation was added."
    as_it_was = (
        "Refused before; it is sent again as it was, in case the ODS has by now what was missing. "
        "Another refusal changes nothing."
    )
    shown = again.preview()
    assert _why(shown) == {as_it_was: 7}
    assert set(shown.frames["changes"]["because"]) == {as_it_was}
    fingerprint, refused = again.plan.fingerprint, Workshop(again).open
    row = refused["source_refs"].iloc[0][0].partition(":")[2]
    source = Path(again.source.path) / "program_participation.csv"
    table = pd.read_csv(source, dtype="str", keep_default_na=False)
    table.loc[table["participation_id"].eq(row), "end_date"] = "2026-03-06"
    table.to_csv(source, index=False)
    for step in (again.extract, again.build, again.validate):
        step()
    shown = again.preview()
    corrected = "Corrected since the ODS refused it (End date): it goes again."
    assert _why(shown) == {as_it_was: 6, corrected: 1}
    assert again.plan.fingerprint != fingerprint
    again.workbook()
    assert {row["Event"] for row in _sheet(again.path / "workbook.xlsx", "Changes")} == {as_it_was, corrected}
    assert added not in _why(published.preview())
    shutil.rmtree(published.path)
    assert _why(again.preview()) == {
        as_it_was: 6,
        "Corrected since the ODS refused it: it goes again.": 1,
    }


def _why(view: views.View) -> dict[str, int]:
    """What the preview says of why records go, with how many."""
    (why,) = (block.frame for block in view.blocks if block.caption.startswith("Why: "))
    return dict(zip(why["what_changed"], why["records"], strict=True))


def _texts(book: Path, name: str) -> list[str]:
    return [str(cell) for row in load_workbook(book)[name].iter_rows(values_only=True) for cell in row]


def _sheet(book: Path, name: str) -> list[dict[str, str]]:
    head, *rows = load_workbook(book)[name].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def _what_is_revealed_in_the_list_is_revealed_in_the_leaves_by_a_message(panel: WorkshopPanel) -> None:
    student = panel.chosen["student_unique_id"].iloc[0]
    sent = list[str]()
    for leaf in panel.leaves.children:
        leaf.send = lambda message: sent.append(message["html"])
    panel.records.revealed = True
    assert panel.records._view()["rows"][0]["cells"][0].split()[1:]  # a name next to the id
    assert [student in html for html in sent] == [True, True, True, True, False]  # attempts name no one
    assert not any(student in str(leaf.get_state()) for leaf in panel.leaves.children)
    panel.causes.select(panel._names.index("A code is not known to the ODS"))
    assert panel.records.revealed
    panel.causes.select()
    choose(panel)
    sent.clear()
    opened(panel)
    assert [student in html for html in sent] == [True, True, True, False]  # the first was in view before
    sent.clear()
    panel.records.revealed = False
    assert [student in html for html in sent] == [False] * 5


def test_what_a_retry_in_another_notebook_delivered_is_told_without_a_cell_being_run(
    published: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "attended", lambda: True)
    bar = Bar({})
    bar.run = published
    follow("bar", bar.look, tells=True)
    overview, results = published.overview(), published.publish()
    bar.watch()
    assert ("7 refused" in overview.next_step, "7 refused." in results.says) == (True, True)
    drawn = list[str]()
    follow("workshop", lambda: drawn.append("a form that someone may be typing into"))

    workshop = Workshop(open_run(profile="certification", school_year=2026, source="sample"))
    row = workshop.open.query("status == 403").iloc[[0]]
    refused = published.student(str(row["student_unique_id"].iloc[0])).blocks[-1].frame
    place = {"table": "program_participation", "id": "p-9014", "column": "education_organization_id"}
    workshop.correct({**place, "value": "255900"}, "255901", **WHO)
    again, _ = workshop.check(row, progress=quiet)
    workshop.approve(again, person="R. Ibarra")
    workshop.send(again, row, progress=quiet)
    bar.watch()

    assert ">6 refused<" in bar._html()
    assert "6 refused" in overview.next_step
    assert "1 of the refused ones delivered since" in overview._page().data
    assert "7 refused, of which 1 delivered since." in results.says
    assert ", as of 20" in repr(results.browse("sent"))
    assert drawn == []
    monkeypatch.undo()
    _its_story_tells_first_what_the_retry_delivered(published, row, refused)


def _its_story_tells_first_what_the_retry_delivered(
    run: Run, row: pd.DataFrame, refused: pd.DataFrame
) -> None:
    """With all requests and one next step."""
    student, program = (str(row[name].iloc[0]) for name in ("student_unique_id", "program_name"))
    told = run.student(student)

    assert told.says.startswith(f"Listed in {program}: sent by a retry (notebook 50) on 20")
    with_what = ", with what was corrected since this run read the source. "
    assert f"{with_what}Press Read again to see the record as it is now. " in told.says
    assert (told.says + told.next_step).count("Read the source again") == 0
    assert "sent since, with other values" not in repr(told)
    holds, listed = (told.blocks[at].frame.set_index("program_name").loc[program] for at in (1, 2))
    assert holds["school"] == listed["school"]
    assert listed["now"] == holds["now"] == SENT_SINCE
    asked = told.blocks[-1].frame
    assert asked.columns.tolist() == ["when", "action", "record", "answer"]
    assert asked["action"].tolist() == [*refused["action"], "create, again"]
    assert asked["record"].str.contains("255900").tolist()[-2:] == [True, False]
    before, last = asked["answer"].tolist()[-2:]
    assert before.startswith(
        "403, the ODS refused it: The ODS does not know this student at this organization. "
    )
    assert last == "201, created in the ODS"
    assert student not in repr(told)


def test_an_id_of_another_student_is_told_when_it_is_corrected_and_never_sent_from_here(
    published: Run,
) -> None:
    panel = WorkshopPanel(Workshop(published))
    place = {"table": "program_participation", "id": "p-9014", "column": "education_organization_id"}
    panel.workshop.correct({**place, "value": "255900"}, "255901", **WHO)
    choose(panel)
    other = published.tables["students"].query("student_unique_id == '900417314'").iloc[0]
    (student,) = panel.chosen["student_unique_id"]
    panel.form.press("correct", cell="students.student_unique_id", value="900499999", **WHO)
    assert "Kept as correction 2 of students.student_unique_id." in panel.status.value
    assert "another student" not in panel.status.value
    panel.form.press("correct", cell="students.student_unique_id", value="900417314", **WHO)
    hidden = published.masker().value(other["student_id"])
    assert "Kept as correction 3 of students.student_unique_id." in panel.status.value
    assert (
        f"That id belongs to another student of the source, {hidden}: nothing is sent" in panel.status.value
    )
    panel.form.press("check", **WHO)
    assert "1 has an id that belongs to another student too." in panel.status.value
    assert "then check again." in panel.status.value
    _nothing_is_sent_before_it_was_checked(panel)
    assert student in panel.workshop.open["student_unique_id"].tolist()
    _what_is_sent_all_the_same_is_told_of_both_students_after_the_correction_is_removed(panel)


def _what_is_sent_all_the_same_is_told_of_both_students_after_the_correction_is_removed(
    panel: WorkshopPanel,
) -> None:
    workshop, row, right, local = panel.workshop, panel.chosen, "900417314", "K7310005"
    (wrong,) = row["student_unique_id"]
    workshop.approve(workshop._read, person="R. Ibarra")
    workshop.send(workshop._read, row, progress=quiet)
    with decisions_of(workshop.run) as decisions:
        decisions.close_corrections(decisions.corrections()["number"].tolist(), "removed")
    own, other = workshop.run.student(local), workshop.run.student(right)
    assert "The ODS has Gifted and Talented under another id, S-" in own.says
    assert "Gifted and Talented was sent under the id of this student, but from rows of another" in other.says
    assert (own.tone, other.tone) == ("bad", "bad")
    assert not any(student in repr(own) + repr(other) for student in (wrong, right))


def test_the_command_hands_on_file_and_row_while_the_run_that_read_them_is_there(
    published: Run, tmp_path: Path
) -> None:
    def handed_on() -> str:
        path = tmp_path / "refused.csv"
        assert CliRunner().invoke(app, ["rejections", "--open", "--csv", str(path)]).exit_code == 3
        return path.read_text("utf-8-sig")

    before = refused_before(published)
    assert before is not None
    assert len(before.merge(published.plan.items, on=["resource", "key_hash"])) == len(before) == 7
    text = handed_on()
    assert "program_participation.csv, row " in text
    assert "255900 \u00b7 not in the list of schools" in text
    assert "program_participation:" not in text
    assert '"create"' in text
    assert "POST" not in text
    shutil.rmtree(published.path)
    assert "program_participation:" in handed_on()


def test_a_refused_record_that_is_held_by_now_is_handed_on_as_what_it_is_now() -> None:
    made = a_build(a_participation(1), a_participation(2))
    ended = made.records.assign(body=[{**body, "endDate": "2025-08-01"} for body in made.records["body"]])
    checked = validate(replace(made, records=ended.iloc[:1]))
    assert len(checked.held) == 1
    left = still_refused(made.records, checked)
    assert left["student_unique_id"].tolist() == made.records["student_unique_id"].iloc[1:].tolist()


def test_all_that_is_open_is_handed_on_by_owner_whatever_keeps_it_away(
    published: Run, tmp_path: Path
) -> None:
    work, path = hand_on_all(published)
    counts = work["state"].value_counts().to_dict()
    assert counts == {"refused": 7, "unreadable": 6, "skipped": 5, "held": 3}
    every = [row for owner in work["who"].unique() for row in _sheet(path, owner)]
    assert len(every) == len(work)
    assert all(row["File"] and row["Row"] and row["What to do"] and row["Who can do it"] for row in every)
    assert [row["Column"] for row in every if row["State"] == "unreadable"].count("") == 0
    students = published.tables["students"]
    assert not [row for row in every if "notebook" in row["What to do"] or "story" in row["What to do"]]
    assert all(row["Value"] for row in every if row["State"] == "refused" and row["Column"])
    values = [row["Value"] for row in every if row["State"] == "refused" and row["Column"]]
    assert (len(values), "11.0103.02" in values) == (6, True)
    written = str(every)
    for name in ("student_unique_id", "student_id", "last_name"):
        assert not [one for one in students[name].dropna() if len(one) > 4 and one in written]
    revealed = hand_on_all(published, reveal=True)[1]
    assert revealed.name == "hand-on-all-revealed.xlsx"
    named = [row for owner in work["who"].unique() for row in _sheet(revealed, owner)]
    assert {"Student name", "SIS id"} <= set(named[0])
    assert sum(bool(row["Student name"]) for row in named) > 9

    book = tmp_path / "open.xlsx"
    asked = ["rejections", "--open", "--never-sent", "--xlsx", str(book)]
    done = CliRunner().invoke(app, asked)
    assert (done.exit_code, "7 refusals and 14 lines that were never sent" in done.output) == (3, True)
    by_command = [row for owner in work["who"].unique() for row in _sheet(book, owner)]
    assert len(by_command) == len(every)
    assert {row["Value"] for row in by_command if row["State"] == "refused" and row["Column"]} == set(values)
    assert not [one for one in students["student_unique_id"].dropna() if one in str(by_command)]
    clerk = CliRunner().invoke(app, [*asked, "--owner", "SIS clerk"])
    assert clerk.exit_code in (0, 3)
    assert load_workbook(book).sheetnames == ["SIS clerk"]
    refused = CliRunner().invoke(app, ["rejections", "--never-sent"])
    assert "give --xlsx or --csv" in str(refused.exception)

    shown = published.held()
    shown.panel().press("all")  # type: ignore[attr-defined]
    assert "21 lines to hand on, a sheet for each owner, masked." in shown.says
    assert [file.name for file in shown.files] == ["hand-on-all.xlsx"]


def test_the_button_that_sends_says_how_many() -> None:
    assert labels(6, alone=False, checked=False)["retry"] == "Send what was checked"
    assert labels(6, alone=False, checked=True)["retry"] == "Send the 6 that were checked"
    assert labels(1, alone=False, checked=True)["retry"] == "Send what was checked"


def quiet(_done: int, _total: int | None, _counts: object = None) -> None:
    """Progress that no one watches."""


def _its_story_tells_the_refusal_with_message_and_row(run: Run, row: pd.Series) -> None:
    told = run.student(str(row["student_unique_id"]))
    first = told.frames["missing"].query("state == 'refused by the ODS'").iloc[0]
    assert f"The ODS: {row['messages'][0]}" in first["why"]
    assert re.search(r"program_participation\.csv, row \d+", first["where"])
    assert "refused" in set(told.frames["over the year"]["in_the_ods"])


def _a_member_named_without_its_value_leads_to_its_cell(run: Run, panel: WorkshopPanel) -> None:
    for says, column in {
        "BeginDate must not be before 2099-01-01.": "begin_date",
        "StudentUniqueId must be at most 3 characters in length.": "student_unique_id",
        "$.beginDate Value should be at most 9 characters": "begin_date",
    }.items():
        known = Refusal(run, {**panel.chosen.iloc[0].to_dict(), "messages": [says]})
        assert known.cells()["column"].iloc[0] == column
        answered = known.sent_and_answered().query("answer != ''")
        assert (
            answered["member"].str.replace(" ", "").str.casefold().str.contains(column.replace("_", "")).any()
        )


def _an_empty_cell_is_chosen_where_its_member_is_required(run: Run, row: pd.Series) -> None:
    empty = Refusal(run, row).cells().query("value == ''")
    assert "reason_exited" in set(empty["column"])
    for says in ("$.reasonExitedDescriptor: ReasonExitedDescriptor is required", "'reasonExited' is missing"):
        known = Refusal(run, {**row.to_dict(), "messages": [says]})
        assert known.cells()["column"].iloc[0] == "reason_exited"
        assert len(known.cells()) == len(Refusal(run, row).cells())


def _nothing_is_sent_before_it_was_checked(panel: WorkshopPanel) -> None:
    assert (_is_off(panel, "retry"), _leading(panel)) == (True, ["check"])
    panel.form.press("retry", **WHO)
    assert "Press Check again first" in panel.status.value


def _label(panel: WorkshopPanel, button: str) -> str:
    return next(one["label"] for one in panel.form.buttons if one["name"] == button)


def _is_off(panel: WorkshopPanel, button: str) -> bool:
    return next(one["off"] for one in panel.form.buttons if one["name"] == button)


def _leading(panel: WorkshopPanel) -> list[str]:
    return [one["name"] for one in panel.form.buttons if one["leads"]]


def test_nothing_is_done_to_a_record_that_is_out_of_view_and_messages_say_whose_it_is(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    choose(panel)
    (student,) = panel.chosen["student_unique_id"]
    pseudonym = published.masker(panel.chosen).value(student)
    why = {"cell": "program_participation.education_organization_id", "value": "255901", **WHO}
    panel.form.press("correct", **why)
    said = f"{pseudonym}: Kept as correction 1 of program_participation.education_organization_id. Check"
    assert said in panel.status.value
    sent = list[str]()
    panel.status.send = lambda message: sent.append(message["html"])
    panel.records.revealed = True
    assert student in sent[-1]
    panel.form.press("correct", **why)
    assert f"{pseudonym}: Kept as correction 2 of" in panel.status.value
    assert "It replaces correction 1, of 20" in panel.status.value
    assert "by R. Ibarra." in panel.status.value
    assert student in sent[-1]
    assert student not in str(panel.status.get_state())
    panel.form.press("check")
    assert f"{pseudonym}: Nothing was sent. 1 would be" in panel.status.value
    assert "Give your name under Your name, then press &#x27;Send what was checked" in panel.status.value
    panel.form.press("retry")
    assert "Give your name." in panel.status.value
    assert (_label(panel, "retry"), _leading(panel)) == ("Send what was checked", ["retry"])
    assert not _is_off(panel, "retry")
    panel.records.select(*panel.records.selection, 0)
    _nothing_is_sent_before_it_was_checked(panel)  # what would be sent is another choice
    choose(panel)
    before = {field["name"]: field["of"] for field in panel.form.fields if "of" in field}

    cause = "A code is not known to the ODS"
    _a_record_is_out_of_view_after(panel, lambda: panel.causes.select(panel._names.index(cause)))
    assert [_label(panel, name) for name in ("check", "retry", "hand_on")] == [
        "Check these 2 again",
        "Send what was checked",
        "Hand on these 2",
    ]
    panel.causes.select(panel._names.index("A required value is missing"))
    assert "or the cause again for all causes" in panel.status.value
    only = {"select": panel.causes.selection[0], "how": "only"}
    panel.causes._take_request(panel.causes, only, [])
    assert panel.causes.selection == ()
    assert "The records of all causes are listed." in panel.status.value
    assert _label(panel, "hand_on") == f"Hand on these {len(panel.workshop.open)}"
    panel.causes._take_request(panel.causes, only, [])
    assert [_label(panel, name) for name in ("check", "hand_on")] == [
        "Check this one again",
        "Hand on this one",
    ]
    for button in ("values", "correct", "everywhere"):
        panel.form.press(button, **why)
        assert "Choose a record in the list first." in panel.status.value
    panel.form.press("dismiss", **WHO)
    assert "Choose the records to dismiss." in panel.status.value
    panel.causes.select()
    _a_record_is_out_of_view_after(panel, lambda: setattr(panel.records, "filter", "nothing is like this"))
    panel.form.press("check", **WHO)
    assert "Choose a record in the list first." in panel.status.value
    _a_record_is_out_of_view_after(panel, lambda: setattr(panel.filters["state"], "value", "closed"))
    panel.filters["state"].value = "open"
    choose(panel)
    panel._again()  # what is in view still stays chosen
    assert panel.chosen["student_unique_id"].tolist() == [student]
    panel.form._take(None, {"press": "correct", "values": why, "of": before}, [])
    assert "What is chosen, or listed, has changed since." in panel.status.value
    with decisions_of(published) as decisions:
        assert decisions.corrections()["number"].tolist() == [2]
        assert decisions.dismissals().empty
    decided = DecidedPanel(Decided(published), lambda: None)
    decided.form.press("remove")
    assert "Choose a row in the list first." in decided.status.value
    decided.grid.select(0)
    decided.form.press("remove")
    assert f"{pseudonym}: 1 removed." in decided.status.value


def _a_record_is_out_of_view_after(panel: WorkshopPanel, act: Callable[[], object]) -> None:
    if not panel.records.selection:
        choose(panel)
    act()
    assert panel.records.selection == ()
    assert panel.form.fields[0]["choices"] == ["(choose a record first)"]
    assert {leaf.value for leaf in panel.leaves.children} == {"<p>Choose a record in the list first.</p>"}
    off = {one["name"] for one in panel.form.buttons if one["off"]}
    assert off >= {"values", "correct", "everywhere", "dismiss", "retry"}


@long_proof
def test_a_dismissed_refusal_is_shown_again_when_its_record_changes(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    choose(panel)
    refused = panel.chosen
    panel.form.press("dismiss", author="R. Ibarra", reason="the agency is asked")
    assert len(Workshop(published).open) == 6
    assert "1 refusal dismissed" in repr(published.workshop())
    again, _ = panel.workshop.check(refused, progress=lambda *_: None)
    panel.workshop.approve(again, person="R. Ibarra")
    panel.workshop.send(again, refused, progress=lambda *_: None)
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
    panel.workshop.approve(again, person="R. Ibarra")
    panel.workshop.send(again, refused, progress=lambda *_: None)
    assert len(Workshop(published).open) == 7
    with decisions_of(published) as decisions:
        assert decisions.dismissals(closed=True)["closed_how"].tolist() == ["its record changed"]


def test_the_chosen_ones_are_handed_on_masked_by_owner_and_a_code_is_corrected_everywhere(
    published: Run,
) -> None:
    panel = WorkshopPanel(Workshop(published))
    panel.form.press("hand_on", **WHO)
    book = load_workbook(published.path / "hand-on.xlsx")
    assert book.sheetnames == panel.workshop.open["who"].unique().tolist()
    (said,) = panel.file.outputs
    assert (
        "hand-on.xlsx" in said["data"]["text/html"]
    )  # the notebook's own output, where a link leads to the file
    assert "7 refusals, a sheet for each owner" in panel.status.value
    written = str([[cell.value for cell in row] for sheet in book for row in sheet])
    assert panel.workshop.open["student_unique_id"].iloc[0] not in written
    for name in ("File", "Row", "program_participation.csv, row ", "255900 \u00b7 ", "School"):
        assert name in written
    assert "Student name" not in written
    assert "SIS id" not in written
    assert "program_participation:" not in written
    panel.form.press("hand_on_ids", **WHO)
    assert "with real student ids: give it only to who is to correct them" in panel.status.value
    real = published.path / "hand-on-revealed.xlsx"
    assert "hand-on-revealed.xlsx" in panel.file.outputs[0]["data"]["text/html"]
    assert real.stat().st_mode & 0o077 == 0
    handed = [row for sheet in book.sheetnames for row in _sheet(real, sheet)]
    assert {row["Student"] for row in handed} == set(panel.workshop.open["student_unique_id"])
    students = published.tables["students"].set_index("student_unique_id")
    for row in handed:
        if row["Student"] in students.index:
            of_source = students.loc[row["Student"]]
            assert row["SIS id"] == of_source["student_id"]
            full = f"{of_source['first_name']} {of_source['last_name']}"
            assert row["Student name"].removeprefix("'") == full
    assert sum(bool(row["Student name"]) for row in handed) > 3
    assert [row["School"] for row in handed if "Grand Bend" in row["School"]]
    panel.causes.select(panel._names.index("A code is not known to the ODS"))
    panel.records.select(0)
    cell = "program_participation.attributes.titleIPartAParticipantDescriptor"
    assert "Nearest in its list: Public Targeted Assistance Program, " in panel.status.value
    at_once = [field["options"] for field in panel.form.fields if field["name"] == "value"]
    panel.form.press("values", cell=cell)
    assert at_once == [field["options"] for field in panel.form.fields if field["name"] == "value"]
    (field,) = [field for field in panel.form.fields if field["name"] == "value"]
    codes = [option.rpartition("#")[2] for option in field["options"]]
    assert "Local Neglected Program" not in codes  # it is listed, and refused
    assert len(codes) == 4
    assert "Further rows with the same code: 1." in panel.status.value
    panel.form.press("everywhere", cell=cell, value="Public Schoolwide Program", **WHO)
    assert "Rows it changes too: 1." in panel.status.value
    decided = repr(published.decisions())
    assert "1 correction." in decided
    assert "wherever it is written so" in decided
    assert "R. Ibarra" in decided
    assert "today" in decided
    _an_empty_cell_is_corrected_and_lists_are_filtered(published)


def _an_empty_cell_is_corrected_and_lists_are_filtered(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    for name, count in {"Program office": 4, "SIS publishing team": 3}.items():
        panel.filters["owner"].value = name
        assert len(panel.records.shown_rows) == count
    panel.form.press("hand_on", **WHO)
    assert (published.path / "hand-on-sis-publishing-team.xlsx").is_file()
    panel.filters["owner"].value = ""
    assert [text for text, _ in panel.filters["run_id"].options] == ["all", "this run"]
    (school,) = panel.workshop.open.query("cause_id == 'not-enrolled'")["school"]
    assert school == "255900 \u00b7 not in the list of schools"  # where it went
    panel.filters["school"].value = school
    assert "not-enrolled" in panel.chosen["cause_id"].tolist()
    assert set(panel.chosen["school"]) == {school}
    panel.filters["school"].value = ""
    choose(panel, "value-required")
    assert panel.form.fields[0]["choices"][0] == "program_participation.reason_exited (empty)"
    assert "The cell is program_participation.reason_exited." in panel.status.value
    panel.form.press("correct", cell="program_participation.reason_exited (empty)", value="Other", **WHO)
    panel.causes.select(
        *(
            panel._names.index(name)
            for name in ("A code is not known to the ODS", "A required value is missing")
        )
    )
    panel.records.select()
    panel.form.press("check", **WHO)
    assert "3 would be created" in panel.status.value
    panel.form.press("retry", **WHO)
    assert "3 of 3 delivered: " in panel.status.value
    assert "still refused" not in panel.status.value
    panel.filters["state"].value = "closed"
    assert panel.records.shown_rows["closed_how"].tolist() == ["delivered"] * 3
    panel.form.press("retry", **WHO)
    assert "This list is to look at." in panel.status.value


def _a_story_ends_when_another_row_is_chosen(panel: Any) -> None:
    (buttons,) = panel._actions
    for other in (lambda: panel.grid.select(1), lambda: setattr(panel.reason, "value", "CERT_MISSING")):
        panel.grid.select(0)
        buttons.form.press("story")
        assert "One student" in buttons.story.value
        other()
        assert buttons.story.value == ""
    for reveals in (True, False):
        panel.grid.select(0)
        panel.grid.revealed = reveals
        assert buttons.story.revealed is reveals
        panel.grid.select(1)
        buttons.form.press("story")
        assert buttons.story.revealed is reveals  # without a press of its own
    panel.grid.revealed = True
    panel.reason.value = "all causes"
    assert not buttons.story.revealed


def test_a_finding_is_dismissed_and_shown_again_when_its_record_changes(previewed: Playground) -> None:
    """Dismissed by record; with a record that changes, with a row that changes, and from the command line."""
    run = edfi.open_run(profile="certification", school_year=2026, source="sample")
    before = run.checked.findings
    mine = before[before["rule_id"].eq("CERT_MISSING")].head(1)
    held = len(run.checked.held)
    buttons = RowActions(run, list(mine.columns), lambda: mine)
    buttons.form.press("dismiss", author="R. Ibarra", reason="")
    assert "your name and a reason" in buttons.status.value
    buttons.form.press("dismiss", author="R. Ibarra", reason="the end is not known yet")
    assert "1 dismissed until the record changes" in buttons.status.value
    (pseudonym,) = run.masker(mine).frame(mine[["student_unique_id"]])["student_unique_id"]
    assert f">{pseudonym}: 1 dismissed" in buttons.status.value
    again = run.validate()
    _a_story_ends_when_another_row_is_chosen(again.by_cause("findings"))
    assert "1 finding dismissed." in again.says
    assert len(again.frames["findings"]) == len(before) - 1
    assert again.frames["dismissed"]["rule_id"].tolist() == ["CERT_MISSING"]
    assert len(run.checked.held) == held  # what is held stays held
    rows = previewed.folder / "source" / "program_participation.csv"
    text, row = rows.read_text("utf-8"), mine["row_id"].iloc[0]
    (line,) = [line for line in text.splitlines() if line.startswith(f"{row},")]
    was, becomes = ('": true', '": false') if '": true' in line else ('": false', '": true')
    rows.write_text(text.replace(line, line.replace(was, becomes)), "utf-8")
    for step in (run.extract, run.build, run.validate):
        view = step()
    assert "dismissed" not in view.says
    with decisions_of(run) as decisions:
        assert decisions.dismissals(closed=True)["closed_how"].tolist() == ["its record changed"]
    of = ["--profile", "certification", "--source", "sample"]
    why = ["--author", "R. Ibarra", "--reason", "the end is not known yet"]
    assert "Name a rule or a cause" in str(command("add", *of, *why).exception)
    assert command("add", "--rule", "CERT_MISSING", "--school-year", "2026", *of, *why).exit_code == 0
    listed = json.loads(command("list", *of, "--json").stdout)
    assert {row["rule_id"] for row in listed} == {"CERT_MISSING"}
    assert f"{len(listed)} findings dismissed." in run.validate().says
    assert command("remove", str(listed[0]["number"]), *of).exit_code == 0
    assert run.decisions().open["number"].tolist() == [row["number"] for row in listed[:0:-1]]
