"""Where things are: sources, targets, ledger, runs; read from `edfi.toml`, the environment and the keyring.

The file never holds a key, a secret or a password, only where to find them. A target may also come from the
environment alone: `EDFI_TARGET_<NAME>_URL`, `_KEY` and `_SECRET`, the name in capitals with `_` for `-`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from edfi_toolkit.errors import ConfigError, did_you_mean, what_failed
from edfi_toolkit.settings.credentials import check_address, without_credentials
from edfi_toolkit.settings.file import (
    FILE_NAME,
    Section,
    dotted,
    find_file,
    parse,
    place_of,
    read_counts,
    read_limits,
    read_source,
    read_target,
    target_name,
    token_cache_of,
    variable_of,
)
from edfi_toolkit.settings.hooks import Hooks, read_hooks
from edfi_toolkit.settings.keys import ENTRIES, saved_login
from edfi_toolkit.settings.limits import AnswerLimits, Limits, ReadingLimits
from edfi_toolkit.settings.targets import Secret, Source, Target
from edfi_toolkit.storage import write_private

__all__ = [
    "AnswerLimits",
    "Limits",
    "ReadingLimits",
    "Secret",
    "Settings",
    "Source",
    "Target",
    "dotted",
    "load_settings",
    "own_checks_dir",
    "without_credentials",
]

MASK_KEY_BYTES = 32
_ENV_TARGET = re.compile(r"EDFI_TARGET_([A-Z0-9_]+)_URL")


@dataclass(frozen=True)
class Settings:
    """Everything a run needs to find; `file` is the settings file it came from, if any."""

    targets: Mapping[str, Target] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    ledger: str = "data/ledger.db"
    runs_dir: Path = Path("data/runs")
    copies_dir: Path = Path("data/copies")
    checks_dir: Path = Path("checks")
    profile_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    reading: ReadingLimits = field(default_factory=ReadingLimits)
    notify: Hooks = field(default_factory=dict)
    file: Path | None = None
    root: Path = Path()

    def __repr__(self) -> str:
        return (
            f"Settings(file={self.file and str(self.file)!r}, targets={sorted(self.targets)}, "
            f"sources={sorted(self.sources)}, ledger={without_credentials(self.ledger)!r})"
        )

    def target(self, name: str) -> Target:
        """The target of that name, its key and secret fetched from the keyring if they are kept there."""
        found = self.known_target(name)
        if found.keyring and (found.key is None or found.secret is None):
            key, secret = (saved_login(found.keyring, entry) for entry in ENTRIES)
            return replace(found, key=found.key or key, secret=found.secret or secret)
        return found

    def known_target(self, name: str) -> Target:
        """The target of that name as the settings have it; the keyring is not asked."""
        found = self.targets.get(target_name(name))
        if found is None:
            raise ConfigError(
                f"There is no target named '{name}'.{did_you_mean(name, self.targets)} "
                f"Add [targets.{target_name(name)}] to {self.file or FILE_NAME}, or set "
                f"{variable_of(name, 'URL')}, {variable_of(name, 'KEY')} and {variable_of(name, 'SECRET')}."
            )
        return found

    def source(self, name_or_path: str | os.PathLike[str]) -> Source:
        """The source of that name, or one for a path, an address or a database URL that has no name.

        An unnamed path is named by its full address: two folders of the same name are two sources, so neither
        can take the other's records for its own. `NAME=PATH` names it (COM-SRC-2); a NAME of the settings keeps
        its other settings.
        """
        text = os.fspath(name_or_path)
        if text in self.sources:
            found = self.sources[text]
            if not found.path:
                raise ConfigError(
                    f"Source '{text}': the variable {found.path_env} is not set. Set it and run again."
                )
            return found
        name, named, place = text.partition("=")
        if named and place and name.strip() and "://" not in name and not Path(text).exists():
            found = self.source(place)
            return replace(self.sources.get(name.strip(), found), name=name.strip(), path=found.path)
        if "://" in text:
            check_address(text)
            if "odbc_connect" in text.lower():  # which database it is stands among its secrets
                raise ConfigError(
                    "An address with odbc_connect needs a name. Put the whole address into an environment variable, "
                    f'and path_env = "ITS_NAME" under [sources.NAME] in {self.file or FILE_NAME}.'
                )
            return Source(name=without_credentials(text), path=text)
        path = Path(text).expanduser()
        if path.exists():
            return Source(name=path.resolve().as_posix(), path=str(path))
        shown = without_credentials(text)
        raise ConfigError(
            f"There is no source named '{shown}', and no file or folder of that name."
            f"{did_you_mean(text, self.sources)} Add [sources.{shown}] to {self.file or FILE_NAME}, or give an "
            "existing path."
        )

    def written(self, source: Source) -> str:
        """A source as `source` takes it: its name, its path, or `NAME=PATH`."""
        known = self.sources.get(source.name)
        if known is not None and known.path == source.path:
            return source.name
        unnamed = "://" in source.path or source.name == Path(source.path).expanduser().resolve().as_posix()
        return source.path if unnamed else f"{source.name}={source.path}"

    def of_build(self, profile: str, source: Source, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a build: `[limits]`, the profile's in the file, the source's, what was given; the last
        wins."""
        layers = (asdict(self.limits), self.profile_settings.get(profile, {}), source.settings, given)
        return {name: value for layer in layers for name, value in dotted(layer).items()}

    @cached_property
    def mask_key(self) -> bytes:
        """32 random bytes that make this installation's pseudonyms, kept next to the ledger."""
        folder = self.root / "data" if "://" in self.ledger else Path(self.ledger).parent
        return _mask_key_in(folder / "mask.key")


def load_settings(
    path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read `edfi.toml` (at `path`, or the nearest one from the current folder upward) and the environment.

    Relative paths in the file count from the file's folder. Without a file the environment alone is used.
    Raises ConfigError that names the file, the key and the next step.
    """
    environ = os.environ if environ is None else environ
    file = find_file(path)
    root = file.parent if file else Path.cwd()
    content = Section(parse(file) if file else {}, str(file or FILE_NAME), "")
    content.refuse_credentials()
    content.allow("sources", "targets", "profiles", "paths", "limits", "reading", "answers", "notify")

    paths = content.table("paths")
    paths.allow("ledger", "ledger_env", "runs", "copies", "checks", "token_cache")
    cache = token_cache_of(paths, environ, root)
    answers = read_counts(content.table("answers"), AnswerLimits)
    targets = {
        name: read_target(name, t, environ, root, cache, answers) for name, t in content.tables("targets")
    }
    for variable in environ:
        if (match := _ENV_TARGET.fullmatch(variable)) and (name := target_name(match[1])) not in targets:
            table = Section({}, "the environment", name)
            targets[name] = read_target(name, table, environ, root, cache, answers)
    ledger = place_of(paths, "ledger", environ, root)
    if not ledger and "ledger_env" in paths.content:  # another ledger would mean other identities
        raise paths.error("ledger_env", "that environment variable is not set. Set it and run again.")
    return Settings(
        targets=targets,
        sources={name: read_source(name, t, environ, root) for name, t in content.tables("sources")},
        ledger=ledger or str(root / "data" / "ledger.db"),
        runs_dir=paths.folder("runs", "data/runs", root),
        copies_dir=paths.folder("copies", "data/copies", root),
        checks_dir=_checks_in(paths, root),
        profile_settings={name: dotted(table.content) for name, table in content.tables("profiles")},
        limits=read_limits(content.table("limits")),
        reading=read_counts(content.table("reading"), ReadingLimits),
        notify=read_hooks(content.table("notify")),
        file=file,
        root=root,
    )


def own_checks_dir() -> Path:
    """Where the checks of this workspace are, by the nearest `edfi.toml`; nothing else in it is read."""
    file = find_file(None)
    content = Section(parse(file) if file else {}, str(file or FILE_NAME), "")
    return _checks_in(content.table("paths"), file.parent if file else Path.cwd())


def _checks_in(paths: Section, root: Path) -> Path:
    return paths.folder("checks", "checks", root)


def _mask_key_in(file: Path) -> bytes:
    if not file.exists():
        # Written whole under another name first: of two processes that start together, both read one key.
        fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        write_private(fresh, secrets.token_bytes(MASK_KEY_BYTES))
        try:
            os.link(fresh, file)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            fresh.rename(file)
        finally:
            fresh.unlink(missing_ok=True)
    try:
        key = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({what_failed(error)}). Check its permissions.") from None
    if len(key) != MASK_KEY_BYTES:
        raise ConfigError(f"{file}: damaged. Delete it; pseudonyms will then differ from earlier ones.")
    return key
