"""Whether a ledger is whole, private and of this version; looks at it and changes nothing."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from edfi_toolkit.errors import LedgerError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.database import damaged, ledger_error, url_of
from edfi_toolkit.storage import readable_by_others


def check_ledger(where: str | os.PathLike[str]) -> str:
    """What there is to say about a ledger that is in order. Raises LedgerError with what is wrong and the next step.

    A file is read through by SQLite's own integrity check; a PostgreSQL ledger is opened.
    """
    url = url_of(where)
    if url.get_backend_name() != "sqlite":
        with Ledger(where) as opened:
            return opened.shown
    path = Path(str(url.database))
    if not path.exists():
        return f"{path}, made by the first run that publishes"
    if readable_by_others(path):
        raise LedgerError(
            f"Others can read the ledger {path}, which holds real students. Run any command that opens it, such as "
            "'edfi-toolkit ledger', which makes it private; and ask who may have copied it."
        )
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ledger_error(error, str(path)) from None
    if found != ["ok"]:
        raise damaged(str(path), "SQLite's integrity check finds damage")
    with Ledger(where) as opened:  # its tables and its version
        return opened.shown
