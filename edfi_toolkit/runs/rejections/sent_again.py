"""Which changes of a plan go again because the ODS refused them earlier, and the plan as it is shown with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.differences import differences
from edfi_toolkit.model.refs import first_ref
from edfi_toolkit.review.plans import plan_view
from edfi_toolkit.runs.feed import history_of
from edfi_toolkit.runs.ledger_now import rejection_rows
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs.run import Run

AS_IT_WAS = (
    "Refused before; it is sent again as it was, in case the ODS has by now what was missing. Another refusal changes "
    "nothing."
)
UNDER_ANOTHER_KEY = "Corrected since the ODS refused it under another key: it goes again."


def plan_shown(run: Run, *, published: bool = False, refused: pd.DataFrame | None = None) -> View:
    """The plan of the run; published, refused: as of `plan_view`."""
    plan = run.plan
    masker, again = run.masker(plan.items, plan.findings), sent_again(run)
    return plan_view(plan, run.checked, masker, published=published, refused=refused, again=again)


def sent_again(run: Run) -> pd.Series:
    """For each item of the run's plan why it goes again, as a sentence; empty where no earlier run's was refused.

    Refused is what the ODS answered last to the same change of the same record. The sentence names what differs from
    what was sent then, where the folder of that run is still there.
    """
    plan = run.plan
    if run.target_name not in run.installation.targets:
        return pd.Series("", plan.items.index, dtype="str")
    with history_of(run) as history:
        refused = history.refused_last(before=run.id)
    if refused.empty:
        return pd.Series("", plan.items.index, dtype="str")
    columns = ["resource", "key_hash", "action", "body", "body_hash", "source_refs"]
    items = plan.items.loc[plan.sends, columns].rename_axis("item").reset_index()
    sent = SentBodies(run.installation.runs_dir, refused)
    found = items.merge(refused, on=["resource", "key_hash", "action"], suffixes=("", "_then"))
    is_same = found["action"].eq("DELETE") | found["body_hash"].eq(found["body_hash_then"])
    said = pd.Series(AS_IT_WAS, found["item"], dtype="str")
    others = found[~is_same]
    said[others["item"]] = [_corrected(row["body"], sent.of(row)) for row in others.to_dict("records")]
    new = items[items["action"].eq("POST") & ~items["item"].isin(found["item"])]
    moved = new.loc[_of_refused_rows(run, new), "item"] if len(new) and len(refused) else []
    return said.reindex(plan.items.index, fill_value="").mask(plan.items.index.isin(moved), UNDER_ANOTHER_KEY)


def _of_refused_rows(run: Run, new: pd.DataFrame) -> list[bool]:
    """Which of these are made from a source row whose record is refused, under the key that it had then."""
    refused = rejection_rows(run)
    refused = refused[refused["open"]]
    rows = set(zip(refused["resource"], map(first_ref, refused["source_refs"]), strict=True))
    return [key in rows for key in zip(new["resource"], map(first_ref, new["source_refs"]), strict=True)]


def _corrected(now: object, then: object) -> str:
    changed = [found.member for found in differences(then, now) if found.changed]
    named = f" ({', '.join(changed)})" if changed else ""
    return f"Corrected since the ODS refused it{named}: it goes again."
