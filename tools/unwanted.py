"""Refuse files that do not belong in a commit: too large, or holding a private key.

python tools/unwanted.py FILE...      names each offender; exit code 1 if there is one
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LARGEST = 1_000_000  # bytes; the lock file has a third of this
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def offence(path: Path) -> str | None:
    """Why this file must not be committed, or None."""
    content = path.read_bytes()
    if len(content) > LARGEST:
        return f"{path}: {len(content):,} bytes; keep data out of the repository"
    if PRIVATE_KEY.search(content):
        return f"{path}: holds a private key; take it out and replace the key, it is no longer secret"
    return None


def main(names: list[str]) -> int:
    """Print every offence; 1 if there is one."""
    found = [reason for name in names if (path := Path(name)).is_file() and (reason := offence(path))]
    print(*found, sep="\n", end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
