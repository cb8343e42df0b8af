"""The notebooks as a steward works through them: a source and a target set up by form, read by one button, approved,
published, and Run All in the others. Nothing that was typed is in a notebook, and no student on a page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import DONE, READY, say

# A person may have told JupyterLab to save what widgets hold; then too nothing typed is in a notebook.
SAVES_WIDGETS = (
    ".jupyter/config/lab/user-settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
)


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
    page.get_by_text("approved by Ann Example").first.wait_for()


def are_in_view(page: Any, grid: str, *names: str, files: bool = False) -> None:
    """These columns of a list, without a scroll to the right, at 1280 pixels. files: with the file browser open."""
    page.set_viewport_size({"width": 1280, "height": 1000})
    if files:
        page.evaluate("() => jupyterapp.shell.expandLeft()")
        page.wait_for_function("() => document.querySelector('.jp-Notebook').clientWidth < 1000")
    table = page.get_by_role("grid", name=grid)
    frame = table.locator("xpath=..").bounding_box()
    for name in names:
        heading = table.get_by_role("columnheader", name=name, exact=True).bounding_box()
        assert heading["x"] + heading["width"] <= frame["x"] + frame["width"], f"{name} is cut off"
    page.evaluate("() => jupyterapp.shell.collapseLeft()")


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
    page.get_by_text("approved by Ann Example").first.wait_for()
    lab.screenshot(page, "40_publish-waiting", whole=True)
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("32 of 39 changes reached the ODS; 7 refused.").first.wait_for()


def publish_again(page: Any) -> None:
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    page.get_by_text("This cell sends nothing again.").first.wait_for()


def shows(page: Any, code: str) -> None:
    """The page has come to the cell with this code, and its top is in view."""
    page.wait_for_function(
        """(code) => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const cell = notebook.activeCell;
            const down = cell.node.getBoundingClientRect().top - notebook.node.getBoundingClientRect().top;
            const inView = down > -50 && down < notebook.node.clientHeight / 2;
            return inView && cell.model.sharedModel.getSource().includes(code);
        }""",
        arg=code,
    )


def read(page: Any, canaries: list[str]) -> None:
    """Nothing failed, and no student shows."""
    assert page.locator(TROUBLE).all_inner_texts() == []
    text = page.locator(".jp-Notebook").inner_text()
    assert [word for word in canaries if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)] == []


@pytest.fixture(scope="module")
def login(lab: Any) -> dict[str, str]:
    """The sandbox as a stranger would be given it: address, key and secret."""
    names = {"url": "EDFI_TARGET_SANDBOX_URL", "key": "EDFI_TARGET_SANDBOX_KEY"}
    return {name: lab.environ[variable] for name, variable in names.items()} | {
        "secret": lab.environ["EDFI_TARGET_SANDBOX_SECRET"]
    }


def part(page: Any, label: str) -> Any:
    return page.get_by_label(label, exact=True).first


def saved(folder: Path) -> str:
    """All notebooks and their checkpoints as they are on disk, widget states and outputs too."""
    return "".join(path.read_text("utf-8") for path in folder.rglob("*.ipynb"))


def test_a_source_and_a_target_by_form(lab: Any, login: dict[str, str]) -> None:
    setting = lab.folder / SAVES_WIDGETS
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text('{"saveState": true}')
    page = lab.open(lab.folder / "00_start_here.ipynb")
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    part(page, "Source").select_option("add another …")
    names = page.get_by_label("Name", exact=True)
    part(page, "Path").fill("source")
    names.first.fill("north")
    page.get_by_role("button", name=re.compile("Look$")).click()
    page.get_by_text("A look at the source").wait_for()
    page.get_by_role("button", name="Add this source").click()
    page.get_by_text("Source north is in edfi.toml").wait_for()

    part(page, "Target").select_option("add another …")
    names.last.fill("state")
    part(page, "Address").fill(login["url"])
    part(page, "Key").fill(login["key"])
    part(page, "Secret").fill(login["secret"])
    lab.screenshot(page, "00_set-up", whole=True)
    page.get_by_role("button", name="Add this target").click()
    page.get_by_text("Key and secret are in the keyring").wait_for()
    page.get_by_role("button", name=re.compile("Test$")).click()
    page.get_by_text("answers and accepts the login").first.wait_for()
    assert part(page, "Secret").input_value() == ""
    page.get_by_role("button", name="Use these in all notebooks").click()
    page.get_by_text("All notebooks use these now").wait_for()
    lab.dark(page)
    lab.screenshot(page, "00_set-up-dark", whole=True)
    lab.light(page)
    lab.close(page)

    settings = (lab.folder / "edfi.toml").read_text("utf-8")
    assert "[sources.sample]               # an invented district" in settings
    assert '[sources.north]\npath = "source"' in settings
    assert login["url"] in settings
    assert "application/vnd.jupyter.widget-state+json" not in saved(
        lab.folder
    )  # though JupyterLab is set to save it
    everything = settings + saved(lab.folder) + (lab.folder / ".edfi/choice.json").read_text("utf-8")
    assert "00_start_here-checkpoint.ipynb" in {path.name for path in lab.folder.rglob("*.ipynb")}
    assert [word for word in (login["key"], login["secret"]) if word in everything] == []


def runs(lab: Any) -> set[Path]:
    return {path for path in (lab.folder / "runs").glob("*") if path.is_dir()}


def test_a_newcomer_reads_and_gets_to_the_preview_by_one_button(lab: Any, canaries: list[str]) -> None:
    page = lab.run_all(lab.folder / "00_start_here.ipynb")
    page.get_by_text("Nothing was read yet.").first.wait_for()
    before = runs(lab)
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("not sent yet").first.wait_for()
    page.wait_for_function(DONE)
    shows(page, "edfi.desk(")  # where it was pressed, and not the form above it
    line = page.locator(".jp-Notebook").inner_text()
    assert re.search(r"north · certification · 2025-26 · to: state", line)
    lab.screenshot(page, "00_read", whole=True)
    read(page, canaries)
    page.get_by_role("link", name=re.compile("not sent yet")).first.click()
    page.wait_for_function("() => jupyterapp.shell.currentWidget?.context?.path === '30_preview.ipynb'")
    page.wait_for_function(
        READY
    )  # a notebook that is closed while its kernel starts asks which kernel to select
    lab.close(page)
    (run,) = runs(lab) - before
    assert json.loads((run / "manifest.json").read_text("utf-8"))["source"] == "north"


def test_then_publishes_and_the_bar_tells_it_without_a_cell_being_run(lab: Any, canaries: list[str]) -> None:
    waiting = lab.run_all(lab.folder / "40_publish.ipynb", own_kernel=True)
    waiting.get_by_text("It waits for your approval.").wait_for()
    assert not waiting.get_by_role("button", name="Publish").is_visible()
    page = lab.run_all(lab.folder / "30_preview.ipynb")
    are_in_view(page, "Preview: changes", "What changes", "Because")
    approve(lab, page)
    lab.screenshot(page, "30_preview", whole=True)
    read(page, canaries)
    lab.close(page)
    page = waiting  # which was left open, and follows without a cell being run
    publish(lab, page)
    page.get_by_role("link", name=re.compile(r"^32 in the ODS \d\d:\d\d$")).wait_for()
    page.get_by_role("link", name="7 refused", exact=True).wait_for()
    below = page.get_by_role("grid", name="Publish: not delivered")  # said before that nothing was sent
    below.get_by_text("refused", exact=True).first.wait_for()
    done = page.get_by_role("grid", name="Publish: sent")
    done.locator("tbody td", has_text="created in the ODS").first.wait_for()
    done.locator("tbody td", has_text="255901 \u00b7 owner of the programs").first.wait_for()
    shows(page, "run.publish(")  # and not the last of the cells that ran again by themselves
    lab.screenshot(page, "40_published-with-bar", whole=True)
    publish_again(page)
    lab.screenshot(page, "40_publish", whole=True)
    read(page, canaries)
    lab.close(page)


@pytest.mark.parametrize("name", ["50_rejections", "60_resync", "70_student", "10_extract", "20_validate"])
def test_a_notebook_runs_for_a_person(lab: Any, canaries: list[str], name: str) -> None:
    page = lab.run_all(lab.folder / f"{name}.ipynb")
    shows(page, "edfi.desk(")
    if name == "20_validate":
        seen = ("SIS id", "School", "Program", "What to do", "Who can do it", "File", "Row")
        are_in_view(page, "Validate: missing", *seen, files=True)
        add_a_check(page)
    if name == "60_resync":  # what was refused is not in the ODS, and so is sent again
        page.get_by_text("Publishing now would send 7 changes.").first.wait_for()
    lab.screenshot(page, name, whole=True)
    read(page, canaries)
    lab.close(page)


def test_who_scrolls_while_the_cells_run_is_not_brought_elsewhere(lab: Any) -> None:
    path = lab.notebook(
        "scrolled",
        "import edfi_toolkit as edfi\nrun = edfi.desk(profile='', school_year='', source='', target='', "
        "run_id='latest')",
        "import time\ntime.sleep(3)",
    )
    page = lab.open(path)
    page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.get_by_role("button", name="Read again").wait_for()
    page.locator(".jp-Notebook").hover()
    while not page.evaluate(DONE):
        page.mouse.wheel(0, 10)
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000)  # more than the page would have waited
    at = page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCellIndex")
    lab.close(page)
    assert at == 1


def test_the_bar_stays_in_view_while_the_cells_run_again(lab: Any) -> None:
    go = lab.folder / "go"
    go.touch()
    path = lab.notebook(
        "again",
        "import edfi_toolkit as edfi\nrun = edfi.desk(profile='', school_year='', source='', target='', "
        "run_id='latest')",
        "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)",
        "print('done')",
    )
    page = lab.run_all(path)
    go.unlink()
    say(page, "from edfi_toolkit.widgets import bar; bar._current[-1].rerun.ask()")  # as Read again does
    page.wait_for_function("() => document.querySelectorAll('.jp-InputPrompt')[2].textContent.includes('*')")
    page.locator(".jp-InputPrompt", has_text=re.compile(r"\[3\]")).wait_for(state="detached")
    at = page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCellIndex")
    go.touch()
    page.wait_for_function(DONE)
    lab.close(page)
    assert at == 0


def test_a_mistake_in_the_first_cell_is_a_card_with_the_form(lab: Any) -> None:
    path = lab.notebook(
        "mistake",
        "built.browse()",
        "import edfi_toolkit as edfi\n"
        "run = edfi.desk(profile='certification', school_year=2025-26, source='sample', target='sandbox', "
        "run_id='latest')",
    )
    page = lab.open(path)
    for _ in range(2):
        page.evaluate("() => jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
    page.get_by_text("what comes of 2025-26 without quotes").wait_for()
    page.get_by_text("The cells above come first").wait_for()
    page.get_by_role("button", name=re.compile("Use these$")).wait_for()
    lab.screenshot(page, "mistake", whole=True)
    trouble = page.locator("[data-mime-type='application/vnd.jupyter.error']").count()
    lab.close(page)
    assert trouble == 0


def test_nothing_was_asked_of_another_machine_by_the_notebooks(lab: Any) -> None:
    assert lab.refused == []
