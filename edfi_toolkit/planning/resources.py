"""Which resources a plan covers: configuration, choice programs, switches, and what could be read. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import pandas as pd

from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.preferences import preferences_of, to_resync
from edfi_toolkit.rules import Build, profile


class CheckedBuild(Protocol):
    """A build of which validation may hold records."""

    @property
    def build(self) -> Build: ...

    @property
    def ready(self) -> pd.DataFrame: ...

    @property
    def held(self) -> pd.DataFrame: ...

    @property
    def checked_against(self) -> str: ...


def parts_of(checked_or_build: CheckedBuild | Build) -> tuple[Build, pd.DataFrame, pd.DataFrame]:
    """Build, records to send, records held back."""
    if isinstance(checked_or_build, Build):
        return checked_or_build, checked_or_build.records, checked_or_build.records.iloc[:0]
    return checked_or_build.build, checked_or_build.ready, checked_or_build.held


def unread_by(checked_or_build: CheckedBuild | Build) -> set[str]:
    """The resources of the target that validation could not look into; none of a build, which was not validated."""
    found = getattr(checked_or_build, "findings", None)
    return set() if found is None else set(found.loc[found["rule_id"].eq("REF-UNREADABLE"), "field"])


def resources_of(checked_or_build: CheckedBuild | Build) -> tuple[str, ...]:
    """The resources that a resync compares: those it needs the ODS's records of."""
    preferences = planned_resources(checked_or_build, "resync", Findings())
    return tuple(preferences.loc[preferences["enabled"], "resource"])


def planned_resources(
    checked_or_build: CheckedBuild | Build,
    mode: str,
    findings: Findings,
    *,
    identity_map: pd.DataFrame | None = None,
    last_sync: pd.DataFrame | None = None,
    unread: Collection[str] = (),
    lacking: Collection[str] = (),
) -> pd.DataFrame:
    """The resources that a plan covers, and how each is set (PREFERENCES).

    None under a shut gate, or where a control row cannot be read; one that is switched off gets no item
    (COM-TOG-1). In a resync those that could not be read are left out: nothing is known of them, which is not that
    there is nothing. The other parameters are those of `plan`.
    """
    build, ready, held = parts_of(checked_or_build)
    if len(build.control):
        return preferences_of(None, [])
    if not build.config["valid"]:
        findings.report("CONFIG_INVALID")
        return preferences_of(None, [])
    empties = profile(build.scope.profile).empties
    emptying = mode == "resync" and empties is not None and empties.holds(build.settings)
    if not build.publishes and not emptying:
        findings.report("NOT_PUBLISHED")
        return preferences_of(None, [])
    built = [*ready["resource"].unique(), *held["resource"].unique()]
    owned = dict.fromkeys([*build.scope.resources, *built])
    now = preferences_of(build.tables.get("resource_preferences"), owned)
    for resource in now.loc[~now["enabled"], "resource"]:
        findings.report("RESOURCE_OFF", resource=resource)
    if mode == "publish":  # a resync is what would be recommended
        for resource in to_resync(now, last_sync):
            findings.report("RESYNC_RECOMMENDED", resource=resource)
        return now
    mapped = [] if identity_map is None or identity_map.empty else identity_map["resource"].unique()
    for code, resources in (("RESOURCE_UNREAD", unread), ("RESOURCE_LACKING", lacking)):
        for resource in resources:
            if resource in {*built, *mapped}:
                findings.report(code, resource=resource)
    return now[~now["resource"].isin([*unread, *lacking])].reset_index(drop=True)
