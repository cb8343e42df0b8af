"""The sheets of a run's workbook: frames of real data, which the workbook masks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import cell_text, moment
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.review.answers import answers_to, came_of_it, since_texts
from edfi_toolkit.review.causes import with_causes, without_notebooks
from edfi_toolkit.review.changes import in_words
from edfi_toolkit.review.meanings import events_text, owners_of
from edfi_toolkit.review.places import (
    placed_findings,
    row_places,
    schools_of,
    with_organizations,
    with_source_rows,
)
from edfi_toolkit.review.summaries import (
    WHO,
    changes_of,
    held_texts,
    in_one_text,
    skipped_of,
    value_texts,
)

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.validation import Checked

_HEAD = ("run_id", "profile", "school_year", "source", "target", "started_at", "started_by")
_SENT = [*WHO, "came_of_it", "outcome", "status", "correlation_id", "attempts", "messages", "resource"]
_REFUSED = ["cause", "says", "todo", "who", "file", "row", "column", "messages", "status", "correlation_id"]
_REFUSED += ["refused_in", "open"]
_OF_MACHINES = ("files", "cpu_seconds", "checked_against")  # of no use to who reads the workbook
_OF_THE_LOGIN = ("by", "approved")  # less than who approved, where that is known
_FACTS = {
    "at": "done at",
    "set_aside": "unreadable rows",
    "critical": "critical findings",
    "unasked": "why the target was not asked",
    "actions": "what happens to the records",
    "breaches": "limits reached",
    "unread": "resources that could not be read",
    "sources": "records of the source",
    "seconds": "seconds it took",
}
_CORRECTED = ["table", "file", "row", "column", "member", "was", "value", "state", "author", "reason"]
_CORRECTED += ["given_at", "row_id"]


@dataclass(frozen=True)
class RunContent:
    """What a workbook tells of a run. results: without rows while nothing was published.

    rejections: of its feed, with `refused_in`, the run that got them as words.

    corrections: as of `runs.decisions.corrections.corrections_until_now`. as_of: when all this was so, in words.

    again: as of `changes.change_rows`. since: of each result when it was delivered later, or NaT. approved: by whom
    the plan was, and when, in words; empty where no person did.
    """

    manifest: Mapping[str, Any]
    plan: Plan
    checked: Checked
    rejections: pd.DataFrame
    results: pd.DataFrame
    corrections: pd.DataFrame
    as_of: str
    again: pd.Series | None = None
    since: pd.Series | None = None
    approved: str = ""


def sheets(run: RunContent, *, all_records: bool = False) -> dict[str, pd.DataFrame]:
    """The sheets by name. all_records: one of all records too, with what happens to each."""
    held, build = run.checked.held, run.checked.build
    refused = run.rejections
    if len(refused):
        refused = with_source_rows(with_causes(refused), build.tables)
        refused = refused.assign(todo=without_notebooks(refused["todo"]))
    texts = held_texts(run.checked)
    results = run.results.reindex(columns=["action", *_SENT])
    results["since"] = since_texts(run.since).reindex(results.index, fill_value="")
    results["came_of_it"] = came_of_it(results)
    sent = results[results["action"].isin(SENT)]
    if len(run.rejections) and len(run.results):
        sent = sent.assign(messages=answers_to(run.results, run.rejections)["messages"])
    found = {
        "Summary": _summary(run),
        "Changes": _changes_in_words(run.plan, run.again),
        "Sent": _in_words(sent.drop(columns="since")),
        "Held": with_source_rows(held, build.tables).assign(
            says=texts["says"],
            todo=texts["hint"],
            who=[owners_of(rules) for rules in held["held_by"]],
        )[[*WHO, "held_by", "says", "todo", "who", "file", "row", "source_rows", "resource"]],
        "Refused": _in_words(refused.reindex(columns=["action", *WHO, *_REFUSED, "source_rows"])),
        "Skipped": skipped_of(build),
        "Findings": placed_findings(run.checked),
        "Corrections": run.corrections.join(row_places(run.corrections, build.tables, id_column="row_id"))[
            _CORRECTED
        ],
    }
    for name in ("Changes", "Sent", "Held", "Refused"):
        found[name] = with_organizations(found[name], build.tables, build.profile)
    return found | ({"Records": _records(run.plan, run.checked)} if all_records else {})


def _summary(run: RunContent) -> pd.DataFrame:
    facts: list[dict[str, Any]] = [{"step": "workbook", "what": "as of", "value": run.as_of}]
    facts += [_fact("run", name, run.manifest.get(name)) for name in _HEAD]
    for step, found in run.manifest.get("steps", {}).items():
        if step == "publish" and run.approved:
            facts.append({"step": step, "what": "approved by", "value": run.approved})
            found = {name: value for name, value in found.items() if name not in _OF_THE_LOGIN}
        facts += [_fact(step, name, found[name]) for name in found if name not in _OF_MACHINES]
        if step == "publish" and run.since is not None and (since := int(run.since.notna().sum())):
            facts.append({"step": step, "what": "refused, and delivered since", "value": since})
    table = pd.DataFrame(facts, columns=["step", "what", "value"])
    return table.assign(value=table["value"].map(_fact_text))


def _fact(step: str, name: str, value: Any) -> dict[str, Any]:
    if name == "actions":
        value = {in_words(pd.Series([action])).iloc[0]: count for action, count in value.items()}
    elif name in ("at", "started_at") and value:
        value = moment(dt.datetime.fromisoformat(value))
    return {"step": step, "what": _FACTS.get(name, name.replace("_", " ")), "value": value}


def _in_words(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(action=in_words(frame["action"]))


def _fact_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return cell_text(value) or "none"


def _changes_in_words(plan: Plan, again: pd.Series | None) -> pd.DataFrame:
    """One row for each record that changes, with its values in one text, and in words that it goes again, or the event
    of the source.
    """
    changes = changes_of(plan, "body", "before", "event", again=again)
    columns = ["action", "of_move", *WHO, "values", "reason", "event", "resource"]
    if changes["pair"].isna().all():
        columns.remove("of_move")
    texts = {text: events_text(text) for text in changes["event"].unique()}
    halves = ("move: " + in_words(changes["action"])).where(changes["pair"].notna())
    return changes.assign(
        action=halves.fillna(in_words(changes["action"])),
        of_move=changes["pair"],
        values=value_texts(changes),
        event=changes["event"].map(texts).mask(changes["again"].ne(""), changes["again"]),
    )[columns]


def _records(plan: Plan, checked: Checked) -> pd.DataFrame:
    """Every record of the plan, and those that validation holds, with what happens to it."""
    items = plan.items
    bodies = items["body"].where(items["body"].notna(), items["before"])
    kept = items.assign(change=in_words(items["action"], items["pair"]), values=[*map(in_one_text, bodies)])
    held = checked.held.assign(change="held", values=[*map(in_one_text, checked.held["body"])])
    columns = ["change", *WHO, "values", "resource"]
    further = ["program_education_organization_id", "source_refs"]
    every = pd.concat([part[[*columns, *further]] for part in (kept, held)], ignore_index=True)
    school = schools_of(every, checked.build.tables, checked.build.profile)
    every = every[columns]
    every.insert(columns.index("education_organization_id"), "school", school)
    return every
