"""What shows students to a person who asks for it, and to no one else.

A widget's state is what notebooks save, so it is masked; what is revealed is a message, and is gone with the browser
tab, or when the person hides it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from edfi_toolkit.display.named import Named
from edfi_toolkit.privacy import Masker, session_masker
from edfi_toolkit.widgets.busy import heard_while_busy


class Revealing(anywidget.AnyWidget):
    """revealed: whether students are shown; no part of the state."""

    revealed = traitlets.Bool()
    _masker: Masker

    def _view(self) -> dict[str, Any]:
        """What the browser is to show now: masked by `_eyes`."""
        raise NotImplementedError

    @property
    def _hiding(self) -> Masker:
        return self._masker.masked()

    @property
    def _eyes(self) -> Masker:
        if self.revealed:
            return Named.of(self._masker)
        return self._masker if self._masker.reveal else self._hiding

    @traitlets.observe("revealed")
    def _show(self, _change: Any = None) -> None:
        self.send(self._view())
        heard_while_busy(self)


_PAGE = """
function render({ model, el }) {
  const button = document.createElement("button");
  const place = document.createElement("div");
  place.style.overflowX = "auto"; // a table may be wider than the page
  button.type = "button";
  button.className = "jupyter-button";
  button.addEventListener("click", () => model.send({ reveal: button.getAttribute("aria-pressed") !== "true" }));
  const draw = ({ html, revealed }) => {
    place.innerHTML = html;
    button.setAttribute("aria-pressed", String(revealed));
    button.textContent = revealed ? "Hide students" : "Reveal students";
  };
  const masked = () => {
    draw({ html: model.get("value"), revealed: false });
    if (model.get("asks")) el.prepend(button); else button.remove();
  };
  model.on("change:value change:asks", masked);
  model.on("msg:custom", draw);
  el.append(place);
  masked();
  model.send({ ready: true });
  return () => { model.off("change:value change:asks", masked); model.off("msg:custom", draw); };
}
export default { render };
"""


class Page(Revealing):
    """HTML with students in it. `value`: as it is masked. button: whether it has one of its own to reveal them."""

    _esm = _PAGE

    value = traitlets.Unicode().tag(sync=True)
    asks = traitlets.Bool().tag(sync=True)

    def __init__(self, *, button: bool = False) -> None:
        self._masker, self._button = session_masker(), button
        self._html: Callable[[Masker], str] = lambda _eyes: ""
        super().__init__()
        self.on_msg(self._take)

    def show(self, html: Callable[[Masker], str], masker: Masker) -> None:
        """Show this from now on. html: makes it with a masker, which hides students or does not."""
        self._masker, self._html, self.asks = masker, html, self._button
        self._drawn()

    def say(self, html: str) -> None:
        """Show this, which is about no one."""
        self._html, self.asks = lambda _eyes: html, False
        self._drawn()

    def _drawn(self) -> None:
        self.value = self._html(self._hiding)
        if self.revealed:
            self._show()

    def _view(self) -> dict[str, Any]:
        return {"html": self._html(self._eyes), "revealed": self.revealed}

    def _take(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        match message:
            case {"reveal": bool(reveal)}:
                self.revealed = reveal
            case {"ready": True} if self.revealed:
                self._show()
