"""Kill a publish anywhere, run it again: the ODS ends as undisturbed, and nothing is sent twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from edfi_toolkit.errors import LedgerError, LedgerUnavailable, OdsUnavailable
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client, RetryPolicy
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish, recover
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from tests.disk import no_room_for
from tests.factories.builds import plan_once
from tests.factories.district import (
    CTE,
    GENERAL,
    a_build,
    a_participation,
    asked,
    held_in,
    in_process,
    seed_lines,
    target_of,
    wanted,
    writes,
)


@cache
def first_build():
    return a_build(*(a_participation(number) for number in range(6)))


@cache
def second_build():
    return a_build(
        a_participation(0),
        a_participation(1, end_date="2026-01-31"),
        a_participation(2, begin_date="2025-09-30"),
        a_participation(3, resource=CTE),
        a_participation(7),
        a_participation(8),
    )


UNDISTURBED = {("POST", 201): 4, ("DELETE", 204): 4, ("PUT", 204): 1}
REQUESTS, COMMITS = sum(UNDISTURBED.values()), 16
PROVE = os.environ.get("EDFI_PROVE") == "1"
CHUNKS = [1, 2, 100] if PROVE else [2]
EVERY = 1 if PROVE else 4  # the sample takes every fourth point before its effect, and others after it
LEDGER_POINTS = [*range(1, COMMITS + 1, EVERY)], [*range(min(EVERY, 3), COMMITS + 1, EVERY)]
REQUEST_POINTS = [*range(1, REQUESTS + 1, EVERY)], [*range(min(EVERY, 3), REQUESTS + 1, EVERY)]


def points(before: list[int], after: list[int]) -> list[tuple[int, bool]]:
    """Where to crash, and whether the effect of that point is still had."""
    return [*((at, False) for at in before), *((at, True) for at in after)]


class Crash(BaseException):
    """The process is gone: nothing after this line runs, as far as the ledger can tell."""


class CrashingLedger(Ledger):
    """A ledger whose process dies at its n-th transaction, before or after the commit."""

    crash_at = 0
    after_commit = False
    commits = 0

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Count, and die at the chosen one and at every one after it."""
        self.commits += 1
        dead = self.crash_at and self.commits >= self.crash_at
        if dead and not (self.after_commit and self.commits == self.crash_at):
            raise Crash
        with super().writing() as connection:
            yield connection
        if dead:
            raise Crash


class CrashingTransport(httpx.ASGITransport):
    """A way to the ODS whose process dies at the n-th write, before or after the ODS has taken it."""

    def __init__(self, app: Any, crash_at: int, after: bool) -> None:
        super().__init__(app=app)
        self.crash_at, self.after, self.sent = crash_at, after, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count data writes, and die at the chosen one."""
        if request.method == "GET" or "/data/" not in request.url.path:
            return await super().handle_async_request(request)
        self.sent += 1
        if self.sent > self.crash_at or (self.sent == self.crash_at and not self.after):
            raise httpx.ConnectError("gone")
        response = await super().handle_async_request(request)
        if self.sent == self.crash_at:
            raise httpx.ReadError("gone")
        return response


@pytest.fixture(scope="module")
def published_before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An embedded ODS and a ledger after a publish of the first build, and the plan from there to the second."""
    folder = tmp_path_factory.mktemp("before")
    app = create_app(folder / "ods.db")
    seed(app.state.sandbox.ods, seed_lines(12))
    with in_process(app) as client, Ledger(folder / "ledger.db") as ledger:
        publish(plan_once(first_build()), target=client, ledger=ledger, approved="auto")
        made = planned(ledger, client)
    app.state.sandbox.ods.store.close()
    return folder, made


@pytest.fixture
def district(published_before: tuple[Path, Any], tmp_path: Path) -> Iterator[tuple[Any, Any, Path]]:
    """The same for one test: the ODS, the plan, and the path of the ledger."""
    folder, made = published_before
    for name in ("ods.db", "ledger.db"):
        shutil.copy(folder / name, tmp_path / name)
    app = create_app(tmp_path / "ods.db")
    yield app, made, tmp_path / "ledger.db"
    app.state.sandbox.ods.store.close()


def planned(ledger: Ledger, client: Client) -> Any:
    feed = ledger.feed(client.target.identity, "certification", "")
    return asked(plan(second_build(), identity_map=ledger.identity_map(feed)), client)


def run_again(app: Any, made: Any, path: Any) -> None:
    """Run the same plan in a new process, as it were, and check the end."""
    with in_process(app) as client, Ledger(path) as ledger:
        told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        assert set(told["outcome"]) == {"delivered"}
        assert held_in(client) == wanted(second_build())
        feed = ledger.feed(client.target.identity, "certification", "")
        mapped = ledger.identity_map(feed)
        assert set(plan(second_build(), identity_map=mapped).items["action"]) == {"NOOP"}
        assert ledger.attempts()["settled_at"].notna().all()
        assert not ledger.rejections()["open"].any()
        assert ledger.runs()["ended_at"].notna().all()
        held = pd.concat([frame for resource in (GENERAL, CTE) for frame in client.read(resource)])
        assert set(held["id"]) == set(mapped["ed_fi_id"])


def nothing_sent_twice(app: Any) -> bool:
    """Every write that the ODS has taken was taken once: a repeated POST would answer 200, a DELETE 404."""
    return {key: count for key, count in writes(app).items() if key[1]} == UNDISTURBED


def publishing_module() -> Any:
    """The module behind `publish`, which the package's verb of the same name hides."""
    return sys.modules[publish.__module__]


def test_an_undisturbed_run_sends_each_item_once_and_is_covered_by_the_crashes(district, monkeypatch):
    monkeypatch.setattr(publishing_module(), "CHUNK", 2)
    app, made, path = district
    with in_process(app) as client, CrashingLedger(path) as ledger:
        publish(made, target=client, ledger=ledger, approved="auto")
        assert REQUESTS <= ledger.commits <= COMMITS
    assert nothing_sent_twice(app)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(("crash_at", "after"), points(*LEDGER_POINTS))
def test_a_crash_at_any_ledger_write_is_made_good(district, monkeypatch, chunk, crash_at, after):
    monkeypatch.setattr(publishing_module(), "CHUNK", chunk)
    app, made, path = district
    with in_process(app) as client, CrashingLedger(path) as ledger:
        ledger.crash_at, ledger.after_commit = crash_at, after
        with suppress(Crash):
            publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    run_again(app, made, path)
    assert nothing_sent_twice(app)


@pytest.mark.parametrize(("crash_at", "after"), points(*REQUEST_POINTS))
def test_a_crash_at_any_request_is_made_good(district, crash_at, after):
    app, made, path = district
    with in_process(app) as whole:
        target = whole.target
    transport, hasty = CrashingTransport(app, crash_at, after), RetryPolicy(attempts=1)
    with (
        Client(target, transport=transport, retry=hasty) as client,
        Ledger(path) as ledger,
        suppress(OdsUnavailable),
    ):
        told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        assert set(told["outcome"]) <= {"delivered", "pending", "unsure"}
    run_again(app, made, path)
    assert nothing_sent_twice(app)


def test_a_new_plan_after_a_crash_starts_from_what_arrived(district):
    """The source moved on between crash and rerun: recover, then plan; nothing stays behind in the ODS."""
    app, made, path = district
    with in_process(app) as client, CrashingLedger(path) as ledger:
        ledger.crash_at = 3
        with pytest.raises(Crash):
            publish(made, target=client, ledger=ledger, approved="auto")
    with in_process(app) as client, Ledger(path) as ledger:
        assert ledger.attempts()["settled_at"].isna().any()
        recover(target=client, ledger=ledger, profile="certification", source="", school_year=2026)
        assert ledger.attempts()["settled_at"].notna().all()
        feed = ledger.feed(client.target.identity, "certification", "")
        back = asked(plan(first_build(), identity_map=ledger.identity_map(feed)), client)
        publish(back, target=client, ledger=ledger, approved="auto")
        assert held_in(client) == wanted(first_build())


CHILD = """
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.planning import Plan
from edfi_toolkit.publishing import publish
from tests.factories.district import YEAR

def told(done, total, counts):
    print(done, flush=True)

target = Target("sandbox", {url!r}, Secret({key!r}), Secret({secret!r}), school_year=YEAR)
publish(Plan.load({folder!r}), target=target, ledger={ledger!r}, approved="auto", progress=told)
"""


@pytest.mark.parametrize("kill_at", [1, 17, 60, 130] if PROVE else [17, 60])
def test_a_killed_process_is_made_good_by_the_next(sandbox, tmp_path, repository, kill_at):
    """SIGKILL of a real process in the middle of a publish over a socket."""
    students, path = 150, tmp_path / "ledger.db"
    httpx.post(f"{sandbox.control_url}/seed", content=seed_lines(students), trust_env=False, timeout=60)
    host = next(each for each in sandbox.clients if each["name"] == "host")
    result = a_build(*(a_participation(number) for number in range(students)))
    made = plan(result)
    script = textwrap.dedent(CHILD).format(
        url=sandbox.base_url,
        key=host["key"],
        secret=host["secret"],
        folder=str(made.save(tmp_path / "run")),
        ledger=str(path),
    )
    slow = [{"method": "POST", "resource": GENERAL, "latency_ms": 5}]
    httpx.put(f"{sandbox.control_url}/faults", json=slow, trust_env=False)
    command = [sys.executable, "-m", "tests.script", script]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if int(line) >= kill_at:
                child.send_signal(signal.SIGKILL)
                break
        child.stdout.read()  # to its end: forked by another process, it dies an instant after its caller
    assert child.returncode == -signal.SIGKILL
    httpx.put(f"{sandbox.control_url}/faults", json=[], trust_env=False)
    target = target_of(sandbox.base_url, host, school_year=2026)
    with Client(target) as client, Ledger(path) as ledger:
        feed = ledger.feed(target.identity, "certification", "")
        known = len(ledger.identity_map(feed))
        told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        assert set(told["outcome"]) == {"delivered"}
        assert held_in(client) == wanted(result)
        mapped = ledger.identity_map(feed)
        assert len(mapped) == students
        assert set(plan(result, identity_map=mapped).items["action"]) == {"NOOP"}
    counted = httpx.get(f"{sandbox.control_url}/counters", trust_env=False).json()["requests"]
    posts = {
        row["status"]: row["count"]
        for row in counted
        if row["method"] == "POST" and row["resource"] == GENERAL
    }
    assert posts.pop(201) == students
    assert sum(posts.values()) <= target.concurrency, "only what was in flight may be sent again"
    assert known < students


def test_a_dropped_answer_is_looked_up_not_lost(sandbox, tmp_path):
    """The ODS took the write and the connection broke before its answer."""
    httpx.post(f"{sandbox.control_url}/seed", content=seed_lines(12), trust_env=False)
    host = next(each for each in sandbox.clients if each["name"] == "host")
    target = target_of(sandbox.base_url, host, school_year=2026)
    drop = [{"method": "POST", "resource": GENERAL, "drop_after_commit": True, "every": 3}]
    httpx.put(f"{sandbox.control_url}/faults", json=drop, trust_env=False)
    result = a_build(*(a_participation(number) for number in range(12)))
    made = plan(result)
    with Client(target, retry=RetryPolicy(attempts=1)) as client, Ledger(tmp_path / "ledger.db") as ledger:
        told = publish(made, target=client, ledger=ledger, approved="auto")
        assert set(told["outcome"]) == {"delivered"}
        assert held_in(client) == wanted(result)
        assert not ledger.rejections()["open"].any()


@pytest.mark.parametrize("pages", [10, 17, 24])  # of the write-ahead log: early, in the middle, late
def test_a_disk_that_fills_up_while_publishing_loses_nothing_and_doubles_nothing(district, pages):
    """What was begun is looked up by the next run, and the rest is sent."""
    app, made, path = district
    with (
        in_process(app) as client,
        Ledger(path) as ledger,
        no_room_for(pages * 4120),
        pytest.raises(LedgerUnavailable, match="has room; then run again"),
    ):
        publish(made, target=client, ledger=ledger, approved="auto")
    run_again(app, made, path)


def test_a_ledger_that_fails_stops_the_run_before_anything_more_is_sent(district):
    app, made, path = district

    class Full(CrashingLedger):
        @contextmanager
        def writing(self) -> Iterator[Any]:
            self.commits += 1
            if self.commits == 2:
                raise LedgerError("The disk is full.")
            with Ledger.writing(self) as connection:
                yield connection

    with in_process(app) as client, Full(path) as ledger, pytest.raises(LedgerError, match="full"):
        publish(made, target=client, ledger=ledger, approved="auto")
    assert writes(app) == {}
    run_again(app, made, path)
