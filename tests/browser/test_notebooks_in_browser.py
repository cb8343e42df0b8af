"""The notebooks as a steward works through them: Run All in each, approve with a name, publish, run it again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.proofs import long_proof

PATH = [
    "00_start_here",
    "10_extract",
    "20_validate",
    "30_preview",
    "40_publish",
    "50_rejections",
    "60_resync",
    "70_student",
]
TROUBLE = (
    ".jp-RenderedText[data-mime-type='application/vnd.jupyter.error'],"
    ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']"
)


@pytest.fixture(scope="module")
def canaries(repository: Any) -> list[str]:
    """What no page may show."""
    known = json.loads((repository / "data/samples/certification/canaries.json").read_text("utf-8"))
    return [word for kind, words in known.items() if kind != "about" for word in words]


def approve(lab: Any, page: Any) -> None:
    field = page.get_by_role("textbox", name="Your name")
    field.scroll_into_view_if_needed()
    field.press_sequentially("Ann Example")
    lab.screenshot(page, "30_preview-approve", whole=True)
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("approved by Ann Example").wait_for()


def add_a_check(page: Any) -> None:
    """The suite is edited: a column of a table is judged as the source has it, tried first."""
    form = page.locator(".edfi-form").filter(has_text="What is wrong then")
    form.get_by_label("Table").select_option("program_participation")
    form.get_by_label("Column").select_option("program_name")
    form.get_by_label("Severity").select_option("info")
    form.get_by_label("What is wrong then").fill("The program has no name.")
    form.get_by_role("button", name="Try").click()
    page.get_by_text("It would find 0 of").wait_for()
    form.get_by_role("button", name="Save").click()
    page.get_by_text("it is asked from now on").wait_for()


def publish(lab: Any, page: Any) -> None:
    page.get_by_text("approved by Ann Example").wait_for()
    lab.screenshot(page, "40_publish-waiting", whole=True)
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("32 of 39 changes reached the ODS; 7 refused.").first.wait_for()


def publish_again(page: Any) -> None:
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    page.get_by_text("This cell sends nothing again.").first.wait_for()


# The forms' story has 00.
@pytest.mark.parametrize("name", [pytest.param(PATH[0], marks=long_proof), *PATH[1:]])
def test_a_notebook_runs_for_a_person(lab: Any, canaries: list[str], name: str) -> None:
    page = lab.run_all(lab.folder / f"{name}.ipynb")
    if name == "20_validate":
        add_a_check(page)
    if name == "30_preview":
        approve(lab, page)
    if name == "40_publish":
        publish(lab, page)
        publish_again(page)
    if name == "60_resync":  # what was refused is not in the ODS, and so is sent again
        page.get_by_text("Publishing now would send 7 changes.").first.wait_for()
    lab.screenshot(page, name, whole=True)
    text = page.locator(".jp-Notebook").inner_text()
    trouble = page.locator(TROUBLE).all_inner_texts()
    lab.close(page)
    assert trouble == []
    assert [word for word in canaries if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)] == []


def test_nothing_was_asked_of_another_machine_by_the_notebooks(lab: Any) -> None:
    assert lab.refused == []
