"""Compare what should exist with what does, and say what to do about it (REC-*, docs/concepts.md). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.model.frames import typed, values_at
from edfi_toolkit.planning.breaches import report_breaches
from edfi_toolkit.planning.chosen import Chosen
from edfi_toolkit.planning.comparison import (
    IDENTITY_MAP,
    PlanScope,
    Sides,
    align,
    equal_bodies,
    full_keys,
    map_side,
    ods_side,
    source_side,
    spoken_for,
)
from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.holds import resting_on_errors
from edfi_toolkit.planning.items import items_of
from edfi_toolkit.planning.key_changes import link
from edfi_toolkit.planning.orphans import without_foreign_orphans
from edfi_toolkit.planning.plan import RETRY, Plan, seal_of
from edfi_toolkit.planning.reasons import Origins
from edfi_toolkit.planning.resources import CheckedBuild, parts_of, planned_resources, unread_by
from edfi_toolkit.planning.schools import check_known, of_schools
from edfi_toolkit.planning.source_loss import SourceLoss, source_loss
from edfi_toolkit.planning.stopped import stopped_plan
from edfi_toolkit.planning.truth_tables import PUBLISH, PUBLISH_READS, RESYNC, RESYNC_READS, decide
from edfi_toolkit.planning.unchecked import without_unchecked
from edfi_toolkit.rules import Build, profile
from edfi_toolkit.tables.shapes import shapes_frame

MODES = ("publish", "resync")
_LINK_COLUMNS = ["resource", "key", "education_organization_id", "begin_date", "source_refs"]


def plan(
    checked_or_build: CheckedBuild | Build,
    *,
    identity_map: pd.DataFrame | None = None,
    ods: pd.DataFrame | None = None,
    unread: Collection[str] = (),
    lacking: Collection[str] = (),
    mode: str = "publish",
    source_name: str | None = None,
    last_sync: pd.DataFrame | None = None,
    last_shapes: pd.DataFrame | None = None,
    schools: Collection[int] = (),
    updatable: Collection[str] = (),
    chosen: Chosen | None = None,
    unasked: bool = False,
) -> Plan:
    """Decide one action per natural key of the resources that a build speaks for.

    checked_or_build: a Checked, whose held records are left alone, or a Build. Not modified.
    identity_map: what this feed published; rows of other feeds, years and resources are not compared, nor is
        what the ODS holds under their ids.
    ods: `resource, id, etag, body` of what the ODS holds; needed in mode "resync", and read in that only.
    unread, lacking: resources that could not be read, and those that the ODS has not; a resync leaves them as they are
        and reports it.
    source_name: the feed's source where it differs from the build's.
    last_sync: `resource, enabled, mapping_version` as at the last sync: what differs by now is worth a resync.
    last_shapes: what the source's tables looked like at the last publish (SHAPES); where nothing is known of that, the
        rows that the identity map names stand in.
    schools: plan for these organizations alone, by their Ed-Fi ids; the records of all others stay as they are.
    updatable: resources whose key the target lets a PUT change; used where `key_change` says so.
    chosen: plan for these records alone, as a retry; all others stay as they are.
    unasked: the records were to be checked against the target, and it could not be asked: no key is moved (COM-KEY-3).
    A guardrail never raises here: its breach is a finding, and publish refuses. Raises PlanError for an unknown mode or
    school, a resync without `ods`, or an identity map that mixes feeds.
    """
    if mode not in MODES:
        raise PlanError(f"There is no mode {mode!r}. Use one of: {', '.join(MODES)}.")
    if mode == "resync" and ods is None:
        raise PlanError(
            "A resync compares with what the ODS holds; without that it would forget all that is published. Read it "
            "with edfi_toolkit.ods.snapshot.read_snapshot, and pass its ods, unread and lacking."
        )
    build, ready, held = parts_of(checked_or_build)
    source = build.scope.source if source_name is None else source_name
    feed = PlanScope(build.scope.profile, int(build.scope.school_year), source, resources=())
    if len(build.control):
        return stopped_plan(build, identity_map, feed, mode)
    resync, findings, origins = mode == "resync", Findings(), Origins(build)
    preferences = planned_resources(
        checked_or_build,
        mode,
        findings,
        identity_map=identity_map,
        last_sync=last_sync,
        unread=unread,
        lacking=lacking,
    )
    scope = replace(
        feed,
        resources=tuple(preferences.loc[preferences["enabled"], "resource"]),
        organizations=tuple(sorted(set(schools))),
    )
    mapped = map_side(identity_map, scope)
    sides = Sides(
        source_side(ready[ready["resource"].isin(scope.resources)]),
        mapped,
        ods_side(ods, scope.resources, without=spoken_for(identity_map, mapped))
        if resync
        else ods_side(None, scope.resources),
    )
    check_known(scope.organizations, sides)
    kept_back = source_side(held[held["resource"].isin(scope.resources)])
    keys = _facts(sides, resync=resync, findings=findings)
    keys = keys[~_left_alone(keys, sides, kept_back, build, origins, findings)].reset_index(drop=True)
    decided = decide(keys, RESYNC, RESYNC_READS) if resync else decide(keys, PUBLISH, PUBLISH_READS)
    decided = decided.assign(**{name: keys[name].to_numpy()[decided["side"]] for name in vars(sides)})
    del keys  # of a million records, 1 % of what is in memory at the peak
    if resync:
        decided = without_foreign_orphans(decided, sides, kept_back, build, findings)
    decided = _linked(decided, sides, kept_back, build, origins, findings)
    findings.about("COM-ONE-1", _clashing(decided, sides))
    if build.settings.get("key_change") == "put_if_updatable":
        decided = _in_place(decided, sides, updatable)
    decided = without_unchecked(decided, sides, unread_by(checked_or_build), findings, unasked=unasked)
    items = items_of(decided, sides, build, origins, resync=resync)
    items = _narrowed(items, scope, chosen, findings)
    loss = source_loss(last_shapes, mapped, build.tables, build.scope.profile)
    report_breaches(findings, items, scope, mapped, identity_map, build, loss)
    findings.copy_notices(build.notices)
    made = Plan(
        items,
        findings.frame(),
        scope,
        mode if chosen is None else RETRY,
        preferences,
        seal=seal_of(items),
        standard=build.standard,
        checked_against="" if isinstance(checked_or_build, Build) else checked_or_build.checked_against,
    )
    return _remembering(made, build, loss)


def identity_map_of(build: CheckedBuild | Build, ids: Iterable[str] | None = None) -> pd.DataFrame:
    """The identity map as it stands after a complete publish of a build.

    ids: Ed-Fi ids in the order of the records; made up, but always the same for the same record, when not
        given.
    """
    whole, records, _ = parts_of(build)
    side = source_side(records)
    rows = side.assign(
        school_year=int(whole.scope.school_year),
        ed_fi_id=list(ids) if ids is not None else _made_up_ids(side),
        etag=None,
        last_body=side["body"],
        last_status=201,
        feed=None,
    )
    return typed(rows, IDENTITY_MAP)


def _made_up_ids(side: pd.DataFrame) -> list[str]:
    names = (side["resource"].astype(object) + side["key"]).to_numpy(dtype=object)
    halves = (pd.util.hash_array(names, hash_key=key) for key in ("edfi-toolkit-1st", "edfi-toolkit-2nd"))
    return [f"{one:016x}{two:016x}" for one, two in zip(*halves, strict=True)]


# A plan of some records


def _narrowed(
    items: pd.DataFrame, scope: PlanScope, chosen: Chosen | None, findings: Findings
) -> pd.DataFrame:
    """The items of the schools, or of the chosen records, that a plan is for; findings about others are dropped."""
    if scope.organizations:
        items = items[of_schools(items, scope.organizations)].reset_index(drop=True)
        findings.keep_only(scope.organizations)
        findings.report("ONLY_SCHOOLS")
    if chosen is not None:
        items = items[chosen.of_items(items)].reset_index(drop=True)
        findings.keep(lambda found: chosen.among(found) | found["resource"].isna())
        findings.report("ONLY_CHOSEN")
    return items


def _remembering(made: Plan, build: Build, loss: SourceLoss) -> Plan:
    """The plan with what the source's tables look like, for later plans to miss what is lost by then.

    A plan of some records remembers nothing. Rows that get lost while nothing is sent stay remembered, so that they
    are missed when something is.
    """
    partial = bool(made.scope.organizations) or made.mode == RETRY
    silent = not (made.sends.any() or made.breaches) and bool(loss.gone)
    return made if partial or silent else replace(made, shapes=shapes_frame(build.tables.shapes))


# What the truth tables read


def _facts(sides: Sides, *, resync: bool, findings: Findings) -> pd.DataFrame:
    """One row per key with its positions in the sides and the facts that the truth tables read."""
    keys = align(sides.source, sides.mapped, sides.ods)
    if len(sides.source) > keys["source"].ge(0).sum():
        findings.report("DUPLICATE_KEY")
    for fact, side in (("in_source", "source"), ("in_map", "mapped"), ("in_ods", "ods")):
        keys[fact] = keys[side].ge(0)
    theirs, at = (sides.ods["body"], "ods") if resync else (sides.mapped["last_body"], "mapped")
    keys["equal"] = equal_bodies(sides.source, theirs, keys, at)
    known, held = (
        values_at(sides.mapped["ed_fi_id"], keys["mapped"]),
        values_at(sides.ods["id"], keys["ods"]),
    )
    keys["same_id"] = known.eq(held)
    return keys


# Errors hold


def _left_alone(
    keys: pd.DataFrame,
    sides: Sides,
    kept_back: pd.DataFrame,
    build: Build,
    origins: Origins,
    findings: Findings,
) -> pd.Series:
    """Keys of held records, and mapped rows that rest on source rows with an error."""
    kept = full_keys(kept_back)
    in_map, in_ods = (
        set(np.flatnonzero(full_keys(side).isin(kept))) if len(kept) else set()
        for side in (sides.mapped, sides.ods)
    )
    on_error = resting_on_errors(sides.mapped, build, origins)
    findings.about("held record", kept_back)
    rows = sorted(on_error.keys() - in_map)
    says = [origins.held_by(on_error[row]) for row in rows]
    findings.about("held by error", sides.mapped.iloc[rows], says=says)
    return keys["mapped"].isin(in_map | on_error.keys()) | keys["ods"].isin(in_ods)


# One key space


def _clashing(decided: pd.DataFrame, sides: Sides) -> pd.DataFrame:
    """Records to create whose key another resource has, earlier in the build or in the ODS (COM-ONE-1)."""
    if sides.ods.empty and sides.source["key"].is_unique:
        return sides.source[:0]
    source, deleted = sides.source, decided.loc[decided["action"].eq("DELETE"), "ods"]
    created = source.iloc[decided.loc[decided["action"].eq("POST"), "source"]]
    distinct = source[source["key"].isin(created["key"])].drop_duplicates(["resource", "key"])
    second = distinct.index[distinct["key"].duplicated()]
    staying = sides.ods["key"].drop(index=deleted[deleted.ge(0)])
    return created[created.index.isin(second) | created["key"].isin(staying)]


# Key changes


def _linked(
    decided: pd.DataFrame,
    sides: Sides,
    kept_back: pd.DataFrame,
    build: Build,
    origins: Origins,
    findings: Findings,
) -> pd.DataFrame:
    """Number the pairs of DELETE and POST (COM-SRC-1); leave out deletes that an error or a setting holds."""
    gone = decided[decided["action"].eq("DELETE")]
    if gone.empty:
        return decided.assign(pair=pd.array([pd.NA] * len(decided), dtype="Int64"))
    made = decided[decided["action"].eq("POST")]
    is_mapped = gone["mapped"].ge(0)
    old = sides.mapped.iloc[gone.loc[is_mapped, "mapped"]].set_index(gone.index[is_mapped])
    partner = pd.Series(pd.NA, index=gone.index, dtype="Int64")
    if len(made) or len(kept_back):
        stray = sides.ods.iloc[gone.loc[~is_mapped, "ods"]].set_index(gone.index[~is_mapped])
        stray["source_refs"] = pd.Series([[] for _ in stray.index], index=stray.index, dtype=object)
        new = sides.source.iloc[made["source"]].set_index(made.index)
        waiting = kept_back.set_index(pd.RangeIndex(-len(kept_back), 0))
        partner = link(_to_link(old, stray), _to_link(new, waiting))
    held = partner.index[partner.lt(0).fillna(False)]
    findings.about("held key change", old.loc[held])
    retained = _retained(old[partner[old.index].isna()], build, origins)
    findings.about("RETAINED", retained)
    pairs = partner[partner.ge(0).fillna(False)].sort_index()
    pairs = pairs.loc[decided.loc[pairs.index, "side"].sort_values(kind="stable").index]
    number = pd.Series(pd.NA, index=decided.index, dtype="Int64")
    number[pairs.index] = number[pairs.to_numpy(dtype="int64")] = np.arange(1, len(pairs) + 1)
    return decided.assign(pair=number).drop(index=[*held, *retained.index])


def _to_link(rows: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows[_LINK_COLUMNS], more[_LINK_COLUMNS]]) if len(more) else rows[_LINK_COLUMNS]


def _in_place(decided: pd.DataFrame, sides: Sides, updatable: Collection[str]) -> pd.DataFrame:
    """COM-KEY-3: where a PUT may change the key, one PUT under the old id in place of a pair.

    The ledger first names the record by its new key, so that a refused PUT is tried again by the next plan.
    """
    old = decided[decided["pair"].notna() & decided["action"].eq("DELETE") & decided["mapped"].ge(0)]
    old = old.set_index("pair")
    new = decided[decided["pair"].notna() & decided["action"].eq("POST")].set_index("pair").loc[old.index]
    was = values_at(sides.mapped["resource"], old["mapped"])
    now = values_at(sides.source["resource"], new["source"])
    moves = was.eq(now) & was.isin(list(updatable)) & new["mapped"].lt(0)
    put = new[moves].assign(mapped=old.loc[moves, "mapped"], ods=old.loc[moves, "ods"])
    made = pd.concat(
        [old[moves].assign(action="UNMAP"), put.assign(action="ADOPT"), put.assign(action="PUT")],
        ignore_index=True,
    ).assign(rule="REC-P6")
    rest = decided[~decided["pair"].isin(moves.index[moves])]
    return pd.concat([rest, made], ignore_index=True).astype({"pair": "Int64"})


def _retained(old: pd.DataFrame, build: Build, origins: Origins) -> pd.DataFrame:
    """Published records that a setting keeps although they are no longer selected."""
    kept = np.zeros(len(old), dtype=bool)
    for kind in profile(build.scope.profile).keeps_deselected:
        if kind.when.holds(build.settings):
            kept |= np.array(
                [
                    not kind.rules or any(origins.rule_of(ref) in kind.rules for ref in refs)
                    for refs in old["source_refs"]
                ],
                dtype=bool,
            )
    return old[kept]
