"""A saved notebook keeps masked tables where its panels were, and nothing that was typed or revealed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy
from IPython.core.interactiveshell import InteractiveShell
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from traitlets.config import Config

from edfi_toolkit.cli.jupyter import jupyter_environ, write_config
from edfi_toolkit.display.failures import WITHHELD
from edfi_toolkit.display.saved import SAVES, WIDGET, without_panels
from edfi_toolkit.privacy import Masker
from edfi_toolkit.widgets.grids import Grid
from edfi_toolkit.widgets.investigation import Reasons

STUDENT, TYPED = "K7310001", "typed-secret-9"


def notebook(*outputs: dict[str, Any]) -> dict[str, Any]:
    """A notebook of one cell, as JupyterLab sends it when it also saves the state of widgets."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": 1, "source": "run"}
    shown = [{"output_type": "display_data", "metadata": {}, "data": data} for data in outputs]
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"m": {"value": TYPED}}}}
    return {
        "cells": [{**cell, "outputs": shown}],
        "metadata": {"widgets": state},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def saved(folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    """What a Jupyter server with the configuration of `lab` writes for a notebook."""
    write_config(folder / ".jupyter", folder, port=0, browser=False)
    settings = Config()
    exec(  # noqa: S102 - as Jupyter reads it
        (folder / ".jupyter/config/jupyter_lab_config.py").read_text("utf-8"), {"c": settings}
    )
    settings.LargeFileManager.root_dir = str(folder)
    manager = LargeFileManager(config=settings)
    manager.save({"type": "notebook", "format": "json", "content": content}, "/n.ipynb")
    manager.create_checkpoint("/n.ipynb")
    texts = [path.read_text("utf-8") for path in folder.rglob("*.ipynb")]
    assert len(texts) == 2
    assert texts[0] == texts[1]
    assert TYPED not in texts[0]
    found: dict[str, Any] = json.loads(texts[0])
    return found


def test_a_grid_is_kept_as_its_masked_table(tmp_path: Path) -> None:
    assert jupyter_environ(tmp_path)[SAVES]
    frame = pd.DataFrame({"student_unique_id": [STUDENT], "program_name": ["Remote"]})
    grid = Grid(frame, masker=Masker(b"k" * 32), title="Held records")
    grid.revealed = True
    shown = grid._repr_mimebundle_()[0]
    assert set(shown) >= {WIDGET, "text/html"}
    (output,) = saved(tmp_path, notebook(dict(shown)))["cells"][0]["outputs"]
    page = "".join(output["data"]["text/html"])
    assert WIDGET not in output["data"]
    assert "Held records" in page
    assert "Remote" in page
    assert "S-" in page
    assert STUDENT not in json.dumps(output)


def test_a_list_by_cause_is_kept_masked_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"rule": ["WI-504-2"], "student_unique_id": [STUDENT], "says": ["no end date"]})
    reasons = Reasons(frame, masker=Masker(b"k" * 32), title="Missing")
    reasons.grid.revealed = True
    (output,) = saved(tmp_path, notebook(reasons._repr_mimebundle_()))["cells"][0]["outputs"]
    page = "".join(output["data"]["text/html"])
    assert "no end date" in page
    assert "S-" in page
    assert STUDENT not in json.dumps(output)


def test_buttons_leave_a_line_and_all_else_stays(tmp_path: Path) -> None:
    plain = {"text/plain": "8 rows"}
    written = saved(tmp_path, notebook({WIDGET: {"model_id": "m"}, "text/plain": "VBox"}, plain))
    assert "widgets" not in written["metadata"]
    first, second = written["cells"][0]["outputs"]
    page = "".join(first["data"]["text/html"])
    assert "Run All Cells" in page
    assert re.search(r"Saved \d{4}-\d\d-\d\d \d\d:\d\d \w+: what is above was so then", page)
    assert second["data"] == {"text/plain": ["8 rows"]} or second["data"] == plain


@pytest.mark.parametrize(
    "code",
    [
        f"pd.to_numeric('{STUDENT}')",
        f"pd.DataFrame().loc['{STUDENT}']",
        f"sqlalchemy.create_engine('sqlite://').connect().execute(sqlalchemy.text('select {STUDENT}'))",
        f"1 / 0 if {{}}.get('{STUDENT}') is None else json.loads('{STUDENT}')",
    ],
)
def test_of_an_error_the_place_is_kept_and_not_what_a_library_quotes(tmp_path: Path, code: str) -> None:
    """An error of a person's own code, as a kernel's traceback has it."""
    shell = InteractiveShell()
    with pytest.raises(Exception) as failed:  # noqa: PT011 - of any library
        exec(code, {"pd": pd, "sqlalchemy": sqlalchemy, "json": json})  # noqa: S102
    try:
        raise KeyError(STUDENT) from failed.value
    except KeyError as error:
        traceback = shell.InteractiveTB.structured_traceback(KeyError, error, error.__traceback__)
    output = {"output_type": "error", "ename": "KeyError", "evalue": repr(STUDENT), "traceback": traceback}
    content = notebook({})
    content["cells"][0]["outputs"] = [output]
    (kept,) = saved(tmp_path, content)["cells"][0]["outputs"]
    assert STUDENT in "".join(traceback)
    assert STUDENT not in json.dumps(kept)
    assert kept["evalue"] == WITHHELD
    assert Path(__file__).name in "".join(kept["traceback"])


def test_an_error_of_the_toolkit_is_kept_whole(tmp_path: Path) -> None:
    text = "ConfigError: There is no target x. Write one of sandbox."
    output = {"output_type": "error", "ename": "ConfigError", "evalue": text[13:], "traceback": [text]}
    content = notebook({})
    content["cells"][0]["outputs"] = [output]
    assert saved(tmp_path, content)["cells"][0]["outputs"] == [output]


def test_what_is_no_notebook_is_left_as_it_is() -> None:
    for model in (
        {"type": "file", "content": "x"},
        {"type": "notebook", "content": None},
        {"type": "directory"},
    ):
        before = dict(model)
        without_panels(model=model, path="x", contents_manager=None)
        assert model == before


def test_without_such_a_server_the_table_stands_below(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda thing, **_: shown.append(thing))
    grid = Grid(pd.DataFrame({"student_unique_id": [STUDENT]}), masker=Masker(b"k" * 32), title="Held")
    for server, outputs in (("1", 1), ("", 2)):
        monkeypatch.setenv(SAVES, server)
        shown.clear()
        grid._ipython_display_()
        assert len(shown) == outputs
        assert WIDGET in shown[0]
    assert "<table" in shown[1].data
    assert STUDENT not in shown[1].data
