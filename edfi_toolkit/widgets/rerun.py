"""Runs cells of the notebook again after a person chose something else, or published, where JupyterLab allows it, and
brings the page back to where the answer is.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Rerun(anywidget.AnyWidget):
    """Invisible until it has to ask a person to run the cells.

    lands: after Run All Cells the page goes to the first cell that shows something, unless the person has moved.
    """

    _esm = Path(__file__).with_name("rerun.js")
    _css = Path(__file__).with_name("bar.css")  # it is part of the bar over every notebook

    lands = traitlets.Bool(False).tag(sync=True)

    def ask(self) -> None:
        """Run all cells of the notebook this is in, or say how."""
        self.send({"rerun": "all", "otherwise": "Choose Run > Run All Cells to see it below."})

    def ask_below(self) -> None:
        """Run the cells below the one this is in, which show what was before, or say how."""
        self.send({"rerun": "below", "otherwise": "Run the cells below again: they show what was before."})
