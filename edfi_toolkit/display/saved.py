"""What a saved notebook keeps: of a panel its masked table, so that a notebook that is opened again can be read; of an
error where it happened, since what a library says may quote a student.

The server that `lab` sets up calls this before each save, autosave and checkpoint. The page itself stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from edfi_toolkit.display.failures import error_text, steps_of

WIDGET = "application/vnd.jupyter.widget-view+json"
SAVES = "EDFI_SAVES_TABLES"  # set for the kernels of a server that calls `without_panels`
_WAS_HERE = (
    "<p style='opacity:.75'>Saved {}: what is above was so then. Choose <b>Run &gt; Run All Cells</b> to see how it is "
    "now, and to have the buttons that were here.</p>"
)


def without_panels(*, model: dict[str, Any], **_: Any) -> None:
    """Put the table, or a line, in place of each panel of a notebook, and leave out what panels hold and errors quote.

    model: as a Jupyter server's contents manager saves it; changed in place.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    notebook = model["content"]
    notebook.get("metadata", {}).pop("widgets", None)
    for output in _outputs(notebook):
        data = output.get("data")
        if isinstance(data, dict) and data.pop(WIDGET, None) is not None:
            # Without `values.moment`: the server would load pandas for it.
            now = dt.datetime.now().astimezone()
            data.setdefault("text/html", _WAS_HERE.format(f"{now:%Y-%m-%d %H:%M %Z}"))
        if output.get("output_type") == "error":
            _withhold(output)


def _outputs(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cell in notebook.get("cells", []):
        yield from cell.get("outputs", [])


def _withhold(error: dict[str, Any]) -> None:
    said = error.get("traceback", [])
    text = error_text(error.get("ename", ""), error.get("evalue", ""), said)
    error["evalue"] = text.partition(": ")[2]
    error["traceback"] = [*steps_of(said), text]
