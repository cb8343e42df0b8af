"""Fixtures: where a ledger of either kind may be, and a throw-away PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edfi_toolkit.ledger import Ledger

DATABASES = ["sqlite", "postgresql"]
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A throw-away PostgreSQL server, reached through a unix socket."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed on this machine")
    binaries, folder = (
        POSTGRES[-1],
        Path(tempfile.mkdtemp(prefix="edfi-pg-", dir="/tmp")),
    )  # a socket's path is short
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    control = [str(binaries / "pg_ctl"), "-D", str(folder / "db"), "-w"]
    try:
        _as_someone(
            [str(binaries / "initdb"), "-D", str(folder / "db"), "-U", "steward", "-A", "trust", "-E", "UTF8"]
        )
        log, options = str(folder / "log"), f"-k {folder} -c listen_addresses= -c fsync=off"
        _as_someone([*control, "-l", log, "-o", options, "start"])
        yield f"postgresql://steward@/postgres?host={folder}"
        _as_someone([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_someone(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run as the user `postgres` when we are root: the server refuses to run as root."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(command, check=True, capture_output=True, cwd="/", **user)


@pytest.fixture
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Gives, for one of DATABASES, where a new, empty ledger may be."""

    def place(database: str) -> str:
        if database == "sqlite":
            return str(tmp_path / "ledger.db")
        import psycopg

        url = str(request.getfixturevalue("postgres"))
        with psycopg.connect(url) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return url

    return place


@pytest.fixture(params=DATABASES)
def where(request: pytest.FixtureRequest, new_ledger: Callable[[str], str]) -> str:
    """Where a new, empty ledger may be: the same tests on both databases."""
    return new_ledger(request.param)


@pytest.fixture
def ledger(where: str) -> Iterator[Ledger]:
    """A ledger of its own."""
    with Ledger(where) as opened:
        yield opened
