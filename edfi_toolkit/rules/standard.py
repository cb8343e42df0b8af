"""COM-STD-1: the data standard a build is made for, and what its records' members are called there. Pure.

Whoever asked the target gives its version as the setting `data_standard`; without one the year's configuration counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.model import Body, standards
from edfi_toolkit.rules.account import together

if TYPE_CHECKING:
    from edfi_toolkit.rules.building import Build

SETTING = "data_standard"


def with_standard_notices(build: Build, setting: str | None = None) -> Build:
    """The build with a warning where another standard is written, and where its own is not known.

    setting: what the settings said before the target's own version took its place.
    """
    version = str(build.settings[SETTING])
    written = {"edfi_config": build.config.data_standard, f"the setting {SETTING}": setting}
    others = [
        f"{place} names Data Standard {named}"
        for place, named in written.items()
        if named and standards.major(named) != standards.major(version)
    ]
    said = {}
    if others:
        said["STANDARD_DIFFERS"] = (
            f"The records are built for Data Standard {version}; {' and '.join(others)}."
        )
    if not standards.is_known(version):
        said["STANDARD_UNKNOWN"] = (
            f"Data Standard {version} is not known here; the records are built for {build.standard}, the nearest "
            "that is."
        )
    rows = [(code, "edfi_config", str(build.config.school_year), says) for code, says in said.items()]
    before = build.notices[~build.notices["code"].isin(["STANDARD_DIFFERS", "STANDARD_UNKNOWN"])]
    return replace(build, notices=together(before, pd.DataFrame(rows, columns=list(before.columns))))


def for_standard(members: Mapping[str, Any], endpoint: str, version: str) -> tuple[Body, list[str]]:
    """The members under the names they have in a known standard, and those it has no place for.

    Where its own name is there next to another standard's, its own counts.
    """
    names, strange = standards.renamed(endpoint, version), standards.elsewhere(endpoint, version)
    body, dropped = {}, []
    for name, value in members.items():
        own = names.get(name, name)
        if own in strange or (own != name and own in members):
            dropped.append(name)
        else:
            body[own] = value
    return body, sorted(dropped)
