"""By form: a source and a target are set up, a newcomer gets to published, and nothing typed is in a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import READY
from tests.browser.test_notebooks_in_browser import approve, publish
from tests.keyrings import keyring_environ

# A person may have told JupyterLab to save what widgets hold; then too nothing typed is in a notebook.
SAVES_WIDGETS = (
    ".jupyter/config/lab/user-settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
)


@pytest.fixture(scope="module")
def lab_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the kernels see: a keyring of the tests' own."""
    return keyring_environ(tmp_path_factory.mktemp("keyring") / "keyring.json")


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


def test_a_newcomer_reads_and_gets_to_the_preview_by_one_button(lab: Any) -> None:
    page = lab.run_all(lab.folder / "00_start_here.ipynb")
    page.get_by_text("Nothing was read yet.").first.wait_for()
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("waiting for approval").first.wait_for()
    line = page.locator(".jp-Notebook").inner_text()
    assert re.search(r"north · certification · 2025-26 · to: state", line)
    lab.screenshot(page, "00_read", whole=True)
    page.get_by_role("link", name=re.compile("waiting for approval")).first.click()
    page.wait_for_function("() => jupyterapp.shell.currentWidget?.context?.path === '30_preview.ipynb'")
    page.wait_for_function(
        READY
    )  # a notebook that is closed while its kernel starts asks which kernel to select
    lab.close(page)
    (run,) = [path for path in (lab.folder / "runs").iterdir() if path.is_dir()]
    assert json.loads((run / "manifest.json").read_text("utf-8"))["source"] == "north"


def test_then_publishes_and_the_bar_tells_it_without_a_cell_being_run(lab: Any) -> None:
    page = lab.run_all(lab.folder / "30_preview.ipynb")
    approve(lab, page)
    lab.close(page)
    page = lab.run_all(lab.folder / "40_publish.ipynb")
    publish(lab, page)
    page.get_by_role("link", name=re.compile(r"^32 in the ODS \d\d:\d\d$")).wait_for()
    page.get_by_role("link", name="7 refused", exact=True).wait_for()
    below = page.get_by_role("grid", name="Publish: not delivered")  # said before that nothing was sent
    below.get_by_text("refused", exact=True).first.wait_for()
    lab.screenshot(page, "40_published-with-bar", whole=True)
    lab.close(page)


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


def test_nothing_was_asked_of_another_machine_by_the_forms(lab: Any) -> None:
    assert lab.refused == []
