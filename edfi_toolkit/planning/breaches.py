"""Which guardrails a plan breaks, measured on its items, the identity map and the source. Pure."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from edfi_toolkit.planning.comparison import PlanScope, map_side
from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.guardrails import (
    MASS_DELETE,
    MASS_MOVE,
    MAX_DELETE_SHARE,
    MAX_UPDATE_SHARE,
    guard,
    lost_sources,
    shrunk_sources,
)
from edfi_toolkit.planning.likely_mistake import (
    behind_deletes,
    behind_updates,
    moved_in_place,
    one_value_moved,
)
from edfi_toolkit.planning.source_loss import SourceLoss
from edfi_toolkit.rules import Build
from edfi_toolkit.settings.limits import DEFAULT_LIMITS


def report_breaches(
    findings: Findings,
    items: pd.DataFrame,
    scope: PlanScope,
    mapped: pd.DataFrame,
    identity_map: pd.DataFrame | None,
    build: Build,
    loss: SourceLoss,
) -> None:
    """Add a finding for each guardrail that the items of a plan break.

    mapped: the rows of `identity_map` that the plan compares. loss: what the source has lost.
    """
    students, deletes = build.tables.get("students"), items["action"].eq("DELETE")
    moved, move = one_value_moved(items)
    share = float(build.settings.get("max_shrink_share", DEFAULT_LIMITS.max_shrink_share))
    alone = deletes & items["pair"].isna()
    for breach in [
        *lost_sources(loss.lost()),
        *shrunk_sources(loss.shrunk(items[_changes(items)], share)),
        *guard(
            deletes=int(deletes.sum()),
            updates=int(items["action"].eq("PUT").sum()),
            removed=int(alone.sum()),
            moved=moved,
            mapped=_published(items, scope, mapped),
            source_is_empty=build.records.empty and (students is None or students.empty),
            settings=build.settings,
            withheld=_withheld(identity_map, scope, findings),
            configured=build.config["profile"],
            because={
                MAX_DELETE_SHARE: lambda: behind_deletes(items, build),
                MAX_UPDATE_SHARE: lambda: behind_updates(items),
                MASS_DELETE: lambda: behind_deletes(items, build),
                MASS_MOVE: lambda: move,
            },
        ),
    ]:
        findings.say(breach.code, breach.severity, breach.says, breach.hint)


def _published(items: pd.DataFrame, scope: PlanScope, mapped: pd.DataFrame) -> int:
    """How many records of the plan's scope are published. What a resync finds in the ODS alone counts as published,
    whether it is taken over or deleted."""
    found = items.loc[items["action"].isin(["ADOPT", "DELETE"]), "rules"]
    unmapped = sum(rules[0] in ("REC-R4", "REC-R5", "REC-R9") for rules in found)
    only = scope.organizations
    known = int(mapped["education_organization_id"].isin(only).sum()) if only else len(mapped)
    return known + unmapped


def _changes(items: pd.DataFrame) -> pd.Series:
    """Which items delete or update what is published, or move its key in place."""
    return items["action"].isin(["DELETE", "PUT"]) | moved_in_place(items)


def _withheld(identity_map: pd.DataFrame | None, scope: PlanScope, findings: Findings) -> int:
    """How many records of the feed stay published under a configuration that publishes nothing."""
    if identity_map is None or not findings.has("NOT_PUBLISHED"):
        return 0
    return len(map_side(identity_map, replace(scope, resources=tuple(identity_map["resource"].unique()))))
