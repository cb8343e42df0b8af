"""A build and a check as files of a run folder, and back."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import RECORD_KEY
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.storage import sha256_of

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked

_FRAMES = ("records", "skipped", "notices", "judged", "control")
_DAYS = ("config_start", "config_end")


def save_build(folder: RunFolder, build: Build) -> None:
    """Write records, skipped, notices, and what else a build knows, under `build/`."""
    for name in _FRAMES:
        folder.save_frame(f"build/{name}", getattr(build, name))
    scope = asdict(build.scope)
    about = {
        "settings": build.settings,
        "publishes": build.publishes,
        "config": asdict(build.config),
        "scope": {
            **scope,
            "programs": sorted(scope["programs"]),
            "organizations": sorted(scope["organizations"]),
        },
    }
    folder.write(
        "build/build.json", orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    )


def load_build(folder: RunFolder, profile: str, tables: Tables) -> Build:
    """Read what `save_build` wrote. Raises ConfigError for a build of an earlier version, which lacks what holds."""
    from edfi_toolkit.rules import Build, Config, Scope
    from edfi_toolkit.rules import profile as profile_of

    if not (folder.path / f"build/{_FRAMES[-1]}.parquet").is_file():
        raise ConfigError(
            f"Run {folder.run_id} was built by an earlier version of the toolkit. Build it again (notebook 20)."
        )
    about = orjson.loads((folder.path / "build/build.json").read_bytes())
    scope = about["scope"]
    sets = {
        "resources": tuple(scope["resources"]),
        "programs": frozenset((owner, name) for owner, name in scope["programs"]),
        "organizations": frozenset(scope["organizations"]),
    }
    return Build(
        profile=profile,
        **{name: folder.load_frame(f"build/{name}") for name in _FRAMES},
        settings=profile_of(profile).resolve(about["settings"]),
        tables=tables,
        config=Config(**_with_days(about["config"])),
        scope=Scope(**_with_days({**scope, **sets})),
        publishes=about["publishes"],
    )


def save_checked(folder: RunFolder, checked: Checked) -> None:
    """Write the findings, and which records are held by which rules."""
    folder.save_frame("held", checked.held[[*RECORD_KEY, "held_by"]].drop_duplicates(RECORD_KEY))
    folder.save_frame("findings", checked.findings)


def load_checked(folder: RunFolder, build: Build) -> Checked:
    """Read what `save_checked` wrote; the records are those of the build."""
    from edfi_toolkit.validation import Checked

    marked = build.records.merge(folder.load_frame("held"), on=RECORD_KEY, how="left", validate="many_to_one")
    is_held = marked["held_by"].notna()
    return Checked(
        build=build,
        ready=marked[~is_held].drop(columns="held_by").reset_index(drop=True),
        held=marked[is_held].reset_index(drop=True),
        findings=folder.load_frame("findings"),
        checked_against=folder.checked_against,
    )


def hashes_of(place: str | os.PathLike[str]) -> dict[str, str]:
    """sha256 of each file of a source by its name; empty for a database."""
    path = Path(place)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return {str(file.relative_to(path.parent)): sha256_of(file) for file in files if file.is_file()}


def _with_days(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, **{name: dt.date.fromisoformat(values[name]) for name in _DAYS}}
