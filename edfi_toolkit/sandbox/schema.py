"""The tables of the data file, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from edfi_toolkit.errors import ConfigError, what_failed

_LAYOUT = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, space TEXT NOT NULL,
    key TEXT NOT NULL, organization INTEGER, student TEXT, modified INTEGER NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL, owner TEXT,
    UNIQUE (space, key)
);
CREATE INDEX IF NOT EXISTS items_of_a_kind ON items (kind);
CREATE INDEX IF NOT EXISTS items_of_a_student ON items (student, kind) WHERE student IS NOT NULL;
-- what an item points to otherwise than by its columns organization and student
CREATE TABLE IF NOT EXISTS links (
    target INTEGER NOT NULL, seq INTEGER NOT NULL, via TEXT NOT NULL, PRIMARY KEY (target, seq, via)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_of_an_item ON links (seq);
CREATE TABLE IF NOT EXISTS deletes (
    version INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, space TEXT NOT NULL, key TEXT NOT NULL,
    organization INTEGER, student TEXT, key_values TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS key_changes (
    version INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, organization INTEGER, student TEXT,
    old_values TEXT NOT NULL, new_values TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS clients (name TEXT PRIMARY KEY, facts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rules (facts TEXT PRIMARY KEY);
"""


def open_file(path: Path | None, standard: str) -> sqlite3.Connection:
    """The data file, for this process alone and its owner's eyes only, or a database in memory.

    Raises ConfigError when the file is in use, of another layout or data standard, or no database.
    """
    mark = int(standard.replace(".", ""))
    try:
        if path is not None:
            path.touch(mode=0o600)
        connection = sqlite3.connect(
            path or ":memory:",
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            timeout=0.5,
        )
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        holds = connection.execute("PRAGMA application_id").fetchone()[0]
        if (found, holds) in ((0, 0), (_LAYOUT, mark)):
            # An exclusive lock: a second process would not see what this one remembers.
            connection.executescript(
                "PRAGMA page_size=2048;"  # a commit writes whole pages, and an item touches several
                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                f"PRAGMA wal_autocheckpoint=8000; PRAGMA temp_store=MEMORY; {_SCHEMA}"
                f"PRAGMA user_version={_LAYOUT}; PRAGMA application_id={mark};"
            )
            return connection
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            f"The sandbox data file {path} cannot be used ({what_failed(error)}): name another one."
        ) from None
    if found == _LAYOUT:
        raise ConfigError(
            f"The sandbox data file {path} holds another data standard than {standard}: name another file, or "
            "start with the standard it was made with."
        )
    raise ConfigError(f"The sandbox data file {path} has layout {found}, not {_LAYOUT}: name another one.")
