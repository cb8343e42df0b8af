"""Watching a district: cycle by cycle in this process, and as a process of its own; the ODS is always a real socket."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.stopping import Stop
from edfi_toolkit.batch.watch import Cycle, Watch, seconds_of
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.runs import open_run
from tests.factories.district import GENERAL, YEAR, seed_lines
from tests.factories.watched import PEOPLE, District
from tests.proofs import long_proof

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
ENDED = {"end_date": "2026-01-31"}
EVERY_S = 0.05


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("watch"))
    yield made
    made.ods_stops()


@pytest.fixture
def north(place: District, empty_ledger: Path) -> Iterator[District]:
    """The district with 40 students in its extract; ledger, runs and ODS as new."""
    for name in ("north", "runs", "ledger.db.locks"):
        shutil.rmtree(place.folder / name, ignore_errors=True)
    for file in place.folder.glob("ledger.db*"):
        file.unlink()
    shutil.copy(empty_ledger, place.folder / "ledger.db")
    httpx.post(f"{place.ods.control_url}/reset").raise_for_status()
    httpx.post(f"{place.ods.control_url}/seed", content=seed_lines(PEOPLE)).raise_for_status()
    place.write(range(40))
    with working_in(place.folder, place.environ):
        yield place


def watching(source: str = "north", approved: str = "auto", stop: Stop | None = None) -> Iterator[Cycle]:
    like = open_run(profile="certification", school_year=YEAR, source=source, run_id="new")
    return Watch(like, every_s=EVERY_S, quiet_s=EVERY_S, approved=approved, stop=stop or Stop()).cycles()


def told(cycle: Cycle) -> tuple[str, dict[str, int]]:
    """State and the counts that are not nought."""
    return cycle.state, {name: count for name, count in cycle.counts.items() if count}


def runs(north: District) -> int:
    return len(list((north.folder / "runs").glob("*/manifest.json")))


def test_what_changes_is_published_and_what_does_not_costs_a_look(north: District) -> None:
    cycles = watching()
    _a_feed_in_use_by_another_run_is_waited_for(north, cycles)
    assert told(next(cycles)) == ("published", {"rows": 81, "built": 40, "created": 40})
    assert told(next(cycles)) == ("unchanged", {})

    north.write([*range(1, 41)], s7=ENDED)
    third = next(cycles)
    assert told(third) == ("published", {"rows": 81, "built": 40, "created": 1, "updated": 1, "deleted": 1})
    assert third.exit is Exit.DONE
    assert north.held() == {f"S-{number}": None for number in range(1, 41)} | {"S-7": "2026-01-31"}
    assert north.writes() == {"POST 201": 41, "PUT 204": 1, "DELETE 204": 1}

    north.write([*range(1, 41)], s7=ENDED)  # a new export of the same
    assert told(next(cycles)) == ("unchanged", {})
    _a_source_that_goes_away_is_waited_for_longer_and_longer(north, cycles)
    assert len(north.held()) == 40, "nothing was deleted meanwhile"
    assert runs(north) == 2


def _a_feed_in_use_by_another_run_is_waited_for(north: District, cycles: Iterator[Cycle]) -> None:
    with Ledger(north.folder / "ledger.db") as ledger:
        like = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
        feed = ledger.feed(like.target.identity, "certification", "north")
        with ledger.exclusive(feed):
            cycle = next(cycles)
            assert (cycle.state, cycle.exit) == ("waiting", Exit.UNAVAILABLE)
            assert "Another run of this feed is at work" in cycle.says
            assert north.writes() == {}


def _a_source_that_goes_away_is_waited_for_longer_and_longer(
    north: District, cycles: Iterator[Cycle]
) -> None:
    os.rename(north.source, north.folder / "away")
    waits = [next(cycles) for _ in range(3)]
    assert [(each.state, each.exit) for each in waits] == [("waiting", Exit.SETTINGS)] * 3
    assert [each.wait_s for each in waits] == [EVERY_S, 2 * EVERY_S, 4 * EVERY_S]
    assert "There is no folder or file" in str(waits[0])
    assert "Next try in" in str(waits[0])

    os.rename(north.folder / "away", north.source)
    assert next(cycles).state == "unchanged"


def test_com_grd_3_a_table_that_is_gone_or_cut_at_the_end_of_a_row_is_held_until_it_is_whole(
    north: District,
) -> None:
    """Ten records: no share of them would be refused."""
    north.write(range(10))
    cycles = watching()
    next(cycles)
    file = north.source / "program_participation.csv"
    file.unlink()

    cycle = next(cycles)
    assert (cycle.state, cycle.exit) == ("guarded", Exit.GUARDED)
    assert (
        "The table program_participation (program_participation.csv) is not in the source any more"
        in cycle.says
    )
    assert next(cycles).state == "unchanged"
    north.write(range(11))
    assert told(next(cycles)) == ("published", {"rows": 23, "built": 11, "created": 1})
    assert north.writes() == {"POST 201": 11}

    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:-3]), "utf-8")
    cycle = next(cycles)
    assert (cycle.state, cycle.exit) == ("guarded", Exit.GUARDED)
    assert "had 11 rows when it was last published and has 8 now" in cycle.says
    assert len(north.held()) == 11
    north.write(range(12))
    assert next(cycles).counts["created"] == 1
    assert north.writes() == {"POST 201": 12}


@long_proof
def test_an_emptied_source_is_shown_and_not_published(north: District) -> None:
    cycles = watching()
    next(cycles)
    north.write([])

    cycle = next(cycles)
    assert (cycle.state, cycle.exit) == ("guarded", Exit.GUARDED)
    assert "The source gives no student that can be read, but 40 published records rest on it." in cycle.says
    assert (cycle.planned, cycle.counts["deleted"]) == ({"deleted": 40}, 0)
    assert (north.folder / "runs" / cycle.run_id / "workbook.xlsx").is_file()
    again = next(cycles)
    assert (again.state, again.exit) == ("unchanged", Exit.GUARDED)
    assert "refuses the plan" in str(again)

    north.write(range(40), s0=ENDED)
    assert told(next(cycles)) == ("published", {"rows": 81, "built": 40, "updated": 1})
    assert north.writes() == {"POST 201": 40, "PUT 204": 1}


def test_files_that_are_being_written_are_not_read_to_the_end_of_a_cycle(
    north: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off in the middle of a row it is refused; cut off between rows, it is seen to grow."""
    from edfi_toolkit.runs import Run

    cycles, extract = watching(), Run.extract
    path = north.source / "program_participation.csv"
    whole = path.read_text("utf-8")
    path.write_text(whole[: len(whole) // 2], "utf-8")
    assert "Export the file again if it was cut off" in next(cycles).says
    path.write_text("".join(whole.splitlines(keepends=True)[:20]), "utf-8")

    def meanwhile_more_is_written(run: Any) -> Any:
        shown = extract(run)
        path.write_text(whole, "utf-8")
        return shown

    monkeypatch.setattr(Run, "extract", meanwhile_more_is_written)
    cycle = next(cycles)
    assert (cycle.state, cycle.wait_s) == ("waiting", EVERY_S)
    assert "are being written" in cycle.says
    monkeypatch.undo()
    assert told(next(cycles)) == ("published", {"rows": 81, "built": 40, "created": 40})
    assert north.writes() == {"POST 201": 40}


@long_proof
def test_what_the_ods_refused_is_tried_again_though_the_source_is_the_same(north: District) -> None:
    """One student is not in the ODS yet; the validation holds him until he is."""
    north.write([*range(3), PEOPLE])
    cycles = watching()
    first = next(cycles)
    assert (first.exit, first.counts["created"], first.counts["held"]) == (Exit.ATTENTION, 3, 1)

    again = next(cycles)
    assert (again.state, again.exit) == ("unchanged", Exit.ATTENTION)
    assert "held or were refused" in str(again)
    httpx.post(f"{north.ods.control_url}/seed", content=seed_lines(PEOPLE + 1)).raise_for_status()
    later = next(each for each in cycles if each.state == "published")
    assert told(later) == ("published", {"rows": 9, "built": 4, "created": 1})
    assert later.exit is Exit.DONE
    assert runs(north) == 2


def test_a_database_is_read_at_each_interval(north: District) -> None:
    place = north.folder / "sis.db"
    place.unlink(missing_ok=True)
    with sqlite3.connect(place) as database:
        for file in north.source.glob("*.csv"):
            pd.read_csv(file, dtype="str").to_sql(file.stem, database, index=False)
    cycles = watching(f"sqlite:///{place}")
    assert next(cycles).counts["created"] == 40
    assert told(next(cycles)) == ("unchanged", {})

    with sqlite3.connect(place) as database:
        database.execute("UPDATE program_participation SET end_date = '2026-01-31' WHERE student_id = '7'")
    assert told(next(cycles)) == ("published", {"rows": 81, "built": 40, "updated": 1})
    os.rename(place, north.folder / "away.db")
    assert next(cycles).state == "waiting"
    os.rename(north.folder / "away.db", place)
    assert next(cycles).state == "unchanged"
    assert runs(north) == 2


def test_without_approval_nothing_is_sent_and_files_at_an_address_are_read_each_time(north: District) -> None:
    """A store need not say that a file was written: here its time is put back."""
    cycles = watching(f"north=file://{north.source}", approved="")
    cycle = next(cycles)
    assert told(cycle) == ("planned", {"rows": 81, "built": 40})
    assert cycle.planned == {"created": 40}
    assert told(next(cycles)) == ("unchanged", {})
    file = north.source / "program_participation.csv"
    was = file.stat()
    file.write_text(file.read_text("utf-8").replace("2025", "2026", 1), "utf-8")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert next(cycles).state == "planned"
    shutil.rmtree(north.source)
    gone = next(cycles)
    assert (gone.state, gone.error) == ("waiting", "SourceUnavailable")
    assert north.writes() == {}


def test_a_fingerprint_cannot_approve_what_is_yet_to_come(north: District) -> None:
    with pytest.raises(ConfigError, match="--approve auto"):
        watching(approved="0" * 16)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h", 3600), ("1.5m", 90)]
)
def test_intervals_as_they_are_written(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "5 minutes", "-5s", "1d"])
def test_an_interval_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="30s, 5m or 1h"):
        seconds_of(text)


# ---- as a process


class Process:
    """`edfi-toolkit watch --json` at work in a district; its lines are collected as they come."""

    def __init__(self, north: District) -> None:
        words = [
            "watch",
            "north",
            "-p",
            "certification",
            "-y",
            str(YEAR),
            "--every",
            "1s",
            "--approve",
            "auto",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edfi_toolkit", *words, "--json"],
            cwd=north.folder,
            env={**os.environ, **north.environ},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._cycles: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            self._cycles.put(json.loads(line))
        self._cycles.put(None)

    def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next cycle that is so; fails when the process ends before."""
        while cycle := self._cycles.get(timeout=240):
            if fits(cycle):
                return cycle
        raise AssertionError(f"the watch ended with {self._process.wait()}")

    def goes_on(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    def end(self, number: int) -> int:
        """Its exit code after a signal."""
        self._process.send_signal(number)
        code = self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


def state_is(state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda cycle: cycle["state"] == state


@long_proof
def test_a_watch_sees_a_district_through_a_bad_day(north: District) -> None:
    """Changes, a folder that goes and comes, an ODS that goes and comes."""
    watch = Process(north)
    assert watch.until(state_is("published"))["counts"]["created"] == 40

    north.write(range(40), s7=ENDED)
    assert watch.until(state_is("published"))["counts"]["updated"] == 1
    assert north.held()["S-7"] == "2026-01-31"

    os.rename(north.source, north.folder / "away")
    assert "no folder" in watch.until(state_is("waiting"))["says"]
    os.rename(north.folder / "away", north.source)
    watch.until(state_is("unchanged"))

    north.ods_stops()
    north.write(range(41), s7=ENDED)
    assert watch.until(lambda cycle: cycle["exit"] == 5)["wait_s"] >= 1
    north.ods_returns()
    assert watch.until(state_is("published"))["counts"]["created"] == 1
    assert len(north.held()) == 41
    assert watch.end(signal.SIGINT) == 0
    assert "S-" not in "".join(watch.lines)


@long_proof
def test_a_watch_that_is_stopped_in_a_publish_goes_on_where_it_was(north: District) -> None:
    """SIGTERM while records are under way: nothing is lost, nothing is sent twice."""
    slow = [{"method": "POST", "resource": GENERAL, "after": 10, "latency_ms": 900}]
    httpx.put(f"{north.ods.control_url}/faults", json=slow).raise_for_status()
    north.write(range(PEOPLE))
    watch = Process(north)
    while not north.writes():  # not under way yet
        assert watch.goes_on()
        time.sleep(0.05)
    assert watch.end(signal.SIGTERM) == 5  # running again resumes
    stopped = json.loads(watch.lines[-1])
    assert (stopped["counts"]["created"] > 0, stopped["counts"]["pending"] > 0) == (True, True)

    httpx.put(f"{north.ods.control_url}/faults", json=[]).raise_for_status()
    resumed = next(watching())
    assert resumed.exit is Exit.DONE
    unanswered = (
        PEOPLE - stopped["counts"]["created"] - resumed.counts["created"]
    )  # in flight, and not waited for long
    assert 0 <= unanswered <= stopped["counts"]["pending"]
    assert north.writes() == {"POST 201": PEOPLE}
    assert north.held() == {f"S-{number}": None for number in range(PEOPLE)}
