"""A ledger backed up, restored and moved: whole, checked, and never over another one. Or erased from."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select, text

from edfi_toolkit.errors import ConfigError, LedgerBusy
from edfi_toolkit.ledger import Ledger, erasing, schema
from edfi_toolkit.ledger.copying import backup, move, restore
from edfi_toolkit.ledger.decisions import Decisions
from edfi_toolkit.ledger.erasing import erase_from_ledger
from edfi_toolkit.ledger.ledger import Feed
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import Plan, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.runs.erasing import Student
from tests.factories.builds import plan_once
from tests.factories.district import a_build, a_participation

TABLES = ("runs", "attempts", "rejections", "overrides")


def a_plan() -> Plan:
    """Three new records."""
    return plan_once(a_build(*(a_participation(number) for number in range(3))))


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


def test_a_backup_is_one_private_file_and_comes_back_whole(
    published: Ledger, empty_ledger: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backups" / "ledger.db"
    counts = backup(published, file)
    assert counts["attempts"] == len(published.attempts())
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == ["ledger.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Ledger(copy(empty_ledger, tmp_path / "restored.db")) as restored:
        restore(file, restored)
        same(published, restored)
        with pytest.raises(ConfigError, match="holds something already"):
            restore(file, restored)
    with pytest.raises(ConfigError, match="is there already"):
        backup(published, file)


def test_a_ledger_moves_to_postgresql_with_its_history_and_goes_on_there(
    tmp_path: Path, empty_ledger: Path, new_ledger: Callable[[str], str], client: Client
) -> None:
    with Ledger(copy(empty_ledger, tmp_path / "old.db")) as old, Ledger(new_ledger("postgresql")) as new:
        publish(a_plan(), target=client, ledger=old, approved="auto")
        move(old, new)
        same(old, new)
        again = publish(a_plan(), target=client, ledger=new, approved="auto")
        assert set(again["outcome"]) == {"delivered"}
        assert len(new.attempts()) == len(old.attempts())  # nothing was sent again


def test_no_ledger_moves_while_a_run_is_at_work(
    published: Ledger, empty_ledger: Path, tmp_path: Path
) -> None:
    feed = published.feed("https://ods.example", "p", "north")
    with (
        published.exclusive(feed),
        Ledger(copy(empty_ledger, tmp_path / "new.db")) as new,
        pytest.raises(LedgerBusy),
    ):
        move(published, new)


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
def test_rows_go_also_where_another_program_keeps_the_tables_from_being_written_again(
    tmp_path: Path, empty_ledger: Path, client: Client, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    """One that reads, and one that begins to write once the rows are gone."""
    monkeypatch.setattr("edfi_toolkit.ledger.database.BUSY_S", 0.05)
    student, path = Student({"S-1"}, b"key"), copy(empty_ledger, tmp_path / "ledger.db")
    with Ledger(path) as ledger, sqlite3.connect(path, isolation_level=None) as other:
        publish(a_plan(), target=client, ledger=ledger, approved="auto")

        def after_the_rows(_: Ledger, compact: Any = erasing._compact) -> None:
            other.execute(begin)
            other.execute("SELECT count(*) FROM attempts").fetchall()
            compact(ledger)

        monkeypatch.setattr(erasing, "_compact", after_the_rows)
        done, _, kept_in_pages = erase_from_ledger(ledger, student)
        assert done["attempts"] == 1
        assert "Close all notebooks" in kept_in_pages
        other.execute("ROLLBACK")
        monkeypatch.undo()
        assert erase_from_ledger(ledger, student) == ({}, 1, "")
    other.close()


def test_no_page_of_a_postgresql_ledger_keeps_an_erased_student(
    tmp_path: Path, new_ledger: Callable[[str], str], client: Client
) -> None:
    """Rows, texts of other rows, shapes of the source, and the samples in the statistics."""
    where, gone, name = new_ledger("postgresql"), "S-900417303", ("Zeta", "Quittenbaum")
    build = a_build(a_participation(1), a_participation(2), a_participation(900417303))
    with Ledger(where) as ledger:
        publish(plan(build), target=client, ledger=ledger, approved="auto")
        feed = Feed(int(ledger.frame(select(schema.feeds.c.id))["id"].iloc[0]), "")
        decisions = Decisions(ledger, feed)
        cell = {"table": "students", "column": "first_name", "was": "Zeto", "author": "Ann Example"}
        decisions.correct(**cell, row_id="900417303", value="Zeta", reason="As the office says.")
        decisions.correct(**cell, row_id="1", value="Zita", reason="Not to be taken for Quittenbaum, Zeta.")
        before = ledger.frame(select(schema.identity_map))
        student = Student({gone, "900417303"}, b"key", {name}, {("students", "900417303")})
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
            connection.execute(text("CHECKPOINT"))
        assert relations_with(where, b"900417303") >= {"attempts", "rejections", "corrections"}

        done, stays, kept_in_pages = erase_from_ledger(ledger, student)

        assert (done["attempts"], done["rejections"], done["corrections"], stays) == (1, 1, 2, 0)
        assert kept_in_pages == ""
        (kept,) = decisions.corrections()["reason"]
        assert kept == "Not to be taken for [erased]."
        pd.testing.assert_frame_equal(ledger.frame(select(schema.identity_map)), before)
        assert set(ledger.attempts()["student_unique_id"]) == {"S-1", "S-2"}
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CHECKPOINT"))
        assert relations_with(where, b"900417303") == relations_with(where, b"Quittenbaum") == set()
        assert (
            erase_from_ledger(ledger, Student({"S-1"}, b"key"))[1] == 1
        )  # what the ODS holds stays in the map


def relations_with(address: str, word: bytes) -> set[str]:
    """The tables and indexes of a server whose pages hold a word; a file that is no longer any of them by its name."""
    import psycopg

    found = set()
    with psycopg.connect(address) as connection:
        names = dict(
            connection.execute("SELECT pg_relation_filenode(oid)::text, relname FROM pg_class").fetchall()
        )
    base = Path(address.partition("host=")[2]) / "db" / "base"
    for path in base.rglob("*"):
        if path.is_file() and word in path.read_bytes():
            found.add(names.get(path.name, path.name))
    return found
