"""Read a source once, map it to the canonical tables, and report what of it was not found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable, did_you_mean
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.settings.credentials import without_credentials
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources import mapping as maps
from edfi_toolkit.sources.addresses import is_database
from edfi_toolkit.sources.database import read_queries, read_tables
from edfi_toolkit.sources.faults import shown
from edfi_toolkit.sources.folder import Found, read_file, read_folder
from edfi_toolkit.sources.remote import Copied, at_hand
from edfi_toolkit.tables import CONTROL_TABLES, TABLES, Sheet, Tables, normalise


def extract(
    source: str | Path | Mapping[str, Any],
    *,
    profile: str,
    mapping: str | Path = "auto",
    settings: Mapping[str, Any] | None = None,
    limits: ReadingLimits = DEFAULT_READING,
    corrections: pd.DataFrame | None = None,
) -> Tables:
    """Read all tables of a source.

    source: a folder, a workbook, the address of one (fsspec), a database URL, or a mapping of table name to frame or
        list of records.
    mapping: `canonical`, a vendor (`powerschool`, `infinite-campus`), the path of a TOML map, or `auto`,
        which recognises the vendor by tables and columns.
    settings: those of the profile; none of them changes what is read, only which tables are missed.
    limits: where reading a file or a database stops.
    corrections: open corrections of this source, laid over its cells (`tables.corrections`).
    Rows that cannot be trusted are in `.skipped`; a table of the profile that was not found gives a NO_TABLE
    notice and reads as empty.
    Raises SourceUnavailable when the source cannot be read, SourceShapeError when it has none of the
    profile's tables or lacks a required column, ConfigError for an unknown profile or mapping.
    """
    known = profile_of(profile)
    wanted = known.expected_tables(known.resolve(settings))
    if isinstance(source, Tables):
        return source
    by = _map(mapping)
    where = "The given mapping" if isinstance(source, Mapping) else _name_of(source)
    with at_hand(source, limits) as place:
        read = _read(place, by, limits)
    found = dict(read.sheets)
    _check_names(found)
    decisive = {name: sheet for name, sheet in found.items() if name not in CONTROL_TABLES}
    if by is None and mapping == "auto" and all(isinstance(sheet, Sheet) for sheet in decisive.values()):
        by = maps.recognise(found)
    notices = [*read.notices, *_lines_left_alone(found)]
    if by is not None and not by.queries:
        found, of_map = maps.apply_map(found, by)
        notices += of_map
    tables = normalise({_canonical(name): sheet for name, sheet in found.items()}, corrections=corrections)
    return _with_notices(tables, notices, wanted, where, list(found))


def _map(mapping: str | Path) -> maps.Map | None:
    """The map that was asked for; None for canonical names, or to be recognised."""
    if mapping in ("auto", "canonical"):
        return None
    if mapping in maps.source_maps():
        return maps.vendor_map(str(mapping))
    if str(mapping).endswith(".toml"):
        return maps.read_map(Path(mapping))
    names = ("auto", "canonical", *maps.source_maps())
    raise ConfigError(
        f"There is no mapping {mapping}.{did_you_mean(mapping, names)} Use {', '.join(names)} or a TOML file."
    )


def _name_of(source: str | Path | Copied) -> str:
    """The source without a user and a password."""
    if isinstance(source, Copied):
        return source.address
    return "The database" if is_database(str(source)) else without_credentials(str(source))


def _read(
    source: str | Path | Copied | Mapping[str, Any], by: maps.Map | None, limits: ReadingLimits
) -> Found:
    if isinstance(source, Mapping):
        return Found({str(name): _given(str(name), content, by) for name, content in source.items()})
    if not isinstance(source, Copied) and is_database(str(source)):
        return Found(_read_database(str(source), by, limits))
    if by is not None and by.queries:
        raise ConfigError(f"{by.name} holds queries, and {_name_of(source)} is not a database URL.")
    if isinstance(source, Copied):
        found = _read_path(source.path, limits)
        return Found(found.sheets, [*source.notices, *found.notices])
    if not os.path.exists(source):  # Path.exists raises for a name that no file can have
        raise SourceUnavailable(
            f"There is no folder or file {source}. Check the path, and whether its disk is mounted."
        )
    return _read_path(Path(source), limits)


def _read_path(path: Path, limits: ReadingLimits) -> Found:
    if path.is_dir():
        return read_folder(path, limits)
    found = read_file(path, limits)
    if not found.sheets:
        raise SourceUnavailable(
            f"{shown(path)} is no workbook, Parquet or text file with a table in it. Give one, or a folder of them. "
            + " ".join(notice["detail"] for notice in found.notices)
        )
    return found


def _read_database(url: str, by: maps.Map | None, limits: ReadingLimits) -> dict[str, Sheet]:
    if by is not None and by.queries:
        return read_queries(url, by.queries, limits)
    names = set(TABLES) | (by.sources if by else set())
    for vendor in maps.source_maps() if by is None else ():
        names |= maps.vendor_map(vendor).sources
    return read_tables(url, names, limits)


def _check_names(names: Iterable[str]) -> None:
    """Raises SourceShapeError when one table is there twice, in different capitals."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.strip().lower(), name)
        if other is not name:
            raise SourceShapeError(f"The tables {other} and {name} have one name. Keep one of them.")


def _lines_left_alone(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"code": "NOT_IN_TABLE", "table": name, "id": None, "detail": says}
        for name, sheet in found.items()
        if isinstance(sheet, Sheet)
        for says in sheet.left_alone
    ]


def _given(name: str, content: Any, by: maps.Map | None) -> Any:
    """A frame or list of records as a sheet; canonical records stay as they are, free to omit columns."""
    records = not isinstance(content, Sheet | pd.DataFrame)
    if isinstance(content, Sheet) or (records and by is None and name in TABLES):
        return content
    frame = content if isinstance(content, pd.DataFrame) else pd.DataFrame(list(content), dtype=object)
    return Sheet(frame=frame, file=name, rows=np.arange(len(frame)) + 1)


def _canonical(name: str) -> str:
    plain = name.strip().lower()
    return plain if plain in TABLES else name


def _with_notices(
    tables: Tables, notices: list[dict[str, Any]], wanted: tuple[str, ...], where: str, found: list[str]
) -> Tables:
    missing = [name for name in wanted if name not in tables]
    if len(missing) == len(wanted):
        held = f"It holds {', '.join(found[:8])}." if found else "It holds no table at all."
        raise SourceShapeError(f"{where} has none of the tables {', '.join(wanted)}. {held}")
    for name in missing:
        says = f"{where} has no table {name}, so it reads as empty. If that is wrong, add it and read the source again."
        notices.append({"code": "NO_TABLE", "table": name, "detail": says})
    return tables.with_notices(pd.DataFrame(notices)) if notices else tables
