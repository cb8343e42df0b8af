"""The grid as a person meets it: in JupyterLab, with mouse and keyboard, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import say

CANARY = "9002771834"
FRAME = f"""
import numpy as np, pandas as pd
import edfi_toolkit.widgets as widgets
from edfi_toolkit.privacy import Masker
n = 100_000
number = int({CANARY!r}) + np.arange(n)
frame = pd.DataFrame({{
    "action": np.resize(["POST", "PUT", "DELETE", "NOOP"], n),
    "student_unique_id": number.astype(str),
    "begin_date": pd.Timestamp("2025-08-01") + pd.to_timedelta(np.arange(n) % 200, "D"),
    "program_name": np.resize(["Special Education", "CTE", "Bilingual"], n),
    "program_type_descriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Career and Technical Education",
    "education_organization_id": pd.array(255900 + np.arange(n) % 40, "Int64"),
    "served": np.resize([True, False], n),
    "reason": [f"student {{i}} has left the schools of the district, so the record goes" for i in number],
    "rules": [["COM-KEY-1", "CERT-SEL-2"]] * n,
    "source_refs": [[f"students:{{i}}", f"enrollments:{{i % 900}}"] for i in number],
}})
ref = {{"programName": "CTE", "educationOrganizationId": 255901}}
common = {{"programReference": ref, "services": [{{"serviceDescriptor": "uri://ed-fi.org/ServiceDescriptor#Speech"}}]}}
students = [{{"studentReference": {{"studentUniqueId": str(i)}}}} for i in number]
was, updates = common | {{"endDate": "2025-12-01"}}, frame["action"] == "PUT"
frame["before"] = [was | student if put else None for put, student in zip(updates, students, strict=True)]
after = {{"endDate": "2026-01-31", "servedOutsideOfRegularSession": False}}
frame["body"] = [common | student | after for student in students]
frame["diff"] = [["endDate", "servedOutsideOfRegularSession"] if put else [] for put in updates]
"""
SHOW = """
grid = widgets.grid(frame, masker=Masker(b"key"), title="What would change")
grid
"""


# What the kernel sends the page, in characters, until something is seen.
SENT_UNTIL = """async (begin, seen) => {
    const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
    const begun = performance.now();
    let sent = 0;
    const count = (_, message) => { sent += JSON.stringify(message.content).length; };
    kernel.iopubMessage.connect(count);
    begin();
    while (!seen() && performance.now() - begun < 90000) await new Promise((later) => setTimeout(later, 10));
    kernel.iopubMessage.disconnect(count);
    return seen() ? sent : -1;
}"""


@pytest.fixture(scope="module")
def opened(lab: Any) -> Iterator[tuple[Any, int]]:
    """The notebook, and what its kernel sent until the grid was there."""
    page = lab.open(lab.notebook("grid", FRAME, SHOW, "0"))
    run_cell(page, 0)
    sent = page.evaluate(
        f"""() => ({SENT_UNTIL})(
            () => {{
                jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
                jupyterapp.commands.execute('notebook:run-cell');
            }},
            () => document.querySelector('.edfi-grid tbody tr[data-row]'),
        )"""
    )
    run_cell(page, 2)
    yield page, sent
    lab.close(page)


@pytest.fixture(scope="module")
def notebook(opened: tuple[Any, int]) -> Any:
    return opened[0]


def run_cell(page: Any, number: int) -> None:
    page.evaluate(
        """(number) => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = number;
            return jupyterapp.commands.execute('notebook:run-cell');
        }""",
        number,
    )


@pytest.fixture
def page(notebook: Any) -> Any:
    """The grid as new: no filter, no order, nothing selected, revealed or in focus."""
    notebook.evaluate("() => document.activeElement.blur()")
    say(
        notebook,
        "grid.filter, grid.filters, grid.sort_by, grid.page, grid.selection, grid.revealed = '', {}, '', 0, (), False",
    )
    notebook.wait_for_function(
        "() => document.querySelector('.edfi-grid .count').textContent === '1-25 of 100,000'"
    )
    return notebook


def first_row(page: Any) -> list[str]:
    return page.locator(".edfi-grid .rows tbody tr").first.locator("td").all_inner_texts()


def count(page: Any, text: str) -> None:
    page.wait_for_function(
        "(text) => document.querySelector('.edfi-grid .count').textContent === text", arg=text
    )


def test_a_hundred_thousand_rows_are_there_page_by_page(lab: Any, page: Any) -> None:
    lab.screenshot(page, "grid")
    assert page.locator(".edfi-grid .rows tbody tr").count() == 25
    page.get_by_role("button", name="Next page").click()
    count(page, "26-50 of 100,000")
    page.get_by_role("button", name="Previous page").click()
    count(page, "1-25 of 100,000")


def test_typing_filters_without_enter(page: Any) -> None:
    page.get_by_role("searchbox", name="Filter rows").press_sequentially("bilingual delete 2025-08-11")
    count(page, "166 of 100,000 rows match: 1-25 of 166")
    assert first_row(page)[0] == "DELETE"


def test_columns_are_filtered_by_choice_and_by_what_they_contain(lab: Any, page: Any) -> None:
    page.get_by_label("Filter Action", exact=True).select_option("DELETE")
    count(page, "25,000 of 100,000 rows match: 1-25 of 25,000")
    page.get_by_label("Filter Begins", exact=True).press_sequentially("2025-08-03")
    count(page, "500 of 100,000 rows match: 1-25 of 500")
    lab.screenshot(page, "grid-filtered")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert (download.value.suggested_filename, len(lines)) == ("what-would-change.csv", 501)
    assert CANARY[:6] not in "".join(lines)
    page.get_by_role("button", name="Clear filters").click()
    count(page, "1-25 of 100,000")


def test_the_second_tab_is_at_the_rows_and_what_is_done_is_announced(page: Any) -> None:
    page.get_by_role("searchbox", name="Filter rows").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.dataset.row") == "0"
    page.keyboard.press("Enter")
    page.locator("[role=status]").get_by_text("1 selected").wait_for()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Filter Action"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "Filter Student"
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.dataset.row") == "0"
    grid = page.get_by_role("grid", name="What would change")
    assert grid.get_attribute("aria-rowcount") == "100002"


def test_at_200_percent_the_grid_is_within_the_page(page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr").first.click()
    page.get_by_role("region", name="Selected row").wait_for()
    try:
        page.set_viewport_size({"width": 640, "height": 400})
        grid, rows = page.locator(".edfi-grid"), page.locator(".edfi-grid .rows")
        assert grid.evaluate("(grid) => grid.scrollWidth - grid.clientWidth") <= 0
        assert rows.evaluate("(rows) => rows.clientHeight") <= 240
    finally:
        page.set_viewport_size({"width": 1360, "height": 1000})


def test_shortcuts_of_the_notebook_do_not_take_letters_from_the_filter(page: Any) -> None:
    field = page.get_by_role("searchbox", name="Filter rows")
    field.press_sequentially("dd m y a b")
    assert field.input_value() == "dd m y a b"
    count(page, "17,643 of 100,000 rows match: 1-25 of 17,643")
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == 3


def test_a_heading_sorts_and_says_so(page: Any) -> None:
    heading = page.get_by_title("Sort by Student", exact=True)
    heading.click()
    page.wait_for_selector(".edfi-grid th[aria-sort='ascending']")
    heading.click()
    page.wait_for_selector(".edfi-grid th[aria-sort='descending']")
    say(page, "grid.select(int(grid._order[0]))")
    assert say(page, "print(grid.selected['student_unique_id'])").strip() == str(int(CANARY) + 99_999)


def test_a_clicked_row_is_shown_in_full_and_known_to_python(lab: Any, page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr").nth(1).click()
    pane = page.get_by_role("region", name="Selected row")
    pane.wait_for()
    assert "End date" in pane.inner_text()
    assert pane.locator("tr.changed").count() == 2
    assert say(page, "print(grid.selected['action'])").strip() == "PUT"
    pane.scroll_into_view_if_needed()
    lab.screenshot(page, "grid-record")


def test_several_rows_are_selected_with_the_usual_keys(page: Any) -> None:
    rows = page.locator(".edfi-grid .rows tbody tr")
    for row, modifiers, selected in ((0, [], 1), (2, ["Shift"], 3), (5, ["Control"], 4)):
        rows.nth(row).click(modifiers=modifiers)
        page.wait_for_function(  # the table is drawn again: a click during that reaches none of its rows
            "count => document.querySelectorAll('.edfi-grid tr[aria-selected=true]').length === count",
            arg=selected,
        )
    assert say(page, "print(grid.selected_rows.index.tolist())").strip() == "[0, 1, 2, 5]"


def test_the_grid_is_used_with_the_keyboard_alone(page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(".edfi-grid tr[data-row='2'][aria-selected='true']")
    assert page.evaluate("() => document.activeElement.dataset.row") == "2"
    page.keyboard.press("PageDown")
    count(page, "26-50 of 100,000")
    assert page.evaluate("() => document.activeElement.dataset.row") == "25"


def test_students_show_only_while_revealed(lab: Any, page: Any) -> None:
    grid = page.locator(".edfi-grid")
    page.locator(".edfi-grid .rows tbody tr").first.click()
    page.get_by_role("region", name="Selected row").wait_for()
    assert CANARY not in grid.inner_html()
    page.get_by_role("button", name="Reveal students").click()
    page.get_by_role("button", name="Hide students").wait_for()
    assert first_row(page)[1] == CANARY
    lab.screenshot(page, "grid-revealed")
    page.get_by_role("button", name="Hide students").click()
    page.get_by_role("button", name="Reveal students").wait_for()
    assert CANARY not in grid.inner_html()


def test_a_saved_notebook_holds_no_student(lab: Any, page: Any) -> None:
    page.get_by_role("button", name="Reveal students").click()
    page.get_by_role("button", name="Hide students").wait_for()
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    saved = json.loads((lab.folder / "grid.ipynb").read_text())
    del saved["cells"][0]["source"]  # the code above names the canary
    assert saved["cells"][1]["outputs"]
    assert CANARY not in json.dumps(saved)


# The lowest contrast of a text in the grid to what is behind it, by WCAG's formula, and the text.
CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    const over = (color, under) => {
        canvas.globalAlpha = 1;
        canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const behind = (node) => over(getComputedStyle(node).backgroundColor,
        node.parentElement ? behind(node.parentElement) : [255, 255, 255]);
    const light = (rgb) => rgb.map((c) => c / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
    let worst = [21, ""];
    for (const node of document.querySelectorAll(".edfi-grid *")) {
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        if (!own || node.disabled || node.closest("[hidden], .only-read")) continue;
        const back = behind(node);
        const opacity = Number(getComputedStyle(node).opacity);
        const front = over(getComputedStyle(node).color, back).map((c, at) => c * opacity + back[at] * (1 - opacity));
        const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
        const ratio = (high + .05) / (low + .05);
        if (ratio < worst[0]) worst = [ratio, node.textContent];
    }
    return worst;
}"""


def test_the_grid_follows_a_dark_theme(lab: Any, page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr").nth(1).click()
    page.get_by_role("region", name="Selected row").wait_for()
    page.get_by_role("button", name="Reveal students").click()
    page.get_by_role("button", name="Hide students").wait_for()
    assert page.evaluate(CONTRAST)[0] >= 4.5
    background = "getComputedStyle(document.querySelector('.edfi-grid .rows table')).backgroundColor"
    light = page.evaluate(background)
    lab.dark(page)
    try:
        page.wait_for_function(f"(light) => {background} !== light", arg=light)
        assert page.evaluate(CONTRAST)[0] >= 4.5
        lab.screenshot(page, "grid-dark")
    finally:
        lab.light(page)


ONE_PAGE = 100_000  # characters for 25 rows with their bodies; the frame has some fifty million


def test_opening_a_hundred_thousand_rows_sends_one_page(opened: tuple[Any, int]) -> None:
    assert 1_000 < opened[1] < ONE_PAGE


def test_filtering_a_hundred_thousand_rows_sends_one_page(page: Any) -> None:
    sent = page.evaluate(
        f"""() => ({SENT_UNTIL})(
            () => {{
                const field = document.querySelector('.edfi-grid input');
                field.value = 'bilingual 2025-09';
                field.dispatchEvent(new Event('input'));
            }},
            () => document.querySelector('.edfi-grid .count').textContent.includes('match'),
        )"""
    )
    assert 1_000 < sent < ONE_PAGE


def test_nothing_was_asked_of_another_machine(lab: Any, notebook: Any) -> None:
    assert lab.refused == []


def test_the_scripts_of_the_panels_name_no_other_machine() -> None:
    folder = Path(__file__).resolve().parents[2] / "edfi_toolkit" / "widgets"
    for name in ("grid.js", "grid.css"):
        assert "//" not in (folder / name).read_text().replace("// ", "")
