"""A lock file that the operating system releases when its process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from edfi_toolkit.errors import LedgerBusy
from edfi_toolkit.storage import create_private


@contextmanager
def file_lock(path: Path, *, busy: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file for the block.

    Raises LedgerBusy with the text `busy` when another holder keeps it longer than `wait_s`.
    """
    # Never by the mere existence of a file: that lock would outlive a killed process.
    lock = FileLock(create_private(path), timeout=wait_s, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise LedgerBusy(busy) from None
    try:
        yield
    finally:
        lock.release()
