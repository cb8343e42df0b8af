"""A lock file that the operating system releases when its process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from edfi_toolkit.errors import LedgerBusy
from edfi_toolkit.storage import private_folder


@contextmanager
def file_lock(path: Path, *, busy: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file for the block.

    Raises LedgerBusy with the text `busy` when another holder keeps it longer than `wait_s`.
    """
    private_folder(path.parent)
    # Never by the mere existence of a file: that lock would outlive a killed process.
    lock = FileLock(path, timeout=wait_s, mode=0o600, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise LedgerBusy(busy) from None
    try:
        yield
    finally:
        lock.release()
