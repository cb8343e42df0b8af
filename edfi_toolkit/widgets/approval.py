"""The last check before publishing: what would be sent, what forbids it, and the fingerprint to type."""

from __future__ import annotations

from collections.abc import Callable, Collection
from html import escape
from typing import Any

import ipywidgets as w
import pandas as pd

from edfi_toolkit.display.tables import Table
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.planning import Plan
from edfi_toolkit.planning.guardrails import NO_OVERRIDE
from edfi_toolkit.privacy import session_masker

_ORDER = ["POST", "PUT", "DELETE", "ADOPT", "UNMAP", "NOOP"]
_RED = "color: var(--jp-error-color0, #b71c1c)"


def counts_by_action(plan: Plan) -> pd.DataFrame:
    """One row a resource, one column an action that occurs, in the order of reading, and a total."""
    counts = pd.crosstab(plan.items["resource"].astype(str), plan.items["action"].astype(str))
    actions = [action for action in _ORDER if action in counts.columns]
    counts = counts[[*actions, *(column for column in counts.columns if column not in actions)]]
    if len(counts) > 1:
        counts.loc["All"] = counts.sum()
    return counts.rename_axis(columns=None).reset_index()


def open_breaches(plan: Plan, overridden: Collection[str] = ()) -> pd.DataFrame:
    """Code, sentence and hint of every guardrail breach that has no override, or that none opens."""
    answered = set(overridden) - NO_OVERRIDE
    codes = [code for code in plan.breaches if code not in answered]
    messages = plan.findings.drop_duplicates("code").set_index("code").reindex(codes)
    return messages.reindex(columns=["says", "hint"]).rename_axis("code").reset_index().fillna("")


class Approval(w.VBox):
    """Counts, open breaches in red, a field for the fingerprint, and a Publish button that waits for it.

    `fingerprint` (Text), `publish` (Button) and `status` (HTML) can be used from Python; `result` is what
    `on_approve(fingerprint)` returned. What on_approve shows, any error it raises, and what its result `says`
    appear in the panel.
    """

    def __init__(
        self, plan: Plan, on_approve: Callable[[str], Any], *, overridden: Collection[str] = ()
    ) -> None:
        self._plan, self._on_approve, self.result = plan, on_approve, None
        self._breaches = open_breaches(plan, overridden)
        self.fingerprint = w.Text(
            description="Fingerprint", placeholder="as shown in the preview", continuous_update=True
        )
        self.fingerprint.style = {"description_width": "initial"}
        self.publish = w.Button(description="Publish", button_style="danger", icon="upload", disabled=True)
        self.status, self.output = w.HTML(layout=w.Layout(margin="0 8px")), w.Output()
        self.fingerprint.observe(self._judge, "value")
        self.publish.on_click(self._approved)
        shown = _counts_html(counts_by_action(plan)) + _breaches_html(self._breaches)
        self._heading = w.HTML(f'<div class="jp-RenderedHTMLCommon">{shown}</div>')  # tables as in any output
        action = w.HBox([self.fingerprint, self.publish, self.status], layout=w.Layout(align_items="center"))
        super().__init__([self._heading, action, self.output])
        self._judge()

    def _judge(self, _change: Any = None) -> None:
        typed = self.fingerprint.value.strip()
        fits = typed == self._plan.fingerprint
        self.publish.disabled = not fits or not self._breaches.empty or self.publish.description != "Publish"
        if not self._breaches.empty:
            self._say("A limit above forbids publishing.", _RED)
        elif not typed:
            self._say("Type the fingerprint of the plan you checked.")
        else:
            self._say(
                "This is the plan shown above." if fits else "This is not the plan shown above.",
                "" if fits else _RED,
            )

    def _approved(self, _button: Any) -> None:
        if self.publish.disabled:
            return
        self.publish.description, self.publish.disabled, self.fingerprint.disabled = "Approved", True, True
        self._say("Publishing.")
        with self.output:
            try:
                self.result = self._on_approve(self._plan.fingerprint)
            except EdfiToolkitError as error:
                self._say(str(error), _RED)
            except Exception:
                self._say("Publishing failed; what happened is below.", _RED)
                raise
            else:
                self._heading.layout.display = "none"  # what was planned is done
                self._say(f"Done. {getattr(self.result, 'says', '')}".strip())

    def _say(self, text: str, style: str = "") -> None:
        self.status.value = f'<span style="{style}">{escape(text)}</span>'


def _counts_html(counts: pd.DataFrame) -> str:
    if counts.empty:
        return "<p>The plan is empty: nothing would be sent.</p>"
    return Table(counts, masker=session_masker(), rows=len(counts)).html


def _breaches_html(breaches: pd.DataFrame) -> str:
    rows = "".join(
        f"<li><strong>{escape(code)}</strong> {escape(says)} {escape(hint)}</li>"
        for code, says, hint in breaches.astype(str).to_numpy()
    )
    return f'<ul role="alert" style="{_RED}">{rows}</ul>' if rows else ""
