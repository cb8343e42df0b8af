"""The sides of a comparison (source, identity map, ODS) as typed frames with one comparable key. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.errors import PlanError
from edfi_toolkit.model import KEY_COLUMNS, body_hash, natural_key
from edfi_toolkit.model.bodies import text_column
from edfi_toolkit.model.frames import BODY, LIST, NUMBER, TEXT, Schema, with_types
from edfi_toolkit.model.keys import KEY_SCHEMA, SEPARATOR, key_texts, keys_from_json, typed_keys

IDENTITY_MAP: Schema = {
    "resource": TEXT,
    "school_year": NUMBER,
    **KEY_SCHEMA,
    "ed_fi_id": TEXT,
    "etag": TEXT,
    "last_body": BODY,
    "source_refs": LIST,
    "last_status": NUMBER,
    "feed": TEXT,
}

_AT_A_TIME = 50_000  # bodies compared at once: what a comparison needs of memory


@dataclass(frozen=True)
class PlanScope:
    """What a plan speaks for: the feed, the year, the resources whose toggle is on, and of these the records of
    some organizations where it was made for them alone."""

    profile: str
    school_year: int
    source: str
    resources: tuple[str, ...]
    organizations: tuple[int, ...] = ()

    @property
    def feed_label(self) -> str:
        """The part of a feed's name that is known without a target."""
        return feed_label(self.profile, self.source)


def feed_label(profile: str, source: str) -> str:
    """How profile and source name stand at the end of a feed's name."""
    return f"{profile}|{source}"


def with_key(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with typed key columns and `key`, the comparable text of them."""
    typed = typed_keys(frame.reset_index(drop=True))
    return typed.assign(key=key_texts(typed))


@dataclass(frozen=True)
class Sides:
    """The frames of one comparison, each with its own row numbers."""

    source: pd.DataFrame
    mapped: pd.DataFrame
    ods: pd.DataFrame


def source_side(records: pd.DataFrame) -> pd.DataFrame:
    """Built records with their `key`."""
    return with_key(records.assign(body=records["body"].astype(BODY)))


def map_side(identity_map: pd.DataFrame | None, scope: PlanScope) -> pd.DataFrame:
    """The rows of an identity map that belong to this feed, year and these resources, with their `key`.

    Columns may be missing, dates and bodies may be text. Key columns that are missing are read
    from `last_body`. Raises PlanError when rows of two targets are mixed.
    """
    if identity_map is None or not len(identity_map):
        return _no_map_side().copy()
    return _map_side(pd.DataFrame(identity_map), scope)


def _map_side(given: pd.DataFrame, scope: PlanScope) -> pd.DataFrame:
    if "last_body" not in given and "body" in given:
        given = given.rename(columns={"body": "last_body"})
    rows = given.reindex(columns=list(dict.fromkeys([*IDENTITY_MAP, *given.columns])))
    years = pd.to_numeric(rows["school_year"])
    rows = rows[rows["resource"].isin(scope.resources) & (years.isna() | years.eq(scope.school_year))]
    rows = _of_this_feed(rows, scope).reset_index(drop=True)
    rows = rows.assign(last_body=rows["last_body"].astype(BODY))
    if not set(KEY_COLUMNS) <= set(given.columns):
        rows = _keys_from_bodies(rows, rows["last_body"])
    return with_types(with_key(rows), {"source_refs": LIST, "ed_fi_id": TEXT, "etag": TEXT})


@cache
def _no_map_side() -> pd.DataFrame:
    return _map_side(pd.DataFrame(), PlanScope("", 0, "", ()))


def _of_this_feed(rows: pd.DataFrame, scope: PlanScope) -> pd.DataFrame:
    feeds = rows["feed"].astype("object")
    label = scope.feed_label
    known = [name for name in feeds.dropna().unique() if name == label or str(name).endswith(f"|{label}")]
    ours = feeds.isna() | feeds.isin(known)
    if feeds[ours].dropna().nunique() > 1:
        raise PlanError(
            "The identity map holds rows of several targets for this profile and source. "
            "Pass the rows of one feed: Ledger.identity_map(feed)."
        )
    return rows[ours]


def spoken_for(identity_map: pd.DataFrame | None, mapped: pd.DataFrame) -> pd.MultiIndex:
    """Resource and id of what an identity map holds besides the rows of this plan: other feeds' and years'."""
    given = pd.DataFrame() if identity_map is None else pd.DataFrame(identity_map)
    names = ["resource", "ed_fi_id"]
    every, ours = (
        pd.MultiIndex.from_frame(rows.reindex(columns=names).astype("str")) for rows in (given, mapped)
    )
    return every.difference(ours, sort=False)


def ods_side(
    ods: pd.DataFrame | None, resources: Collection[str], *, without: pd.MultiIndex | None = None
) -> pd.DataFrame:
    """What the ODS holds of these resources: `resource, key columns, key, id, etag, body`, each id once.

    without: resource and id of records that belong to another feed or year, and are not compared.
    """
    if ods is None:
        return _no_ods_side().copy()
    rows = pd.DataFrame(ods).reindex(columns=["resource", "id", "etag", "body"])
    rows = rows[rows["resource"].isin(resources)].drop_duplicates(["resource", "id"], keep="last")
    if without is not None and len(without):
        rows = rows[~pd.MultiIndex.from_frame(rows[["resource", "id"]].astype("str")).isin(without)]
    rows = rows.reset_index(drop=True).astype({"body": BODY})
    return with_types(with_key(_keys_from_bodies(rows, rows["body"])), {"id": TEXT, "etag": TEXT})


@cache
def _no_ods_side() -> pd.DataFrame:
    return ods_side(pd.DataFrame(), ())


def _keys_from_bodies(rows: pd.DataFrame, bodies: pd.Series) -> pd.DataFrame:
    """The rows with typed KEY_COLUMNS. Raises PlanError for a body whose key cannot be read: it must not pass for
    another record, or for none."""
    try:
        keys = [natural_key(body or {}) for body in bodies]
        return keys_from_json(
            rows.assign(**{column: [key[at] for key in keys] for at, column in enumerate(KEY_COLUMNS)})
        )
    except (KeyError, TypeError, ValueError) as error:
        part = f"the key member {error.args[0]}" if isinstance(error, KeyError) else "a part of its key"
    raise PlanError(
        f"A body lacks {part}, or has something else there, so it cannot be compared. Read the ODS again, or "
        "remove that row from the identity map."
    )


def equal_bodies(source: pd.DataFrame, theirs: pd.Series, keys: pd.DataFrame, side: str) -> np.ndarray:
    """COM-EQ-1, for each key: whether the source's body holds the same as the other side's.

    Bodies written by one profile are mostly equal to the letter, which is much cheaper to see than their hash.
    keys: as `align` gives them. theirs: the bodies of that side.
    """
    equal = np.zeros(len(keys), dtype=bool)
    both = np.flatnonzero(keys["source"].ge(0) & keys[side].ge(0))
    ours, others, hashes = text_column(source["body"]), text_column(theirs), source["body_hash"].to_numpy()
    for start in range(0, len(both), _AT_A_TIME):
        rows = both[start : start + _AT_A_TIME]
        own, other = keys["source"].to_numpy()[rows], keys[side].to_numpy()[rows]
        letters = pc.equal(ours.take(pa.array(own)), others.take(pa.array(other)))
        same = pc.fill_null(letters, False).to_numpy(zero_copy_only=False).copy()
        for at in np.flatnonzero(~same):
            text = others[other[at]].as_py()
            same[at] = text is not None and body_hash(orjson.loads(text)) == hashes[own[at]]
        equal[rows] = same
    return equal


def full_keys(side: pd.DataFrame) -> pd.Series:
    """The text (str) that stands for resource and key of each row of a side."""
    return side["resource"].astype(TEXT) + SEPARATOR + side["key"] if len(side) else side["key"]


def align(source: pd.DataFrame, mapped: pd.DataFrame, ods: pd.DataFrame) -> pd.DataFrame:
    """One row per resource and key, sorted; `source`, `mapped`, `ods` are positions there, -1 where absent.

    Where a side holds a key twice its first row counts.
    """
    sides = {"source": source, "mapped": mapped, "ods": ods}
    names = [full_keys(side) for side in sides.values()]
    codes, keys = pd.factorize(pd.concat(names, ignore_index=True))
    aligned: dict[str, Any] = {}
    start = 0
    for name, side in sides.items():
        positions = np.full(len(keys), -1)
        own = codes[start : start + len(side)]
        positions[own[::-1]] = np.arange(len(side))[::-1]
        aligned[name] = positions
        start += len(side)
    order = np.asarray(keys.argsort())
    return pd.DataFrame({name: positions[order] for name, positions in aligned.items()})
