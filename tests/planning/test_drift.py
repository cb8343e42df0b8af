"""A plan held against the ODS as it is now: what each item would meet there, before anything is sent."""

from __future__ import annotations

from functools import cache

import orjson
import pandas as pd
import pytest

from edfi_toolkit.model import associations
from edfi_toolkit.ods import Write
from edfi_toolkit.ods.snapshot import _at, dependents, read_snapshot
from edfi_toolkit.planning import Plan, identity_map_of, plan, with_live
from edfi_toolkit.publishing import publish
from tests.factories.district import CTE, GENERAL, a_build, a_participation

ODS_COLUMNS = ["resource", "id", "etag", "body"]


def held(**changes):
    """By the id of each record what somebody has changed in it since it was published."""
    rows = [(GENERAL, at, "1", body() | members) for at, members in changes.items()]
    return pd.DataFrame(rows, columns=ODS_COLUMNS)


def told(made):
    """Code and student of what was found in the ODS."""
    live = made.findings[made.findings["code"].str.startswith("LIVE_")]
    return [
        (code, student)
        for code, student in zip(live["code"], live["student_unique_id"].fillna(""), strict=True)
        if code != "LIVE_COMPARED"
    ]


CHANGED = {"endDate": "2026-03-03"}
SOURCES = {
    "one": [a_participation(1)],
    "ended": [a_participation(1, end_date="2026-05-05")],
    "nothing": [],
}


def mapped():
    return identity_map_of(a_build(*SOURCES["one"]), ids=["m"])


def body():
    return a_build(*SOURCES["one"]).records["body"].iloc[0]


@cache
def planned(source, is_mapped=True):
    """The plan from what is published, or from nothing, which no test may change."""
    return plan(a_build(*SOURCES[source]), identity_map=mapped() if is_mapped else None)


@pytest.mark.parametrize(
    ("source", "is_mapped", "ods", "expected"),
    [
        ("ended", True, {"m": {}}, []),
        ("ended", True, {"m": CHANGED}, [("LIVE_CHANGED", "S-1")]),
        ("ended", True, {}, [("LIVE_GONE", "S-1")]),
        ("nothing", True, {"m": {}}, []),
        ("nothing", True, {"m": CHANGED}, [("LIVE_CHANGED", "S-1")]),
        ("nothing", True, {}, [("LIVE_GONE", "S-1")]),
        ("one", True, {"m": {}}, []),
        ("one", True, {"m": CHANGED}, [("LIVE_DRIFT", "S-1")]),
        ("one", True, {}, [("LIVE_DRIFT", "S-1")]),
        ("one", False, {}, []),
        ("one", False, {"o": {}}, [("LIVE_EXISTS", "S-1")]),
    ],
)
def test_what_each_action_would_meet(source, is_mapped, ods, expected):
    made = planned(source, is_mapped)
    live = with_live(made, held(**ods))
    assert told(live) == expected
    assert live.fingerprint == made.fingerprint, "what is found changes nothing of what would be sent"


def test_what_somebody_changed_is_told_by_the_names_of_the_members_never_by_values():
    live = with_live(planned("ended"), held(m=CHANGED))
    says = live.findings.set_index("code").at["LIVE_CHANGED", "says"]
    assert says == "Another program has changed endDate since; this would overwrite it."


def test_links_order_and_what_the_server_adds_are_no_change():
    served = body() | {"id": "m", "_etag": "9", "reasonExitedDescriptor": None}
    served["studentReference"] = served["studentReference"] | {"link": {"rel": "Student", "href": "/x"}}
    assert told(with_live(planned("ended"), held(m=served))) == []


def test_a_delete_of_a_record_that_others_refer_to_is_told():
    objective = mapped().assign(resource="studentCompetencyObjectives")
    live = with_live(planned("nothing"), held(m={}), dependents=objective)
    assert told(live) == [("LIVE_DEPENDENTS", "S-1")]
    other = objective.assign(student_unique_id="S-2")
    assert told(with_live(planned("nothing"), held(m={}), dependents=other)) == []


def test_what_could_not_be_read_is_told_and_nothing_is_said_of_its_records():
    live = with_live(planned("nothing"), held(), unread=[GENERAL])
    assert told(live) == []
    unread = live.findings[live.findings["code"].eq("RESOURCE_UNREAD")]
    assert unread["resource"].tolist() == [GENERAL]


def test_the_findings_are_kept_with_a_saved_plan(tmp_path):
    live = with_live(planned("nothing"), held(m=CHANGED))
    live.save(tmp_path)
    pd.testing.assert_frame_equal(Plan.load(tmp_path).findings, live.findings)


def test_all_that_stands_at_a_path_is_found():
    body = {"refs": [{"ref": {"a": 1}}, {"other": 1}, {"ref": {"a": 2}}], "one": {"two": 3}}
    assert _at(body, ["refs[*]", "ref"]) == [{"a": 1}, {"a": 2}]
    assert _at(body, ["one", "two"]) == [3]
    assert _at(body, ["none[*]", "ref"]) == _at(body, ["none", "ref"]) == []


def test_against_a_real_ods_that_somebody_else_has_written_to(client, ledger):
    """Ten records published, then changed, deleted and created by hand."""
    first = plan(a_build(*(a_participation(n) for n in range(1, 9))))
    publish(first, target=client, ledger=ledger, approved="auto")
    feed = ledger.feed(client.target.identity, "certification", first.scope.source)
    ids = ledger.identity_map(feed).set_index("student_unique_id")["ed_fi_id"]
    bodies = first.items.set_index("student_unique_id")["body"]
    extra = a_build(a_participation(9)).records["body"].iloc[0]
    by_hand = [
        Write("PUT", GENERAL, orjson.dumps(bodies["S-1"] | {"endDate": "2026-03-03"}), ids["S-1"], None, 0),
        Write("DELETE", GENERAL, None, ids["S-2"], None, 1),
        Write("PUT", GENERAL, orjson.dumps(bodies["S-3"] | {"endDate": "2026-03-03"}), ids["S-3"], None, 2),
        Write("DELETE", GENERAL, None, ids["S-4"], None, 3),
        Write("PUT", GENERAL, orjson.dumps(bodies["S-5"] | {"endDate": "2026-03-03"}), ids["S-5"], None, 4),
        Write("POST", GENERAL, orjson.dumps(extra), None, None, 5),
    ]
    assert {each.outcome for each in client.apply(by_hand)} == {"delivered"}
    ended = [a_participation(n, end_date="2026-05-05") for n in (1, 2, 6)]
    kept = [a_participation(n) for n in (3, 7, 9, 10)]
    made = plan(a_build(*ended, *kept), identity_map=ledger.identity_map(feed))

    ods, unread, lacking = read_snapshot(client, associations())
    live = with_live(made, ods, dependents=dependents(client), unread=unread, lacking=lacking)

    assert sorted(told(live)) == [
        ("LIVE_CHANGED", "S-1"),
        ("LIVE_CHANGED", "S-5"),
        ("LIVE_DRIFT", "S-3"),
        ("LIVE_EXISTS", "S-9"),
        ("LIVE_GONE", "S-2"),
        ("LIVE_GONE", "S-4"),
    ]
    assert CTE not in unread
