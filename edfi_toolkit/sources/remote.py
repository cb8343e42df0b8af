"""A source at an address of fsspec: copied to a private folder, then read as a path is.

1. The login is in the configuration or environment of fsspec and its packages, never in the address.
2. The files of a source are copied, within the limits of reading; what else is there is named, as in a folder.
3. What was written while it was copied is refused.
4. The copy is removed when it was read. What a manifest keeps are the digests of the bytes that were read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable
from edfi_toolkit.settings.credentials import without_credentials
from edfi_toolkit.settings.limits import DEFAULT_READING, ReadingLimits
from edfi_toolkit.sources.addresses import check_remote, is_remote
from edfi_toolkit.sources.faults import MEGABYTE, check_bytes, own_words, shown
from edfi_toolkit.sources.folder import entry_left_alone, file_left_alone
from edfi_toolkit.sources.workbook import WORKBOOK_SUFFIXES
from edfi_toolkit.storage import private_folder, temporary_folder, write_private

_MOST_ENTRIES = 1_000  # of a folder; a source has some twenty files
_FIX = "Check the address, and the login that fsspec has for it (docs/sources.md)."
# What the packages of fsspec call the things about a file that change when it is written
_WHEN = frozenset(
    {"created", "last-modified", "last_modified", "lastmodified", "modified", "modify", "mtime", "updated"}
)
_CONTENT = frozenset({"content-md5", "content_md5", "etag", "md5", "md5hash", "size"})
_VERSION = frozenset({"generation", "version_id", "versionid"})


@dataclass(frozen=True)
class Copied(os.PathLike[str]):
    """The copy of a source, the address it is of, and notices of what there was not copied."""

    path: Path
    address: str
    notices: list[dict[str, Any]]

    def __fspath__(self) -> str:
        return str(self.path)


@contextmanager
def at_hand(source: Any, limits: ReadingLimits = DEFAULT_READING) -> Iterator[Any]:
    """A source at an address as `Copied`, for as long as the block lasts; any other source as it is.

    Raises ConfigError for an address with a login in it or without its package, SourceUnavailable for one that cannot
    be read or was written meanwhile, SourceShapeError for one that is too large.
    """
    if not (isinstance(source, str) and is_remote(source)):
        yield source
        return
    place = _Place(source)
    with temporary_folder("edfi-source-") as folder:
        yield place.copy_to(folder, limits)


def stamps_at(address: str) -> dict[str, tuple[str, ...]]:
    """What changes about each file at an address when it is written. Raises SourceUnavailable."""
    return _stamps(_Place(address).entries())


@dataclass(frozen=True)
class _Entry:
    """A file or a folder there: its path, and what fsspec knows of it. left_alone: why it is not read."""

    path: str
    about: Mapping[str, Any]
    left_alone: dict[str, Any] | None


class _Place:
    """A folder or a file where fsspec finds it."""

    def __init__(self, address: str) -> None:
        check_remote(address)
        self._shown = without_credentials(address)
        with own_words(self._shown, "cannot be read", _FIX):
            self._files, path = _opened(address)
            self._path = path.rstrip("/")

    def entries(self) -> dict[str, _Entry]:
        """What a folder has, by name; of a file, the file."""
        with own_words(self._shown, "cannot be read", _FIX):
            try:
                return self._entries()
            except FileNotFoundError:
                raise SourceUnavailable(
                    f"There is no folder or file {self._shown}, or its server does not answer. Check the address."
                ) from None

    def _entries(self) -> dict[str, _Entry]:
        self._files.invalidate_cache()
        about = self._files.info(self._path)
        if about["type"] != "directory":
            name = self._name_of(self._path)
            return {name: _Entry(self._path, about, file_left_alone(Path(name)))}
        found = [
            entry
            for entry in self._files.ls(self._path, detail=True)
            if entry["name"].rstrip("/") != self._path
        ]
        if len(found) > _MOST_ENTRIES:
            raise SourceShapeError(
                f"{self._shown} holds {len(found):,} files and folders; at most {_MOST_ENTRIES:,} are read. Give the "
                "folder of one source."
            )
        return {self._name_of(entry["name"]): self._in_folder(entry) for entry in found}

    def _in_folder(self, about: Mapping[str, Any]) -> _Entry:
        path = about["name"]
        if about["type"] not in ("directory", "file"):  # a link: what it leads to
            about = self._files.info(path)
        name, is_folder = Path(self._name_of(path)), about["type"] == "directory"
        return _Entry(path, about, entry_left_alone(name, is_folder=is_folder) or file_left_alone(name))

    def _name_of(self, path: str) -> str:
        name = path.rstrip("/").rpartition("/")[2]
        if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
            raise SourceShapeError(f"{self._shown} has a name in it that no file can have. Rename it there.")
        return name

    def copy_to(self, folder: Path, limits: ReadingLimits) -> Copied:
        """Copy what is read of it, each file whole."""
        entries = self.entries()
        path = folder / self._name_of(self._path)
        into = folder if [entry.path for entry in entries.values()] == [self._path] else private_folder(path)
        for name, entry in entries.items():
            if entry.left_alone is None:
                self._copy(entry, into / name, limits)
        if _stamps(self.entries()) != _stamps(entries):
            raise self._being_written()
        notices = [entry.left_alone for entry in entries.values() if entry.left_alone]
        return Copied(path, self._shown, notices)

    def _copy(self, entry: _Entry, path: Path, limits: ReadingLimits) -> None:
        key = "max_workbook_mb" if path.suffix.lower() in WORKBOOK_SUFFIXES else "max_unpacked_mb"
        size = entry.about.get("size")

        def content() -> Iterator[bytes]:
            count = 0
            with own_words(f"{shown(path)} in {self._shown}", "cannot be read", _FIX):
                check_bytes(shown(path), size or 0, getattr(limits, key), key)
                with self._files.open(entry.path, "rb") as stream:
                    while chunk := stream.read(MEGABYTE):
                        count += len(chunk)
                        check_bytes(shown(path), count, getattr(limits, key), key)
                        yield chunk
            if size is not None and count != size:
                raise self._being_written()

        write_private(path, lambda file: file.writelines(content()))

    def _being_written(self) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._shown} was written while it was read. Run again when its export has ended."
        )


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, with the login that fsspec finds, and the path in it."""
    from fsspec import url_to_fs
    from fsspec.registry import known_implementations

    try:
        files, path = url_to_fs(address)
    except ImportError:
        scheme = address.partition(":")[0]
        says = known_implementations.get(scheme, {}).get("err", "")
        raise ConfigError(
            f"Addresses of {scheme}:// need a package that is not installed. {says}, where the toolkit is installed."
        ) from None
    return files, str(path)


def _stamps(entries: Mapping[str, _Entry]) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(
            f"{key}={value}"
            for key, value in sorted(entry.about.items())
            if key.lower() in _WHEN | _CONTENT | _VERSION
        )
        for name, entry in entries.items()
        if entry.left_alone is None
    }
