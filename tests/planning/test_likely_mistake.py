"""A steward's mistake is caught before anything is sent, and the message names it."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from edfi_toolkit.errors import UnsafePlan
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.planning.likely_mistake import behind_deletes
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import synthetic_of
from tests.factories.builds import build_once
from tests.factories.district import a_build, a_participation

PROFILES = ("certification", "nm-powerschool", "wi-infinite-campus")
DISTRICT = pytest.mark.volume  # a plan of a whole one
DAYS = ("begin_date", "start_date", "end_date")


@cache
def tables_of(profile):
    """The tables of one district, which no test may change."""
    return dict(synthetic_of(profile).district(students=90))


def the_build(profile, tables):
    return build_once(tables, profile=profile, school_year=2026)


@cache
def published(profile):
    return identity_map_of(the_build(profile, tables_of(profile)))


def said(profile, tables):
    """The breaches of the plan from the district as it was to these tables, and what they say."""
    made = plan(the_build(profile, tables), identity_map=published(profile))
    breaches = made.findings[made.findings["code"].isin(made.breaches)]
    return dict(zip(breaches["code"], breaches["says"], strict=True))


def last_years(tables):
    """What the same export would have been a year ago."""
    shifted = {}
    for name, rows in tables.items():
        moved = rows.copy()
        for column in DAYS if name not in ("calendars", "edfi_config") else ():
            if column in moved:
                moved[column] = [_year_before(day) for day in moved[column]]
        shifted[name] = moved
    if "calendars" in shifted:
        shifted["calendars"]["school_year"] = "2025"
    return shifted


def _year_before(day):
    return day if pd.isna(day) or not day else f"{int(day[:4]) - 1}{day[4:]}".replace("02-29", "02-28")


@DISTRICT
@pytest.mark.parametrize("profile", PROFILES)
def test_an_emptied_source(profile):
    empty = {
        name: rows if name in ("edfi_config", "preferences") else rows.iloc[:0]
        for name, rows in tables_of(profile).items()
    }
    told = said(profile, empty)
    assert set(told) == {"source-lost", "empty-source", "mass-delete", "max-delete-share"}
    assert "The source gives no student" in told["empty-source"]


@DISTRICT
@pytest.mark.parametrize(
    ("profile", "table"),
    [("certification", "program_participation"), ("wi-infinite-campus", "enrollments")],
)
def test_one_emptied_table(profile, table):
    tables = tables_of(profile)
    told = said(profile, {**tables, table: tables[table].iloc[:0]})
    assert set(told) == {"source-lost", "mass-delete", "max-delete-share"}
    assert f"The table {table} holds no rows" in told["max-delete-share"]
    assert f"The table {table} has no row any more" in told["source-lost"]


def test_a_district_number_typed_wrong_in_new_mexico():
    tables = tables_of("nm-powerschool")
    preferences = tables["preferences"].copy()
    is_it = preferences["name"].str.lower().eq("districtnumber")
    right = preferences.loc[is_it, "value"].iloc[0]
    preferences.loc[is_it, "value"] = wrong = str(int(right) + 9)
    told = said("nm-powerschool", {**tables, "preferences": preferences})
    assert "only move to another organization" in told["max-delete-share"]
    assert "look for a district's or school's number typed wrong" in told["max-delete-share"]
    assert f"to 35{int(wrong):03}" in told["max-delete-share"]


@DISTRICT
@pytest.mark.parametrize(
    ("profile", "table", "column"),
    [
        ("certification", "program_participation", "program_education_organization_id"),
        ("certification", "program_participation", "education_organization_id"),
        ("wi-infinite-campus", "schools", "ed_fi_school_id"),
    ],
)
def test_an_organization_typed_wrong(profile, table, column):
    tables = tables_of(profile)
    rows = tables[table].copy()
    rows[column] = [each if pd.isna(each) or not each else f"9{each}" for each in rows[column]]
    told = said(profile, {**tables, table: rows})
    assert "only move to another organization" in told["max-delete-share"]


def test_a_flipped_choice_profile():
    """WI-CFG-1: nothing would be sent, and nobody would notice."""
    tables = tables_of("wi-infinite-campus")
    config = pd.DataFrame([{"school_year": "2026", "profile": "choice_only"}])
    told = said("wi-infinite-campus", {**tables, "edfi_config": config})
    assert set(told) == {"not-published"}
    assert "says profile choice_only, which publishes nothing" in told["not-published"]
    first = plan(the_build("wi-infinite-campus", {**tables, "edfi_config": config}))
    assert first.breaches == ()


@DISTRICT
@pytest.mark.parametrize("profile", PROFILES)
def test_last_years_file(profile):
    told = said(profile, last_years(tables_of(profile)))
    removed = set() if profile == "certification" else {"mass-delete"}  # there every key only moves by a year
    assert set(told) == {"max-delete-share"} | removed
    assert "No row begins in the school year, 2025-07-01 to 2026-06-30" in told["max-delete-share"]
    assert "This looks like last year's file." in told["max-delete-share"]


def test_next_years_file():
    rows = [a_participation(number, begin_date="2026-08-20") for number in range(40)]
    before = a_build(*(a_participation(number) for number in range(40)))
    made = plan(a_build(*rows), identity_map=identity_map_of(before))
    assert "begins on 2026-08-20. Is the year right?" in made.findings["says"].iloc[0]


def test_one_changed_column_is_named_in_the_breach_of_updates():
    before = a_build(*(a_participation(number) for number in range(40)))
    after = a_build(*(a_participation(number, end_date="2026-01-31") for number in range(40)))
    made = plan(after, identity_map=identity_map_of(before))
    (says,) = made.findings.loc[made.findings["code"].eq("max-update-share"), "says"]
    assert says.endswith("For 40 of them the reason is the same: changed: endDate.")


def test_changes_without_one_cause_are_told_by_their_number_only():
    before = a_build(*(a_participation(number) for number in range(60)))
    moved = [a_participation(number, education_organization_id=255901001) for number in range(15)]
    later = [a_participation(number, begin_date="2025-09-30") for number in range(15, 40)]
    after = a_build(*moved, *later)
    made = plan(after, identity_map=identity_map_of(before))
    assert behind_deletes(made.items, after) == ""
    (says,) = made.findings.loc[made.findings["code"].eq("max-delete-share"), "says"]
    assert says == "The plan would delete 60 of 60 published records; the limit is 10%."


def test_a_mistake_is_refused_and_an_override_is_kept_with_breach_and_person(client, tmp_path):
    result = a_build(*(a_participation(number) for number in range(12)), settings={"free_changes": 5})
    emptied = a_build(
        students=[{"student_id": "1", "student_unique_id": "S-1"}], settings={"free_changes": 5}
    )
    with Ledger(tmp_path / "ledger.db") as ledger:
        publish(plan(result), target=client, ledger=ledger, approved="auto")
        feed = ledger.feed(client.target.identity, "certification", "")
        made = plan(emptied, identity_map=ledger.identity_map(feed))
        with pytest.raises(UnsafePlan) as refused:
            publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        breaches = ("source-lost", "source-shrunk", "max-delete-share", "mass-delete")
        assert refused.value.breaches == breaches
        assert "The table program_participation holds no rows" in str(refused.value)
        meant = [f"{breach}:Ann Example" for breach in breaches]
        with pytest.raises(UnsafePlan) as one_left:
            publish(made, target=client, ledger=ledger, approved="auto", overrides=meant[1:])
        assert one_left.value.breaches == ("source-lost",)
        publish(made, target=client, ledger=ledger, approved="auto", overrides=meant, run_id="meant")
        assert ledger.overrides("meant")[["breach", "person"]].values.tolist() == [
            [breach, "Ann Example"] for breach in breaches
        ]
        assert ledger.identity_map(feed).empty
