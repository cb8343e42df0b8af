// `jupyterapp` is there when the server was started by `edfi-toolkit lab`. The tab may have been left meanwhile: then
// a command would run the cells of another notebook, and so nothing is done.
const OWN_MOVES = ["wheel", "touchmove", "pointerdown", "keydown"];

function panelOf(el) {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.content?.widgets && panel.node.contains(el) ? panel : null;
}

// Calls `then` once no cell is waiting or running, unless the person has moved on the page meanwhile.
function whenDone(panel, then) {
  let moved = false;
  const note = () => { moved = true; };
  for (const event of OWN_MOVES) panel.node.addEventListener(event, note, { capture: true, passive: true });
  const look = () => {
    const busy = panel.content.widgets.some((cell) => cell.inputArea?.promptNode?.textContent.includes("*"));
    if (busy && !moved && !panel.isDisposed) return setTimeout(look, 250);
    for (const event of OWN_MOVES) panel.node.removeEventListener(event, note, { capture: true });
    if (!moved && !panel.isDisposed) then();
  };
  setTimeout(look, 250);
}

function show(notebook, at) {
  notebook.activeCellIndex = at;
  notebook.scrollToItem(at, "start");
}

// Run All Cells ends at the last cell; what it is about begins at the first that shows something.
function endAtTop(panel) {
  const notebook = panel.content;
  const shows = (cell) => cell.model.type === "code" && cell.model.outputs.length > 0;
  whenDone(panel, () => show(notebook, Math.max(0, notebook.widgets.findIndex(shows))));
}

function land(el) {
  const panel = panelOf(el);
  if (panel && panel.content.activeCellIndex + 1 === panel.content.widgets.length) endAtTop(panel);
}

function render({ model, el }) {
  const rerun = (message) => {
    if (!message.rerun) return;
    const panel = panelOf(el);
    if (!panel) { el.textContent = message.otherwise; return; }
    const notebook = panel.content;
    const here = notebook.widgets.findIndex((cell) => cell.node.contains(el));
    if (message.rerun === "below") {
      if (here + 1 === notebook.widgets.length) return;
      notebook.activeCellIndex = here + 1;
      window.jupyterapp.commands.execute("notebook:run-all-below");
      whenDone(panel, () => show(notebook, here));
    } else {
      window.jupyterapp.commands.execute("notebook:run-all-cells");
      show(notebook, here); // where it was pressed, also while the cells run
      whenDone(panel, () => show(notebook, here));
    }
  };
  model.on("msg:custom", rerun);
  if (model.get("lands")) requestAnimationFrame(() => land(el));
  return () => model.off("msg:custom", rerun);
}

export default { render };
