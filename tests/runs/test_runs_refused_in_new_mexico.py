"""The refusals of the New Mexico sample, whose organizations come from a building's number: what each is told to do."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import edfi_toolkit as edfi
from edfi_toolkit.cli import app
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ods import Client
from edfi_toolkit.review.missing import missing
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.runs.rejections import explained
from edfi_toolkit.runs.rejections.in_the_way import NOT_READABLE
from edfi_toolkit.runs.rejections.refusal import Refusal
from edfi_toolkit.runs.rejections.sent_again import UNDER_ANOTHER_KEY, sent_again
from edfi_toolkit.runs.rejections.workshop import Workshop
from edfi_toolkit.runs.run import Run
from edfi_toolkit.widgets.workshop_panel import WorkshopPanel
from tests.processes import KeptOds
from tests.stages import Stage

MARIGOLD, OPHIRA, RUSHBOTTOM, PENNYROYAL = "880088113", "880088115", "880088116", "8800881140"
WHO = {"author": "R. Ibarra", "reason": "typed wrong"}


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_in_new_mexico: Stage
) -> Iterator[Run]:
    """The first state, of which the ODS refused six records. Only the last but one test changes what the ODS has."""
    with first_in_new_mexico.copied(tmp_path_factory.mktemp("nm") / "work", sandbox):
        yield edfi.open_run(profile="nm-powerschool", school_year=2026, source="sample")


def refusal(run: Run, student: str) -> Refusal:
    """The only refusal of a student."""
    (at,) = Workshop(run).open.query("student_unique_id == @student").index
    return Refusal(run, Workshop(run).refused.loc[at])


def chosen(run: Run, student: str) -> WorkshopPanel:
    """The workshop with the only refusal of a student chosen."""
    panel = WorkshopPanel(Workshop(run))
    panel.records.select(panel._shown["student_unique_id"].tolist().index(student))
    return panel


def test_the_cell_that_a_foreign_organization_is_formed_from_is_chosen(published: Run) -> None:
    known, panel = refusal(published, MARIGOLD), chosen(published, MARIGOLD)
    first = known.source_rows().iloc[0]
    assert (first["column"], first["value"], first["mark"]) == ("location_code", "500", "named by the answer")
    assert panel.form.fields[0]["choices"][0] == "students.location_code"
    assert "Correct students.location_code, which it comes from." in panel.status.value
    assert "Schools of the source, that of the record first: 410 (Agave High), " in panel.status.value
    assert next(field["options"] for field in panel.form.fields if field["name"] == "value")[0] == "410"
    assert "none is chosen" not in panel.status.value


def test_a_refusal_has_one_owner_everywhere(published: Run) -> None:
    panel = chosen(published, MARIGOLD)
    row = panel.chosen.iloc[0]
    assert row["who"] == "SIS clerk"  # who keeps the students, where its cell is
    assert f"Who can do it: {row['who']}" in panel.status.value
    missing = published.student(MARIGOLD).frames["missing"]
    refused = missing[missing["state"].eq("refused by the ODS")]
    assert refused["who"].tolist() == [row["who"]]
    assert refused["where"].str.fullmatch(r"students\.csv, row \d+, location_code").all()


def test_what_was_published_says_of_a_refusal_what_the_lists_of_refusals_say(published: Run) -> None:
    shown, told = published.results(), published.rejections()
    listed = shown.frames["not delivered"].set_index("student_unique_id")
    still = told.frames["open"].set_index("student_unique_id")
    said = ["cause", "todo", "who", "messages"]
    assert listed.loc[MARIGOLD, "who"] == "SIS clerk"
    assert "Correct students.location_code, which it comes from." in listed.loc[MARIGOLD, "todo"]
    assert listed[said].sort_index().values.tolist() == still[said].sort_index().values.tolist()
    by_cause = ["cause", "todo", "who"]
    counted, causes = shown.blocks[1].frame, told.frames["causes"]
    assert sorted(counted[by_cause].values.tolist()) == sorted(causes[by_cause].values.tolist())
    assert counted["records"].sum() == len(still) == 6
    report = (published.path / "report.html").read_text("utf-8")
    assert "publish the missing one from the SIS" not in report
    assert report.count("Correct students.location_code, which it comes from.") == 2  # in both sections


def test_a_record_is_at_the_same_school_in_the_preview_and_in_what_was_sent(published: Run) -> None:
    preview, results = published.preview(), published.results()
    schools = preview.frames["changes"].set_index("student_unique_id")["school"]
    assert schools[MARIGOLD] == "35089500 \u00b7 not in the list of schools; student at Agave High"
    for name in ("sent", "not delivered"):
        listed = results.frames[name].set_index("student_unique_id")["school"]
        assert listed[MARIGOLD] == schools[MARIGOLD]


def test_what_validation_warns_of_is_said_where_the_change_is_approved(published: Run) -> None:
    view = published.preview()
    warned = view.frames["changes"].set_index("student_unique_id")["worth_checking"]
    assert "Organization 35089500 is in no list of schools" in warned[MARIGOLD]
    assert "If it is wrong, correct students.location_code." in warned[MARIGOLD]
    assert (warned != "").sum() < len(warned)
    (block,) = (block for block in view.blocks if block.caption.startswith("Worth checking before you"))
    counts = block.frame.set_index("rule_id")["rows"]
    assert counts["SRC-ORGANIZATION"] == warned.str.contains("is in no list of schools").sum()


def test_refusals_are_explained_once_until_one_changes(
    published: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, every, really = list[int](), explained.rejection_rows(published), explained.explained

    def counted(refused: pd.DataFrame, *given: Any) -> pd.DataFrame:
        times.append(len(refused))
        return really(refused, *given)

    monkeypatch.setattr(explained, "explained", counted)
    run = edfi.open_run(profile="nm-powerschool", school_year=2026, source="sample")
    for step in (run.results, run.rejections, run.workshop, run.workbook):
        step()
    assert times == [6]
    own = explained.refusals(run)
    own["who"] = "nobody"
    assert "nobody" not in explained.refusals(run)["who"].tolist()
    monkeypatch.setattr(explained, "rejection_rows", lambda _run: every.iloc[1:])
    assert len(explained.refusals(run)) == 5
    assert times == [6, 5]


def test_every_list_that_is_handed_on_has_the_file_row_and_column_of_the_cell(
    published: Run, tmp_path: Path
) -> None:
    at = {"File": "students.csv", "Row": 14, "Column": "location_code", "Who can do it": "SIS clerk"}
    value = published.tables["students"].query("student_unique_id == @MARIGOLD")["location_code"].item()
    workshop = Workshop(published)
    handed = _rows(workshop.hand_on(workshop.open.query("student_unique_id == @MARIGOLD")), "SIS clerk")
    assert [{name: row[name] for name in at} for row in handed] == [at]
    assert "Correct students.location_code, which it comes from." in handed[0]["What to do"]
    assert handed[0]["Value"] == value == "500"
    published.workbook()
    refused = _rows(published.path / "workbook.xlsx", "Refused")
    assert [row for row in refused if {name: row[name] for name in at} == at]
    published.rejections()
    report = (published.path / "report.html").read_text("utf-8")
    assert re.search(r"students\.csv</td>\s*<td[^>]*>14</td>\s*<td[^>]*>location_code</td>", report)
    listed = tmp_path / "clerk.csv"
    words = ["rejections", "--run", published.id, "--owner", "SIS clerk", "--csv", str(listed)]
    assert CliRunner().invoke(app, words).exit_code == 3
    known = list(csv.DictReader(listed.read_text("utf-8-sig").splitlines()))
    as_texts = {name: str(value) for name, value in at.items()}
    assert [row["Value"] for row in known if {name: row[name] for name in at} == as_texts] == [value]
    assert {row["Who can do it"] for row in known} == {"SIS clerk"}


def test_every_list_of_skipped_rows_has_the_cell_of_the_school_without_a_usable_number(
    published: Run,
) -> None:
    row = missing(published.checked).query("rule == 'NM-ERR-2' and id == 'S07'").iloc[0]
    at = ["schools.csv", 4, "school_number", "SIS clerk"]
    assert row[["file", "row", "column", "who"]].tolist() == at
    told = published.student(row["student_id"]).frames["missing"].query("rule == 'NM-ERR-2'")
    assert told[["where", "who"]].values.tolist() == [["schools.csv, row 4, school_number", "SIS clerk"]]
    published.workbook()
    skipped = _rows(published.path / "workbook.xlsx", "Skipped")
    names = ("File", "Row", "Column", "Who can do it")
    assert at in [[row[name] for name in names] for row in skipped if row["Rule"] == "NM-ERR-2"]
    published.validate()
    report = (published.path / "report.html").read_text("utf-8")
    assert re.search(r"schools\.csv</td>\s*<td[^>]*>4</td>\s*<td[^>]*>school_number</td>", report)


def _rows(path: Path, sheet: str) -> list[dict[str, Any]]:
    head, *rows = load_workbook(path)[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_where_the_answer_is_not_about_one_cell_none_is_chosen(published: Run) -> None:
    for student in (OPHIRA, RUSHBOTTOM):
        panel = chosen(published, student)
        assert panel.form.fields[0]["choices"][0] == "(choose a cell)"
        assert "which cell is wrong, if one is: none is chosen under Cell." in panel.status.value
        panel.form.press("correct", cell="(choose a cell)", value="1", **WHO)
        assert "Choose under Cell which one you mean first." in panel.status.value
        assert published.decisions().open.empty


def test_columns_that_the_source_has_not_are_not_listed(published: Run) -> None:
    known = refusal(published, MARIGOLD)
    for cells in (known.source_rows(), known.cells()):
        assert {"service_type", "wise_exclude", "no_show", "state_enrollment_type"}.isdisjoint(
            cells["column"]
        )
        assert "start_date" in set(cells["column"])


def test_what_came_of_a_press_stands_below_the_buttons(published: Run) -> None:
    panel = WorkshopPanel(Workshop(published))
    acting = panel.children[2].children[1].children
    assert acting.index(panel.status) == acting.index(panel.form) + 1


def test_the_other_association_with_the_key_or_what_cannot_be_read_is_shown_in_50_and_70(
    published: Run,
) -> None:
    others = refusal(published, OPHIRA).others()
    assert others is not None
    assert others.query("sent_from == @NOT_READABLE")["kind"].tolist() == ["studentProgramAssociations"]
    panel = chosen(published, OPHIRA)
    panel.leaves.selected_index = 2
    live, told = panel.leaves.children[2].value, published.student(OPHIRA)
    for shown in (live, told._repr_html_()):
        assert "What else the ODS has of this student" in shown
        assert NOT_READABLE in shown
        assert "notebook 70" not in shown
        assert OPHIRA not in shown
    assert refusal(published, MARIGOLD).others() is None
    # Where the list has nothing, the advice says whom to ask.
    asks = "Where this login may not read the other one, ask the ODS administrator for it, with the correlation id."
    assert asks in panel.chosen.iloc[0]["todo"]


def test_another_kind_with_the_same_key_comes_first_and_says_who_sent_it(
    published: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = refusal(published, OPHIRA)
    own = known.sent
    assert own is not None
    bodies = {
        "studentCTEProgramAssociations": [own, {**own, "beginDate": "2024-08-12"}],
        "studentProgramAssociations": [own],
    }

    def read_all(_client: Client, resource: str, filters: dict[str, str]) -> pd.DataFrame:
        assert filters == {"studentUniqueId": OPHIRA}
        found = bodies.get(resource, [])
        return pd.DataFrame({"id": [f"{resource}-{at}" for at in range(len(found))], "body": found})

    monkeypatch.setattr(Client, "read_all", read_all)
    others = known.others()
    assert others is not None
    assert others[["kind", "begin_date", "same_key", "sent_from"]].to_numpy().tolist() == [
        ["studentProgramAssociations", "2025-08-11", "yes", "not sent by us"],
        ["studentCTEProgramAssociations", "2024-08-12", "", "not sent by us"],
    ]
    assert others["education_organization_id"].str.endswith(" \u00b7 Agave High").all()


def test_where_a_value_is_taken_the_places_to_look_are_named(published: Run) -> None:
    told = published.student(RUSHBOTTOM)
    assert "'Sent, answered'" in told.next_step
    book = Workshop(published).hand_on(Workshop(published).open.query("student_unique_id == @RUSHBOTTOM"))
    (handed,) = _rows(book, "Program office")
    assert "ask which record has the value" in handed["What to do"]
    assert "otebook" not in handed["What to do"]
    assert "ask which record has the value" in told.next_step
    assert "What else the ODS has of this student" in told._repr_html_()


def test_the_rule_says_where_the_setting_is_set() -> None:
    assert "in edfi.toml, under [profiles.nm-powerschool]" in RULES["NM-SEL-1"].hint


def test_an_unknown_name_is_answered_first_and_the_nearest_is_offered_by_its_pseudonym(
    published: Run,
) -> None:
    with pytest.raises(ConfigError, match=r"^No student of the source has that id or name\.") as raised:
        published.student("Zacharias Unheard")
    assert "Nearest" not in str(raised.value)
    hidden = published.masker().masked().value("N8810016")
    with pytest.raises(ConfigError, match=rf"Nearest to it is the id or name of {hidden}:") as raised:
        published.student("Rushbotom")
    assert "Rushbot" not in str(raised.value)


def test_a_record_sent_under_a_corrected_id_is_in_the_ods_and_others_are_not_warned(published: Run) -> None:
    workshop = Workshop(published)
    rows = workshop.open.query("student_unique_id == @PENNYROYAL")
    cell = {"table": "students", "id": "N8810014", "column": "student_unique_id", "value": PENNYROYAL}
    workshop.correct(cell, "880088114", **WHO)
    again, _ = workshop.check(rows, progress=lambda *_: None)
    workshop.approve(again, person="R. Ibarra")
    workshop.send(again, rows, progress=lambda *_: None)
    told = published.student("Pennyroyal")
    hidden = published.masker().masked().value("880088114")
    assert "all in the ODS as sent." in told.says
    assert f"The id is the corrected one, {hidden}." in told.says
    assert "Correction 1 of students.student_unique_id" in told.says
    assert "is in force until the SIS has it." in told.says
    assert "Nothing of this student" not in told.says
    assert "Not in the ODS yet" not in told.says
    assert told.tone == "check"
    assert told.frames["missing"].empty
    spans = told.frames["over the year"]
    assert set(spans.loc[spans["what"].str.startswith("record"), "in_the_ods"]) == {"yes"}
    assert "880088114" not in repr(told) + told._repr_html_()
    assert "orrection" not in published.student("Dunmarrow").says
    assert "orrection" not in published.student(RUSHBOTTOM).says
    with pytest.raises(ConfigError, match=r"^No student .* Ids of students were corrected since"):
        published.student("Zacharias Unheard")
    for step in (
        again := edfi.open_run(profile="nm-powerschool", school_year=2026, source="sample", run_id="new"),
    ):
        step.extract()
        step.build()
        step.validate()
    read_again = again.student("Pennyroyal")
    assert "Correction 1 of students.student_unique_id" in read_again.says
    assert "is in force until the SIS has it." in read_again.says
    assert read_again.tone == "good"


def test_source_rows_say_what_a_cell_is_corrected_to(published: Run) -> None:
    panel = chosen(published, MARIGOLD)
    panel.leaves.selected_index = 0
    page = panel.leaves.children[0]
    assert "corrected_to" not in refusal(published, MARIGOLD).source_rows()
    assert "Corrected to" not in page.value
    leading = [[one["name"] for one in panel.form.buttons if one["leads"]]]
    panel.form.press("correct", cell="students.location_code", value="410", **WHO)
    leading += [[one["name"] for one in panel.form.buttons if one["leads"]]]
    assert leading == [["correct"], ["check"]], "the next one stands out"
    assert "Corrected to" in page.value
    workshop, known = Workshop(published), refusal(published, MARIGOLD)
    cells = known.cells().set_index("column", drop=False)
    code, own = cells.loc["industry_credential_code"], cells.loc["student_unique_id"]
    workshop.correct(code, "NEW", **WHO, everywhere=True)
    workshop.correct(own, "880088199", **WHO)
    rows = known.source_rows()
    corrected = rows[rows["corrected_to"].ne("")].set_index("column")["corrected_to"].to_dict()
    assert corrected == {
        "location_code": "410",
        "industry_credential_code": "NEW",
        "student_unique_id": "880088199",
    }
    file, row = rows.loc[rows["column"].eq("location_code"), ["file", "row"]].iloc[0]
    assert f"students.location_code in {file}, row {row}" in set(published.decisions().open["about"])
    masked = published.masker().masked()
    assert masked.frame(rows)["corrected_to"].ne("").sum() == 3
    panel.leaves.about(known, masked)
    assert "880088199" not in page.value  # an id that no row has yet is a student's all the same
    assert masked.value("880088199") in page.value
    again, _ = workshop.check(workshop.open.query("student_unique_id == @MARIGOLD"), progress=lambda *_: None)
    read = Refusal(again, known.row).source_rows().set_index("column").loc["industry_credential_code"]
    # What the file says stays beside what it was read as.
    assert (read["value"], read["corrected_to"]) == (code["value"], "NEW")
    assert (
        Refusal(again, known.row).cells().set_index("column").at["industry_credential_code", "value"] == "NEW"
    )


def test_after_a_check_cells_are_as_it_read_them_and_a_second_correction_is_of_what_the_source_says(
    published: Run,
) -> None:
    def code() -> str:
        return panel._cells.set_index("column").at["location_code", "value"]

    def correct(value: str) -> None:
        cells = panel.form.fields[0]["choices"]
        (cell,) = (cell for cell in cells if cell.startswith("students.location_code"))
        panel.form.press("correct", cell=cell, value=value, **WHO)

    panel = chosen(published, OPHIRA)
    written = code()
    correct("430")
    assert code() == written
    panel.form.press("check")
    assert code() == "430"
    again = panel.workshop._read
    assert [said for said in sent_again(again) if said] == [UNDER_ANOTHER_KEY]
    story = again.student(OPHIRA)
    assert "refused by the ODS" not in set(story.frames["missing"]["state"])
    assert "Not in the ODS yet" in story.says
    correct("420")
    (kept,) = published.decisions().open.query("value == '420'").to_dict("records")
    assert kept["was"] == written
    assert published.decisions().open.query("value == '430' and about == @kept['about']").empty
