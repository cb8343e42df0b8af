"""Read a source once, map it to the canonical tables, and say what of it was not found."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable
from edfi_toolkit.sources.folder import read_folder
from edfi_toolkit.tables import PROFILE_TABLES, TABLES, Sheet, Tables, normalise


def extract(
    source: str | Path | Mapping[str, Any],
    *,
    profile: str,
    mapping: str | Path = "auto",
    settings: Mapping[str, Any] | None = None,
) -> Tables:
    """Read all tables of a source.

    source: a folder of files named like the tables, or a mapping of table name to frame or list of records.
    Rows that cannot be trusted are in `.skipped`; a table of the profile that was not found gives a NO_TABLE
    notice and reads as empty.
    Raises SourceUnavailable when the source cannot be read, SourceShapeError when it has none of the
    profile's tables or lacks a required column, ConfigError for an unknown profile.
    """
    wanted = _wanted(profile)
    if isinstance(source, Tables):
        return source
    if isinstance(source, Mapping):
        found, where = {str(name): content for name, content in source.items()}, "The given mapping"
    else:
        found, where = _read(Path(source)), str(source)
    named = {_canonical(name): content for name, content in found.items()}
    tables = normalise(named)
    return _told_of_missing(tables, wanted, where, list(found))


def _wanted(profile: str) -> tuple[str, ...]:
    if profile in PROFILE_TABLES:
        return PROFILE_TABLES[profile]
    near = get_close_matches(profile, PROFILE_TABLES, 1)
    hint = f"Did you mean {near[0]}?" if near else f"Profiles are {', '.join(PROFILE_TABLES)}."
    raise ConfigError(f"There is no profile {profile!r}. {hint}")


def _read(path: Path) -> dict[str, Sheet]:
    if path.is_dir():
        return read_folder(path)
    if not path.exists():
        raise SourceUnavailable(f"There is no folder or file {path}. Check the path.")
    raise SourceUnavailable(f"{path.name} is not a folder. Give the folder that holds the exported files.")


def _canonical(name: str) -> str:
    return name.lower() if name.lower() in TABLES else name


def _told_of_missing(tables: Tables, wanted: tuple[str, ...], where: str, found: list[str]) -> Tables:
    missing = [name for name in wanted if name not in tables]
    if len(missing) == len(wanted):
        held = f"It holds {', '.join(found[:8])}." if found else "It holds no table at all."
        raise SourceShapeError(f"{where} has none of the tables {', '.join(wanted)}. {held}")
    notices = [
        {
            "code": "NO_TABLE",
            "table": name,
            "detail": f"{where} has no table {name}, so it reads as empty. "
            f"If it should not be, add a file {name}.csv and extract again.",
        }
        for name in missing
    ]
    return tables.with_notices(pd.DataFrame(notices)) if notices else tables
