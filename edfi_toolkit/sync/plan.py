"""Compare what should exist with what does, and say what to do about it (REC-*, docs/concepts.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.sync.actions import (
    LINKED_WAVE,
    PUBLISH,
    PUBLISH_READS,
    RESYNC,
    RESYNC_READS,
    WAVES,
    decide,
    link,
    row_of,
)
from edfi_toolkit.sync.guardrails import guard
from edfi_toolkit.sync.planned import FINDING_COLUMNS, Plan, typed_findings, typed_items
from edfi_toolkit.sync.reasons import Origins, changed_members, reasons
from edfi_toolkit.sync.sides import (
    MAP_COLUMNS,
    Scope,
    align,
    map_side,
    ods_side,
    parsed,
    same,
    source_side,
    typed_keys,
)

MODES = ("publish", "resync")
LOAD_ERROR = "COM-NRM-"
# Rules whose skips leave a published record alone, by the setting and the value that say so. An empty tuple means
# that the profile deletes nothing unless its key moved.
RETAINING: Mapping[tuple[str, Any], tuple[str, ...]] = {
    ("wi.exclude_after_publish", "retain"): ("WI-ENR-7", "WI-ENR-9"),  # WI-EVT-18
    ("nm.delete_deselected", False): (),  # NM-EVT-4
}
_PROFILE_OF = {"wi": "wi-infinite-campus", "nm": "nm-powerschool"}


def plan(
    checked_or_build: Any,
    *,
    identity_map: pd.DataFrame | None = None,
    ods: pd.DataFrame | None = None,
    mode: str = "publish",
    source_name: str | None = None,
) -> Plan:
    """Decide one action per natural key of the resources that a build speaks for.

    checked_or_build: a Checked, whose held records are left alone, or a Build. Not modified.
    identity_map: what this feed published; rows of other feeds, years and resources are never looked at.
    ods: `resource, id, etag, body` of what the ODS holds; read in mode "resync" only.
    source_name: the feed's source where it differs from the build's.
    A guardrail never raises here: its breach is a finding, and publish refuses. Raises PlanError for an unknown mode
    or an identity map that mixes feeds.
    """
    if mode not in MODES:
        raise PlanError(f"There is no mode {mode!r}. Use one of: {', '.join(MODES)}.")
    return _Planner(checked_or_build, mode, source_name).plan(identity_map, ods)


def identity_map_of(build: Any, ids: Any = None) -> pd.DataFrame:
    """The identity map as it stands after a complete publish of a build.

    ids: Ed-Fi ids in the order of the records; made up, but always the same for the same record, when not given.
    """
    records = _parts(build)[1]
    side = source_side(records)
    rows = side.assign(
        school_year=int(_parts(build)[0].config["school_year"]),
        ed_fi_id=list(ids) if ids is not None else _made_up_ids(side),
        etag=None,
        last_body=side["body"],
        last_status=201,
        feed=None,
    )
    typed = typed_keys(rows.reindex(columns=list(MAP_COLUMNS)))
    texts = {name: "str" for name in ("resource", "ed_fi_id", "etag", "feed")}
    return typed.astype({**texts, "school_year": "Int64", "last_status": "Int64"})


def _made_up_ids(side: pd.DataFrame) -> list[str]:
    names = side["resource"].astype(object) + side["key"]
    numbers = pd.util.hash_array(names.to_numpy(dtype=object))
    again = pd.util.hash_array(names.to_numpy(dtype=object), hash_key="edfi-toolkit-ids")
    return [f"{one:016x}{two:016x}" for one, two in zip(numbers, again, strict=True)]


def _parts(checked_or_build: Any) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """Build, records to send, records held back."""
    if hasattr(checked_or_build, "ready"):
        return checked_or_build.build, checked_or_build.ready, checked_or_build.held
    records = checked_or_build.records
    return checked_or_build, records, records.iloc[:0]


class _Planner:
    """The steps of one comparison; findings gather on the way."""

    def __init__(self, checked_or_build: Any, mode: str, source_name: str | None) -> None:
        self.build, self.ready, self.held = _parts(checked_or_build)
        self.mode, self.settings = mode, self.build.settings
        self.origins = Origins(self.build)
        self.findings: list[pd.DataFrame] = []
        given = self.build.scope
        source = given.source if source_name is None else source_name
        self.scope = Scope(given.profile, int(given.school_year), source, self._resources_on())

    def plan(self, identity_map: pd.DataFrame | None, ods: pd.DataFrame | None) -> Plan:
        """The whole comparison."""
        self.source = source_side(self._in_scope(self.ready))
        self.kept_back = source_side(self._in_scope(self.held))
        self.mapped = map_side(identity_map, self.scope)
        self.ods = ods_side(ods if self.mode == "resync" else None, self.scope.resources)
        sides = self._sides()
        decided = self._decide(sides[~self._left_alone(sides)].reset_index(drop=True))
        decided = self._linked(decided)
        items, hashes = self._items(decided)
        self._guard(items)
        self._notices()
        findings = typed_findings(pd.concat(self.findings) if self.findings else pd.DataFrame())
        return Plan(items, findings, self.scope, self.mode, hashes)

    # What is planned at all

    def _resources_on(self) -> tuple[str, ...]:
        """The resources that may be planned: none under a shut gate, none that is switched off (COM-TOG-1)."""
        config = self.build.config
        if not config["valid"]:
            self._tell("CONFIG_INVALID", "info", "The year has no valid configuration, so nothing is planned.",
                       "Mark the year's configuration as valid when it is.")  # fmt: skip
            return ()
        emptying = self.mode == "resync" and self.settings.get("wi.choice_resync") == "delete"
        if not getattr(self.build, "publishes", True) and not emptying:
            self._tell("NOT_PUBLISHED", "info", "This configuration publishes nothing, so nothing is planned.",
                       "Look at the profile of the year's configuration if that is a surprise.")  # fmt: skip
            return ()
        owned = dict.fromkeys([*self.build.scope.resources, *self.ready["resource"], *self.held["resource"]])
        tables = self.build.tables
        off = set()
        if "resource_preferences" in tables:
            preferences = tables["resource_preferences"]
            off = set(preferences.loc[~preferences["enabled"].astype(bool), "resource"])
        for resource in owned:
            if resource in off:
                self._tell("RESOURCE_OFF", "info", "This resource is switched off, so nothing is planned for it.",
                           "After switching it on again, run a resync.", resource=resource)  # fmt: skip
        return tuple(resource for resource in owned if resource not in off)

    def _in_scope(self, records: pd.DataFrame) -> pd.DataFrame:
        return records[records["resource"].isin(self.scope.resources)]

    # What is compared

    def _sides(self) -> pd.DataFrame:
        """One row per key with the facts that the truth tables read."""
        sides = align(self.source, self.mapped, self.ods)
        twice = len(self.source) - int(sides["source"].ge(0).sum())
        if twice:
            self._tell("DUPLICATE_KEY", "warning", f"{twice} records share resource and key with another; the first of each counts.",
                       "Look for the same participation entered twice.")  # fmt: skip
        held = align(self.kept_back, self.mapped, self.ods)
        held = held[held["source"].ge(0)]
        self.held_mapped, self.held_ods = set(held["mapped"]) - {-1}, set(held["ods"]) - {-1}
        self.held_new = held.loc[held["mapped"].lt(0), "source"].tolist()
        sides["in_source"] = sides["source"].ge(0)
        sides["in_map"] = sides["mapped"].ge(0)
        sides["in_ods"] = sides["ods"].ge(0)
        sides["equal"] = self._equal(sides)
        sides["same_id"] = self._same_id(sides)
        return sides

    def _equal(self, sides: pd.DataFrame) -> np.ndarray:
        """COM-EQ-1 against the last body sent, or in a resync against the body in the ODS."""
        against, other = ("ods", self.ods["body"]) if self.mode == "resync" else ("mapped", self.mapped["last_body"])
        equal = np.zeros(len(sides), dtype=bool)
        both = np.flatnonzero(sides["source"].ge(0) & sides[against].ge(0))
        own = sides["source"].to_numpy()[both]
        bodies, digests = self.source["body"].tolist(), self.source["body_hash"].tolist()
        theirs = other.tolist()
        for row, mine, its in zip(both, own, sides[against].to_numpy()[both], strict=True):
            equal[row] = same(bodies[mine], digests[mine], theirs[its])
        return equal

    def _same_id(self, sides: pd.DataFrame) -> np.ndarray:
        ids = _taken(self.mapped["ed_fi_id"], sides["mapped"])
        return (ids == _taken(self.ods["id"], sides["ods"])).to_numpy()

    # What is left alone

    def _left_alone(self, sides: pd.DataFrame) -> pd.Series:
        """Errors hold: keys of held records, and mapped rows that rest on rows set aside by a load error."""
        in_error = self._rests_on_errors()
        held = sides["mapped"].isin(self.held_mapped) | sides["ods"].isin(self.held_ods)
        self._tell_about("HELD", "warning", self.kept_back, "Held back by validation; what is published stays as it is.",
                         "Correct the findings of this record; the next plan picks it up.")  # fmt: skip
        rows = self.mapped.iloc[sorted(set(in_error) - self.held_mapped)]
        self._tell_about("HELD", "warning", rows, "A source row it rests on could not be read; what is published stays as it is.",
                         "Correct the load errors; the next plan picks it up.")  # fmt: skip
        return held | sides["mapped"].isin(in_error)

    def _rests_on_errors(self) -> list[int]:
        """Positions of mapped rows that name a row set aside. A row set aside without a readable id may be any row
        of its table that has vanished, so those count too."""
        skipped = self.build.skipped
        errors = skipped[skipped["rule"].str.startswith(LOAD_ERROR)]
        if errors.empty or self.mapped.empty:
            return []
        named = set((errors["table"] + ":" + errors["id"]).dropna())
        blind = set(errors.loc[errors["id"].isna(), "table"])
        refs = self.mapped["source_refs"].explode().dropna()
        rows = refs.map(row_of)
        hit = refs.isin(named) | rows.isin(named)
        lost = rows[~hit & rows.str.partition(":")[0].isin(blind)] if blind else rows[:0]
        vanished = [position for position, row in lost.items() if not self.origins.has(row)]
        return sorted({*refs.index[hit], *vanished})

    # What is done

    def _decide(self, sides: pd.DataFrame) -> pd.DataFrame:
        table, reads = (RESYNC, RESYNC_READS) if self.mode == "resync" else (PUBLISH, PUBLISH_READS)
        decided = decide(sides, table, reads)
        decided = decided.join(sides[["source", "mapped", "ods"]], on="side")
        if self.mode == "resync":
            decided = self._orphans(decided)
            if not self.settings.get("resync_repost", True):
                decided = decided[~(decided["rule"].eq("REC-R3") & decided["action"].eq("POST"))]
        return decided.reset_index(drop=True)

    def _orphans(self, decided: pd.DataFrame) -> pd.DataFrame:
        """REC-R9: what neither source nor ledger knows goes only when it lies in scope; the rest is FOREIGN."""
        orphan = decided["rule"].eq("REC-R9")
        found = self.ods.iloc[decided.loc[orphan, "ods"]]
        allowed = pd.Series(False, index=decided.index)
        allowed[orphan] = self._may_go(found).to_numpy()
        foreign = self.ods.iloc[decided.loc[orphan & ~allowed, "ods"]]
        self._tell_about("FOREIGN", "info", foreign, "In the ODS, and not published by this district; it is left alone.",
                         "Nothing to do, unless it should be this district's record.")  # fmt: skip
        return decided[~orphan | allowed]

    def _may_go(self, found: pd.DataFrame) -> pd.Series:
        scope, policy = self.build.scope, self.settings.get("resync_orphans", "scoped")
        if policy == "report" or scope.profile == "certification":
            return pd.Series(False, index=found.index)
        if policy == "all":
            return pd.Series(True, index=found.index)
        window = found["begin_date"].between(pd.Timestamp(scope.config_start), pd.Timestamp(scope.config_end))
        programs = zip(found["program_education_organization_id"], found["program_name"], strict=True)
        program = pd.Series([each in scope.programs for each in programs], index=found.index, dtype=bool)
        return window & program & found["education_organization_id"].isin(scope.organizations)

    def _linked(self, decided: pd.DataFrame) -> pd.DataFrame:
        """Number the pairs of DELETE and POST, and leave out deletes that an error or a setting holds back."""
        gone, made = decided[decided["action"].eq("DELETE")], decided[decided["action"].eq("POST")]
        mapped_gone = gone[gone["mapped"].ge(0)]
        old = self.mapped.iloc[mapped_gone["mapped"]].set_index(mapped_gone.index)
        orphans = gone[gone["mapped"].lt(0)]
        stray = self.ods.iloc[orphans["ods"]].set_index(orphans.index).assign(source_refs=[[] for _ in orphans.index])
        new = self.source.iloc[made["source"]].set_index(made.index)
        waiting = self.kept_back.iloc[self.held_new]
        waiting.index = pd.RangeIndex(-len(waiting), 0)
        columns = ["resource", "key", "education_organization_id", "begin_date", "source_refs"]
        partner = link(pd.concat([old, stray])[columns], pd.concat([new, waiting])[columns])
        held = partner.index[partner.lt(0).fillna(False)]
        self._tell_about("HELD", "warning", old.loc[held], "Its key moved and the new record is held back; it stays as it is.",
                         "Correct the findings of the new record; the next plan moves it.")  # fmt: skip
        retained = self._retained(old.loc[partner[old.index].isna()])
        self._tell_about("RETAINED", "info", retained, "No longer selected, and left as it is because a setting says so.",
                         "Nothing to do.")  # fmt: skip
        pairs = partner[partner.ge(0).fillna(False)]
        pairs = pairs.loc[self._sorted_keys(decided.loc[pairs.index])]
        decided = decided.assign(pair=pd.array([pd.NA] * len(decided), dtype="Int64"))
        numbers = np.arange(1, len(pairs) + 1)
        decided.loc[pairs.index, "pair"] = numbers
        decided.loc[pairs.to_numpy(dtype=int), "pair"] = numbers
        return decided.drop([*held, *retained.index])

    def _sorted_keys(self, rows: pd.DataFrame) -> pd.Index:
        """Their index in the order of resource and key: `side` numbers are assigned in that order."""
        return rows.sort_values("side", kind="stable").index

    def _retained(self, old: pd.DataFrame) -> pd.DataFrame:
        """Mapped rows that a setting keeps although they are no longer selected."""
        kept = pd.Series(False, index=old.index)
        for (setting, value), rules in RETAINING.items():
            profile = _PROFILE_OF[setting.partition(".")[0]]
            if self.scope.profile == profile and self.settings.get(setting, not value) == value:
                kept |= pd.Series(
                    [not rules or any(self.origins.rule_of(ref) in rules for ref in refs) for refs in old["source_refs"]],
                    index=old.index,
                    dtype=bool,
                )
        return old[kept]

    # How it is shown

    def _items(self, decided: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
        wave = decided["action"].map(WAVES).where(decided["pair"].isna(), LINKED_WAVE)
        decided = (
            decided.assign(wave=wave, first=decided["action"].ne("DELETE"))
            .sort_values(["wave", "pair", "side", "first"], kind="stable")
            .reset_index(drop=True)
        )
        action, resync = decided["action"], self.mode == "resync"
        items = self._keys(decided)
        items["action"], items["pair"], items["rule"] = action, decided["pair"], decided["rule"]
        known = "ods" if resync else "mapped"
        own = _taken(self.mapped["ed_fi_id"], decided["mapped"]), _taken(self.mapped["etag"], decided["mapped"])
        seen = _taken(self.ods["id"], decided["ods"]), _taken(self.ods["etag"], decided["ods"])
        for name, mine, its in zip(("ed_fi_id", "etag"), own, seen, strict=True):
            from_ods = resync & action.ne("UNMAP")
            items[name] = its.where(from_ods, mine).where(action.ne("POST"), None)
        sent = _taken(self.source["body"], decided["source"])
        last = _taken(self.ods["body"] if resync else self.mapped["last_body"], decided[known]).map(parsed, na_action=None)
        adopts = action.eq("ADOPT")
        before_put = adopts & decided["rule"].isin(["REC-R2", "REC-R5"])
        shows_body = action.isin(["POST", "PUT", "ADOPT"]) | (action.eq("NOOP") & resync)
        items["body"] = sent.where(~before_put, last).where(shows_body, None)
        items["before"] = last.where(action.isin(["PUT", "DELETE"]), None)
        items["source_refs"] = self._refs(decided)
        items["diff"] = self._diffs(items)
        linked = items["pair"].notna()
        items["rule"] = items["rule"].mask(linked & (not resync), "REC-P6")
        items["reason"] = reasons(items, self.origins)
        items["rules"] = self._rules(decided, items["rule"], linked)
        hashes = _taken(self.source["body_hash"], decided["source"]).astype("str").rename(None)
        return typed_items(items), hashes

    def _keys(self, decided: pd.DataFrame) -> pd.DataFrame:
        """Resource and key columns as the source spells them, else the map, else the ODS."""
        columns = ["resource", *KEY_COLUMNS]
        spelled = self.source[columns].take(decided["source"].clip(lower=0)) if len(self.source) else None
        for name, side in (("mapped", self.mapped), ("ods", self.ods)):
            if not len(side):
                continue
            other = side[columns].take(decided[name].clip(lower=0)).set_axis(decided.index)
            if spelled is None:
                spelled = other
                continue
            spelled = spelled.set_axis(decided.index)
            unknown = decided["source"].lt(0) & decided[name].ge(0)
            if name == "ods":
                unknown &= decided["mapped"].lt(0)
            spelled = spelled.where(~unknown, other)
        if spelled is None:
            return pd.DataFrame({column: self.source[column] for column in columns})
        return spelled.set_axis(decided.index)

    def _refs(self, decided: pd.DataFrame) -> pd.Series:
        built = _taken(self.source["source_refs"], decided["source"])
        published = _taken(self.mapped["source_refs"], decided["mapped"])
        refs = [
            mine if isinstance(mine, list) else its if isinstance(its, list) else []
            for mine, its in zip(built, published, strict=True)
        ]
        return pd.Series(refs, index=decided.index, dtype=object)

    def _diffs(self, items: pd.DataFrame) -> pd.Series:
        """Changed members of each PUT, and of each linked POST against the record it replaces."""
        old = items[items["pair"].notna() & items["action"].eq("DELETE")].set_index("pair")["before"]
        diffs: list[dict[str, list[Any]] | None] = [None] * len(items)
        for row, (action, pair) in enumerate(zip(items["action"], items["pair"], strict=True)):
            if action == "PUT":
                diffs[row] = changed_members(items["before"].iat[row], items["body"].iat[row])
            elif action == "POST" and pair is not pd.NA:
                diffs[row] = changed_members(old[pair], items["body"].iat[row])
        return pd.Series(diffs, index=items.index, dtype=object)

    def _rules(self, decided: pd.DataFrame, rule: pd.Series, linked: pd.Series) -> pd.Series:
        shaped = _taken(self.source["rules"], decided["source"]) if "rules" in self.source else rule.map(lambda _: [])
        lists = [
            [first, *(["COM-KEY-3"] if pair else []), *(own if isinstance(own, list) else [])]
            for first, pair, own in zip(rule, linked, shaped, strict=True)
        ]
        return pd.Series(lists, index=rule.index, dtype=object)

    # What is told

    def _guard(self, items: pd.DataFrame) -> None:
        tables = self.build.tables
        empty = not len(self.build.records) and not ("students" in tables and len(tables["students"]))
        for each in guard(
            deletes=int(items["action"].eq("DELETE").sum()),
            updates=int(items["action"].eq("PUT").sum()),
            mapped=len(self.mapped),
            source_is_empty=empty,
            settings=self.settings,
        ):
            self._tell(each.code, each.severity, each.says, each.hint)

    def _notices(self) -> None:
        notices = self.build.notices
        severities = {code: _severity(code) for code in notices["code"].unique()}
        found = pd.DataFrame(
            {
                "code": notices["code"],
                "severity": notices["code"].map(severities),
                "says": notices["detail"],
                "hint": notices["code"].map(lambda code: RULES[code].hint if code in RULES else None),
            }
        )
        self.findings.append(found)

    def _tell(self, code: str, severity: str, says: str, hint: str, *, resource: str | None = None) -> None:
        row = {"code": code, "severity": severity, "resource": resource, "says": says, "hint": hint}
        self.findings.append(typed_findings(pd.DataFrame([row], columns=list(FINDING_COLUMNS))))

    def _tell_about(self, code: str, severity: str, rows: pd.DataFrame, says: str, hint: str) -> None:
        if len(rows):
            about = rows[["resource", *KEY_COLUMNS]].assign(code=code, severity=severity, says=says, hint=hint)
            self.findings.append(typed_findings(about))


def _severity(code: str) -> str:
    """A notice never stops anything: what the catalogue calls critical is a warning here."""
    severity = RULES[code].severity if code in RULES else "info"
    return "warning" if severity == "critical" else severity


def _taken(values: pd.Series, positions: pd.Series) -> pd.Series:
    """The value at each position, missing where the position is -1."""
    if not len(values):
        return pd.Series([None] * len(positions), index=positions.index, dtype=object)
    taken = values.take(positions.clip(lower=0)).set_axis(positions.index).astype(object)
    return taken.where(positions.ge(0), None)
