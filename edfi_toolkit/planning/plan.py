"""A plan as a value: read it, compare it, save it, refuse it. Making one is `planning.plan`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.errors import ConfigError, what_failed
from edfi_toolkit.model.bodies import hashes_of, json_texts, text_column
from edfi_toolkit.model.frames import BODY, JSON, LIST, NUMBER, TEXT, Schema, as_list, typed
from edfi_toolkit.model.keys import KEY_SCHEMA, key_hashes, key_texts
from edfi_toolkit.planning.comparison import PlanScope
from edfi_toolkit.planning.guardrails import BREACHES, NO_OVERRIDE
from edfi_toolkit.planning.preferences import typed_preferences
from edfi_toolkit.storage import from_json_column, json_column, write_private
from edfi_toolkit.tables.shapes import shapes_frame

ITEMS: Schema = {
    "action": TEXT,
    "resource": TEXT,
    **KEY_SCHEMA,
    "ed_fi_id": TEXT,
    "etag": TEXT,
    "pair": NUMBER,
    "body": BODY,
    "before": BODY,
    "diff": JSON,
    "rules": LIST,
    "reason": TEXT,
    "source_refs": LIST,
    "key_hash": TEXT,
    "body_hash": TEXT,
}
FINDINGS: Schema = {
    "code": TEXT,
    "severity": TEXT,
    "resource": TEXT,
    **KEY_SCHEMA,
    "says": TEXT,
    "hint": TEXT,
}
SENT = ("POST", "PUT", "DELETE")  # the actions that reach the ODS, in the order in which they are sent
RETRY = "retry"  # the mode of a plan of chosen records alone
_FORMAT, _WITHOUT_SHAPES = 4, 3  # plans of the format before are read too
_PREVIEW_AGAIN = "Preview again: in notebook 30 (60 for a resync), or with 'edfi-toolkit plan'."
_AT_A_TIME = 50_000  # rows written at once: what a fingerprint needs of memory


@cache
def _no_shapes() -> pd.DataFrame:
    return shapes_frame({})


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """What a publish would do, in the order it would do it, and what to know before saying yes.

    items: one row per action (ITEMS). `body_hash` is that of `body`; where a NOOP shows none, of what stays as it is.
    findings: what is left alone, warnings and breaches (FINDINGS).
    preferences: switch and mapping version of each resource that was compared (PREFERENCES).
    shapes: what each table of the source looks like (SHAPES), for the ledger to remember once this is published; none
        where it is not to be remembered.
    standard: the data standard that the bodies were built for; empty in a plan of an older version.
    checked_against: the identity of the target that was asked if it takes the records; empty where none was, and in a
        plan of an older version. Its linked pairs go to no other (COM-KEY-3).
    seal: `seal_of` the items when their hashes were worked out; without one they are worked out when needed.
    """

    items: pd.DataFrame
    findings: pd.DataFrame
    scope: PlanScope
    mode: str = "publish"
    preferences: pd.DataFrame = field(default_factory=lambda: typed_preferences(None))
    shapes: pd.DataFrame = field(default_factory=lambda: _no_shapes().copy())
    seal: bytes = b""
    standard: str = ""
    checked_against: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name exactly these changes for this feed."""
        return fingerprint_of(self.with_true_hashes())

    def with_true_hashes(self) -> Plan:
        """The plan itself; where a body or its hash was changed since it was made, one with hashes worked out again.

        Bodies are text that cannot be changed in place, so this costs no more than reading it once.
        """
        return self if self.seal and seal_of(self.items) == self.seal else _sealed(self)

    @property
    def breaches(self) -> tuple[str, ...]:
        """Codes of the guardrails that refuse this plan."""
        return tuple(code for code in self.findings["code"] if code in BREACHES)

    @property
    def closed(self) -> bool:
        """Whether one of them is a breach that no override opens."""
        return not NO_OVERRIDE.isdisjoint(self.breaches)

    @property
    def sends(self) -> pd.Series:
        """Which items reach the ODS."""
        return self.items["action"].isin(SENT)

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
        """Write `plan.parquet`, `plan.json` and `shapes.parquet`, and return the folder.

        They hold real data: each has mode 0600 and is replaced in one step. A new folder has mode 0700.
        """
        path = Path(folder)
        items = self.with_true_hashes().items
        texts = {name: json_texts(items[name]) for name in ("body", "before")}
        rows = items.assign(**texts, diff=json_column(items["diff"]))
        about = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "mode": self.mode,
            "breaches": self.breaches,
            "scope": asdict(self.scope),
            "standard": self.standard,
            "checked_against": self.checked_against,
            "findings": _records(self.findings),
            "preferences": _plain(self.preferences),
        }
        write_private(path / "shapes.parquet", partial(self.shapes.to_parquet, index=False))
        write_private(path / "plan.parquet", partial(rows.to_parquet, index=False))
        write_private(
            path / "plan.json", orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        )
        return path

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Plan:
        """The plan saved in a folder. Raises ConfigError when it cannot be read or was changed since."""
        path = Path(folder)
        try:
            about = orjson.loads((file := path / "plan.json").read_bytes())
            if about["format"] not in (_FORMAT, _WITHOUT_SHAPES):
                raise ConfigError(f"{file} was saved by another version of the toolkit. {_PREVIEW_AGAIN}")
            fingerprint, mode = about["fingerprint"], about["mode"]
            lists = {name: tuple(about["scope"][name]) for name in ("resources", "organizations")}
            scope = PlanScope(**{**about["scope"], **lists})
            findings = typed(pd.DataFrame(about["findings"], columns=list(FINDINGS)), FINDINGS)
            preferences = typed_preferences(pd.DataFrame(about["preferences"]))
            older = about["format"] == _WITHOUT_SHAPES
            shapes = shapes_frame({}) if older else pd.read_parquet(file := path / "shapes.parquet")
            rows = pd.read_parquet(file := path / "plan.parquet")
            items = typed(rows.assign(diff=pd.Series(from_json_column(rows["diff"]), dtype=object)), ITEMS)
            items = items.assign(key_hash=key_hashes(items))  # a plan saved by an older version has none
            loaded = _sealed(
                cls(
                    items,
                    findings,
                    scope,
                    mode,
                    preferences,
                    shapes,
                    standard=about.get("standard", ""),
                    checked_against=about.get("checked_against", ""),
                )
            )
        except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
            raise ConfigError(f"{file} cannot be read ({what_failed(error)}). {_PREVIEW_AGAIN}") from None
        if loaded.fingerprint != fingerprint:
            raise ConfigError(f"The plan in {path} was changed after it was saved. {_PREVIEW_AGAIN}")
        return loaded


def bodies_in(folder: Path, hashes: Collection[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The bodies of some records in the plan saved in a folder, by resource and hash of the key; the rest is not read.

    hashes: of the keys. Raises OSError or ValueError when the plan is not there or cannot be read.
    """
    schema = {"resource": TEXT, **KEY_SCHEMA, "body": BODY}
    rows = pd.read_parquet(folder / "plan.parquet", columns=list(schema))
    sent = typed(rows[rows["body"].notna()], schema)
    key = key_hashes(sent)  # a plan saved by an older version has none
    own = key.isin(hashes)
    keys = zip(sent.loc[own, "resource"], key[own], strict=True)
    return dict(zip(keys, sent.loc[own, "body"], strict=True))


def seal_of(items: pd.DataFrame) -> bytes:
    """A digest of the text of each body with its hash: equal while nothing was changed."""
    seal = hashlib.blake2b(digest_size=16)
    texts = text_column(items["body"])
    hashes = items["body_hash"][texts.is_valid().to_numpy(zero_copy_only=False)]
    for text, digest in zip(texts.drop_null().to_pylist(), as_list(hashes), strict=True):
        seal.update(b"%b\0%b\0" % (text, digest.encode()))
    return seal.digest()


def _sealed(plan: Plan) -> Plan:
    """The plan with the hash (COM-EQ-1) of each body worked out from the body itself."""
    items = typed(plan.items, ITEMS)
    left_as_is = items["body_hash"].where(items["action"].eq("NOOP"))
    hashes = pd.Series(hashes_of(items["body"]), index=items.index, dtype=TEXT)
    items = items.assign(body_hash=hashes.where(items["body"].notna(), left_as_is))
    return replace(plan, items=items, seal=seal_of(items))


def fingerprint_of(plan: Plan) -> str:
    """sha256, shortened, over the feed and the sorted (action, resource, key, id, body, pair) of every item.

    plan: with true hashes; by them the bodies count.
    """
    items = plan.items
    names = ("action", "resource", "ed_fi_id", "body_hash", "pair")
    counts = {name: pa.array(items[name], from_pandas=True) for name in names}
    counts["key"] = pa.array(key_texts(items))
    text, number = pa.large_string(), pa.int64()  # also where a column is empty
    counts["ed_fi_id"] = pc.fill_null(counts["ed_fi_id"].cast(text), "")
    counts["body"] = pc.if_else(pa.array(items["body"].notna()), counts["body_hash"].cast(text), "")
    counts["pair"] = pc.fill_null(counts["pair"].cast(number), 0)
    ordered = ("action", "resource", "key", "ed_fi_id", "body", "pair")
    rows = pa.table({name: counts[name] for name in ordered})
    rows = rows.sort_by([(name, "ascending") for name in ordered])
    content = hashlib.sha256(orjson.dumps([asdict(plan.scope), plan.mode])[:-1] + b",[")
    for number, part in enumerate(rows.to_batches(max_chunksize=_AT_A_TIME)):
        listed = list(zip(*(column.to_pylist() for column in part.columns), strict=True))
        content.update((b"," if number else b"") + orjson.dumps(listed)[1:-1])
    content.update(b"]]")
    return content.hexdigest()[:16]


def _records(findings: pd.DataFrame) -> list[dict[str, Any]]:
    days = np.datetime_as_string(findings["begin_date"].to_numpy("datetime64[D]"))
    return _plain(findings.assign(begin_date=[None if day == "NaT" else day for day in days]))


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    cells = [frame[name].to_numpy(dtype=object, na_value=None).tolist() for name in frame]
    return [dict(zip(frame, row, strict=True)) for row in zip(*cells, strict=True)]
