"""What a saved notebook keeps of a panel: its masked table, so that a notebook that is opened again can be read.

The server that `lab` sets up calls this before each save, autosave and checkpoint. The page itself stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
SAVES = "EDFI_SAVES_TABLES"  # set for the kernels of a server that calls `without_panels`
_WAS_HERE = "<p style='opacity:.75'>Buttons were here. Run the cell again to have them.</p>"


def without_panels(*, model: dict[str, Any], **_: Any) -> None:
    """Put the table, or a line, in place of each panel of a notebook, and leave out what panels hold.

    model: as a Jupyter server's contents manager saves it; changed in place.
    """
    if model.get("type") != "notebook" or not isinstance(model.get("content"), dict):
        return
    notebook = model["content"]
    notebook.get("metadata", {}).pop("widgets", None)
    for data in _outputs(notebook):
        if data.pop(WIDGET, None) is not None:
            data.setdefault("text/html", _WAS_HERE)


def _outputs(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The data of every output, by type of content."""
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            if isinstance(output.get("data"), dict):
                yield output["data"]
