"""Adding to `edfi.toml`: what is there stays as it is, comments too, and nothing that cannot be read is written."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomlkit

from edfi_toolkit.errors import ConfigError, what_failed
from edfi_toolkit.settings import Settings, Source
from edfi_toolkit.settings.file import FILE_NAME, Section, read_source, read_target
from edfi_toolkit.storage import write_private

_HEAD = "# Settings of the Ed-Fi steward toolkit. No key, secret or password belongs in this file.\n"
_READERS: Mapping[str, Callable[..., Any]] = {"sources": read_source, "targets": read_target}


def add_source(
    installation: Settings, name: str, *, path: str = "", path_env: str = "", profile: str = ""
) -> Path:
    """Add a folder or workbook (`path`), or a database by the variable that holds its address (`path_env`).

    A path inside the folder of `edfi.toml` is written relative to it. Returns the file. Raises ConfigError for a name
    that is taken, and for what the settings would refuse; nothing is written then.
    """
    source = new_source(installation, name, path=path, path_env=path_env, profile=profile)
    if not path_env and "://" not in source.path and not Path(source.path).exists():
        raise ConfigError(
            f"There is no file or folder {source.path}. Correct the path; Look shows what is in it."
        )
    return _add(installation, "sources", name, _of_source(installation, path, path_env, profile))


def new_source(
    installation: Settings, name: str, *, path: str = "", path_env: str = "", profile: str = ""
) -> Source:
    """A source as `add_source` would add it, to look at first. Raises ConfigError as that does."""
    content = Section(
        {"sources": {name: _of_source(installation, path, path_env, profile)}}, str(_file(installation)), ""
    )
    content.refuse_credentials()
    ((_, table),) = content.tables("sources")
    source = read_source(name, table, os.environ, installation.root)
    if not source.path:
        raise ConfigError(
            f"The environment variable {path_env} is not set here. Set it where JupyterLab or the command is started, "
            "to the address of the database, and start it again."
        )
    return source


def _of_source(installation: Settings, path: str, path_env: str, profile: str) -> dict[str, str]:
    given = {"path": _relative(path, installation.root), "path_env": path_env.strip(), "profile": profile}
    return {key: value for key, value in given.items() if value}


def add_target(installation: Settings, name: str, *, url: str, school_year: int | None = None) -> Path:
    """Add an ODS by its address. Where key and secret are is added by `name_keyring`."""
    return _add(installation, "targets", name, {"url": url.strip(), "school_year": school_year})


def name_keyring(installation: Settings, name: str, service: str) -> Path:
    """Write which service of the keyring has key and secret of a target that is in the file."""
    text = _text(installation)
    if name not in dict(_section(installation, text).tables("targets")):
        raise ConfigError(
            f"Target '{name}' is not in {_file(installation)}. Add it there first: notebook 00 has a form for it."
        )
    document: Any = tomlkit.parse(text)
    document["targets"][name]["keyring"] = service
    return _write(installation, tomlkit.dumps(document), "targets", name)


def _add(installation: Settings, kind: str, name: str, given: Mapping[str, Any]) -> Path:
    text = _text(installation)
    if name in dict(_section(installation, text).tables(kind)):
        raise ConfigError(
            f"There is a [{kind}.{name}] in {_file(installation)} already. Choose another name."
        )
    table = {key: value for key, value in given.items() if value not in ("", None)}
    added = tomlkit.dumps({kind: {name: table}})
    return _write(installation, f"{text.rstrip()}\n\n{added}", kind, name)


def _text(installation: Settings) -> str:
    file = _file(installation)
    try:
        return file.read_text("utf-8") if file.exists() else _HEAD
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({what_failed(error)}). Check the file.") from None


def _section(installation: Settings, text: str) -> Section:
    file = _file(installation)
    try:
        return Section(tomllib.loads(text), str(file), "")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file}: this does not fit into the file as it is ({what_failed(error)}). Write each source and target as "
            "a table of its own, such as [sources.north], and try again."
        ) from None


def _write(installation: Settings, text: str, kind: str, name: str) -> Path:
    """Write the file when what was added reads as it should, by the same reader that will read it."""
    content = _section(installation, text)
    content.refuse_credentials()
    _READERS[kind](name, dict(content.tables(kind))[name], os.environ, installation.root)
    return write_private(_file(installation), text)


def _file(installation: Settings) -> Path:
    return installation.file or installation.root / FILE_NAME


def _relative(path: str, root: Path) -> str:
    place = Path(path.strip()).expanduser()
    if not path.strip() or "://" in path:
        return path.strip()
    whole = (root / place).resolve()
    return (
        whole.relative_to(root.resolve()).as_posix() if whole.is_relative_to(root.resolve()) else str(whole)
    )
