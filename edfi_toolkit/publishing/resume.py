"""Does an approved plan still hold, and how far has it come?  Pure.

A plan holds while the identity map is what the plan assumed, or what this plan's own delivered items made of
it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

from edfi_toolkit.ledger.journal import MapKey, Mapped, Past
from edfi_toolkit.model import body_hash
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.plan import Plan


class Standing(Enum):
    """Where one item of a plan stands."""

    TODO = "to do"
    DONE = "done"  # by an earlier run of the same plan
    HEAL = "to do as a POST"  # its PUT was answered 404 and its identity dropped (REC-P3)
    MOVED = "moved"  # the ledger knows something else than the plan assumed


def standings(
    plan: Plan, identities: Mapping[MapKey, Mapped], past: Mapping[int, Past], recovered: Collection[MapKey]
) -> tuple[list[Standing], int]:
    """Where each item stands, and how many identities the plan knows nothing of.

    past: the last settled attempt by item, in runs of this very plan. recovered: records whose unsure
        attempt, of whatever run, was just found to have reached the ODS.
    """
    items = plan.items
    keys = list(zip(as_list(items["resource"]), key_hashes(items), strict=True))
    ids = as_list(items["ed_fi_id"])
    moves = {
        (key, action): ed_fi_id for key, action, ed_fi_id in zip(keys, items["action"], ids, strict=True)
    }
    standing = []
    columns = (
        items["action"].tolist(),
        as_list(items["body_hash"]),
        items["before"].tolist(),
        items["rules"].tolist(),
    )
    for item, (action, wanted, before, rules) in enumerate(zip(*columns, strict=True)):
        key, ed_fi_id, now = keys[item], ids[item], identities.get(keys[item])
        own = key in recovered or (item in past and past[item].outcome == "delivered")
        match action:
            case "POST":
                unmapped = moves.get((key, "UNMAP"))
                where = _post(now, wanted, own=own, recovered=key in recovered, unmapped=unmapped)
            case "PUT":
                known = plan.mode == "resync" or now is None or before is None or _equal(now, before)
                adopting = moves.get((key, "ADOPT")) is not None
                healing = item in past and _heals(past[item])
                where = _put(
                    now, ed_fi_id, wanted, own=own, known=known or key in recovered, adopting=adopting
                )
                if now is None and healing:
                    where = Standing.HEAL
            case "DELETE":
                expected = now is not None and (plan.mode == "resync" or now.ed_fi_id == ed_fi_id)
                if now is None:
                    where = (
                        Standing.DONE if own else Standing.TODO if "REC-R9" in rules[:1] else Standing.MOVED
                    )
                else:
                    where = Standing.TODO if expected else Standing.MOVED
            case "NOOP":
                same = now is not None and now.ed_fi_id == ed_fi_id
                if plan.mode == "resync":
                    where = Standing.TODO if same else Standing.MOVED
                else:
                    where = Standing.DONE if same and now.body_hash == wanted else Standing.MOVED  # type: ignore[union-attr]
            case "ADOPT":
                where = Standing.DONE if now is not None and now.ed_fi_id == ed_fi_id else Standing.TODO
            case _:  # UNMAP
                where = Standing.TODO if now is not None and now.ed_fi_id == ed_fi_id else Standing.DONE
        standing.append(where)
    spared = plan.findings[plan.findings["code"].isin(["HELD", "RETAINED"])]
    left_alone = set(zip(as_list(spared["resource"]), key_hashes(spared), strict=True))
    unknown = identities.keys() - set(keys) - left_alone
    only = plan.scope.organizations
    return standing, sum(not only or identities[key].organization in only for key in unknown)


def _heals(past: Past) -> bool:
    """REC-P3 under way: the PUT met a 404, or the POST after it was not delivered."""
    return past.outcome != "delivered" and (past.action == "POST" or past.status == 404)


def _equal(now: Mapped, before: Mapping[str, object]) -> bool:
    return body_hash(before) == now.body_hash


def _post(now: Mapped | None, wanted: str, *, own: bool, recovered: bool, unmapped: str | None) -> Standing:
    if now is None or now.ed_fi_id == unmapped:
        return Standing.TODO
    if own and now.body_hash == wanted:
        return Standing.DONE
    # A crashed run's older POST of this key arrived: an upsert of what was approved ends in the same state.
    return Standing.TODO if recovered else Standing.MOVED


def _put(
    now: Mapped | None, ed_fi_id: str, wanted: str, *, own: bool, known: bool, adopting: bool
) -> Standing:
    if now is not None and own and now.body_hash == wanted:
        return Standing.DONE
    if adopting:
        return Standing.TODO
    if now is None or now.ed_fi_id != ed_fi_id or (now.body_hash == wanted and not known):
        return Standing.MOVED
    return Standing.TODO if known else Standing.MOVED
