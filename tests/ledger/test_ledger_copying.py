"""A ledger backed up, restored and moved: whole, with its history, checked; and never over another one."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, LedgerBusy
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.copying import backup, move, restore
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import Plan, plan
from edfi_toolkit.publishing import publish
from tests.factories.district import a_build, a_participation

TABLES = ("runs", "attempts", "rejections", "overrides")


def a_plan() -> Plan:
    """Three new records."""
    return plan(a_build(*(a_participation(number) for number in range(3))))


@pytest.fixture
def published(ledger: Ledger, client: Client) -> Ledger:
    """A ledger with a run, its attempts and its identities."""
    publish(a_plan(), target=client, ledger=ledger, approved="auto")
    return ledger


def content(ledger: Ledger) -> dict[str, pd.DataFrame]:
    return {name: getattr(ledger, name)() for name in TABLES}


def same(one: Ledger, other: Ledger) -> None:
    kept = content(one)
    assert len(kept["attempts"]) > 2
    for name, frame in content(other).items():
        pd.testing.assert_frame_equal(frame, kept[name])


def test_a_backup_is_one_private_file_and_comes_back_whole(published: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "backups" / "ledger.db"
    counts = backup(published, file)
    assert counts["attempts"] == len(published.attempts())
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["ledger.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Ledger(tmp_path / "restored.db") as restored:
        restore(file, restored)
        same(published, restored)
        with pytest.raises(ConfigError, match="holds something already"):
            restore(file, restored)
    with pytest.raises(ConfigError, match="is there already"):
        backup(published, file)


def test_a_ledger_moves_to_postgresql_with_its_history_and_goes_on_there(
    tmp_path: Path, new_ledger: Callable[[str], str], client: Client
) -> None:
    with Ledger(tmp_path / "old.db") as old, Ledger(new_ledger("postgresql")) as new:
        publish(a_plan(), target=client, ledger=old, approved="auto")
        move(old, new)
        same(old, new)
        again = publish(a_plan(), target=client, ledger=new, approved="auto")
        assert set(again["outcome"]) == {"delivered"}
        assert len(new.attempts()) == len(old.attempts())  # nothing was sent again


def test_no_ledger_moves_while_a_run_is_at_work(published: Ledger, tmp_path: Path) -> None:
    feed = published.feed("https://ods.example", "p", "north")
    with published.exclusive(feed), Ledger(tmp_path / "new.db") as new, pytest.raises(LedgerBusy):
        move(published, new)
