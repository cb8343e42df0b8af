"""The panels as a person meets them: in JupyterLab, with mouse and keyboard, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import say

FRAME = """
import numpy as np, pandas as pd
import edfi_toolkit.widgets as widgets
from edfi_toolkit.privacy import Masker
n = 900
frame = pd.DataFrame({
    "action": np.resize(["POST", "PUT", "DELETE", "NOOP"], n),
    "student_unique_id": (9002771834 + np.arange(n)).astype(str),
    "begin_date": pd.Timestamp("2025-08-01") + pd.to_timedelta(np.arange(n) % 200, "D"),
    "program_name": np.resize(["Special Education", "CTE", "Bilingual"], n),
})
"""
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


def test_stop_is_heard_while_a_cell_is_running(panels: Any) -> None:
    panels.evaluate(
        """() => {
            const cells = jupyterapp.shell.currentWidget.content;
            cells.activeCellIndex = cells.widgets.length - 1;
            jupyterapp.commands.execute('notebook:insert-cell-below');
            cells.activeCell.model.sharedModel.setSource('publish()');
            jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    cell = panels.locator(".jp-CodeCell").last
    cell.get_by_text("a second").wait_for()
    cell.get_by_role("button", name="Stop").click()
    cell.get_by_text("stopped after").wait_for()


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


def test_nothing_was_asked_of_another_machine_by_the_panels(lab: Any, panels: Any) -> None:
    assert lab.refused == []
