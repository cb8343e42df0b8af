"""What must hold for any tables at all, whatever the profile."""

from __future__ import annotations

import copy
import re

import pandas as pd
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from edfi_toolkit.model import KEY_COLUMNS, natural_key, same_body
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.rules import build
from edfi_toolkit.rules.catalogue import RULES
from tests.factories.builds import build_of
from tests.proofs import PROVE, bounded
from tests.rules.random_tables import TABLES

pytestmark = pytest.mark.volume
PROFILES = pytest.mark.parametrize("profile", sorted(TABLES))


def few(test):
    """A few examples in `make test`, the same for tests that draw the same, so that these share their builds."""
    return bounded(3)(test if PROVE else seed(1)(test))


TRIGGERS = {
    "certification": ["program_participation"],
    "nm-powerschool": [],
    "wi-infinite-campus": ["section504_records", "ceis_records", "instruction_mode_records"],
}


def shown(built):
    return [(row["resource"], row["body"], row["source_refs"]) for row in built.records.to_dict("records")]


def reported(built):
    return set(built.skipped[["table", "id", "rule"]].itertuples(index=False, name=None))


@PROFILES
@few
@given(data=st.data())
def test_every_row_is_accounted_for(profile, data):
    """COM-SKP-1: rows read = used + skipped + unreadable + collapsed + not applicable."""
    tables = data.draw(TABLES[profile])
    built = build_of(tables, profile=profile)
    account = built.accounting().set_index("table")
    for name, row in account.iterrows():
        assert row["rows_in"] == len(tables[name])
        assert row["rows_in"] == row[["used", "skipped", "set_aside", "collapsed", "not_applicable"]].sum()
    for name in TRIGGERS[profile]:
        assert account["not_applicable"].get(name, 0) == 0, "a row with a trigger is used or has a reason"
    assert not built.skipped.duplicated(["table", "id"]).any()
    assert built.skipped["detail"].notna().all()


@PROFILES
@few
@given(data=st.data())
def test_the_order_of_rows_never_matters_and_tables_are_left_alone(profile, data):
    tables = data.draw(TABLES[profile])
    before = copy.deepcopy(tables)
    mixed = {name: data.draw(st.permutations(rows)) for name, rows in tables.items()}
    first, second = build(tables, profile=profile), build_of(mixed, profile=profile)
    assert tables == before
    assert [each[:2] for each in shown(first)] == [each[:2] for each in shown(second)]
    assert reported(first) == reported(second)


@PROFILES
@few
@given(data=st.data())
def test_building_twice_gives_the_same(profile, data):
    tables = data.draw(TABLES[profile])
    first, second = build_of(tables, profile=profile), build(tables, profile=profile)
    for name in ("records", "skipped", "notices"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


@PROFILES
@few
@given(data=st.data())
def test_keys_are_unique_within_a_resource_and_columns_agree_with_bodies(profile, data):
    records = build_of(data.draw(TABLES[profile]), profile=profile).records
    assert not records.duplicated(["resource", *KEY_COLUMNS]).any()
    for row in records.to_dict("records"):
        key = natural_key(row["body"])
        assert key[0] == row["begin_date"].date().isoformat()
        assert key[1:] == tuple(row[name] for name in KEY_COLUMNS[1:])
        assert not any(value is None for value in row["body"].values())


@PROFILES
@few
@given(data=st.data())
def test_an_unrelated_student_never_changes_a_record(profile, data):
    tables = data.draw(TABLES[profile])
    alone = {
        name: [row for row in rows if row.get("student_id", "1") in ("1", "2")]
        for name, rows in tables.items()
    }
    shared = {row.get("student_unique_id") for row in tables["students"] if row["student_id"] in ("1", "2")}
    if any(row["student_id"] == "3" and row["student_unique_id"] in shared for row in tables["students"]):
        return  # one state id, two persons: not unrelated
    mine = [
        each
        for each in shown(build_of(tables, profile=profile))
        if {"students:1", "students:2"} & set(each[2])
    ]
    assert mine == shown(build_of(alone, profile=profile))


@PROFILES
@few
@given(data=st.data())
def test_from_any_state_a_publish_ends_where_a_fresh_build_would(profile, data):
    """Before and after published in turn leave what the later build says; records at rest are those on hold."""
    first, second = (build_of(data.draw(TABLES[profile]), profile=profile) for _ in range(2))
    held = {natural_key(each)[:6] for each in first.records["body"]}
    planned = plan(second, identity_map=identity_map_of(first))
    ods = {
        (row["resource"], natural_key(row["body"])): row["body"] for row in first.records.to_dict("records")
    }
    for item in planned.items.to_dict("records"):
        where = (
            item["resource"],
            natural_key(item["body"] if isinstance(item["body"], dict) else item["before"]),
        )
        if item["action"] == "DELETE":
            del ods[where]
        elif item["action"] in ("POST", "PUT"):
            assert (where in ods) == (item["action"] == "PUT")
            ods[where] = item["body"]
    wanted = {
        (row["resource"], natural_key(row["body"])): row["body"] for row in second.records.to_dict("records")
    }
    at_rest = set(ods) ^ set(wanted)
    assert all(where[1] in held for where in at_rest)
    if not second.skipped["rule"].str.startswith("COM-NRM").any():
        assert at_rest == set()
    for where in set(ods) & set(wanted) - at_rest:
        assert same_body(ods[where], wanted[where])


# What must be so of the enrollment behind a record, before and after, when an event is named for it.
HAPPENED = {
    "WI-EVT-12": lambda old, new: new["third_party_provider"] not in ("CESA", "OTHER"),
    "WI-EVT-13": lambda old, new: old["third_party_provider"] != new["third_party_provider"],
    "WI-EVT-15": lambda old, new: not excluded(old) and excluded(new),
    "WI-EVT-16": lambda old, new: new is None,
    "WI-EVT-17": lambda old, new: old["service_type"] != "S" and new["service_type"] == "S",
    "WI-EVT-18": lambda old, new: False,  # the random schools and calendars never change
    "WI-EVT-19": lambda old, new: old["override_ed_fi_school_id"] != new["override_ed_fi_school_id"],
    "WI-EVT-24": lambda old, new: old["state_enrollment_type"] != "C" and new["state_enrollment_type"] == "C",
}


def excluded(enrollment):
    return enrollment["no_show"] or enrollment["state_exclude"]


@few
@given(data=st.data())
def test_an_event_is_named_only_when_it_happened(data):
    """WI-EVT: the plan sees one state and the identity map; the test sees both states."""
    before, after = (data.draw(TABLES["wi-infinite-campus"]) for _ in range(2))
    first, second = (build_of(each, profile="wi-infinite-campus") for each in (before, after))
    old, new = ({row["enrollment_id"]: row for row in each["enrollments"]} for each in (before, after))
    published = {natural_key(row["body"]): row["source_refs"] for row in first.records.to_dict("records")}
    moved: dict[int, list[str]] = {}
    for item in plan(second, identity_map=identity_map_of(first)).items.to_dict("records"):
        refs = (
            published.get(natural_key(item["before"] or item["body"])) if item["action"] != "NOOP" else None
        )
        if item["action"] == "DELETE" and not pd.isna(item["pair"]):
            moved[item["pair"]] = refs
        refs = moved.get(item["pair"], refs)
        for event in re.findall("WI-EVT-[0-9]+", item["reason"]):
            assert event in RULES
            if event in HAPPENED:
                (behind, *_) = (ref.partition(":")[2] for ref in refs[1:] if ref.startswith("enrollments:"))
                assert HAPPENED[event](old[behind], new.get(behind)), (event, item["reason"])


@PROFILES
@few
@given(data=st.data())
def test_the_story_of_a_student_tells_of_all_their_rows_and_records(profile, data):
    tables = data.draw(TABLES[profile])
    built = build_of(tables, profile=profile)
    if "SHARED_UNIQUE_ID" in set(built.notices["code"]):
        return  # one state id, two persons: their records may collapse into one
    for student in ("1", "2", "9"):
        story = built.explain(student_id=student).frame
        told = set(story["table"] + ":" + story["id"])
        for name, rows in tables.items():
            for row in rows:
                assert row.get("student_id") != student or f"{name}:{next(iter(row.values()))}" in told
        mine = [refs for refs in built.records["source_refs"] if f"students:{student}" in refs]
        assert story["outcome"].eq("built").sum() == len(mine)
        assert story["outcome"].eq("nothing built").any() == (not mine)
