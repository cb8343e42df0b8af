"""The bar and its form from plain Python: one choice for the workspace, read again, mistakes in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.display.following import follow
from edfi_toolkit.errors import ConfigError, StepMissing
from edfi_toolkit.runs import Run, open_run
from edfi_toolkit.runs.choice import SAMPLE, SHIPPED, remember, remembered
from edfi_toolkit.runs.desk import desk
from edfi_toolkit.runs.read_again import read_again
from edfi_toolkit.runs.standing import began
from edfi_toolkit.sandbox import start
from edfi_toolkit.settings import load_settings
from edfi_toolkit.widgets import bar as bars
from edfi_toolkit.widgets.bar import Bar, read_again_of_bar

GIVEN = {**SHIPPED, "run_id": "latest"}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """The sample in a folder, its sandbox behind it."""
    made = make_playground(tmp_path_factory.mktemp("bar") / "work", "certification")
    with start(seeds=made.seeds) as sandbox, working_in(made.folder, target_environ(sandbox)):
        yield made


def test_read_again_takes_a_new_run_from_the_source_to_the_preview(work: Playground) -> None:
    bar, waiting, starting = Bar(GIVEN), Bar(GIVEN), Bar({**GIVEN, "run_id": "new"})
    first = bar.open()
    waiting.open()
    starting.open()
    assert "Nothing was read yet" in bar._html()
    bar.read_again.click()
    assert bar.run is not None
    # A notebook that was open before there was a run is led to it; one that is about to start its own is not.
    waiting.look()
    assert f"The newest run is of {began(bar.run.folder.manifest)}." in waiting._html()
    waiting.newest.click()
    assert waiting.run.id == bar.run.id
    starting.look()
    assert starting.newest.layout.display == "none"
    assert bar.run.id != first.id
    assert list(bar.run.folder.manifest["steps"]) == ["extract", "build", "validate", "preview"]
    shown = bar._html()
    assert '<a href="10_extract.ipynb"' in shown
    assert "39 changes not sent yet" in shown
    assert "<b>Next:</b> Look at the changes in notebook" in shown
    assert open_run(profile="certification", school_year=26, source="sample").id == bar.run.id

    # A broken export: said in the bar, and the run that holds stays the one that is shown.
    held = bar.run.id
    (work.folder / "source").rename(work.folder / "elsewhere")
    bar.read_again.click()
    (work.folder / "elsewhere").rename(work.folder / "source")
    assert "Stopped" in bar.message.html
    assert bar.run.id == held
    assert not bar.read_again.disabled


def _reads_again_and_says_so_without_offering_the_run_it_is_making(bar: Bar) -> None:
    shown = []

    def look_while_reading(run: Run, **how: Any) -> Run:
        again = read_again(run, **how)
        bar.look()
        shown.append((bar._html(), bar.newest.layout.display))
        return again

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("edfi_toolkit.widgets.bar.read_again", look_while_reading)
        bar.read_again.click()
    (html, offered) = shown.pop()
    assert ("The newest run is" in html, "Next:" in html, offered) == (False, False, "none")
    assert "<b>Next:</b>" in bar._html()


def test_an_older_run_says_so_and_who_reads_again_gets_the_new_one_in_every_notebook(
    work: Playground,
) -> None:
    bar, other = Bar(GIVEN), Bar(GIVEN)
    bar.open()
    bar.read_again.click()
    assert bar.run is not None
    older = bar.run
    assert other.open().id == older.id
    _reads_again_and_says_so_without_offering_the_run_it_is_making(bar)
    newer = bar.run
    assert "older run" not in bar._html()
    assert f">run of {began(newer.folder.manifest)}<" in bar._html()  # saved with the notebook: no "today"
    assert bar.newest.layout.display == "none"

    # Another notebook that was left open is told, and has a button that leads there.
    follow("bar", other.look, tells=True)
    other.watch()
    assert f"This is an older run, of {began(older.folder.manifest)}. The newest is of " in other._html()
    assert other.newest.layout.display == ""
    asked = list[bool]()
    other.rerun.ask = lambda: asked.append(True)
    other.newest.click()
    assert (other.run.id, asked) == (newer.id, [True])
    assert other.newest.layout.display == "none"

    # One that was chosen on purpose says so too, in every notebook, until the source is read again.
    bar.change.click()
    bar.form.run_id.value = older.id
    bar.form.use.click()
    assert "This is an older run" in bar._html()
    assert Bar(GIVEN).open().id == older.id
    bar.read_again.click()
    assert bar.run.id not in (older.id, newer.id)
    assert "older run" not in bar._html()
    assert Bar(GIVEN).open().id == bar.run.id
    assert desk(**GIVEN).id == bar.run.id  # unattended the newest counts, whatever a person chose

    # Where the first cell names it, no button helps, and the bar says what does.
    named = Bar({**GIVEN, "run_id": older.id})
    named.open()
    named.look()
    assert "names it: write run_id = &quot;latest&quot; there" in named._html()
    assert named.newest.layout.display == "none"
    named.read_again.click()
    assert Bar(GIVEN).open().id == named.run.id
    remember(load_settings(), {**remembered(load_settings()), "run_id": older.id})
    assert desk(**GIVEN).id == named.run.id
    started = Bar({**GIVEN, "run_id": "new"})  # as notebook 10 does
    started.open()
    assert remembered(load_settings())["run_id"] == "latest"


def test_what_is_chosen_in_the_form_counts_in_every_notebook(work: Playground) -> None:
    bar = Bar(GIVEN)
    bar.open()
    bar.change.click()
    labels = [label for label, _ in bar.form.school_year.options]
    assert "2025-26" in labels
    bar.form.school_year.value = 2027 if "2026-27" in labels else 2025
    assert [value for _, value in bar.form.run_id.options] == ["latest"]  # no run is of that year
    year = bar.form.school_year.value
    bar.form.use.click()
    assert bar.form_place.children == ()
    assert remembered(load_settings())["school_year"] == year
    assert Bar(GIVEN).open().school_year == year
    assert desk(**GIVEN).school_year == 2026  # under papermill no choice of a person counts
    assert desk(**SAMPLE, run_id="latest").school_year == 2026
    # What notebooks of an earlier version say where no one has written anything does not count against the choice.
    assert Bar({**SAMPLE, "run_id": "latest"}).open().school_year == year
    # A cell that a person has edited counts in its notebook, and the bar says so.
    edited = Bar({**GIVEN, "school_year": "2025-26", "target": "sandbox"})
    assert edited.open().school_year == 2026
    assert "Set in this notebook" in edited._html()
    bar.change.click()
    bar.form.school_year.value = 2026
    bar.form.use.click()


def test_a_choice_that_cannot_be_opened_shows_the_form_and_is_not_remembered(work: Playground) -> None:
    before = remembered(load_settings())
    bar = Bar({**GIVEN, "source": "nosuch"})
    with pytest.raises(ConfigError, match="no source named 'nosuch'"):
        bar.open()
    assert "Nothing is open" in bar._html()
    assert bar.read_again.disabled
    bar.form.use.click()
    assert "no source named" in bar.form.message.html
    assert remembered(load_settings()) == before
    bar.form.source.value = "sample"
    bar.form.use.click()
    assert bar.run is not None
    assert not bar.read_again.disabled


def test_a_form_without_a_year_says_so_in_place_of_taking_one(work: Playground) -> None:
    bar = Bar({**GIVEN, "school_year": 2025 - 26})
    with pytest.raises(ConfigError, match="without quotes"):
        bar.open()
    bar.form.use.click()
    assert "Choose school year first." in bar.form.message.html
    assert bar.run is None


def test_the_choice_is_kept_with_the_workspace_and_holds_names_alone(work: Playground) -> None:
    assert (work.folder / ".edfi" / "choice.json").is_file()
    assert set(remembered(load_settings())) == {*SHIPPED, "run_id"}
    assert Path.cwd() == work.folder


def test_where_a_step_is_missing_the_button_there_reads_again_as_the_one_in_the_bar_does(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar = Bar({**GIVEN, "run_id": "new"})
    begun = bar.open()
    begun.extract()
    with pytest.raises(StepMissing):
        begun.preview()
    monkeypatch.setattr(bars, "_current", [])
    assert read_again_of_bar() is None
    monkeypatch.setattr(bars, "_current", [bar])
    shown = read_again_of_bar()
    assert shown is not None
    button = shown.children[0]
    button.click()
    assert bar.run is not None
    assert bar.run.id != begun.id
    assert bar.run.folder.has("preview")
    assert not button.disabled
