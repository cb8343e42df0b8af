"""What became of each item of a plan, as a table. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from edfi_toolkit.ledger.columns import RESULT_COLUMNS
from edfi_toolkit.ledger.journal import MapKey, Mapped, Past, Settled
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_hashes, typed_keys
from edfi_toolkit.planning.plan import Plan

_TOLD = ("ed_fi_id", "outcome", "status", "problem_type", "correlation_id", "attempts")


def result_of(
    plan: Plan,
    settled: Mapping[int, Settled],
    *,
    unsent: Collection[int],
    past: Mapping[int, Past],
    known: Mapping[MapKey, Mapped],
) -> pd.DataFrame:
    """One row per item (RESULT_COLUMNS); what an earlier run of this plan delivered is told as that run told it.

    settled: what this run knows, by item. unsent: items it never sent. past: by item, from earlier runs of this
    plan. known: the identity map before this run, for the ids of what only the ledger learned.
    """
    keys = zip(as_list(plan.items["resource"]), key_hashes(plan.items), strict=True)
    rows = []
    for item, (shown, key) in enumerate(zip(as_list(plan.items["ed_fi_id"]), keys, strict=True)):
        own, before, mapped = settled.get(item), past.get(item), known.get(key)
        ed_fi_id = shown or (mapped.ed_fi_id if mapped else None)
        if own is not None:
            facts = own.outcome, own.status, own.problem_type, own.correlation_id, own.requests
            rows.append((own.ed_fi_id or ed_fi_id, *facts))
        elif item in unsent:
            rows.append((ed_fi_id, "pending", None, None, None, 0))
        elif before is not None:
            facts = before.outcome, before.status, None, before.correlation_id, before.requests or 0
            rows.append((before.ed_fi_id or ed_fi_id, *facts))
        else:
            rows.append((ed_fi_id, "delivered", None, None, None, 0))
    told = pd.DataFrame(rows, columns=list(_TOLD), index=plan.items.index)
    result = plan.items[["action", "resource", *KEY_COLUMNS]].join(told)
    texts = dict.fromkeys(("ed_fi_id", "outcome", "problem_type", "correlation_id"), "str")
    return typed_keys(result[list(RESULT_COLUMNS)]).astype({**texts, "status": "Int64", "attempts": "Int64"})
