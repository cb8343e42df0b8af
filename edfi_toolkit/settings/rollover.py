"""The settings of the next school year, proposed: the file as it is, and a target of the new year for each of the old.

1. The twin of a target has the new year where the old one is in its name, address and places of credentials; a name
   without a year gets it at its end.
2. A source that publishes to a target of the old year publishes to both, until a person takes the old one out.
3. Nothing is written: what a host calls its next year is a guess, which a person checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import tomlkit

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Settings, Source
from edfi_toolkit.settings.file import variable_of


@dataclass(frozen=True)
class Rollover:
    """text: of the proposed file. to_check: what in it is a guess, and what it cannot know; a sentence each."""

    school_year: int
    text: str
    to_check: list[str]


def roll_over(installation: Settings) -> Rollover:
    """The settings with the year after the newest of their targets and sources.

    Raises ConfigError when there is no file, or no school year in it.
    """
    if installation.file is None:
        raise ConfigError("There is no edfi.toml here. Make one with 'edfi-toolkit init'.")
    document: Any = tomlkit.parse(installation.file.read_text("utf-8"))
    written = document.get("targets", {})
    years = {name: installation.targets[name].school_year for name in written}
    named = [year for source in installation.sources.values() for year in source.school_years]
    old = max((year for year in [*years.values(), *named] if year is not None), default=None)
    if old is None:
        raise ConfigError(f"{installation.file} names no school year. Write school_year under its targets.")
    twins: dict[str, str] = {}
    for name in (name for name, year in years.items() if year == old):
        twin = _next(name, old) if _next(name, old) != name else f"{name}-{old + 1}"
        while twin in written or twin in twins.values():
            twin += "-2"
        twins[name] = twin
    tables = {twin: _twin(written[name], old) for name, twin in twins.items()}
    to_check = [
        note for name, twin in twins.items() for note in _notes(name, twin, written[name], tables[twin])
    ]
    for name, source in document.get("sources", {}).items():
        to_check += _publish_to_both(source, installation.sources[name], old, twins)
    added = tomlkit.dumps({"targets": tables}) if tables else ""
    return Rollover(old + 1, f"{tomlkit.dumps(document).rstrip()}\n\n{added}".rstrip() + "\n", to_check)


def _twin(target: Any, old: int) -> dict[str, Any]:
    table = {key: _next(value, old) if isinstance(value, str) else value for key, value in target.items()}
    return {**table, "school_year": old + 1}


def _notes(name: str, twin: str, before: Any, table: dict[str, Any]) -> list[str]:
    """What a person does about a new target."""
    places = [str(table.get(f"{part}_env", variable_of(twin, part.upper()))) for part in ("key", "secret")]
    kept = f", or keyring service '{table['keyring']}'" if "keyring" in table else ""
    if "url" not in table:
        address = f"Its address comes from {variable_of(twin, 'URL')}. Ask the host for it."
    elif table["url"] == before["url"]:
        address = f"url is that of {name}. Ask the host whether the new year has an address of its own."
    else:
        address = f"url was made from that of {name}. Ask the host for the right one."
    return [f"[targets.{twin}] {address}", f"[targets.{twin}] Key and secret: {' and '.join(places)}{kept}."]


def _publish_to_both(written: Any, source: Source, old: int, twins: dict[str, str]) -> list[str]:
    """Give a source the new year; one that does not publish the old one is left as it is."""
    new = [twins[target] for target in source.targets if target in twins]
    if not new and old not in source.school_years:
        return []
    if new:
        written["target"] = [*source.targets, *new]
    if old in source.school_years:
        written["school_years"] = [*source.school_years, old + 1]
    places = [key for key in ("path", "path_env") if _next(text := str(written.get(key, "")), old) != text]
    return [
        f"[sources.{source.name}] {key} is of {old}. If each year has its own extract, add a source for the new one."
        for key in places
    ]


def _next(text: str, year: int) -> str:
    """The text with the next year, where the year is a number of its own."""
    return re.sub(rf"(?<!\d){year}(?!\d)", str(year + 1), text)
