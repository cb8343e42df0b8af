"""A plan held against what other sources have delivered to the same target under the same profile (COM-SRC-2). Pure.

The same export under another name, such as a folder named by its day, is another feed: its plan creates everything
again and can delete nothing of what the feed before it has sent.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.guardrails import HALF, delivered_elsewhere
from edfi_toolkit.planning.plan import Plan
from edfi_toolkit.rules.catalogue import RULES

_CODE = "DELIVERED_BY_OTHER_FEED"


def to_create(plan: Plan) -> pd.DataFrame:
    """`resource` and `key_hash` of the records that a plan would create."""
    return plan.items.loc[plan.items["action"].eq("POST"), ["resource", "key_hash"]]


def with_other_feeds(plan: Plan, delivered: pd.DataFrame) -> Plan:
    """The plan, saying which of its creates another feed has delivered; a breach above half of what it sends.

    delivered: `resource, key_hash, source` of those keys, as `Ledger.delivered_elsewhere` gives them.
    """
    if delivered.empty:
        return plan
    count = len(delivered.drop_duplicates(["resource", "key_hash"]))
    most = delivered["source"].value_counts().index[0]
    says = (
        f"Of {len(to_create(plan))} records that this plan would create, {count} were delivered from another "
        f"source, most of them from {most!r}. As another source this one can never update or delete what that one has "
        "sent."
    )
    hint = f'If it is the same extract, give it that name: --source-name "{most}".'
    findings = Findings()
    if count > HALF * int(plan.sends.sum()):
        breach = delivered_elsewhere(says, hint)
        findings.say(breach.code, breach.severity, breach.says, breach.hint)
    else:
        findings.say(_CODE, RULES[_CODE].severity, says, hint)
    return replace(plan, findings=pd.concat([plan.findings, findings.frame()], ignore_index=True))
