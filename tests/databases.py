"""Fixtures: where a ledger of either kind may be, and a throw-away PostgreSQL server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.parts.servers import POSTGRES, postgres_server

if TYPE_CHECKING:
    from edfi_toolkit.ledger import Ledger

DATABASES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A throw-away PostgreSQL server, reached through a unix socket."""
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed on this machine")
    with postgres_server() as address:
        yield address


_with_tables = set[str]()  # the servers on which the test before had a ledger of this fixture, and no other


@pytest.fixture
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Gives, for one of DATABASES, where a new, empty ledger may be.

    On the server its tables are made again, except for a test of `ledger` after another one: they are emptied, which
    takes a tenth of the time.
    """

    def place(database: str) -> str:
        if database == "sqlite":
            return str(tmp_path / "ledger.db")
        import psycopg

        from edfi_toolkit.ledger import schema

        url = str(request.getfixturevalue("postgres"))
        with psycopg.connect(url) as connection:
            if "ledger" in request.fixturenames and url in _with_tables:
                connection.execute(f"TRUNCATE {', '.join(schema.metadata.tables)} RESTART IDENTITY")
            else:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
        _with_tables.discard(url)
        return url

    return place


@pytest.fixture(params=DATABASES)
def where(request: pytest.FixtureRequest, new_ledger: Callable[[str], str]) -> str:
    """Where a new, empty ledger may be: the same tests on both databases."""
    return new_ledger(request.param)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty ledger, to copy: making its tables takes longer than most tests with it."""
    from edfi_toolkit.ledger import Ledger  # here: whoever only collects or hands out tests needs no pandas

    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    Ledger(path).close()
    return path


@pytest.fixture
def ledger(where: str, empty_ledger: Path) -> Iterator[Ledger]:
    """A ledger of its own."""
    from edfi_toolkit.ledger import Ledger

    if "://" not in where:
        shutil.copy(empty_ledger, where)
    with Ledger(where) as opened:
        yield opened
    if "://" in where:
        _with_tables.add(where)
