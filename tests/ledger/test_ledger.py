"""The ledger, on SQLite and, where the machine has it, on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
import traceback

import pytest
from sqlalchemy import text

from edfi_toolkit.batch.exits import Exit, exit_of
from edfi_toolkit.errors import ConfigError, LedgerBusy, LedgerError, LedgerUnavailable
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.ledger.bulk import BEGUN
from edfi_toolkit.ledger.health import check_ledger
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.ledger.schema import HEAD, metadata
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.disk import no_room_for
from tests.factories.builds import plan_once
from tests.factories.district import a_build, a_participation, held_in, wanted


def test_a_new_ledger_has_exactly_the_tables_of_the_schema(where):
    """The migration and the schema the code uses say the same."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with Ledger(where) as ledger, ledger.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_every_column_of_a_rejection_is_read_back(ledger):
    """But the numbers by which the ledger finds its rows."""
    kept = set(schema.rejections.c.keys()) - {"id", "run", "feed_id", "school_year", "key_hash"}
    assert kept | {"run_id"} == set(ledger.rejections().columns)


def test_a_ledger_of_a_newer_version_is_refused_with_the_next_step(where):
    with Ledger(where) as ledger, ledger.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"newer version of the toolkit\. Update"):
        Ledger(where)


def test_two_runs_of_one_feed_are_refused_and_two_feeds_are_not(where):
    with Ledger(where) as one, Ledger(where) as other:
        north, south = (one.feed("https://ods", "certification", name) for name in ("north", "south"))
        with one.exclusive(north):
            with pytest.raises(LedgerBusy, match="Another run of this feed"), other.exclusive(north):
                pass
            with other.exclusive(south):
                pass
        with other.exclusive(north):
            pass


def test_one_feed_never_sees_another_ones_identities(where, client):
    """Promise: identity belongs to target, profile and source."""
    result = a_build(a_participation(1))
    with Ledger(where) as ledger:
        publish(plan(result, source_name="north"), target=client, ledger=ledger, approved="auto")
        north, south = (
            ledger.feed(client.target.identity, "certification", name) for name in ("north", "south")
        )
        elsewhere = ledger.feed("https://another-ods.example", "certification", "north")
        assert len(ledger.identity_map(north)) == 1
        assert ledger.identity_map(north)["feed"].tolist() == [north.name]
        assert len(ledger.identity_map(north, school_year=2026)) == 1
        assert ledger.identity_map(north, school_year=2025).empty
        assert ledger.identity_map(south).empty
        assert ledger.identity_map(elsewhere).empty
        assert ledger.feed(client.target.identity, "certification", "north") == north
        mapped = ledger.identity_map(north)
        assert plan(result, identity_map=mapped, source_name="north").items["action"].tolist() == ["NOOP"]
        assert plan(result, identity_map=mapped, source_name="south").items["action"].tolist() == ["POST"]


def test_publish_keeps_runs_attempts_and_overrides(where, client):
    instants = iter(
        dt.datetime(2026, 3, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=second) for second in range(99)
    )
    with Ledger(where, clock=lambda: next(instants)) as ledger:
        first = plan(a_build(a_participation(1), a_participation(2)))
        publish(first, target=client, ledger=ledger, approved="auto", run_id="monday")
        feed = ledger.feed(client.target.identity, "certification", "")
        emptied = plan(a_build(), identity_map=ledger.identity_map(feed))
        publish(
            emptied,
            target=client,
            ledger=ledger,
            approved=emptied.fingerprint,
            run_id="tuesday",
            overrides=[(breach, "Ann Example") for breach in emptied.breaches],
        )
        assert ledger.runs()["run_id"].tolist() == ["monday", "tuesday"]
        assert ledger.runs()["ended_at"].notna().all()
        attempts = ledger.attempts("tuesday")
        assert attempts["action"].tolist() == ["DELETE", "DELETE"]
        assert attempts["outcome"].tolist() == ["delivered", "delivered"]
        assert (attempts["settled_at"] > attempts["begun_at"]).all()
        assert ledger.overrides()[["run_id", "breach", "person"]].values.tolist() == [
            ["tuesday", breach, "Ann Example"] for breach in ("source-lost", "empty-source", "mass-delete")
        ]
        assert held_in(client) == {}


def test_an_intent_keeps_no_body_once_it_is_settled(ledger, client):
    publish(plan_once(a_build(a_participation(1))), target=client, ledger=ledger, approved="auto")
    with ledger.reading() as connection:
        assert connection.execute(text("SELECT intent FROM attempts")).scalars().all() == [None]


def test_many_threads_may_open_a_new_ledger_at_once(where):
    opened: list[str | None] = []

    def opener() -> None:
        with Ledger(where) as ledger:
            ledger.feed("https://ods", "certification", "north")
            opened.append(ledger.feed("https://ods", "certification", "north").name)

    threads = [threading.Thread(target=opener) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == ["https://ods|certification|north"] * 6


# SQLite only


def test_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "state" / "ledger.db"
    with Ledger(path) as ledger:
        ledger.feed("https://ods", "certification", "north")
        files = [each for each in path.parent.iterdir() if each.is_file()]
        assert len(files) == 3  # with the write-ahead log and its index
        assert all(each.stat().st_mode & 0o077 == 0 for each in [path.parent, *files])


ANOTHER = """
import sqlite3, sys
try:
    sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


def test_opening_it_once_more_takes_no_lock_from_who_is_writing(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger, ledger.writing() as connection:
        connection.execute(schema.targets.insert(), [{"identity": "https://ods"}])
        with Ledger(path) as another:  # as a panel does while a button publishes
            another.rejections()
        asked = subprocess.run([sys.executable, "-c", ANOTHER, path], capture_output=True, text=True)
        assert asked.stdout == "database is locked\n"


def test_opening_an_up_to_date_ledger_does_not_load_alembic(tmp_path):
    Ledger(tmp_path / "ledger.db").close()
    script = (
        "import sys; from edfi_toolkit.ledger import Ledger; Ledger(sys.argv[1]).close(); "
        "sys.exit(any(name.startswith('alembic') for name in sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "ledger.db")], check=False).returncode
        == 0
    )


def test_a_file_that_is_no_ledger_is_refused_without_its_content(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("S-1 is a student, and this is no database at all. " * 50)
    with pytest.raises(LedgerError, match="Check that it is a ledger") as refused:
        Ledger(path)
    assert "S-1" not in str(refused.value)


@pytest.mark.parametrize("lost", ["attempts", "identity_map", "alembic_version"])
def test_a_ledger_that_lacks_a_table_is_damaged_and_not_made_again(where, lost):
    with Ledger(where) as ledger, ledger.writing() as connection:
        connection.execute(text(f"DROP TABLE {lost}"))
    with pytest.raises(LedgerError, match=rf"is damaged \(it lacks {lost}\).*last backup") as refused:
        Ledger(where)
    assert exit_of(refused.value) is Exit.SETTINGS


@pytest.mark.parametrize("half", [0.5, 0.9])
def test_a_half_copied_ledger_is_damaged(tmp_path, half):
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.feed("https://ods", "certification", "north")
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole[: int(len(whole) * half)])
    with pytest.raises(LedgerError, match=r"is damaged \(DatabaseError SQLITE_CORRUPT\)"):
        Ledger(ledger.path)


def test_a_disk_without_room_is_unavailable_for_now_and_loses_nothing(tmp_path):
    rows = [{"identity": f"https://{number}.example/" + "x" * 500} for number in range(2000)]
    with Ledger(tmp_path / "ledger.db") as ledger:
        kept = ledger.feed("https://ods", "certification", "north")
        with (
            no_room_for(300_000),
            pytest.raises(LedgerUnavailable, match="its disk has room; then run again") as full,
            ledger.writing() as connection,
        ):
            connection.execute(schema.targets.insert(), rows)
        assert exit_of(full.value) is Exit.UNAVAILABLE
        assert ledger.feed("https://ods", "certification", "north") == kept
    with Ledger(ledger.path) as again, again.writing() as connection:
        assert connection.execute(text("SELECT count(*) FROM targets")).scalar() == 1
        connection.execute(schema.targets.insert(), rows)


def test_a_ledger_that_others_can_read_is_tightened_when_it_is_opened(tmp_path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.feed("https://ods", "certification", "north")
        files = [tmp_path / f"ledger.db{end}" for end in ("", "-wal", "-shm")]
        for file in files:
            file.chmod(0o644)
        Ledger(ledger.path).close()
        assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3


def test_a_damaged_page_is_found_by_the_health_check(tmp_path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        for number in range(300):
            ledger.feed("https://ods", "certification", f"north-{number}" * 20)
    assert check_ledger(ledger.path) == str(ledger.path)
    pages = bytearray(ledger.path.read_bytes())
    pages[-4096:] = b"\xff" * 4096
    ledger.path.write_bytes(pages)
    Ledger(ledger.path).close()  # nothing reads that page
    with pytest.raises(LedgerError, match=r"is damaged .*last backup"):
        check_ledger(ledger.path)


def test_the_health_check_changes_nothing(tmp_path):
    path = tmp_path / "state" / "ledger.db"
    assert "made by the first run" in check_ledger(path)
    assert list(tmp_path.iterdir()) == []
    Ledger(path).close()
    path.chmod(0o640)
    with pytest.raises(LedgerError, match=r"Others can read the ledger .* makes it private"):
        check_ledger(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_health_check_knows_a_database_elsewhere(where):
    Ledger(where).close()
    with Ledger(where) as ledger:
        assert check_ledger(where) == ledger.shown


def test_a_ledger_somebody_else_keeps_locked_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("edfi_toolkit.ledger.database.BUSY_S", 0.05)
    told = pytest.raises(LedgerBusy, match="stays locked by another process")
    with Ledger(tmp_path / "ledger.db") as one, Ledger(one.path) as other, one.writing(), told:
        other.feed("https://ods", "certification", "north")


def test_a_known_feed_is_found_while_somebody_else_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("edfi_toolkit.ledger.database.BUSY_S", 0.05)
    with Ledger(tmp_path / "ledger.db") as one, Ledger(one.path) as other:
        known = one.feed("https://ods", "certification", "north")
        with one.writing():
            assert other.feed("https://ods", "certification", "north") == known


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger(tmp_path / "file" / "ledger.db")


def test_only_files_and_postgresql_are_ledgers():
    for url in ("mysql://somewhere/db", "sqlite://"):
        with pytest.raises(ConfigError, match="PostgreSQL"):
            Ledger(url)


def test_no_error_of_the_database_shows_a_statement_or_a_value(ledger):
    with pytest.raises(LedgerError) as refused, ledger.writing() as connection:
        connection.execute(text("INSERT INTO targets (identity) VALUES (:student)"), [{"student": "S-1"}] * 2)
    assert "S-1" not in "".join(traceback.format_exception(refused.value))
    assert repr(ledger) == f"<Ledger {ledger.shown}>"


def test_a_password_in_a_ledger_url_is_never_shown():
    with pytest.raises(LedgerError) as refused:
        Ledger("postgresql://steward:hunter2@127.0.0.1:9/none")
    assert "hunter2" not in f"{refused.value} {refused.value.__cause__}"


def test_a_commit_looks_at_its_own_attempts_and_not_at_all_of_its_run(tmp_path):
    """Else a run would take four times as long for twice the records."""
    with Ledger(tmp_path / "ledger.db") as ledger, ledger.reading() as connection:
        asked = str(BEGUN.compile(dialect=connection.dialect))
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", (0, 0, 0)).all()
    assert [step[-1] for step in steps] == ["SEARCH attempts USING INTEGER PRIMARY KEY (rowid>?)"]


def test_a_journal_reads_what_publish_wrote(ledger, client):
    result = a_build(a_participation(1))
    publish(plan(result), target=client, ledger=ledger, approved="auto")
    feed = ledger.feed(client.target.identity, "certification", "")
    assert Journal(ledger, feed, 2026).unsettled() == []
    assert held_in(client) == wanted(result)
