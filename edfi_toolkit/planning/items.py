"""From what was decided to the items of a plan: bodies, ids, differences, rules and reasons. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.bodies import hashes_of
from edfi_toolkit.model.frames import shared_texts, typed, values_at
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.comparison import Sides
from edfi_toolkit.planning.events import events_of
from edfi_toolkit.planning.plan import ITEMS
from edfi_toolkit.planning.reasons import Origins, changed_members, reasons
from edfi_toolkit.planning.truth_tables import LINKED_WAVE, WAVES
from edfi_toolkit.rules import Build


def items_of(
    decided: pd.DataFrame, sides: Sides, build: Build, origins: Origins, *, resync: bool
) -> pd.DataFrame:
    """The items (ITEMS) in the order of execution.

    decided: action, rule, pair, side (the order of resource and key), and the positions source, mapped, ods.
    A resync repairs what the ODS holds, whatever happened in the source, so it names no event.
    """
    rows = _in_order(decided)
    action, linked = rows["action"], rows["pair"].notna()
    rule = rows["rule"] if resync else rows["rule"].mask(linked, "REC-P6")
    last, seen = (sides.ods["body"], rows["ods"]) if resync else (sides.mapped["last_body"], rows["mapped"])
    items = _spelled(rows, sides)
    items["action"], items["pair"], items["rule"] = action, rows["pair"], rule
    items["ed_fi_id"], items["etag"] = _ids(rows, sides, resync=resync)
    items["body"], items["body_hash"] = _bodies(rows, rule, sides, last, seen, resync=resync)
    items["before"] = values_at(last, seen.where(action.isin(["PUT", "DELETE"]), -1))
    items["source_refs"] = _refs(rows, sides)
    items["diff"] = _diffs(items)
    events = [""] * len(items) if resync else events_of(items, rows, sides, build)
    items["reason"] = reasons(items, events, origins)
    items["rules"] = _rules(rows, sides, rule, linked)
    return typed(items, ITEMS)


def _in_order(decided: pd.DataFrame) -> pd.DataFrame:
    """The order of execution: a pair stays together, its DELETE first; within a wave by resource and key."""
    numbers, names = pd.factorize(decided["action"])
    wave = np.array([WAVES[name] for name in names], dtype="int64")[numbers]
    pair = decided["pair"].to_numpy("int64", na_value=0)
    post = decided["action"].eq("POST").to_numpy()
    order = np.lexsort([decided["side"], post, pair, np.where(pair > 0, LINKED_WAVE, wave)])
    return decided.take(order).reset_index(drop=True)


def _spelled(rows: pd.DataFrame, sides: Sides) -> pd.DataFrame:
    """Resource, key columns and `key_hash`, as the source spells them, else the map, else the ODS."""
    position, used, start = np.full(len(rows), -1), list[pd.DataFrame](), 0
    for name, side in vars(sides).items():
        own = (position < 0) & rows[name].ge(0).to_numpy()
        if own.any():
            position[own] = rows[name].to_numpy()[own] + start
            start += len(side)
            used.append(side)

    def spelled(*columns: str) -> pd.DataFrame:
        one, *others = used or [sides.source]
        every = (
            pd.concat([one[name], *(side[name] for side in others)]) if others else one[name]
            for name in columns
        )
        return pd.DataFrame(
            {name: values.array.take(position) for name, values in zip(columns, every, strict=True)}
        )

    # First, since the text of a key is longer than all others together, and is not needed afterwards
    hashes = key_hashes(spelled("key"))
    return spelled("resource", *KEY_COLUMNS).assign(key_hash=hashes)


def _ids(rows: pd.DataFrame, sides: Sides, *, resync: bool) -> tuple[pd.Series, pd.Series]:
    """The id and etag each request carries: the map's, in a resync the ODS's; none for a POST."""
    columns = [values_at(sides.mapped[mine], rows["mapped"]) for mine in ("ed_fi_id", "etag")]
    if resync:
        forgets = rows["action"].eq("UNMAP")
        columns = [
            known.where(forgets, values_at(sides.ods[its], rows["ods"]))
            for known, its in zip(columns, ("id", "etag"), strict=True)
        ]
    ed_fi_id, etag = (column.where(rows["action"].ne("POST"), None) for column in columns)
    return ed_fi_id, etag


def _bodies(
    rows: pd.DataFrame, rule: pd.Series, sides: Sides, last: pd.Series, seen: pd.Series, *, resync: bool
) -> tuple[pd.Series, pd.Series]:
    """What each item sends, or has the ledger take over, and its hash; a NOOP has the hash of what it leaves."""
    action, source = rows["action"], rows["source"]
    # Where a PUT follows an ADOPT, the ledger first takes over the body as it is known by now.
    takes_over = action.eq("ADOPT") & rule.isin(["REC-R2", "REC-R5", "REC-P6"])
    hashed = action.isin(["POST", "PUT", "ADOPT", "NOOP"]) & ~takes_over
    body = values_at(sides.source["body"], source.where(hashed & (action.ne("NOOP") | resync), -1))
    digest = values_at(sides.source["body_hash"], source.where(hashed, -1))
    if takes_over.any():
        known = values_at(last, seen[takes_over])
        # Pieced together as one column, since bodies are never changed in place
        body = pd.concat([body[~takes_over], known]).sort_index()
        digest[takes_over] = hashes_of(known)
    return body, digest


def _refs(rows: pd.DataFrame, sides: Sides) -> pd.Series:
    built = values_at(sides.source["source_refs"], rows["source"]).tolist()
    published = values_at(sides.mapped["source_refs"], rows["mapped"]).tolist()
    return pd.Series([mine or its or [] for mine, its in zip(built, published, strict=True)], dtype=object)


def _diffs(items: pd.DataFrame) -> pd.Series:
    """Changed members of each PUT, and of each linked POST against the record it replaces."""
    linked = items["pair"].notna()
    changed = np.flatnonzero(items["action"].eq("PUT") | (linked & items["action"].ne("NOOP")))
    replaced: dict[Any, Any] = {}
    diffs = pd.Series([None] * len(items), index=items.index, dtype=object)
    if not len(changed):
        return diffs
    columns = (items[name].iloc[changed].tolist() for name in ("action", "pair", "before", "body"))
    for row, action, pair, before, body in zip(changed, *columns, strict=True):
        if action == "DELETE":
            replaced[pair] = before
        elif action in ("PUT", "POST"):
            diffs.iat[row] = changed_members(before if pair is pd.NA else replaced.pop(pair), body)
    return diffs


def _rules(rows: pd.DataFrame, sides: Sides, rule: pd.Series, linked: pd.Series) -> pd.Series:
    """The rule that chose the action, COM-KEY-3 for a pair, and the rules that shaped the record."""
    shaped = values_at(sides.source["rules"], rows["source"]).tolist()

    @cache
    def shared(*names: str) -> list[str]:
        """The same few, over and over: one list serves all items."""
        return list(names)

    return pd.Series(
        [
            shared(first, *(("COM-KEY-3",) if pair else ()), *(own or ()))
            for first, pair, own in zip(shared_texts(rule), linked.tolist(), shaped, strict=True)
        ],
        dtype=object,
    )
