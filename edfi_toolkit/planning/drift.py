"""A plan held against what the ODS holds now: what carrying it out would meet there. Pure.

The plan stays as it is; only its findings grow. What it says of a record names members, never values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from edfi_toolkit.model import associations, body_hash
from edfi_toolkit.model.equality import Body
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_texts
from edfi_toolkit.planning.comparison import ods_side, with_key
from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.plan import Plan
from edfi_toolkit.planning.reasons import changed_members

Drift = tuple[str, str]  # code, sentence


def with_live(
    plan: Plan,
    ods: pd.DataFrame,
    *,
    missing: pd.DataFrame | None = None,
    dependents: pd.DataFrame | None = None,
    unread: Collection[str] = (),
    lacking: Collection[str] = (),
) -> Plan:
    """The plan with what the ODS, as it is now, has to say of its items.

    ods: `resource, id, etag, body` of every association resource that could be read. missing: `code, severity,
    says, hint` and the columns of a key: references that do not exist there. dependents: `resource` and the
    key columns of the associations that other records there refer to. unread, lacking: resources that could
    not be read, and those that the ODS has not.
    """
    findings = Findings()
    readable = [resource for resource in associations() if resource not in {*unread, *lacking}]
    held = ods_side(ods, readable)
    findings.report("LIVE_COMPARED")
    for resource in plan.scope.resources:
        if resource in unread:
            findings.report("RESOURCE_UNREAD", resource=resource)
    items = plan.items.reset_index(drop=True)
    for resource in items.loc[items["resource"].isin(lacking), "resource"].unique():
        findings.report("RESOURCE_LACKING", resource=resource)
    looked = items["resource"].isin(readable)
    found_at = _met_by(items[looked], held)
    for code in dict.fromkeys(code for code, _ in found_at.values()):
        rows = [row for row, (own, _) in found_at.items() if own == code]
        findings.about(code, items.loc[rows], says=[found_at[row][1] for row in rows])
    findings.about("LIVE_DEPENDENTS", _with_dependents(items, dependents))
    if missing is not None:
        findings.add(missing)
    return replace(plan, findings=pd.concat([plan.findings, findings.frame()], ignore_index=True))


def _met_by(items: pd.DataFrame, held: pd.DataFrame) -> dict[int, Drift]:
    """By item: what its request, or leaving it alone, would meet."""
    bodies = dict(zip(zip(held["resource"], held["id"], strict=True), held["body"], strict=True))
    keys = set(zip(held["resource"], held["key"], strict=True))
    found_at = {}
    columns = (items["action"], items["resource"], key_texts(items), as_list(items["ed_fi_id"]))
    rest = (items["before"], as_list(items["body_hash"]))
    for row, action, resource, key, ed_fi_id, before, digest in zip(
        items.index, *columns, *rest, strict=True
    ):
        there = bodies.get((resource, ed_fi_id))
        if action == "POST":
            found = _of_post() if (resource, key) in keys else None
        elif action == "NOOP":
            found = _of_noop(there, digest)
        else:
            found = _of_change(action, there, before)
        if found is not None:
            found_at[row] = found
    return found_at


def _of_post() -> Drift:
    return "LIVE_EXISTS", "The ODS has a record with this key already: the create would overwrite it."


def _of_noop(there: Body | None, digest: str) -> Drift | None:
    if there is None:
        return "LIVE_DRIFT", "Nothing would be sent, but this record is no longer in the ODS."
    if body_hash(there) != digest:
        return "LIVE_DRIFT", "Nothing would be sent, but another program has changed this record in the ODS."
    return None


def _of_change(action: str, there: Body | None, before: Body | None) -> Drift | None:
    if there is None:
        then = "it would be created again" if action == "PUT" else "there is nothing to delete"
        return "LIVE_GONE", f"This record is no longer in the ODS: {then}."
    if changed := changed_members(before, there):
        verb = "overwrite" if action == "PUT" else "delete"
        return (
            "LIVE_CHANGED",
            f"Another program has changed {', '.join(changed)} since; this would {verb} it.",
        )
    return None


def _with_dependents(items: pd.DataFrame, dependents: pd.DataFrame | None) -> pd.DataFrame:
    """The deletes of records that others refer to. All associations share one space of keys."""
    deletes = items[items["action"].eq("DELETE")]
    if dependents is None or dependents.empty:
        return deletes[:0]
    return deletes[key_texts(deletes).isin(set(with_key(dependents)["key"]))]
