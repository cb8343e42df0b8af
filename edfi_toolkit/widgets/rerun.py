"""Runs the notebook's cells again after a person chose something else, where JupyterLab lets a widget ask for it."""

from __future__ import annotations

import anywidget

# `jupyterapp` is there when the server was started by `edfi-toolkit lab`. The tab may have been left meanwhile: then
# the command would run the cells of another notebook, and so nothing is done.
_ESM = """
function render({ model, el }) {
  const rerun = (message) => {
    const app = window.jupyterapp;
    const inside = app?.shell.currentWidget?.node.contains(el);
    if (message.rerun && inside) app.commands.execute("notebook:run-all-cells");
    else if (message.rerun) el.textContent = message.otherwise;
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
        self.send({"rerun": True, "otherwise": "Choose Run > Run All Cells to see it below."})
