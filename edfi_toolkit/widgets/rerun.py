"""Runs cells of the notebook again after a person chose something else, or published, where JupyterLab allows it."""

from __future__ import annotations

import anywidget

# `jupyterapp` is there when the server was started by `edfi-toolkit lab`. The tab may have been left meanwhile: then
# the command would run the cells of another notebook, and so nothing is done.
_ESM = """
function render({ model, el }) {
  const rerun = (message) => {
    const app = window.jupyterapp;
    const inside = app?.shell.currentWidget?.node.contains(el);
    if (!message.rerun) return;
    if (!inside) { el.textContent = message.otherwise; return; }
    if (message.rerun === "below") {
      const notebook = app.shell.currentWidget.content;
      const here = notebook.widgets.findIndex((cell) => cell.node.contains(el));
      if (here + 1 === notebook.widgets.length) return;
      notebook.activeCellIndex = here + 1;
    }
    app.commands.execute(message.rerun === "below" ? "notebook:run-all-below" : "notebook:run-all-cells");
  };
  model.on("msg:custom", rerun);
  return () => model.off("msg:custom", rerun);
}
export default { render };
"""


class Rerun(anywidget.AnyWidget):
    """Invisible until it has to ask a person to run the cells."""

    _esm = _ESM

    def ask(self) -> None:
        """Run all cells of the notebook this is in, or say how."""
        self.send({"rerun": "all", "otherwise": "Choose Run > Run All Cells to see it below."})

    def ask_below(self) -> None:
        """Run the cells below the one this is in, which show what was before, or say how."""
        self.send({"rerun": "below", "otherwise": "Run the cells below again: they show what was before."})
