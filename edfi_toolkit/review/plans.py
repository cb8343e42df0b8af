"""A plan before it is carried out: what it would change, and what speaks against it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import counted
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.approvals import CLOSED, SHOWN_IN_40, limits_block
from edfi_toolkit.review.changes import (
    CHANGES,
    change_rows,
    numbers_of,
    warned_of,
    with_ods_now,
    with_warnings,
)
from edfi_toolkit.review.places import STUDENT_AT, held_at_places, with_organizations
from edfi_toolkit.review.steps import by_sentence
from edfi_toolkit.review.summaries import WHO, by_event, by_rule, left_alone, rows_named, values_of
from edfi_toolkit.review.views import Block, Lists, View

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.validation import Checked

_SCHOOLS_DRAWN = 30


def plan_view(
    plan: Plan,
    checked: Checked,
    masker: Masker,
    *,
    published: bool = False,
    refused: pd.DataFrame | None = None,
    again: pd.Series | None = None,
) -> View:
    """What publishing would change, in the order to check it, and what speaks against it.

    published: it was. refused, again: as of `change_rows`.
    """
    numbers = numbers_of(plan)
    findings = plan.findings
    held = left_alone(plan, checked)
    changes = change_rows(plan, checked.build, refused, again)
    warned = warned_of(changes, checked)
    changes = with_warnings(changes, warned)
    live = findings["code"].eq("LIVE_COMPARED").cumsum().gt(0)  # what follows it was found in the ODS
    met = findings[live & findings["code"].ne("LIVE_COMPARED")]
    # What validation warns of stands in a block of its own, about each record; a notice of the build gives the same
    # without one. A hidden file is one that an editor has left next to the tables: nothing to do about it.
    noticed = set(warned["rule_id"]).intersection(checked.build.notices["code"])
    other = findings[~live & ~findings["code"].isin([*plan.breaches, "HELD", "HIDDEN_FILE", *noticed])]
    named = partial(with_organizations, tables=checked.build.tables, profile=checked.build.profile)
    resync = plan.mode == "resync"
    says = f"{'This plan had' if published else 'Publishing now would send'} {counted(int(plan.sends.sum()), 'change')}"
    if moves := numbers.get("move", 0):
        says += f" ({'the move is' if moves == 1 else f'each of the {moves:,} moves is'} two: a remove and a create)"
    if noted := int(plan.items["action"].isin(["ADOPT", "UNMAP"]).sum()):
        says += f" and {'corrected' if published else 'correct'} {counted(noted, 'entry', 'entries')} of the ledger"
    says += f". Fingerprint of this plan: {plan.fingerprint}."
    if plan.breaches:
        says = f"This plan is stopped by {counted(len(plan.breaches), 'limit')}. {says}"
    return View(
        title="Preview of a resync" if resync else "Preview",
        says=says,
        tone="bad"
        if plan.breaches
        else "check"
        if len(held)
        + len(met)
        + numbers["remove"]
        + numbers.get("move", 0)
        + len(checked.build.tables.skipped)
        else "good",
        numbers=numbers,
        blocks=[
            limits_block(plan),
            Block(
                "What would happen, by school; check removes first",
                _by_school(changes),
                "Nothing would change.",
            ),
            *(
                [
                    Block(
                        "Worth checking before you approve: what validation warns of in these records",
                        by_rule(warned, "rule_id"),
                        tone="check",
                    )
                ]
                if len(warned)
                else []
            ),
            Block(
                "Held: left alone, whatever the ODS has of it, because its source rows or its record have errors",
                by_sentence(held),
                "Nothing is held.",
                tone="check",
            ),
            Block(
                "Why: the events of the rule book behind it, as far as they are known",
                by_event(plan, again).rename(columns={"says": "what_changed"}),
                "No event of the rule book is known to be behind it. What came of a row that you fixed is among the "
                "changes below: filter for its student.",
            ),
            *(
                [Block("In the ODS as it is now", by_rule(met, "code"), "Nothing unexpected.", tone="check")]
                if live.any()
                else []
            ),
            Block("Other findings", by_rule(other, "code"), "None.", tone="check"),
        ],
        next_step=(
            SHOWN_IN_40
            if published
            else CLOSED
            if plan.closed
            else "Find out why the limit is reached. If the change is meant, answer for it below the list."
            if plan.breaches
            else _nothing_to_send(checked)
            if plan.items["action"].eq("NOOP").all()
            else "Look at the changes, then approve them below."
        ),
        masker=masker,
        frames=Lists(
            {
                "changes": lambda: with_ods_now(changes, plan, met) if live.any() else changes,
                "values": lambda: values_of(plan),
                "findings": lambda: named(findings[["code", "severity", "says", "hint", *WHO]]),
                "held": lambda: held_at_places(held, checked.build.tables, checked.build.profile).drop(
                    columns=["by_validation", "source_refs", "in_general", "todo_in_general"]
                ),
                "live": lambda: named(met[["code", "says", "hint", "resource", *WHO]]),
                "foreign": lambda: named(findings.loc[findings["code"].eq("FOREIGN"), ["resource", *WHO]]),
            }
        ),
        picture=lambda: panels().bars(
            _by_school(changes).set_index("school").head(_SCHOOLS_DRAWN), "What would happen, by school"
        ),
        empty={
            "held": "Nothing is held.",
            "changes": "Nothing would change.",
            "values": "Nothing would change.",
            "foreign": "Nothing.",
            "live": "Nothing.",
        },
        value=plan,
    )


def _nothing_to_send(checked: Checked) -> str:
    """What is next where the plan changes nothing: the rows that could not be read, what is held, else nothing."""
    aside = checked.build.tables.skipped
    if len(aside):
        return (
            f"{counted(len(aside), 'row')} of the source could not be read, and nothing of that is sent: "
            f"{rows_named(aside)}. Correct it in the SIS, then read the source again."
        )
    if len(checked.held):
        return "Correct what the records that are held are held for, then read the source again."
    return "Nothing to do."


def _by_school(changes: pd.DataFrame) -> pd.DataFrame:
    """Records by school and by what happens to them, most first."""
    if changes.empty:
        return pd.DataFrame(columns=["school"])
    schools = changes["school"].str.partition(STUDENT_AT)[0].rename("school")
    counts = pd.crosstab(schools, changes["change"].astype("str"))
    counts = counts[[word for word in CHANGES if word in counts]]
    ordered = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    return ordered.rename_axis(columns=None).reset_index()
