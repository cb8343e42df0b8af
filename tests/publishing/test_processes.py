"""Several processes, and several districts, on one ledger and one ODS: each keeps to its own, none sends twice."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.identity_csv import export_map, import_map
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import build
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import clients_shown, seed
from tests.factories.district import (
    GENERAL,
    a_build,
    a_participation,
    asked,
    held_in,
    seed_lines,
    wanted,
    writes,
)
from tests.processes import Job, publish_at_once
from tests.rules.worked_examples import EXAMPLES
from tests.sockets import served

STUDENTS = 60


@pytest.fixture
def job(tmp_path, where):
    """The publish of nothing yet, against an ODS over a socket with 60 students."""
    app = create_app()
    assert seed(app.state.sandbox.ods, seed_lines(STUDENTS))["refused"] == []
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "latency_ms": 20}])
    host = next(each for each in clients_shown(app.state.sandbox.ods) if each["name"] == "host")
    with served(app) as url:
        made = Job(str(tmp_path), where, url, host)
        yield app, made


def of_source(job, folder, name, numbers):
    """The job that publishes these students as one source, and its records."""
    result = a_build(*(a_participation(number) for number in numbers))
    folder = plan(result, source_name=name).save(folder / (name or "plan"))
    return Job(**{**vars(job), "folder": str(folder)}), result


def test_one_plan_in_two_processes_at_once_is_sent_once(job, tmp_path):
    app, made = job
    one, result = of_source(made, tmp_path, "", range(STUDENTS))
    said = sorted(publish_at_once(one, one))
    assert said[0] == ""
    assert said[1] == "" or "Another run of this feed is at work" in said[1]
    assert writes(app) == {("POST", 201): STUDENTS}
    with Client(one.target()) as client, Ledger(one.ledger) as ledger:
        assert held_in(client) == wanted(result)
        assert len(ledger.identity_map(ledger.feed(client.target.identity, "certification", ""))) == STUDENTS
        assert ledger.attempts()["outcome"].tolist() == ["delivered"] * STUDENTS


def test_districts_in_processes_of_their_own_share_a_new_ledger(job, tmp_path):
    app, made = job
    names = ("north", "south", "east")
    given = {name: of_source(made, tmp_path, name, range(at, STUDENTS, 3)) for at, name in enumerate(names)}
    assert publish_at_once(*(each for each, _ in given.values())) == ["", "", ""]
    assert writes(app) == {("POST", 201): STUDENTS}
    with Ledger(made.ledger) as ledger:
        for name, (each, result) in given.items():
            mapped = ledger.identity_map(ledger.feed(each.target().identity, "certification", name))
            assert sorted(mapped["student_unique_id"]) == sorted(result.records["student_unique_id"])
        assert len(ledger.runs()) == 3


def keys(frame):
    return set(frame["student_unique_id"].dropna())


def test_two_districts_on_one_ledger_and_one_ods_never_name_each_others_keys(client, ledger):
    """In publish and in resync, also when everything unknown may be deleted."""
    north, south = (a_build(*(a_participation(n) for n in numbers)) for numbers in (range(4), range(4, 8)))
    feeds = {name: ledger.feed(client.target.identity, "certification", name) for name in ("north", "south")}
    for name, result in (("north", north), ("south", south)):
        mapped = ledger.identity_map(feeds[name])
        made = plan(result, identity_map=mapped, source_name=name)
        publish(made, target=client, ledger=ledger, approved="auto")
    changed = a_build(a_participation(0, end_date="2026-01-31"), a_participation(1, begin_date="2025-09-30"))
    everyone = pd.concat([ledger.identity_map(feeds["north"]), ledger.claims(feeds["north"])])
    assert set(everyone["feed"]) == {feed.name for feed in feeds.values()}
    ods = pd.concat(client.read(GENERAL))
    assert len(ods) == 8
    for mode in ("publish", "resync"):
        made = plan(changed, identity_map=everyone, ods=ods, mode=mode, source_name="north")
        made = asked(made, client)
        assert keys(made.items) == {"S-0", "S-1", "S-2", "S-3"}
        assert keys(made.findings) == set()
    publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert held_in(client) == wanted(changed) | wanted(south)


def test_a_resync_that_deletes_all_it_does_not_know_leaves_another_district_alone(ledger, tmp_path):
    """REC-R9 with `resync_orphans = "all"`, which would otherwise reach every record of the ODS."""
    example = EXAMPLES["WI-X1"]
    settings = {"resync_orphans": "all"}
    result = build(example["tables"], profile=example["profile"], settings=settings)
    emptied = {**example["tables"], "enrollments": []}
    north, south = (ledger.feed("https://ods", example["profile"], name) for name in ("north", "south"))
    identity_map_of(result)
    _take_over(ledger, south, identity_map_of(result), tmp_path)
    mapped = ledger.identity_map(south)
    ods = mapped.rename(columns={"ed_fi_id": "id", "last_body": "body"})[["resource", "id", "etag", "body"]]
    nothing = build(emptied, profile=example["profile"], settings=settings)
    unaware = plan(nothing, ods=ods, mode="resync", source_name="north")
    assert unaware.items["action"].tolist() == ["DELETE"] * len(ods)
    aware = plan(nothing, identity_map=ledger.claims(north), ods=ods, mode="resync", source_name="north")
    assert aware.items.empty
    assert keys(aware.findings) == set()
    assert export_map(ledger, north, tmp_path / "north.csv") == 0


def _take_over(ledger, feed, mapped, folder):
    """Let a feed know an identity map, as if it had published it."""
    import json

    rows = mapped.assign(
        last_body=[json.dumps(body) for body in mapped["last_body"]],
        source_refs=[json.dumps(refs) for refs in mapped["source_refs"]],
        begin_date=mapped["begin_date"].dt.strftime("%Y-%m-%d"),
    )
    rows.drop(columns="feed").to_csv(folder / "map.csv", index=False)
    assert import_map(ledger, feed, folder / "map.csv") == len(mapped)


def test_the_same_folder_against_another_ods_starts_empty(ledger, client):
    result = a_build(a_participation(1))
    publish(plan(result), target=client, ledger=ledger, approved="auto")
    elsewhere = ledger.feed("https://another.example", "certification", "")
    assert ledger.identity_map(elsewhere).empty
    assert plan(result, identity_map=ledger.identity_map(elsewhere)).items["action"].tolist() == ["POST"]
    assert ledger.claims(elsewhere).empty
