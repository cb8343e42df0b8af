"""A ledger that an earlier version wrote: it opens with what it holds, and its unsettled attempts are finished.

`ledger-0002.sql` is its dump. On Monday S-1 and S-2 were delivered and S-99 refused; on Tuesday a PUT of S-1, a DELETE
of S-2 and POSTs of S-4 and S-5 were on disk when the process was killed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client, Write
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish, recover
from tests.factories.district import GENERAL, a_build, a_participation, held_in, wanted

DUMP = Path(__file__).with_name("ledger-0002.sql")


@cache
def after():
    return a_build(a_participation(1, end_date="2026-01-31"), a_participation(4), a_participation(5))


@pytest.fixture
def older(tmp_path: Path, client: Client) -> Path:
    """The ledger, and an ODS that Tuesday's requests had reached, but for the POST of S-5."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text())
        bodies: dict[str, Any] = {
            student: orjson.loads(intent)["body"]
            for student, intent in connection.execute(
                "SELECT student_unique_id, intent FROM attempts WHERE intent IS NOT NULL"
            )
        }
        arrived = [
            Write("POST", GENERAL, orjson.dumps(bodies[ref]), None, None, ref, ref) for ref in ("S-1", "S-4")
        ]
        ids = {outcome.ref: outcome.ed_fi_id for outcome in client.apply(arrived)}
        for table in ("identity_map", "attempts"):  # as if it had been delivered to this ODS
            connection.execute(
                f"UPDATE {table} SET ed_fi_id = ? WHERE student_unique_id = 'S-1'",  # noqa: S608
                [ids["S-1"]],
            )
        connection.commit()
    return path


def test_it_opens_with_its_feeds_maps_runs_and_rejections(older: Path, client: Client) -> None:
    with Ledger(older) as ledger:
        feed = ledger.feed(client.target.identity, "certification", "")
        assert feed.id == 1
        mapped = ledger.identity_map(feed).set_index("student_unique_id")
        assert mapped["last_status"].to_dict() == {"S-1": 201, "S-2": 201}
        assert mapped["last_body"]["S-2"]["beginDate"] == "2025-08-23"
        assert ledger.runs()[["run_id", "unsettled"]].values.tolist() == [["monday", 0], ["tuesday", 4]]
        assert ledger.attempts("monday")["attempts"].tolist() == [1, 1, 1]
        (refused,) = ledger.rejections().to_dict("records")
        assert (refused["student_unique_id"], refused["attempts"], refused["open"]) == ("S-99", 1, True)


def test_its_unsettled_attempts_are_checked_and_finished(older: Path, client: Client) -> None:
    with Ledger(older) as ledger:
        found = recover(target=client, ledger=ledger, profile="certification", source="", school_year=2026)
        assert found == 3
        tuesday = ledger.attempts("tuesday")
        assert tuesday["settled_at"].notna().all()
        assert dict(zip(tuesday["student_unique_id"], tuesday["outcome"], strict=True)) == {
            "S-1": "delivered",
            "S-2": "delivered",
            "S-4": "delivered",
            "S-5": "pending",
        }
        mapped = ledger.identity_map(ledger.feed(client.target.identity, "certification", ""))
        assert mapped["student_unique_id"].tolist() == ["S-1", "S-4"]
        made = plan(after(), identity_map=mapped)
        assert sorted(zip(made.items["action"], made.items["student_unique_id"], strict=True)) == [
            ("NOOP", "S-1"),
            ("NOOP", "S-4"),
            ("POST", "S-5"),
        ]
        publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        assert held_in(client) == wanted(after())
