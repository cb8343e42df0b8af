"""A field whose content is nowhere but in the kernel's memory: for a secret, or a student's id or name.

The widgets' own fields keep what is typed in their state, which a notebook may save. This one sends it as a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

# Each letter is sent as it is typed, so that a button pressed next finds the whole text. Enter is a message of its own.
_ESM = """
function render({ model, el }) {
  const id = "typed-" + Math.random().toString(36).slice(2);
  el.dataset.lmSuppressShortcuts = "true";
  el.innerHTML = `<div class="edfi-typed"><label></label><input autocomplete="off" spellcheck="false"></div>`;
  const label = el.querySelector("label");
  const input = el.querySelector("input");
  label.htmlFor = input.id = id;
  const draw = () => {
    label.textContent = model.get("label");
    input.placeholder = model.get("placeholder");
    input.type = model.get("password") ? "password" : "text";
    input.disabled = model.get("disabled");
    if (model.get("password")) input.autocomplete = "new-password";
  };
  const emptied = (message) => { if (message.empty) input.value = ""; };
  input.addEventListener("input", () => model.send({ typed: input.value }));
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") { event.preventDefault(); model.send({ typed: input.value, entered: true }); }
  });
  model.on("change", draw);
  model.on("msg:custom", emptied);
  draw();
  return () => { model.off("change", draw); model.off("msg:custom", emptied); };
}
export default { render };
"""
_CSS = """
.edfi-typed { display: flex; align-items: center; margin: 2px; gap: 4px; }
.edfi-typed label { width: 7em; text-align: right; flex: none; color: var(--jp-ui-font-color1, inherit); }
.edfi-typed input { width: min(26em, 100%); box-sizing: border-box; padding: 4px 6px; font: inherit; font-size: 13px;
  color: var(--jp-ui-font-color1, inherit); background: var(--jp-layout-color0, Field);
  border: 1px solid var(--jp-border-color1, #9e9e9e); border-radius: 2px; }
.edfi-typed input:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
"""


class Typed(anywidget.AnyWidget):
    """`value` is what was typed, for Python alone; `empty()` forgets it here and in the browser.

    on_enter: called when Enter is pressed in the field.
    """

    _esm, _css = _ESM, _CSS
    label = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    password = traitlets.Bool(False).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        label: str,
        *,
        placeholder: str = "",
        password: bool = False,
        on_enter: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(label=label, placeholder=placeholder, password=password)
        self.value, self._on_enter = "", on_enter
        self.on_msg(self._heard)

    def empty(self) -> None:
        """Forget what was typed."""
        self.value = ""
        self.send({"empty": True})

    def __repr__(self) -> str:
        return f"Typed({self.label!r})"

    def _heard(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(content.get("typed"), str):
            self.value = content["typed"]
            if content.get("entered") and self._on_enter is not None:
                self._on_enter()
