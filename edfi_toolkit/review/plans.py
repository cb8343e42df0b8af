"""A plan before it is carried out: what it would change, what speaks against it, how to approve it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.answers import nothing_published_view
from edfi_toolkit.review.steps import by_sentence
from edfi_toolkit.review.summaries import (
    ACTIONS,
    WHO,
    by_event,
    by_rule,
    changes_of,
    left_alone,
    rows,
    values_of,
)
from edfi_toolkit.review.views import Block, View

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.validation import Checked


_CORRECT = "Correct the control rows in the source, then extract again; no override opens this."


def plan_view(plan: Plan, checked: Checked, masker: Masker) -> View:
    """What publishing would change, in the order to check it, and what speaks against it."""
    counts = plan.items["action"].value_counts()
    summary = pd.DataFrame(
        {
            "records": [int(counts.get(action, 0)) for action in ACTIONS],
            "action": list(ACTIONS),
            "meaning": list(ACTIONS.values()),
        }
    ).query("records > 0")
    findings = plan.findings
    breaches = findings[findings["code"].isin(plan.breaches)]
    held = left_alone(plan, checked)
    live = findings["code"].eq("LIVE_COMPARED").cumsum().gt(0)  # what follows it was found in the ODS
    met = findings[live & findings["code"].ne("LIVE_COMPARED")]
    other = findings[~live & ~findings["code"].isin([*plan.breaches, "HELD"])]
    resync = plan.mode == "resync"
    says = f"Publishing now would send {rows(int(plan.sends.sum()), 'change')}"
    if noted := int(plan.items["action"].isin(["ADOPT", "UNMAP"]).sum()):
        says += f" and correct {rows(noted, 'entry', 'entries')} of the ledger"
    says += f". Fingerprint of this plan: {plan.fingerprint}."
    if len(breaches):
        says = f"This plan is stopped by {rows(len(plan.breaches), 'limit')}. {says}"
    return View(
        title="Preview of a resync" if resync else "Preview",
        says=says,
        tone="bad"
        if len(breaches)
        else "check"
        if len(held) + len(met) + counts.get("DELETE", 0)
        else "good",
        blocks=[
            Block("What would happen; check deletes first", summary, "Nothing would change."),
            Block(
                "Limits that stop this plan",
                breaches[["code", "says", "hint"]],
                "No limit is reached.",
                tone="bad",
            ),
            Block(
                "Held: left alone, whatever the ODS has of it, because its source rows or its record have errors",
                by_sentence(held),
                "Nothing is held.",
                tone="check",
            ),
            Block(
                "Why: what changed in the source, where that is certain; an event is a line of the rule book",
                by_event(plan),
                "No event is certain.",
            ),
            *(
                [Block("In the ODS as it is now", by_rule(met, "code"), "Nothing unexpected.", tone="check")]
                if live.any()
                else []
            ),
            Block("Other findings", by_rule(other, "code"), "None.", tone="check"),
        ],
        next_step=(
            _CORRECT
            if plan.closed
            else "Find out why the limit is reached. If the change is meant, the notebook that publishes shows how "
            "to override it."
            if len(breaches)
            else f"If you agree, publish in notebook {'60' if resync else '40'} with "
            f'approved = "{plan.fingerprint}".'
        ),
        masker=masker,
        frames={
            "values": values_of(plan),
            "changes": changes_of(plan),
            "findings": findings[["code", "severity", "says", "hint", *WHO]],
            "held": held.drop(columns="by_validation"),
            "live": met[["code", "says", "hint", "resource", *WHO]],
            "foreign": findings.loc[findings["code"].eq("FOREIGN"), ["resource", *WHO]],
        },
        bars=pd.Series(summary["records"].to_list(), summary["meaning"].to_list(), dtype="int64"),
        empty={
            "held": "Nothing is held.",
            "values": "Nothing would change.",
            "foreign": "Nothing.",
            "live": "Nothing.",
        },
        value=plan,
    )


def unapproved_view(plan: Plan, checked: Checked, masker: Masker, *, button: bool) -> View:
    """How to approve; shown in place of publishing when it is not approved. button: whether one is below."""
    shown = plan_view(plan, checked, masker)
    nothing, stopped = nothing_published_view(masker), bool(plan.breaches)
    below = button and not stopped
    needs = "no override opens it" if plan.closed else "each one needs an override that names a person"
    return View(
        title="Publish",
        says=("Nothing was sent." if plan.closed else "Nothing was sent. It waits for your approval.")
        + (f" A limit stops this plan; {needs}." if stopped else ""),
        tone="bad" if stopped else "check",
        blocks=shown.blocks[:2],
        next_step=_CORRECT
        if plan.closed
        else (
            ("Type the fingerprint below and press Publish. Or set" if below else "Set")
            + f' approved = "{plan.fingerprint}"'
            + (f' and overrides = ["{plan.breaches[0]}:Your Name"]' if stopped else "")
            + " in the first cell, then run this notebook again."
        ),
        masker=masker,
        frames={**nothing.frames, **shown.frames},
        empty=nothing.empty,
        value=plan,
    )
