"""The one writer of private files, and the one codec of JSON columns.

1. A private file appears whole or not at all: it is written under another name in the same folder, flushed to the disk
   and renamed. A failure leaves the older file as it was and no draft; only a killed process leaves its draft.
2. Its owner alone may read it (0600), whatever the umask and whatever was there before. So with new folders (0700).
   Windows has no such modes: there the rights of the folder hold.
3. Two writers at once never mix: each has a draft of its own, and the last one to finish is kept.
4. A disk that is full and a folder that may not be written are a StorageUnavailable that names the file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from edfi_toolkit.errors import StorageUnavailable, what_failed

if TYPE_CHECKING:  # settings write files too, and need not wait for pandas
    import pandas as pd

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: str | os.PathLike[str], content: bytes | str | Callable[[BinaryIO], Any]) -> Path:
    """Write a private file, making its folder where there is none; returns the path.

    content: the bytes, a text (UTF-8), or what writes them to the open binary file.
    """
    with private_draft(path) as file:
        if callable(content):
            content(file)
        else:
            file.write(content.encode() if isinstance(content, str) else content)
    return Path(path)


def append_private(path: str | os.PathLike[str], line: bytes) -> None:
    """Add a line to a private file, made where there is none; what stands there is never touched."""
    created = create_private(path)
    with _failures_named(created), created.open("ab") as file:
        file.write(line + b"\n")


@contextmanager
def private_draft(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """An open binary file that becomes the private file at `path` when the block ends without an error."""
    path = Path(path)
    private_folder(path.parent)
    with _failures_named(path):
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.chmod(draft, 0o600)
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)  # gone where a stop was asked for just as it was put in place
            raise


def private_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder, and those above it that are missing, for its owner alone; one that is there stays as it is."""
    path = Path(path)
    with _failures_named(path):
        missing = [*takewhile(lambda folder: not folder.is_dir(), (path, *path.parents))]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)  # a umask may have taken rights from its owner
    return path


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A private folder among the system's temporary ones (TMPDIR), removed when the block ends."""
    with _failures_named(Path("The temporary folder")):
        folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_private(path: str | os.PathLike[str]) -> Path:
    """Make a file private, with its folder where there is none, for a library that opens it by name.

    One that is there is not opened: closing it again would end the locks that SQLite holds on it for another thread of
    this process (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    path = Path(path)
    private_folder(path.parent)
    with _failures_named(path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            path.chmod(0o600)  # whatever the umask took
        except FileExistsError:
            if not os.access(path, os.R_OK | os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
            hide_from_others(path)
    return path


def hide_from_others(path: Path) -> None:
    """Let only its owner read and write a file. Raises OSError where there is none."""
    if readable_by_others(path):
        path.chmod(0o600)


def readable_by_others(path: str | os.PathLike[str]) -> bool:
    """Whether more than the owner may use a file; False where the system has no such modes."""
    return os.name == "posix" and bool(Path(path).stat().st_mode & _OTHERS)


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    """What the system refuses, as a StorageUnavailable that names the file."""
    try:
        yield
    except OSError as error:
        todo = "Make room on its disk" if error.errno in _FULL else "See to it that you may write there"
        raise StorageUnavailable(
            f"{path} cannot be written ({what_failed(error)}). {todo}, then run again."
        ) from None


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_column(values: Iterable[Any]) -> pd.Series:
    """The values as JSON texts (str, missing where a value is), with the index of a Series."""
    import pandas as pd

    def missing(value: Any) -> bool:
        return value is None or value is pd.NA or (isinstance(value, float) and value != value)

    index = values.index if isinstance(values, pd.Series) else None
    texts = [None if missing(value) else orjson.dumps(value).decode() for value in values]
    return pd.Series(texts, index=index, dtype="str")


def from_json_column(texts: Iterable[Any]) -> list[Any]:
    """The values of `json_column`, None where one is missing."""
    return [orjson.loads(text) if isinstance(text, str) else None for text in texts]
