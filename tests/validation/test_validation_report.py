"""The report: complete, offline, and without a student in it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker, pseudonym
from edfi_toolkit.rules import build
from edfi_toolkit.validation import Checked, validate
from edfi_toolkit.validation import report as reports
from tests.factories.bodies import CTE, a_body, a_build
from tests.factories.participations import a_participation, certification_tables

KEY = b"key of this test"
CANARIES = ("900471147", "canary-dcid-88", "Zebulon", "Quagmire", "5550001")
WRITTEN = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)


def checked_district() -> Checked:
    """One held, one with a warning, one skipped, one unreadable; every person is a canary."""
    students = [
        {
            "student_id": "canary-dcid-88",
            "student_unique_id": "900471147",
            "first_name": "Zebulon",
            "last_name": "Quagmire",
        },
        {"student_id": "5550001", "student_unique_id": "900471147x"},
        {"student_id": "5550001.0", "student_unique_id": "900471147"},
    ]
    rows = [
        a_participation("p1", student_id="canary-dcid-88", program_name="x" * 61),
        a_participation("p2", student_id="5550001"),
        a_participation("p3", student_id="5550001", begin_date="2025-02-30"),
        a_participation("p4", student_id="5550001", end_date="2025-08-01"),
        a_participation("p5", student_id="canary-dcid-88", resource=CTE, attributes={"nick<name>": 1}),
    ]
    return validate(build(certification_tables(*rows, students=students), profile="certification"))


@pytest.fixture(scope="module")
def checked() -> Checked:
    return checked_district()


@pytest.fixture(scope="module")
def page(checked: Checked, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    checked.write_report(path, masker=Masker(KEY), written_at=WRITTEN)
    return path.read_text("utf-8")


class Reader(HTMLParser):
    """Tags, attributes and text of a page; fails on a tag that closes what is not open."""

    VOID = frozenset({"meta", "br", "input", "rect", "i", "wbr", "option"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def test_it_is_a_well_formed_page(page):
    reader = Reader(page)
    assert reader.open == []
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for tag, name, value in reader.attributes:
        if (tag, name) == ("a", "href"):
            assert value.removeprefix("#") in ids


def test_it_asks_for_nothing_from_the_network(page):
    """No address, no tag that loads, and a policy that forbids it."""
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\(", page.replace("uri://", ""))
    reader = Reader(page)
    assert not [each for each in reader.attributes if each[1] in ("src", "srcset", "action", "background")]
    assert "default-src 'none'" in page


def test_no_student_is_in_it(page):
    for canary in CANARIES:
        assert canary not in page
    assert pseudonym("900471147", KEY) in page


def test_a_finding_has_its_file_row_and_school_where_they_are_known(checked, tmp_path):
    def places(found: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"file": "p.csv", "row": 7, "school": "Lincoln"}, found.index[1:]).astype(
            {"row": "Int64"}
        )

    page = checked.write_report(tmp_path / "p.html", masker=Masker(KEY), places=places).read_text("utf-8")
    assert page.count("row 7</td>") == page.count("<br>Lincoln</td>") == len(checked.findings) - 1 > 0


def test_a_row_that_a_rule_skipped_has_its_file_row_and_school(checked, tmp_path):
    def places(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"file": "q.csv", "row": 9, "school": "Adams"}, rows.index)

    page = checked.write_report(tmp_path / "p.html", masker=Masker(KEY), row_places=places).read_text("utf-8")
    skipped = page[page.index("Skipped by a rule") :]
    for cell in ("q.csv", "9", "Adams"):
        assert f'<td class="mono">{cell}</td>' in skipped


def test_without_a_masker_students_are_hidden_all_the_same(checked, tmp_path):
    page = checked.write_report(tmp_path / "report.html").read_text("utf-8")
    assert not [canary for canary in CANARIES if canary in page]


def test_a_revealed_report_says_so(checked, tmp_path):
    page = checked.write_report(tmp_path / "r.html", masker=Masker(KEY, reveal=True)).read_text("utf-8")
    assert "900471147" in page
    assert "Treat this file as a student record" in page
    assert page.count("Students are shown by their real ids") == 1


def test_it_answers_how_many_and_why(page):
    text = Reader(page).text
    assert "certification · school year 2025\N{EN DASH}26 · 2026-01-02 03:04 UTC" in text
    assert "1 of 3 records is ready. 2 are held" in text
    for words in (
        "COM-PAY-4",
        "programReference.programName is longer than 60 characters. It is held, never cut.",
        "DS-MEMBER",
        "endDate is missing, and the certification sheet requires it",
        "Skipped by a rule: 1",
        "The end date lies before the begin date: begin date 2025-08-23, end date 2025-08-01.",
        "program_participation",
        "Could not be read: ",
        "A date is not a day of the calendar in a form we know.",
        "cert_year_token",
    ):
        assert words in text, words


def test_what_comes_from_the_source_is_escaped(page):
    assert "nick<name>" not in page
    assert "nick&lt;name&gt;" in page


def test_sentences_count_the_way_people_do(tmp_path):
    held = validate(a_build((CTE, a_body(shoe=1))))
    assert "1 is held" in Reader(held.write_report(tmp_path / "a.html").read_text("utf-8")).text
    clean = validate(a_build((CTE, a_body())))
    text = Reader(clean.write_report(tmp_path / "b.html").read_text("utf-8")).text
    assert "The one record is ready to be sent." in text
    assert "Nothing critical was found." in text
    nothing = validate(a_build())
    assert "No record was built." in Reader(nothing.write_report(tmp_path / "c.html").read_text("utf-8")).text


def test_above_its_limit_every_rule_still_has_its_examples(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "LIMIT", 10)
    bodies = [a_body(studentReference={"studentUniqueId": f"4{number}"}, shoe=1) for number in range(30)]
    bodies[29] = a_body(studentReference={"studentUniqueId": "4x"}, beginDate="2024-09-01", endDate=None)
    checked = validate(a_build(*((CTE, body) for body in bodies)))
    page = checked.write_report(tmp_path / "r.html").read_text("utf-8")
    assert "10 of 31 findings" in Reader(page).text
    assert page.count('data-severity="warning"') == 2
    assert page.count('data-severity="critical"') == 8


def test_a_checked_that_was_read_back_from_disk_reports_the_same(checked, tmp_path):
    """held_by and source_refs come back as arrays, texts as texts."""
    path = tmp_path / "findings.parquet"
    checked.findings.to_parquet(path)
    again = dataclasses.replace(checked, findings=pd.read_parquet(path))
    pages = [
        each.write_report(tmp_path / f"{number}.html", masker=Masker(KEY), written_at=WRITTEN).read_text(
            "utf-8"
        )
        for number, each in enumerate((checked, again))
    ]
    assert pages[0] == pages[1]


@pytest.mark.process
def test_a_browser_sorts_and_filters_without_an_error(page: str, tmp_path: Path) -> None:
    sync_api: Any = pytest.importorskip("playwright.sync_api")
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("Chromium is not installed")
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        troubles: list[str] = []
        asked: list[str] = []
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        tab.fill("#findings input", "programName 61")
        assert tab.text_content("#findings output").startswith("0 of ")
        tab.fill("#findings input", "programName longer")
        tab.select_option("#findings select >> nth=0", "critical")
        assert tab.text_content("#findings output").startswith("1 of ")
        tab.fill("#findings input", "")
        tab.click("#findings-table th:nth-child(3) button")
        assert tab.get_attribute("#findings-table th:nth-child(3)", "aria-sort") == "ascending"
        browser.close()
    assert troubles == []
    assert asked == [path.as_uri()]
