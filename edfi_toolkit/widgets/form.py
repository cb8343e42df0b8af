"""Fields and buttons of which nothing that is typed is kept: it travels as a message, and no notebook saves it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from edfi_toolkit.display.failures import fault_text
from edfi_toolkit.widgets.busy import heard_while_busy


class Form(anywidget.AnyWidget):
    """on_press: called with the name of a button, or `choose:` and that of a list, and the texts by field; with
    `typed:` and the name of a field, and no text, when a person begins to type into one with `watch`.

    fields: name, label, and `choices` of a list, `shown` in other words where there are some, or `options` that are
    offered while one types, or `start`, the first text; of: what the field is about, what was typed stays while that is
    the same; enter: the button that the Enter key presses in it; wide: for a sentence. buttons: name, label, off, leads
    where it stands out. What is in there is saved with the notebook: no student's value.
    outdated: whether the button was pressed while the page still had a field about something else.
    """

    _esm = Path(__file__).with_name("form.js")
    _css = Path(__file__).with_name("form.css")

    key = traitlets.Unicode().tag(sync=True)
    fields: list[dict[str, Any]] = traitlets.List().tag(sync=True)  # type: ignore[assignment]
    buttons: list[dict[str, Any]] = traitlets.List().tag(sync=True)  # type: ignore[assignment]

    def __init__(
        self,
        fields: Sequence[Mapping[str, Any]],
        buttons: Mapping[str, str],
        on_press: Callable[[str, Mapping[str, str]], None],
    ) -> None:
        self._on_press, self.outdated = on_press, False
        labels = [{"name": name, "label": label, "off": False} for name, label in buttons.items()]
        super().__init__(key=secrets.token_hex(4), fields=list(fields), buttons=labels)
        self.on_msg(self._take)

    def press(self, name: str, **values: str) -> None:
        """Press a button with these texts, as a person would."""
        typed = {field["name"]: str(values.get(field["name"], "")) for field in self.fields}
        self._on_press(name, typed)

    def switch(self, **off: bool) -> None:
        """Switch buttons off and on, by name."""
        self.buttons = [{**button, "off": off.get(button["name"], button["off"])} for button in self.buttons]

    def relabel(self, **labels: str) -> None:
        """Give buttons another label, by name."""
        self.buttons = [
            {**button, "label": labels.get(button["name"], button["label"])} for button in self.buttons
        ]

    def lead(self, name: str) -> None:
        """Let this button alone stand out: the next one to press."""
        self.buttons = [{**button, "leads": button["name"] == name} for button in self.buttons]

    def clear(self, *names: str) -> None:
        """Empty these fields."""
        self.send({"clear": list(names)})

    def _take(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        match message:
            case {"press": str(name), "values": dict(values)}:
                about = {field["name"]: field["of"] for field in self.fields if "of" in field}
                self.outdated = message.get("of", about) != about
                failed = ""
                try:
                    self.press(name, **values)
                except Exception as error:  # else it would be seen in a log alone, and pass for done
                    failed = fault_text(error)
                finally:
                    self.outdated = False
                    if failed or ":" not in name:
                        # The buttons are off from the click until now.
                        self.send({"done": True, "failed": failed})
                    heard_while_busy(self)
