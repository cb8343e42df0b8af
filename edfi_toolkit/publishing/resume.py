"""Is an approved plan still valid, and which of its items are done?  Pure.

A plan is valid while the identity map is what the plan assumed, or what this plan's own delivered items made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

import numpy as np
import orjson

from edfi_toolkit.ledger.attempts import Identity, LastAttempt, MapKey
from edfi_toolkit.model import body_hash
from edfi_toolkit.model.bodies import texts_of
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.plan import RETRY, Plan
from edfi_toolkit.publishing.known import Known, keys_of


class State(Enum):
    """What is left to do for one item of a plan."""

    TO_DO = "to do"
    DONE = "done"  # by an earlier run of the same plan
    TO_POST = "to do as a POST"  # its PUT was answered 404 and its identity dropped (REC-P3)
    CHANGED = "changed"  # the ledger holds something else than the plan assumed


def item_states(
    plan: Plan,
    known: Known,
    last: Mapping[int, LastAttempt],
    recovered: Collection[MapKey],
) -> list[State]:
    """The state of each item.

    last: the last finished attempt by item, in runs of this very plan. recovered: records whose unsure attempt, of
        whatever run, was just found to have reached the ODS.
    """
    states = np.full(len(plan.items), State.DONE, dtype=object)
    asked = np.flatnonzero(~known.settled)
    states[asked] = _states_of(plan, asked, known.others, last, recovered)
    return list(states)


def _states_of(
    plan: Plan,
    asked: np.ndarray,
    identities: Mapping[MapKey, Identity],
    last: Mapping[int, LastAttempt],
    recovered: Collection[MapKey],
) -> list[State]:
    """The states of some items, by their positions."""
    items, resync = plan.items.iloc[asked], plan.mode == "resync"
    keys = keys_of(items)
    actions, ids, hashes = as_list(items["action"]), as_list(items["ed_fi_id"]), as_list(items["body_hash"])
    befores, rules = texts_of(items["before"]), items["rules"].tolist()
    unmapped, adopted = (
        {key: ed_fi_id for key, ed_fi_id, action in zip(keys, ids, actions, strict=True) if action == only}
        for only in ("UNMAP", "ADOPT")
    )
    states = []
    for at, (item, action, key) in enumerate(zip(asked.tolist(), actions, keys, strict=True)):
        now = identities.get(key)
        same_id = now is not None and now.ed_fi_id == ids[at]
        equal = now is not None and now.body_hash == hashes[at]
        own = key in recovered or (item in last and last[item].outcome == "delivered")
        match action:
            case "POST" if now is None or now.ed_fi_id == unmapped.get(key):
                state = State.TO_DO
            case "POST" | "PUT" if own and equal:
                state = State.DONE
            case "POST":
                # What a crashed run's older POST of this key left is replaced: a POST is an upsert.
                state = _to_do(key in recovered)
            case "PUT" if now is None and item in last and _record_was_missing(last[item]):
                state = State.TO_POST
            case "PUT":
                expected = resync or key in recovered or _is_before(now, befores[at])
                state = _to_do(key in adopted or (same_id and expected))
            case "DELETE" if now is None:
                state = State.DONE if own else _to_do("REC-R9" in rules[at][:1])
            case "DELETE":
                state = _to_do(resync or same_id)
            case "NOOP" if resync:
                state = _to_do(same_id)
            case "NOOP":
                state = State.DONE if same_id and equal else State.CHANGED
            case "ADOPT":
                state = State.DONE if same_id else State.TO_DO
            case _:  # UNMAP
                state = State.TO_DO if same_id else State.DONE
        states.append(state)
    return states


def unknown_identities(plan: Plan, known: Known) -> set[MapKey]:
    """What the ledger holds of the plan's organizations and the plan does not know; a plan of chosen records is silent
    about all others."""
    if plan.mode == RETRY:
        return set()
    only, others = plan.scope.organizations, known.others
    named = keys_of(plan.items[~known.settled])
    unknown = others.keys() - set(named) - found_keys(plan, "HELD", "RETAINED")
    return {key for key in unknown if not only or others[key].organization in only}


def found_keys(plan: Plan, *codes: str) -> set[MapKey]:
    """The records of the plan's findings with these codes."""
    is_such = plan.findings["code"].isin(codes)
    if not is_such.any():
        return set()
    found = plan.findings[is_such]
    return set(keys_of(found.assign(key_hash=key_hashes(found))))


def _to_do(expected: bool) -> State:
    return State.TO_DO if expected else State.CHANGED


def _record_was_missing(last: LastAttempt) -> bool:
    """REC-P3 under way: the PUT met a 404, or the POST after it was not delivered."""
    return last.outcome != "delivered" and (last.action == "POST" or last.status == 404)


def _is_before(now: Identity | None, before: bytes | None) -> bool:
    """Whether the ledger holds the body that the plan replaces."""
    return now is None or before is None or body_hash(orjson.loads(before)) == now.body_hash
