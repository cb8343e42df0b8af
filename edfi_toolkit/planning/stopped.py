"""The plan of a build that a control row stops (COM-CTL-1): no items, everything published held. Pure."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from edfi_toolkit.model.frames import typed
from edfi_toolkit.planning.comparison import PlanScope, map_side
from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.guardrails import control_unreadable
from edfi_toolkit.planning.plan import ITEMS, Plan, seal_of
from edfi_toolkit.planning.preferences import preferences_of
from edfi_toolkit.rules import Build


def stopped_plan(build: Build, identity_map: pd.DataFrame | None, scope: PlanScope, mode: str) -> Plan:
    """Nothing to do, with every control row that cannot be read, and every published record of the feed as HELD.

    scope: the feed and year.
    """
    findings, items = Findings(), typed(pd.DataFrame(columns=list(ITEMS)), ITEMS)
    published = () if identity_map is None else identity_map["resource"].unique()
    mapped = map_side(identity_map, replace(scope, resources=tuple(published)))
    breach = control_unreadable(build.control, len(mapped))
    findings.say(breach.code, breach.severity, breach.says, breach.hint)
    for says in build.control["detail"]:
        findings.report("CONTROL_UNREADABLE", says=says)
    findings.about("held by control row", mapped)
    findings.copy_notices(build.notices)
    return Plan(items, findings.frame(), scope, mode, preferences_of(None, []), seal=seal_of(items))
