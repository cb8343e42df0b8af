"""Where the approval of a plan stands: asked for, given, no longer holding, carried out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import counted, moment
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.answers import nothing_published_view
from edfi_toolkit.review.views import Block, View

if TYPE_CHECKING:
    from edfi_toolkit.ledger.approvals import Approved
    from edfi_toolkit.planning import Plan

SHOWN_IN_40 = "Notebook 40 shows what arrived. What has changed in the SIS since needs Read again."
GO_ON = "Publish again: it goes on where it ended. What arrived is not sent twice."
CLOSED = "Correct the control rows in the source, then read the source again; no override opens this."


def nothing_to_do(plan: Plan) -> bool:
    """Whether carrying the plan out would change neither the ODS nor the ledger, so that no one need approve it."""
    return bool(plan.items["action"].eq("NOOP").all()) and not plan.breaches


def limits_block(plan: Plan) -> Block:
    """The limits that the plan reaches, each with what is likely wrong."""
    breaches = plan.findings[plan.findings["code"].isin(plan.breaches)]
    return Block(
        "Limits that stop this plan", breaches[["code", "says", "hint"]], "No limit is reached.", tone="bad"
    )


def approval_view(
    plan: Plan,
    masker: Masker,
    *,
    holds: Approved | None,
    earlier: str = "",
    button: bool = False,
    published: bool = False,
) -> View:
    """Whether the plan is approved, and how to. earlier: that an approval no longer holds. button: a panel is below.

    published: it was carried out.
    """
    changes = counted(int(plan.sends.sum()), "change")
    publish_in = "60" if plan.mode == "resync" else "40"
    if nothing_to_do(plan):
        says, tone, following = "Nothing would change, so there is nothing to approve.", "good", ""
    elif holds:
        says = f"{changes[:1].upper()}{changes[1:]} approved by {holds.person}, {moment(holds.approved_at)}."
        says += "".join(
            f" {answer.breach}: {answer.person} answers, “{answer.reason}”." for answer in holds.answers
        )
        tone, following = "good", SHOWN_IN_40 if published else f"Publish in notebook {publish_in}."
    elif published:
        says, tone, following = "This plan was published: nothing is left to approve.", "good", SHOWN_IN_40
    elif plan.closed:
        says, tone, following = "This plan cannot be approved.", "bad", CLOSED
    else:
        says = earlier or f"{changes[:1].upper()}{changes[1:]} not approved yet."
        tone = "bad" if plan.breaches else "check"
        following = (
            "Answer for each limit, give your name, and press Approve."
            if button and plan.breaches
            else "Give your name and press Approve."
            if button
            else f"Approve in notebook 30, or publish with the fingerprint {plan.fingerprint}."
        )
    blocks = [limits_block(plan)] if plan.breaches else []
    return View("Approval", says, tone, blocks, following, masker, value=plan)


def published_before(
    results: View, step: Mapping[str, Any], holds: Approved | None, *, settled: bool
) -> View:
    """What a run that has published sent, when, and whether anything is left to send.

    step: of the manifest; a crash leaves no outcomes in it. settled: whether each change has an answer.
    """
    when = _when(step, holds)
    if settled:
        return results.noting(f"Published {when}. This cell sends nothing again.")
    says = f"{results.says} Published {when}."
    if not step.get("finished"):
        says = f"Publishing was begun {when}, and did not come to its end."
    return replace(results, says=says, tone="bad" if results.tone == "bad" else "check", next_step=GO_ON)


def sent_by_another(
    shown: View,
    results: View,
    step: Mapping[str, Any],
    holds: Approved | None,
    *,
    of: str,
    masker: Masker,
) -> View:
    """The view of a run that has sent nothing, with what a run before it sent: sentence, counts and lists.

    results, step, holds: of that run, as in `published_before`. of: when it began. masker: hides the students of both.
    """
    when = _when(step, holds)
    said = f"{results.says} Published {when}." if step.get("finished") else f"Begun {when}, and not finished."
    counts = results.blocks[:1]
    return replace(
        shown,
        says=f"{shown.says} Sent last, by the run of {of}: {said}",
        blocks=[*shown.blocks, *(replace(block, caption=f"Sent by the run of {of}") for block in counts)],
        frames=results.frames,
        empty=results.empty,
        bars=results.bars,
        as_of=f"{results.as_of or moment(dt.datetime.now(dt.UTC))}, by the run of {of}",
        masker=masker,
    )


def _when(step: Mapping[str, Any], holds: Approved | None) -> str:
    """When a run published, and for whom. step: of the manifest."""
    at, by = dt.datetime.fromisoformat(step["at"]), step.get("by", "unknown")
    return f"{moment(at)}, approved by {holds.person}" if holds else f"{moment(at)}, by {by}"


def unapproved_view(
    plan: Plan, masker: Masker, *, holds: Approved | None, earlier: str, button: bool
) -> View:
    """In place of publishing while nothing was sent: what waits, and for whom."""
    shown = replace(nothing_published_view(masker), value=plan)
    if nothing_to_do(plan):
        return replace(
            shown, says="Nothing would change in the ODS, so nothing has to be sent.", next_step=""
        )
    if holds:
        says = f"{approval_view(plan, masker, holds=holds).says} Nothing was sent yet."
        following = "Press Publish." if button else f'Publish with approved = "{plan.fingerprint}".'
        return replace(shown, says=says, tone="check", next_step=following)
    where = "above" if plan.mode == "resync" else "in notebook 30"
    says = "Nothing was sent." if plan.closed else "Nothing was sent. It waits for your approval."
    if plan.breaches:
        needs = "no override opens it" if plan.closed else "each one needs an answer from a person"
        says += f" A limit stops this plan; {needs}."
    named = f' and overrides = ["{plan.breaches[0]}:Your Name"]' if plan.breaches else ""
    script = f'Approve it {where}. A script gives approved = "{plan.fingerprint}"{named}.'
    waiting = pd.DataFrame({"what": ["changes to send"], "records": [int(plan.sends.sum())]})
    return replace(
        shown,
        says=f"{earlier} {says}".strip(),
        tone="bad" if plan.breaches else "check",
        blocks=[Block("What waits", waiting), limits_block(plan)],
        next_step=CLOSED if plan.closed else script,
    )
