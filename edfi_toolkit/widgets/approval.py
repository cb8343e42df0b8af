"""A person's yes: an answer for each limit, a name, Approve; and the button that carries out what was approved.

What is typed is in the widgets' state while the page is open. It holds a person's own name and reason, and is emptied
when it was given, so that no saved notebook keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.cards import TONES, readable
from edfi_toolkit.display.failures import fault_text
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.planning import Plan
from edfi_toolkit.planning.guardrails import NO_OVERRIDE
from edfi_toolkit.widgets.rerun import Rerun

_ORDER = ["POST", "PUT", "DELETE", "ADOPT", "UNMAP", "NOOP"]
_RED = f"color: {readable(TONES['bad'][1])}"


def counts_by_action(plan: Plan) -> pd.DataFrame:
    """One row a resource, one column an action that occurs, in the order of reading, and a total."""
    counts = pd.crosstab(plan.items["resource"].astype(str), plan.items["action"].astype(str))
    actions = [action for action in _ORDER if action in counts.columns]
    counts = counts[[*actions, *(column for column in counts.columns if column not in actions)]]
    if len(counts) > 1:
        counts.loc["All"] = counts.sum()
    return counts.rename_axis(columns=None).reset_index()


def breaches_of(plan: Plan) -> pd.DataFrame:
    """Code, sentence and hint of every guardrail breach."""
    messages = plan.findings.drop_duplicates("code").set_index("code").reindex(list(plan.breaches))
    return messages.reindex(columns=["says", "hint"]).rename_axis("code").reset_index().fillna("")


class _Button(w.VBox):
    """A button, and next to it what came of pressing it."""

    button: w.Button
    status: w.HTML

    def _fails(self, text: str) -> None:
        self._say(text, _RED)
        self.button.disabled = False

    def _say(self, text: str, style: str = "") -> None:
        self.status.value = f'<span style="{style}">{escape(text)}</span>'


class Approval(_Button):
    """For each breach why the change is meant, a name, and an Approve button that waits for all of them.

    `answers` (Text by code), `name` (Text), `button` (Button) and `status` (HTML) can be used from Python. Any error
    of `on_approve(name, answers)` appears in the panel.
    """

    def __init__(self, plan: Plan, on_approve: Callable[[str, Mapping[str, str]], Any]) -> None:
        self._on_approve = on_approve
        self._closed = not NO_OVERRIDE.isdisjoint(plan.breaches)
        self.answers: dict[str, w.Text] = {}
        parts: list[Any] = []
        for code, says, hint in breaches_of(plan).astype(str).to_numpy():
            parts.append(w.HTML(_breach_html(code, says, hint)))
            if code not in NO_OVERRIDE:
                self.answers[code] = _field(f"Answer for {code}", "why the change is meant")
                parts.append(self.answers[code])
        self.name = _field("Your name", "first and last name", width="380px")
        self.button = w.Button(
            description="Approve",
            button_style="primary",
            icon="check",
            disabled=True,
            tooltip="Nothing is sent yet",
        )
        self.status = w.HTML(layout=w.Layout(margin="0 8px"))
        for field in (self.name, *self.answers.values()):
            field.observe(self._judge, "value")
        self.button.on_click(self._approved)
        action = w.HBox(
            [self.name, self.button, self.status], layout=w.Layout(align_items="center", flex_flow="wrap")
        )
        super().__init__([*parts, action])
        self._judge()

    def _judge(self, _change: Any = None) -> None:
        missing = [code for code, field in self.answers.items() if not field.value.strip()]
        self.button.disabled = self._closed or bool(missing) or not self.name.value.strip()
        if self._closed:
            self._say("No answer opens this limit. Correct the source.", _RED)
        elif missing:
            self._say(f"Not answered yet: {', '.join(missing)}.", _RED)
        else:
            self._say("" if self.name.value.strip() else "Your name is kept with the approval.")

    def _approved(self, _button: Any) -> None:
        if self.button.disabled:
            return
        given = {code: field.value for code, field in self.answers.items()}
        self.button.disabled = True
        try:
            self._on_approve(self.name.value, given)
        except EdfiToolkitError as error:
            self._fails(str(error))
        except Exception as error:
            self._fails(fault_text(error))
        else:
            for field in (self.name, *self.answers.values()):
                field.unobserve_all("value")
                field.value = ""
            self.layout.display = "none"  # the view above says who approved, and when


class Publishing(_Button):
    """A Publish button. `button`, `status` and `result` (what `carry_out` returned) can be used from Python.

    What it shows, and any error it raises, appear in the panel; what came of it is said above. goes_on: whether
    something is left to send; then the button stays.
    """

    def __init__(self, carry_out: Callable[[], Any], goes_on: Callable[[], bool]) -> None:
        self._carry_out, self._goes_on, self.result = carry_out, goes_on, None
        self.button = w.Button(description="Publish", button_style="danger", icon="upload")
        self.status, self.output = w.HTML(layout=w.Layout(margin="0 8px")), w.Output()
        self.rerun = Rerun()
        self.button.on_click(self._pressed)
        action = w.HBox([self.button, self.status], layout=w.Layout(align_items="center"))
        super().__init__([action, self.output, self.rerun])

    def show(self, approved: bool) -> None:
        """In view only while there is something that a person approved."""
        self.layout.display = "" if approved else "none"

    def _pressed(self, _button: Any) -> None:
        if self.button.disabled:
            return
        self.button.disabled = True
        self._say("Publishing.")
        with self.output:
            try:
                self.result = self._carry_out()
            except EdfiToolkitError as error:
                self._fails(str(error))
            except Exception as error:
                self._fails(fault_text(error))
            else:
                left = self._goes_on()
                self.button.disabled = not left
                self.button.description = "Publish the rest" if left else "Published"
                self._say("Stopped." if left else "Done.")  # the view above says what came of it
                self.rerun.ask_below()


def _field(label: str, placeholder: str, width: str = "min(760px, 95%)") -> w.Text:
    field = w.Text(
        description=label, placeholder=placeholder, continuous_update=True, layout=w.Layout(width=width)
    )
    field.style = {"description_width": "initial"}
    return field


def _breach_html(code: str, says: str, hint: str) -> str:
    return (
        f'<div role="alert" style="{_RED};white-space:normal"><strong>{escape(code)}</strong> {escape(says)} '
        f"{escape(hint)}</div>"
    )
