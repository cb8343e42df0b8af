"""A plan as a value: read it, compare it, save it, refuse it. Making one is `planning.plan`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.model import KEY_COLUMNS, body_hash, digest_of
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_texts, typed_keys
from edfi_toolkit.planning.comparison import Scope
from edfi_toolkit.planning.guardrails import BREACHES
from edfi_toolkit.planning.preferences import typed_preferences
from edfi_toolkit.storage import from_json_column, json_column, write_private

ITEM_COLUMNS = (
    "action",
    "resource",
    *KEY_COLUMNS,
    "ed_fi_id",
    "etag",
    "pair",
    "body",
    "before",
    "diff",
    "rules",
    "reason",
    "source_refs",
)
FINDING_COLUMNS = ("code", "severity", "resource", *KEY_COLUMNS, "says", "hint")
_JSON = ("body", "before", "diff")
_LISTS = ("rules", "source_refs")
_TEXTS = ("action", "resource", "ed_fi_id", "etag", "reason")
_FORMAT = 3


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """What a publish would do, in the order it would do it, and what to know before saying yes.

    items: one row per action (ITEM_COLUMNS). findings: what is left alone, warnings and breaches
        (FINDING_COLUMNS).
    hashes: per item the hash of what the source holds under its key; empty where it holds nothing.
    preferences: switch and mapping version of each resource that was looked at (PREFERENCE_COLUMNS).
    """

    items: pd.DataFrame
    findings: pd.DataFrame
    scope: Scope
    mode: str = "publish"
    hashes: pd.Series = field(default_factory=lambda: pd.Series(dtype="str"))
    preferences: pd.DataFrame = field(default_factory=lambda: typed_preferences(None))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name exactly these changes for this feed."""
        return fingerprint_of(self, sent_hashes(self))

    @cached_property
    def known_hashes(self) -> dict[bytes, str]:
        """What `sent_hashes` found before, by a digest of a body's text."""
        return {}

    @property
    def breaches(self) -> tuple[str, ...]:
        """Codes of the guardrails that refuse this plan."""
        return tuple(code for code in self.findings["code"] if code in BREACHES)

    @property
    def sends(self) -> pd.Series:
        """Which items reach the ODS."""
        return self.items["action"].isin(["POST", "PUT", "DELETE"])

    def summary(self) -> pd.DataFrame:
        """Counts: `action`, `resource`, `items`, `pairs` (how many of them belong to a linked pair)."""
        groups = self.items.groupby(["action", "resource"], sort=True)
        counts = groups.agg(items=("reason", "size"), pairs=("pair", "count")).reset_index()
        return counts.astype({"action": "str", "resource": "str", "items": "Int64", "pairs": "Int64"})

    def __repr__(self) -> str:
        counts = self.items["action"].value_counts()
        actions = (
            ", ".join(f"{counts[action]} {action}" for action in sorted(counts.index)) or "nothing to do"
        )
        refused = f"; refused by {', '.join(self.breaches)}" if self.breaches else ""
        return f"<Plan {self.fingerprint}: {actions}{refused}>"

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `plan.parquet` and `plan.json` (both mode 0600, replaced in one step) and return the folder.

        Both hold real data. The folder is made with mode 0700 when it does not exist.
        """
        path = Path(folder)
        rows = self.items.assign(**{name: json_column(self.items[name]) for name in _JSON})
        rows = rows.assign(body_hash=self.hashes)
        about = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "mode": self.mode,
            "breaches": self.breaches,
            "scope": asdict(self.scope),
            "findings": _records(self.findings),
            "preferences": _plain(self.preferences),
        }
        write_private(path / "plan.parquet", partial(rows.to_parquet, index=False))
        text = orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        write_private(path / "plan.json", text)
        return path

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Plan:
        """The plan saved in a folder. Raises PlanError when it is not there or was changed since."""
        path = Path(folder)
        try:
            about = orjson.loads((path / "plan.json").read_bytes())
            rows = pd.read_parquet(path / "plan.parquet")
        except (OSError, ValueError) as error:
            raise PlanError(f"{path} holds no readable plan. Preview again to make one.") from error
        if about.get("format") != _FORMAT:
            raise PlanError(f"The plan in {path} was saved by another version of the toolkit. Preview again.")
        findings = pd.DataFrame(about["findings"], columns=list(FINDING_COLUMNS))
        lists = {name: tuple(about["scope"][name]) for name in ("resources", "organizations")}
        scope = Scope(**{**about["scope"], **lists})
        rows = rows.assign(**{name: pd.Series(from_json_column(rows[name]), dtype=object) for name in _JSON})
        hashes = rows["body_hash"].astype("str").rename(None)
        preferences = typed_preferences(pd.DataFrame(about["preferences"]))
        loaded = cls(typed_items(rows), typed_findings(findings), scope, about["mode"], hashes, preferences)
        if loaded.fingerprint != about["fingerprint"]:
            raise PlanError(f"The plan in {path} was changed after it was saved. Preview again.")
        return loaded


def typed_items(rows: pd.DataFrame) -> pd.DataFrame:
    """A frame of ITEM_COLUMNS with their types."""
    items = typed_keys(rows.reindex(columns=list(ITEM_COLUMNS)).reset_index(drop=True))
    for name in _LISTS:
        items[name] = pd.Series([_list(each) for each in items[name]], dtype=object)
    for name in _JSON:
        items[name] = pd.Series(
            [each if isinstance(each, dict) else None for each in items[name]], dtype=object
        )
    return items.astype({"pair": "Int64", **dict.fromkeys(_TEXTS, "str")})


def _list(value: Any) -> list[str]:
    return value if type(value) is list else [] if value is None else list(value)


def typed_findings(rows: pd.DataFrame) -> pd.DataFrame:
    """A frame of FINDING_COLUMNS with their types."""
    findings = typed_keys(rows.reindex(columns=list(FINDING_COLUMNS)).reset_index(drop=True))
    return findings.astype(dict.fromkeys(("code", "severity", "resource", "says", "hint"), "str"))


def sent_hashes(plan: Plan) -> list[str]:
    """Per item the hash (COM-EQ-1) of the very body that would be sent; empty where there is none.

    A plan is asked when it is shown or loaded, and again when it is published; a body whose text is still the same is
    not worked through again.
    """
    known, hashes = plan.known_hashes, []
    for body in plan.items["body"]:
        if body is None:
            hashes.append("")
            continue
        text = digest_of(orjson.dumps(body))
        if text not in known:
            known[text] = body_hash(body)
        hashes.append(known[text])
    return hashes


def fingerprint_of(plan: Plan, hashes: list[str]) -> str:
    """sha256, shortened, over the feed and the sorted (action, resource, key, id, body, pair) of every item.

    hashes: `sent_hashes` of this plan; by them the bodies count.
    """
    items = plan.items
    columns = [as_list(items[name]) for name in ("action", "resource")]
    columns += [
        key_texts(items).tolist(),
        as_list(items["ed_fi_id"]),
        hashes,
        items["pair"].fillna(0).tolist(),
    ]
    content = [asdict(plan.scope), plan.mode, sorted(zip(*columns, strict=True))]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()[:16]


def _records(findings: pd.DataFrame) -> list[dict[str, Any]]:
    days = np.datetime_as_string(findings["begin_date"].to_numpy("datetime64[D]"))
    return _plain(findings.assign(begin_date=[None if day == "NaT" else day for day in days]))


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    objects = frame.astype(object)
    return objects.where(objects.notna(), None).to_dict("records")
