"""Refused records again, and no others: in a run of their own, from the source to a plan with its own fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger.columns import ANOTHER_KEY
from edfi_toolkit.model import RECORD_KEY
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.planning.chosen import Chosen
from edfi_toolkit.review.summaries import rule_texts
from edfi_toolkit.review.without_record import reasons
from edfi_toolkit.runs.feed import history_of
from edfi_toolkit.runs.opening import open_another
from edfi_toolkit.runs.planning import plan_of
from edfi_toolkit.runs.students.source_rows import shared_by_correction

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs.run import Run

_WOULD = {
    "POST": "would be created",
    "PUT": "would be updated",
    "DELETE": "would be removed",
    "NOOP": "is in the ODS as the source says",
    "ADOPT": "would be taken over",
    "UNMAP": "would be forgotten",
}

SHARED = "has an id that belongs to another student too"


def check_again(run: Run, rejections: pd.DataFrame, *, progress: Progress) -> Run:
    """A new run with a plan of these records alone; nothing is sent. Publish it to retry them.

    rejections: the refused records. progress: called after each step with steps done and their number; False stops.
    """
    if rejections.empty:
        raise ConfigError("No record is chosen. Choose the ones to check.")
    again, chosen = open_another(run), Chosen.of(rejections)
    again.is_retry, again.is_seen = True, False
    for done, step in enumerate((again.extract, again.build, again.validate)):
        if progress(done, 4) is False:
            raise ConfigError("Stopped before the records were checked; nothing was sent.")
        step()
    again.keep_plan(lambda: plan_of(again, chosen=chosen))
    progress(4, 4)
    return again


def verdicts(again: Run, rejections: pd.DataFrame) -> pd.DataFrame:
    """The same records, each with `now`: what would become of it."""
    items, held, findings = again.plan.items, again.checked.held, again.plan.findings
    kept_back = findings[findings["code"].eq("HELD")]
    found = []
    for at in range(len(rejections)):
        one = Chosen.of(rejections.iloc[[at]])
        own = items[one.among(items)]
        if shared_by_correction(again.tables, rejections.iloc[at]["source_refs"]):
            found.append(SHARED)
        elif len(waiting := held[one.among(held)]):
            rules = ", ".join(dict.fromkeys(rule for rules in waiting["held_by"] for rule in rules))
            found.append(f"is held back: {rules}")
        elif len(own):
            found.append(", ".join(dict.fromkeys(_WOULD[action] for action in own["action"])))
        elif len(waiting := kept_back[one.among(kept_back)]):
            says = str(waiting["says"].iloc[0]).removesuffix(".")
            found.append(f"is held back: {says[:1].lower()}{says[1:]}")
        else:
            found.append(_why_none(again, rejections.iloc[at]["source_refs"]))
    kept = rejections[RECORD_KEY]
    return kept.assign(now=pd.Series(found, kept.index, dtype="str"))


def _why_none(again: Run, refs: Any) -> str:
    """Why a record is not built any more, by the first of its source rows that gives none."""
    places = [split_ref(str(ref)) for ref in refs] if isinstance(refs, list) else []
    rows = pd.DataFrame([(table, row_id) for table, row_id in places], columns=["table", "id"])
    found = reasons(rows.drop_duplicates(), again.built)
    if found.empty:
        return "is no longer wanted: see the student's story"
    first = found.iloc[0]
    why = rule_texts([first["rule"]], "says") or str(first["why"])  # without a value of the row
    by = f" ({first['rule']})" if first["rule"] else ""
    return f"gives no record now: {why.rstrip('.')}{by}"


def send_again(again: Run, rejections: pd.DataFrame, *, approved: str, **options: Any) -> View:
    """Publish what `check_again` planned. A refusal whose record went out under another key is closed with it.

    options: as `Run.publish` takes them.
    """
    view = again.publish(approved=approved, **options)
    items, result = again.plan.items, again.folder.load_frame("results")
    delivered = items[result["outcome"].eq("delivered").to_numpy()]
    moved = list[tuple[str, str]]()
    for at in range(len(rejections)):
        one = Chosen.of(rejections.iloc[[at]])
        if not one.keys & Chosen.of(items).keys and one.among(delivered).any():
            moved += one.keys
    with history_of(again) as history:
        history.close_rejections(moved, ANOTHER_KEY)
    return view
