"""Which resources are switched on, and with which descriptor mapping; now, and at the last sync. Pure.

An ordinary publish compares with what it sent last, so it cannot see what changed in the ODS while a resource
was off, nor what another mapping of descriptors did to records that were not compared. Until a resync has, every
plan recommends one.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from edfi_toolkit.model.frames import TEXT, Schema, typed

PREFERENCES: Schema = {"resource": TEXT, "enabled": "bool", "mapping_version": TEXT}


def preferences_of(given: pd.DataFrame | None, resources: Iterable[str]) -> pd.DataFrame:
    """PREFERENCES, one row for each of the resources: as given, else on and without a version."""
    wanted = pd.DataFrame({"resource": list(resources)}, dtype="str")
    if given is None or given.empty:
        return typed_preferences(wanted.assign(enabled=True))
    rows = typed_preferences(given).drop_duplicates("resource")
    found = wanted.merge(rows, on="resource", how="left")
    return typed_preferences(found.assign(enabled=found["enabled"].ne(False)))


def typed_preferences(rows: pd.DataFrame | None) -> pd.DataFrame:
    """A frame of PREFERENCES with their types; an empty one for None."""
    return typed(pd.DataFrame() if rows is None else rows, PREFERENCES)


def to_resync(now: pd.DataFrame, last: pd.DataFrame | None) -> list[str]:
    """The resources that are on, and were off or had another mapping version at the last sync.

    now, last: PREFERENCES. A resource that `last` does not have was never synced: nothing to catch up.
    """
    if last is None:
        return []
    then, on = typed_preferences(last).fillna({"mapping_version": ""}), now[now["enabled"]]
    was = {name: (enabled, version) for name, enabled, version in then.itertuples(index=False, name=None)}
    versions = zip(on["resource"], on["mapping_version"].fillna(""), strict=True)
    return [name for name, version in versions if was.get(name, (True, version)) != (True, version)]
