"""With real processes: SIGKILL at every ledger write and every request of a plan, then run it again."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import Plan, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import clients_shown, seed
from tests.databases import DATABASES
from tests.factories.district import (
    CTE,
    GENERAL,
    a_build,
    a_participation,
    asked,
    held_in,
    seed_lines,
    wanted,
    writes,
)
from tests.processes import Address, Job, publish_until_killed
from tests.sockets import served

PROVE = os.environ.get("EDFI_PROVE") == "1"
STUDENTS, CHANGES = 34, 40


@cache
def first_build():
    return a_build(*(a_participation(number) for number in (*range(24), 32, 33)))


@cache
def second_build():
    return a_build(
        *(a_participation(number, begin_date="2025-09-30") for number in range(6)),  # linked pairs
        *(a_participation(number, resource=CTE) for number in range(6, 8)),  # the same, to another resource
        *(a_participation(number, end_date="2026-01-31") for number in range(8, 16)),
        *(a_participation(number) for number in range(24, 34)),
    )


UNDISTURBED = {("POST", 201): 16, ("DELETE", 204): 16, ("PUT", 204): 8}
OLD_TOKEN = 401  # of the ODS before it was put back; the client asks for a new one
SAMPLE = {
    ("commit", False): [7],
    ("commit", True): [3],
    ("request", False): [5],
    ("request", True): [26],
}
DROPPED = [
    {"method": "POST", "drop_after_commit": True, "every": 5},
    {"method": "PUT", "drop_after_commit": True, "every": 3},
    {"method": "DELETE", "drop_after_commit": True, "every": 4},
]


@dataclass
class District:
    """An ODS at one address and a ledger, both put back to where the first build was published by `restore`."""

    address: Address
    job: Job
    folder: Path
    fresh_ledger: Callable[[], str]

    def restore(self, **crash: Any) -> Job:
        """The state before the plan; gives the publish to come."""
        if self.address.app is not None:
            self.address.app.state.sandbox.ods.store.close()
        shutil.copy(self.folder / "before.db", self.folder / "ods.db")
        self.address.app = create_app(self.folder / "ods.db")
        ledger = self.fresh_ledger()
        return Job(**{**vars(self.job), "client": host(self.address.app), "ledger": ledger, **crash})


def host(app: Any) -> dict[str, Any]:
    return next(each for each in clients_shown(app.state.sandbox.ods) if each["name"] == "host")


@pytest.fixture(scope="module", params=DATABASES)
def district(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """The district before the plan from the first build to the second, and that plan in a folder; as each `restore`
    gives it as new, all tests share it."""
    folder, address = tmp_path_factory.mktemp("district"), Address()
    address.app = app = create_app(folder / "before.db")
    assert seed(app.state.sandbox.ods, seed_lines(STUDENTS))["refused"] == []
    if request.param == "sqlite":
        ledger, fresh = _copied_file(folder)
    else:
        ledger, fresh = _copied_database(request.getfixturevalue("postgres"))
    with served(address) as url:
        job = Job(str(folder / "plan"), ledger, url, host(app))
        with Client(job.target()) as client, Ledger(ledger) as opened:
            publish(plan(first_build()), target=client, ledger=opened, approved="auto")
            feed = opened.feed(client.target.identity, "certification", "")
            made = asked(plan(second_build(), identity_map=opened.identity_map(feed)), client)
        assert int(made.sends.sum()) == CHANGES
        made.save(job.folder)
        app.state.sandbox.ods.store.close()
        address.app = None
        yield District(address, job, folder, fresh)
        address.app.state.sandbox.ods.store.close()


def _copied_file(folder: Path) -> tuple[str, Callable[[], str]]:
    def fresh() -> str:
        for left in folder.glob("ledger.db-*"):  # the log of a killed process
            left.unlink()
        shutil.copy(folder / "before-ledger.db", folder / "ledger.db")
        return str(folder / "ledger.db")

    return str(folder / "before-ledger.db"), fresh


def _copied_database(url: str) -> tuple[str, Callable[[], str]]:
    import psycopg

    def anew(name: str, template: str) -> str:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return url.replace("/postgres?", f"/{name}?")

    return anew("before", "template0"), lambda: anew("matrix", "before")


def settled_posts(ledger: Ledger) -> Counter[Any]:
    """How often a POST of each record was settled as delivered."""
    attempts = ledger.attempts()
    done = attempts[attempts["action"].eq("POST") & attempts["settled_at"].notna()]
    done = done[done["outcome"].eq("delivered")]
    return Counter(zip(done["resource"], done["student_unique_id"], done["begin_date"], strict=True))


def run_again(district: District, job: Job) -> None:
    """Run the same plan again and check the end."""
    with Client(job.target()) as client, Ledger(job.ledger) as ledger:
        before = settled_posts(ledger)
        told = publish(Plan.load(job.folder), target=client, ledger=ledger, approved="auto")
        assert set(told["outcome"]) == {"delivered"}
        assert held_in(client) == wanted(second_build())
        mapped = ledger.identity_map(ledger.feed(client.target.identity, "certification", ""))
        assert set(plan(second_build(), identity_map=mapped).items["action"]) == {"NOOP"}
        held = pd.concat([frame for resource in (GENERAL, CTE) for frame in client.read(resource)])
        assert set(held["id"]) == set(mapped["ed_fi_id"])
        after = settled_posts(ledger)
        assert {key: after[key] for key in before} == before
        assert ledger.attempts()["settled_at"].notna().all()
        assert ledger.runs()["ended_at"].notna().all()
        assert not ledger.rejections()["open"].any()


def taken_once(district: District, job: Job) -> None:
    """Every write was taken once; only what was in flight at the kill may have been sent again."""
    counted = {key: n for key, n in writes(district.address.app).items() if key[1] not in (0, OLD_TOKEN)}
    again = sum(counted.pop(key, 0) for key in (("POST", 200), ("DELETE", 404)))
    more = counted.pop(("PUT", 204), 0) - UNDISTURBED["PUT", 204]
    assert counted == {key: n for key, n in UNDISTURBED.items() if key[0] != "PUT"}
    assert again + more <= job.target().concurrency


@pytest.mark.parametrize(("kill_at", "effect"), list(SAMPLE))
def test_a_kill_at_any_ledger_write_and_any_request_is_made_good(district, kill_at, effect):
    killed = 0
    for number in count(1) if PROVE else SAMPLE[kill_at, effect]:
        job = district.restore(kill_at=kill_at, number=number, effect=effect)
        if not publish_until_killed(job):
            break
        killed += 1
        run_again(district, job)
        taken_once(district, job)
    assert killed >= (CHANGES if PROVE and kill_at == "request" else 1)


@pytest.mark.parametrize("number", range(1, CHANGES + 1) if PROVE else [19])
def test_a_kill_while_answers_get_lost_is_made_good(district, number):
    """Connections dropped after the ODS has committed, before the kill and after it."""
    job = district.restore(kill_at="request", number=number, effect=number % 2 == 0)
    district.address.app.state.sandbox.faults.put(DROPPED)
    assert publish_until_killed(job)
    run_again(district, job)
    assert writes(district.address.app)["POST", 0] > 0


def test_an_undisturbed_run_is_the_same_in_a_process_of_its_own(district):
    job = district.restore()
    assert not publish_until_killed(job)
    assert writes(district.address.app) == UNDISTURBED
    run_again(district, job)
    assert writes(district.address.app) == UNDISTURBED
