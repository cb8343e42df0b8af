"""Reading `edfi.toml`: unknown names are refused, and nothing in the file may be a credential."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from edfi_toolkit.errors import ConfigError, did_you_mean, what_failed
from edfi_toolkit.model.years import read_school_year
from edfi_toolkit.settings.credentials import credentials_in
from edfi_toolkit.settings.limits import DEFAULT_ANSWERS, AnswerLimits, Limits, ReadingLimits
from edfi_toolkit.settings.targets import Secret, Source, Target

FILE_NAME = "edfi.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_MOST = 10**9  # of a limit: more than any, and a number that every library takes
Counts = TypeVar("Counts", AnswerLimits, ReadingLimits)


class Section:
    """One table of the settings file, knowing its own place for messages."""

    def __init__(self, content: Mapping[str, Any], file: str, place: str) -> None:
        self.content, self.file, self.place = content, file, place

    def error(self, key: str, problem: str) -> ConfigError:
        place = f"[{self.place}] {key}" if self.place else f"[{key}]"
        return ConfigError(f"{self.file}: {place}: {problem}")

    def allow(self, *names: str) -> None:
        for key in self.content:
            if key not in names:
                raise self.error(key, f"unknown.{did_you_mean(key, names)} Use one of: {', '.join(names)}.")

    def refuse_credentials(self) -> None:
        """Nothing in the file may be a credential, whatever its name and in whatever address it stands."""
        for place, key in credentials_in(self.content):
            raise Section({}, self.file, place).error(
                key,
                "keys, secrets and passwords are never written into this file. Delete the line, change the "
                "credential if others could read it, and name the place where it is kept: key_env and secret_env "
                '(names of environment variables), or keyring = "SERVICE". For an address with a password put the '
                f'whole address into an environment variable and write {key}_env = "ITS_NAME".',
            )

    def text(self, key: str) -> str | None:
        value = self.content.get(key)
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise self.error(key, "must be a text in quotes. Correct it or leave it out.")
        return value

    def variable_name(self, key: str) -> str | None:
        name = self.text(key)
        if name is not None and not _VARIABLE.fullmatch(name):
            raise self.error(key, "must be the name of an environment variable, in capitals; not its value.")
        return name

    def integer(self, key: str) -> int | None:
        value = self.content.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.error(key, "must be a whole number without quotes. Correct it or leave it out.")
        return value

    def school_year(self, key: str) -> int | None:
        value = self.content.get(key)
        return None if value is None else read_school_year(value, f"{self.file}: [{self.place}] {key}")

    def school_years(self, key: str) -> tuple[int, ...]:
        """One year or a list of them."""
        value = self.content.get(key, [])
        years = [
            read_school_year(year, f"{self.file}: [{self.place}] {key}")
            for year in (value if isinstance(value, list) else [value])
        ]
        if len(set(years)) < len(years):
            raise self.error(key, "must be one or a list of different ones, such as [2025, 2026].")
        return tuple(years)

    def flag(self, key: str) -> bool:
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false, without quotes. Correct it or leave it out.")
        return value

    def folder(self, key: str, otherwise: str, root: Path) -> Path:
        """A folder; relative ones count from `root`."""
        text = self.text(key) or otherwise
        if "://" in text:
            raise self.error(key, "must be the path of a folder. Mount what is elsewhere, and give its path.")
        return root / Path(text).expanduser()

    def names(self, key: str) -> tuple[str, ...]:
        """One name or a list of them."""
        value = self.content.get(key, [])
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(value, str) and value for value in values) or len(set(values)) < len(values):
            example = '"state" or ["state-2025", "state-2026"]'
            raise self.error(key, f"must be one or a list of different ones, such as {example}.")
        return tuple(values)

    def table(self, key: str) -> Section:
        value = self.content.get(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"must be a table. Write [{f'{self.place}.' if self.place else ''}{key}].")
        return Section(value, self.file, f"{self.place}.{key}".lstrip("."))

    def tables(self, key: str) -> list[tuple[str, Section]]:
        inner = self.table(key)
        for name in inner.content:
            if key != "profiles" and not _NAME.fullmatch(name):
                raise inner.error(name, "a name is small letters, digits and '-', such as 'north-district'.")
        return [(name, inner.table(name)) for name in inner.content]


def token_cache_of(paths: Section, environ: Mapping[str, str], root: Path) -> str | None:
    """The folder where logins are kept: the person's runtime folder, which lasts as long as the session at this
    machine, else one next to the data; None where the settings say "off"."""
    given = paths.text("token_cache")
    if given == "off":
        return None
    if given:
        return str(root / Path(given).expanduser())
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return str(
        Path(runtime) / "edfi-toolkit" if runtime and Path(runtime).is_dir() else root / "data" / "tokens"
    )


def read_target(
    name: str,
    table: Section,
    environ: Mapping[str, str],
    root: Path,
    token_cache: str | None = None,
    answers: AnswerLimits = DEFAULT_ANSWERS,
) -> Target:
    options = ("url", "school_year", "tenant", "instance", "ca_bundle", "concurrency", "incremental")
    table.allow(*options, "key_env", "secret_env", "keyring")
    url = environ.get(variable_of(name, "URL")) or table.text("url")
    if not url:
        raise table.error("url", f'missing. Write url = "https://..." or set {variable_of(name, "URL")}.')
    keyring = table.text("keyring")
    variables = [
        table.variable_name(f"{part}_env") or variable_of(name, part.upper()) for part in ("key", "secret")
    ]
    key, secret = (Secret(environ[v].strip()) if environ.get(v, "").strip() else None for v in variables)
    searched = f"searched the environment variables {variables[0]} and {variables[1]}"
    bundle = table.text("ca_bundle")
    if bundle and not (root / Path(bundle).expanduser()).is_file():
        raise table.error("ca_bundle", "there is no such file. Give the path of a PEM file of certificates.")
    try:
        return Target(
            name=name,
            base_url=url,
            key=key,
            secret=secret,
            school_year=table.school_year("school_year"),
            tenant=table.text("tenant"),
            instance=table.text("instance"),
            ca_bundle=str(root / Path(bundle).expanduser()) if bundle else None,
            concurrency=8 if (most := table.integer("concurrency")) is None else most,
            incremental=table.flag("incremental"),
            keyring=keyring,
            token_cache=token_cache,
            answers=answers,
            credentials_from=f"{searched}, and keyring service '{keyring}'" if keyring else searched,
        )
    except ConfigError as error:
        raise ConfigError(f"{table.file}: {error}") from None


def read_source(name: str, table: Section, environ: Mapping[str, str], root: Path) -> Source:
    table.allow("path", "path_env", "mapping", "settings", "profile", "target", "school_years")
    variable = table.variable_name("path_env")
    path = place_of(table, "path", environ, root)
    if not path and not variable:
        raise table.error("path", "missing. Give a folder or workbook, or path_env with a variable's name.")
    mapping = table.text("mapping") or "auto"
    if mapping.endswith(".toml"):
        mapping = str(root / Path(mapping).expanduser())
    settings = dotted(table.table("settings").content)
    return Source(
        name,
        path or "",
        mapping,
        settings,
        path_env=variable,
        profile=table.text("profile"),
        targets=table.names("target"),
        school_years=table.school_years("school_years"),
    )


def place_of(table: Section, key: str, environ: Mapping[str, str], root: Path) -> str | None:
    """A path made absolute, or a URL as it is; with `<key>_env` the text comes from that variable."""
    value, variable = table.text(key), table.variable_name(f"{key}_env")
    if variable:
        value = environ.get(variable, "").strip()
    return value if not value or "://" in value else str(root / Path(value).expanduser())


def read_limits(table: Section) -> Limits:
    table.allow(*(f.name for f in fields(Limits)))
    for key, value in table.content.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == "free_changes":
            if not (number and isinstance(value, int) and value >= 0):
                raise table.error(key, "must be a whole number from 0 up. Correct it or leave it out.")
        elif not (number and 0 <= value <= 1):
            raise table.error(key, "must be a share from 0 to 1, such as 0.10. Correct it or leave it out.")
    return Limits(**table.content)


def read_counts(table: Section, kind: type[Counts]) -> Counts:
    """Limits that are whole numbers from 1 up."""
    table.allow(*(f.name for f in fields(kind)))
    for key in table.content:
        if not 1 <= (table.integer(key) or 0) <= _MOST:
            raise table.error(key, f"must be a whole number from 1 to {_MOST:,}. Correct it or leave it out.")
    return kind(**table.content)


def find_file(path: str | os.PathLike[str] | None) -> Path | None:
    if path is not None:
        file = Path(path).expanduser().resolve()
        if not file.is_file():
            raise ConfigError(f"There is no settings file {file}. Make one with 'edfi-toolkit init'.")
        return file
    here = Path.cwd()
    return next((f for folder in (here, *here.parents) if (f := folder / FILE_NAME).is_file()), None)


def parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: not valid TOML ({what_failed(error)}). Correct that line and run again."
        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({what_failed(error)}). Check its permissions.") from None


def dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names: TOML reads `zz.late_entries = true` as a table within a table."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner = dotted(value) if isinstance(value, Mapping) else {"": value}
        found |= {f"{name}.{rest}".rstrip("."): inside for rest, inside in inner.items()}
    return found


def target_name(name: str) -> str:
    return name.lower().replace("_", "-")


def variable_of(name: str, part: str) -> str:
    return f"EDFI_TARGET_{name.upper().replace('-', '_')}_{part}"
