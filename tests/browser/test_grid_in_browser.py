"""The panels as a person meets them: in JupyterLab, with mouse and keyboard, without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
frame["before"] = [common | student | {{"endDate": "2025-12-01"}} for student in students]
after = {{"endDate": "2026-01-31", "servedOutsideOfRegularSession": False}}
frame["body"] = [common | student | after for student in students]
frame["diff"] = [["endDate", "servedOutsideOfRegularSession"]] * n
"""
SHOW = """
grid = widgets.grid(frame, masker=Masker(b"key"), title="What would change")
grid
"""


@pytest.fixture(scope="module")
def notebook(lab: Any) -> Iterator[Any]:
    page = lab.run_all(lab.notebook("grid", FRAME, SHOW, "0"))
    page.wait_for_selector(".edfi-grid tbody tr[data-row]")
    yield page
    lab.close(page)


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


def say(page: Any, code: str) -> str:
    """Run code in the notebook's kernel and return what it prints."""
    return page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({code});
            let text = "";
            future.onIOPub = (message) => {
                if (message.header.msg_type === "stream") text += message.content.text;
                if (message.header.msg_type === "error") text += message.content.traceback.join("\\n");
            };
            await future.done;
            return text;
        }""",
        code,
    )


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
    rows.nth(0).click()
    rows.nth(2).click(modifiers=["Shift"])
    rows.nth(5).click(modifiers=["Control"])
    page.wait_for_function(
        "() => document.querySelectorAll('.edfi-grid tr[aria-selected=true]').length === 4"
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
ONE_PAGE = 100_000  # characters for 25 rows with their bodies; the frame has some eighty million


def test_opening_a_hundred_thousand_rows_sends_one_page(page: Any) -> None:
    sent = page.evaluate(
        f"""() => ({SENT_UNTIL})(
            () => {{
                document.querySelector('.edfi-grid').dataset.old = 'yes';
                jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
                jupyterapp.commands.execute('notebook:run-cell');
            }},
            () => document.querySelector('.edfi-grid:not([data-old]) tr[data-row]'),
        )"""
    )
    assert 1_000 < sent < ONE_PAGE


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


PANELS = """
import time
from types import SimpleNamespace
items = frame.head(300)[["action"]].assign(resource="studentCTEProgramAssociations")
says = {"says": ["75 of 300 records would be deleted."], "hint": ["Look at them first."]}
findings = pd.DataFrame({"code": ["max-delete-share"]} | says)
plan = SimpleNamespace(items=items, findings=findings, breaches=(), fingerprint="ab12cd34")
unsafe = SimpleNamespace(**vars(plan) | {"breaches": ("max-delete-share",)})

def publish():
    progress, done = widgets.progress("Publish"), 0
    while progress(done, 2000, {"delivered": done - done // 50, "refused": done // 50}):
        time.sleep(0.02)
        done = min(done + 1, 1999)  # until it is stopped
    return done

panel = widgets.publish(publish)
panel
"""
REASONS = """
rejections = frame.head(500)[["student_unique_id", "program_name", "begin_date"]].assign(
    rule=np.resize(["CERT-SEL-2", "CERT-SEL-1", "CERT-SEL-4"], 500), messages=[["Student not found."]] * 500)
widgets.reasons(rejections, masker=Masker(b"key"), explain=lambda cause: f"{cause}: something is missing.")
"""


@pytest.fixture(scope="module")
def panels(lab: Any) -> Iterator[Any]:
    unsafe = "asks = widgets.approve(unsafe, lambda name, answers: None)\nasks"
    bars = "widgets.bars(frame.program_name.value_counts(), 'Records by program')"
    page = lab.run_all(
        lab.notebook("panels", FRAME, PANELS, unsafe, REASONS, bars, "widgets.table(frame.head(30), rows=5)")
    )
    page.get_by_role("button", name="Publish").first.wait_for()
    yield page
    lab.close(page)


def test_a_breach_is_answered_before_a_plan_can_be_approved(lab: Any, panels: Any) -> None:
    approve = panels.get_by_role("button", name="Approve")
    assert approve.is_disabled()
    assert panels.get_by_role("alert").inner_text().startswith("max-delete-share")
    panels.get_by_role("textbox", name="Your name").press_sequentially("Ann Example")
    panels.get_by_text("Not answered yet: max-delete-share.").wait_for()
    assert approve.is_disabled()
    panels.get_by_role("textbox", name="Answer for max-delete-share").press_sequentially("A school closed.")
    panels.wait_for_function(
        "() => ![...document.querySelectorAll('button')].find((b) => b.textContent === 'Approve').disabled"
    )
    lab.screenshot(panels, "approve")
    approve.click()
    approve.wait_for(state="hidden")
    assert say(panels, "print(repr(asks.name.value))").strip() == "''"


def test_what_was_approved_is_published_and_stopped_half_way(lab: Any, panels: Any) -> None:
    panels.get_by_role("button", name="Publish").first.click()
    panels.get_by_role("button", name="Stop").wait_for()
    panels.get_by_text("a second").wait_for()
    lab.screenshot(panels, "progress")
    panels.get_by_role("button", name="Stop").click()
    panels.get_by_text("stopped after").wait_for()
    assert 0 < int(say(panels, "print(panel.result)")) < 2000


def test_stop_is_heard_while_a_cell_is_running(lab: Any, panels: Any) -> None:
    page = lab.open(lab.notebook("stop", FRAME + PANELS.replace("panel\n", "") + "publish()"))
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.get_by_text("a second").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped after").wait_for()
    lab.close(page)


def test_a_cause_is_chosen_and_its_rows_are_shown(lab: Any, panels: Any) -> None:
    choice = panels.get_by_role("combobox", name="Cause")
    choice.select_option(label="CERT-SEL-1 (167): CERT-SEL-1: something is missing.")
    panels.locator("p").get_by_text("CERT-SEL-1: something is missing.").wait_for()
    panels.get_by_text("1-25 of 167").wait_for()
    choice.scroll_into_view_if_needed()
    lab.screenshot(panels, "reasons")
    panels.locator(".jp-OutputArea-output img").first.scroll_into_view_if_needed()
    assert panels.locator(".jp-OutputArea-output img").count() == 1
    panels.locator(".jp-CodeCell").last.scroll_into_view_if_needed()
    lab.screenshot(panels, "static")


def test_nothing_was_asked_of_another_machine(lab: Any, notebook: Any, panels: Any) -> None:
    assert lab.refused == []


def test_the_scripts_of_the_panels_name_no_other_machine() -> None:
    folder = Path(__file__).resolve().parents[2] / "edfi_toolkit" / "widgets"
    for name in ("grid.js", "grid.css"):
        assert "//" not in (folder / name).read_text().replace("// ", "")
