"""The form of the workshop, and a list of the report, in pages of their own without a Lab: where their parts are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import edfi_toolkit.validation
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.views import Block, block_html
from edfi_toolkit.widgets import form
from edfi_toolkit.widgets.workshop_buttons import BUTTONS, labels
from tests.browser.conftest import Lab

# A model as the form's script asks for one.
PAGE = """async ([script, fields, buttons]) => {
  const made = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const state = { key: "k", fields, buttons };
  const heard = {};
  window.model = { get: (name) => state[name], on: (name, f) => (heard[name] = f), off() {}, send() {},
    set: (name, value) => { state[name] = value; heard[`change:${name}`](); } };
  made.default.render({ model: window.model, el: document.getElementById("form") });
}"""


@pytest.fixture
def page(lab: Lab) -> Iterator[Any]:
    """A page of its own."""
    made = lab.empty_page()
    yield made
    made.close()


def places(page: Any) -> Any:
    """Where each button is, and how large."""
    of_each = "(one) => [one.offsetLeft, one.offsetTop, one.offsetWidth, one.offsetHeight]"
    return page.eval_on_selector_all("button", f"(all) => all.map({of_each})")


@pytest.mark.parametrize("width", [300, 700])
def test_no_button_moves_when_labels_and_choices_change(page: Any, width: int) -> None:
    folder = Path(form.__file__).parent
    style, script = (Path(folder, name).read_text("utf-8") for name in ("form.css", "form.js"))
    page.set_content(
        f'<style>{style}</style><div id="form" class="edfi-form edfi-still" style="width:{width}px"></div>'
    )
    fields = [{"name": name, "label": name} for name in ("should be", "Reason", "Your name")]
    cell = {"name": "cell", "label": "Cell", "choices": ["(choose a record first)"]}
    buttons = [{"name": name, "label": label, "off": False} for name, label in BUTTONS.items()]
    page.evaluate(PAGE, [script, [cell, *fields], buttons])
    before = places(page)
    assert len(before) == len(BUTTONS)
    assert len({(width, height) for _, _, width, height in before}) == 1
    at = dict(zip(BUTTONS, before, strict=True))
    assert at["check"][1] == at["retry"][1], "checking and sending stand side by side"
    between = [upper[1] + upper[3] for upper in before[:-1]]
    assert before[-1][1] > max(between) + 20, "the one with real ids is last and apart"
    assert [row[1] for row in before].count(before[-1][1]) == 1, "and alone in its row"
    for count, alone, checked in ((4, False, False), (1234, False, True), (1, True, True)):
        said = labels(count, alone=alone, checked=checked)
        now = [{**button, "label": said.get(str(button["name"]), button["label"])} for button in buttons]
        cell["choices"] = ["instruction_mode_records.end_date (empty), the longest of them all"]
        page.evaluate("([name, value]) => window.model.set(name, value)", ["fields", [cell, *fields]])
        page.evaluate("([name, value]) => window.model.set(name, value)", ["buttons", now])
        assert places(page) == before
    cut = (
        "[...document.querySelectorAll('button')].filter((one) => one.scrollHeight > one.clientHeight).length"
    )
    assert page.evaluate(cut) == 0


def beyond_the_page(page: Any, rows: pd.DataFrame, width: int) -> Any:
    """By how much a list of the report is wider than its page."""
    template = Path(edfi_toolkit.validation.__file__).with_name("report.html.j2").read_text("utf-8")
    style = template[template.index("<style>") : template.index("</style>") + len("</style>")]
    page.set_viewport_size({"width": width, "height": 900})
    listed = block_html(Block("By cause", rows), Masker(b"k" * 32))
    page.set_content(f'{style}<div class="wrap"><section>{listed}</section></div>')
    return page.eval_on_selector("section > div", "(list) => list.scrollWidth - list.clientWidth")


@pytest.mark.parametrize(("width", "media"), [(935, "screen"), (700, "screen"), (700, "print")])
def test_the_last_column_of_a_list_in_the_report_is_on_the_page(page: Any, width: int, media: str) -> None:
    long = "The ODS holds another record with a value that may exist only once, and names it not. " * 2
    texts = {"cause": long, "says": long, "todo": long}
    texts |= {"who": "Program office", "again": "after a correction"}
    page.emulate_media(media=media)
    assert beyond_the_page(page, pd.DataFrame([{"rejections": 1, "students": 1, **texts}]), width) == 0


def test_the_messages_of_the_ods_are_on_the_page_of_the_report(page: Any) -> None:
    refused = {
        "cause": "The ODS does not know this student at this organization",
        "student_unique_id": "900000001",
        "program_name": "Third Party - CESA",
        "begin_date": "2025-09-02",
        "education_organization_id": "9990500 \u00b7 not in the list of schools",
        "file": "instruction_mode_records.csv",
        "row": 19,
        "column": "override_ed_fi_school_id",
        "status": 403,
        "messages": ["No relationships have been established between the caller's claims and the item. " * 3],
    }
    assert beyond_the_page(page, pd.DataFrame([refused]), 1280) == 0
