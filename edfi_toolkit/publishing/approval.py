"""Before anything is sent: the plan is the one that was approved, its breaches are answered for, its keys are its own.

Pure. A person may edit a plan and publish it: that is another plan, which needs its own approval. The key of a record
is a matter of the source alone: edited in a plan, ledger and ODS would name the record differently from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from edfi_toolkit.errors import StalePlan
from edfi_toolkit.model import KEY_COLUMNS, natural_key
from edfi_toolkit.model.equality import Body
from edfi_toolkit.model.keys import key_hashes, typed_keys
from edfi_toolkit.planning.guardrails import GivenOverride, Override, overrides_for
from edfi_toolkit.planning.plan import Plan, fingerprint_of


def approved_plan(
    plan: Plan, approved: str, overrides: Iterable[GivenOverride]
) -> tuple[Plan, str, list[Override]]:
    """The plan with true hashes, its fingerprint, and who answers for which breach.

    Raises StalePlan for another plan than the approved one, an edited key and a broken pair; UnsafePlan for a breach
    without an override.
    """
    given, plan = (
        plan,
        plan.with_true_hashes(),
    )  # whatever was changed since it was shown makes it another plan
    fingerprint = fingerprint_of(plan)
    if approved not in ("auto", fingerprint):
        raise StalePlan(
            "Another plan was approved than this one; nothing was sent. Preview again and approve that."
        )
    edited = _edited_keys(given.items, plan.items)
    if len(edited):
        resources = ", ".join(sorted(edited.fillna("no resource").unique()))
        raise StalePlan(
            f"The key of {len(edited)} items was edited after the plan was made ({resources}); nothing was sent. "
            "Correct the source and plan again."
        )
    if broken := _broken_pairs(plan.items):
        raise StalePlan(
            f"{broken} linked pairs are no longer one DELETE and one POST; nothing was sent. Preview again, and leave "
            "its pairs as they are."
        )
    said = plan.findings[["code", "says"]].to_numpy().tolist()
    sentences = dict(reversed(said))  # of a code's sentences the first
    return plan, fingerprint, overrides_for(plan.breaches, overrides, says=sentences)


def _broken_pairs(items: pd.DataFrame) -> int:
    """How many pairs of a hand-made plan lack a half, or have one twice (COM-KEY-3)."""
    linked = items["pair"].notna()
    if not linked.any():
        return 0
    halves = items.loc[linked & items["action"].isin(["DELETE", "POST"]), ["pair", "action"]]
    twice = halves.loc[halves.duplicated(), "pair"]
    alone = halves["pair"].value_counts().eq(1)
    return len({*twice, *alone.index[alone]})


def _edited_keys(given: pd.DataFrame, items: pd.DataFrame) -> pd.Series:
    """The resource of each item whose key columns are no longer those it was made with, or those of its edited body."""
    edited = items["key_hash"].ne(key_hashes(typed_keys(items)))
    rewritten = items["body_hash"].ne(given["body_hash"]) & items["body"].notna()
    if rewritten.any():
        bodies = items.loc[rewritten, "body"]
        keys = pd.DataFrame([_key_of(body) for body in bodies], bodies.index, list(KEY_COLUMNS))
        edited[bodies.index] |= items.loc[bodies.index, "key_hash"].ne(key_hashes(typed_keys(keys)))
    return items.loc[edited, "resource"]


def _key_of(body: Body) -> Sequence[object]:
    try:
        return natural_key(body)
    except (KeyError, TypeError):
        return [None] * len(KEY_COLUMNS)  # no longer a key at all
