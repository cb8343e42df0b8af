"""The workbook: masked, harmless in a spreadsheet, for its owner only."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.planning import plan
from edfi_toolkit.privacy import Masker, pseudonym
from edfi_toolkit.review.plans import plan_view
from edfi_toolkit.review.sheets import RunContent, sheets
from edfi_toolkit.review.workbook import SHEETS, write_workbook
from edfi_toolkit.tables import normalise
from edfi_toolkit.validation.checked import Checked
from edfi_toolkit.validation.findings import COLUMNS
from tests.factories.district import a_build, a_participation, checked
from tests.factories.samples import sample_checked

KEY = b"k" * 32


def changes(program: str = "Career and Technical Education") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "action": ["POST", "PUT"],
            "begin_date": pd.to_datetime(["2025-08-23", None]),
            "education_organization_id": pd.array([255901, None], dtype="Int64"),
            "program_name": [program, "Homeless"],
            "student_unique_id": ["604822", "604823"],
            "rules": [["CERT-CTE-1", "CERT-CTE-2"], []],
            "body": [{"studentReference": {"studentUniqueId": "604822"}}, None],
        }
    )


def written(tmp_path: Path, frame: pd.DataFrame, *, reveal: bool = False) -> openpyxl.Workbook:
    path = write_workbook(
        tmp_path / "run" / "workbook.xlsx", {"Changes": frame}, masker=Masker(KEY, reveal=reveal)
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["workbook.xlsx"]
    return openpyxl.load_workbook(path)


def test_every_sheet_is_there_in_order_and_an_empty_one_says_so(tmp_path: Path) -> None:
    book = written(tmp_path, changes())

    assert tuple(book.sheetnames) == SHEETS
    assert book["Held"]["A1"].value == "nothing here"


def test_each_sheet_is_reported_and_a_stop_leaves_the_workbook_that_was_there(tmp_path: Path) -> None:
    path, seen = tmp_path / "workbook.xlsx", list[tuple[int, int | None]]()
    write_workbook(path, {}, masker=Masker(KEY), progress=lambda *at: seen.append(at[:2]))
    assert seen == [(done, len(SHEETS)) for done in range(len(SHEETS) + 1)]

    before = path.read_bytes()
    with pytest.raises(ConfigError, match="Stopped before the workbook was written"):
        write_workbook(path, {"Changes": changes()}, masker=Masker(KEY), progress=lambda done, *_: done < 3)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_persons_are_masked_unless_revealed(tmp_path: Path) -> None:
    masked = [cell.value for row in written(tmp_path, changes())["Changes"].iter_rows() for cell in row]
    shown = [
        cell.value for row in written(tmp_path, changes(), reveal=True)["Changes"].iter_rows() for cell in row
    ]

    assert pseudonym("604822", KEY) in masked
    assert not [value for value in masked if "604822" in str(value)]
    assert "604822" in shown


def test_values_keep_their_kind_and_missing_ones_are_blank(tmp_path: Path) -> None:
    sheet = written(tmp_path, changes())["Changes"]

    assert [cell.value for cell in sheet[2]][:3] == ["POST", "2025-08-23", "255901"]
    assert [cell.value for cell in sheet[3]][1:3] == [None, None]
    assert sheet["F2"].value == "CERT-CTE-1, CERT-CTE-2"


def test_numbers_are_numbers_and_ids_are_texts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"attempts": [2], "ed_fi_school_id": [255901], "student_id": ["0012"]})
    sheet = written(tmp_path, frame, reveal=True)["Changes"]

    assert [cell.value for cell in sheet[2]] == [2, "255901", "0012"]


def test_rows_that_do_not_fit_are_on_further_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edfi_toolkit.review.workbook.MOST_ROWS", 2)
    book = written(tmp_path, pd.DataFrame({"row": range(5)}))

    assert book.sheetnames[1:4] == ["Changes", "Changes (2)", "Changes (3)"]
    assert [len(list(book[name].iter_rows(min_row=2))) for name in book.sheetnames[1:4]] == [2, 2, 1]
    assert book["Changes (3)"]["A2"].value == 4


def test_a_sheet_is_printed_as_wide_as_a_page_with_its_headings(tmp_path: Path) -> None:
    sheet = written(tmp_path, changes())["Changes"]

    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    assert sheet.print_title_rows == "$1:$1"


def test_the_header_stays_in_view_and_can_filter(tmp_path: Path) -> None:
    sheet = written(tmp_path, changes())["Changes"]

    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G3"
    assert 10 < sheet.column_dimensions["D"].width < 62


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "http://example.test", "{=1}"]
)
def test_a_text_is_never_a_formula_or_a_link(tmp_path: Path, text: str) -> None:
    cell = written(tmp_path, changes(text))["Changes"]["D2"]

    assert cell.data_type == "s"
    assert cell.hyperlink is None
    assert cell.value in {text, f"'{text}"}
    assert not cell.value.startswith(("=", "+", "-", "@", "\t"))


def test_a_very_long_text_is_cut_to_what_a_cell_can_hold(tmp_path: Path) -> None:
    assert len(written(tmp_path, changes("x" * 40_000))["Changes"]["D2"].value) == 32_767


def test_a_move_is_said_in_words_and_its_halves_have_one_number() -> None:
    built = a_build(a_participation(1))
    sound = Checked(built, built.records, checked(built).held, pd.DataFrame(columns=COLUMNS))
    items = plan(sound).items
    made = replace(
        plan(sound),
        items=pd.concat(
            [items.assign(action="DELETE", pair=1), items.assign(action="POST", pair=1)], ignore_index=True
        ),
    )
    facts = {
        "started_at": "2025-12-03T07:31:00+00:00",
        "steps": {"preview": {"actions": {"DELETE": 1, "POST": 1}, "cpu_seconds": 1}},
    }
    says = plan_view(made, sound, Masker(KEY)).says
    assert says.startswith("Publishing now would send 2 changes (the move is two: a remove and a create).")
    laid = sound.build.tables.corrections
    shown = sheets(RunContent(facts, made, sound, pd.DataFrame(), pd.DataFrame(), laid, "noon"))
    assert shown["Changes"]["action"].tolist() == ["move: remove", "move: create"]
    assert shown["Changes"]["of_move"].tolist() == [1, 1]
    summary = shown["Summary"].set_index("what")["value"]
    assert summary["what happens to the records"] == "remove 1, create 1"
    assert summary["started at"].startswith("2025-12-0")
    assert "T" not in summary["started at"].split()[0]
    assert "cpu seconds" not in summary


def test_no_rule_stands_in_two_blocks_of_the_preview() -> None:
    sound = sample_checked("certification")
    view = plan_view(plan(sound), sound, Masker(KEY))
    named = [block.frame.get(name) for block in view.blocks for name in ("rule_id", "code")]
    rules = pd.concat(named).tolist()
    assert "CERT_MISSING" in rules
    assert len(set(rules)) == len(rules)


def test_the_person_who_approved_is_named_in_place_of_the_login() -> None:
    built = a_build(a_participation(1))
    sound = Checked(built, built.records, checked(built).held, pd.DataFrame(columns=COLUMNS))
    facts = {"steps": {"publish": {"by": "root", "approved": "d4acabed", "fingerprint": "d4acabed"}}}
    content = RunContent(
        facts, plan(sound), sound, pd.DataFrame(), pd.DataFrame(), built.tables.corrections, "noon"
    )
    approved = replace(content, approved="Ann Steward, 2025-12-03 07:31 CET")
    said = [sheets(of)["Summary"].query("step == 'publish'") for of in (content, approved)]
    assert said[0]["value"].tolist() == ["root", "d4acabed", "d4acabed"]
    assert said[1]["what"].tolist() == ["approved by", "fingerprint"]
    assert said[1]["value"].tolist() == ["Ann Steward, 2025-12-03 07:31 CET", "d4acabed"]


def test_what_was_not_sent_is_not_among_what_was_sent() -> None:
    schools = [{"school_id": "1", "ed_fi_school_id": "255901", "name": "Lincoln"}]
    built = replace(a_build(a_participation(1), a_participation(2)), tables=normalise({"schools": schools}))
    sound = Checked(built, built.records, checked(built).held, pd.DataFrame(columns=COLUMNS))
    results = pd.DataFrame({"action": ["POST", "NOOP"], "student_unique_id": ["604822", "604823"]})
    results["education_organization_id"] = 255901

    laid = built.tables.corrections
    shown = sheets(RunContent({}, plan(sound), sound, results.iloc[:0], results, laid, "noon"))

    assert shown["Summary"].values.tolist()[0] == ["workbook", "as of", "noon"]
    assert shown["Sent"]["student_unique_id"].tolist() == ["604822"]
    assert "since" not in shown["Sent"]
    assert shown["Sent"]["education_organization_id"].tolist() == ["255901 \u00b7 Lincoln"]
