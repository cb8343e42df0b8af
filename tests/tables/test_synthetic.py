"""Invented districts: the same every time, like a real year, and fit for an ODS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.rules import Build, build
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import PROFILE_TABLES, TABLES, normalise
from edfi_toolkit.tables.synthetic import PROFILES, district, ods_seed, write

STUDENTS = 2000
# Rules and notices that a year brings along without any dirty row.
OF_A_YEAR = {
    "certification": {"CERT_MISSING", "END_WITHOUT_REASON"},
    "nm-powerschool": {
        *("NM-SEL-1", "NM-SEL-2", "NM-SEL-3", "NM-SEL-5", "NM-SEL-6", "NM-ERR-2"),
        *("COMPLETION_DROPPED", "ZERO_DAY_ENROLLMENT", "SUSPECT_LOCATION"),
    },
    "wi-infinite-campus": {
        *("WI-ENR-3", "WI-ENR-4", "WI-ENR-5", "WI-ENR-6", "WI-ENR-7", "WI-ENR-8", "WI-ENR-9", "WI-ENR-10"),
        *("WI-ENR-11", "WI-504-3", "WI-CEIS-2", "WI-MOD-4"),
    },
}


def built_from(tables: Any, profile: str) -> Build:
    return build(normalise(tables), profile=profile, school_year=2026)


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tables(profile: str) -> dict[str, pd.DataFrame]:
    return district(students=STUDENTS, profile=profile, seed=7)


@pytest.fixture(scope="module")
def seeded(tables: dict[str, pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """Bodies of the seed, by resource."""
    bodies: dict[str, list[dict[str, Any]]] = {}
    for entry in ods_seed(tables):
        bodies.setdefault(entry["resource"], []).append(entry["body"])
    return bodies


def test_one_seed_gives_one_district_and_another_another(profile: str) -> None:
    first, same = (district(students=50, profile=profile, seed=3) for _ in range(2))
    assert list(first) == list(same)
    for name in first:
        pd.testing.assert_frame_equal(first[name], same[name])
    assert not district(students=50, profile=profile, seed=4)["enrollments"].equals(first["enrollments"])


def test_districts_of_two_organizations_share_no_student(profile: str) -> None:
    one, two = PROFILES[profile].ORGANIZATION, PROFILES[profile].ORGANIZATION + 1000
    ids = [
        set(district(students=50, profile=profile, organization=each)["students"]["student_unique_id"])
        for each in (one, two)
    ]
    assert len(ids[0]) == len(ids[1]) == 50
    assert ids[0].isdisjoint(ids[1])


def test_a_profile_or_organization_that_cannot_be_is_refused_with_what_can() -> None:
    with pytest.raises(ConfigError, match="nm-powerschool, wi-infinite-campus"):
        district(students=5, profile="wi-skyward")
    with pytest.raises(ConfigError, match="35, three digits and 000"):
        district(students=5, profile="nm-powerschool", organization=255901)


def test_the_tables_are_those_of_the_profile_as_text_and_every_cell_can_be_read(
    tables: dict[str, pd.DataFrame], profile: str
) -> None:
    assert set(PROFILE_TABLES[profile]) <= set(tables) <= set(TABLES)
    for name, frame in tables.items():
        assert {str(dtype) for dtype in frame.dtypes} == {"str"}, name
    read = normalise(tables)
    assert read.skipped.empty
    assert read.notices.empty
    assert len(read.students) == STUDENTS


def test_a_year_has_moves_re_entries_late_entries_and_periods_of_the_year_before(
    tables: dict[str, pd.DataFrame],
) -> None:
    enrollments = normalise(tables).enrollments.sort_values(["student_id", "start_date"])
    assert len(enrollments) == STUDENTS * 1.17  # 0.12 moves, 0.02 re-entries, 0.03 of last year
    this_year = enrollments[enrollments["start_date"].ge("2025-07-01")]
    assert len(enrollments) - len(this_year) == STUDENTS * 0.03
    again = this_year[this_year["student_id"].duplicated(keep=False)].groupby("student_id")
    assert len(again) == STUDENTS * 0.14
    before, after = again.nth(0).set_index("student_id"), again.nth(1).set_index("student_id")
    assert after["start_date"].gt(before["end_date"]).any()
    back = after["school_id"].eq(before["school_id"].reindex(after.index))
    assert 0.05 < back.mean() < 0.35
    late = this_year.drop_duplicates("student_id")["start_date"].gt("2025-08-18")
    assert 0.04 < late.mean() < 0.08


def test_every_rule_that_a_year_brings_along_is_met_and_no_other(
    tables: dict[str, pd.DataFrame], profile: str
) -> None:
    made = built_from(tables, profile)
    assert {*made.skipped["rule"], *made.notices["code"]} == OF_A_YEAR[profile]


def test_half_of_a_certification_district_takes_part_and_every_participation_becomes_a_record() -> None:
    tables = district(students=STUDENTS)
    made = built_from(tables, "certification")
    assert len(made.records) == len(tables["program_participation"])
    assert 0.46 < len(made.records) / STUDENTS < 0.54
    assert made.records["resource"].nunique() == 5


def test_a_wisconsin_district_has_its_share_of_each_trigger() -> None:
    tables = district(students=STUDENTS, profile="wi-infinite-campus")
    assert len(tables["section504_records"]) == STUDENTS * 0.06
    assert len(tables["ceis_records"]) == STUDENTS * 0.02
    assert 0.95 < len(tables["instruction_mode_records"]) / STUDENTS < 1.05
    spans = tables["section504_records"]["start_date"].lt("2025-07-01")
    assert 0.3 < spans.mean() < 0.5
    switched = tables["instruction_mode_records"].duplicated(["student_id", "school_number"])
    assert 0.05 < switched.mean() < 0.15
    records = built_from(tables, "wi-infinite-campus").records
    assert set(records["program_name"]) == {
        *("Section 504 Placement", "Coordinated Early Intervening Services"),
        *("Third Party - CESA", "Third Party - Other", "In-Person", "Remote", "Hybrid"),
    }
    provided = records["program_name"].str.startswith("Third Party")
    assert 0.07 < provided.sum() / STUDENTS < 0.13
    overridden = tables["enrollments"]["override_ed_fi_school_id"].notna()
    assert 0.005 < overridden.mean() < 0.02


def test_half_of_a_new_mexico_district_has_credentials_and_some_more_than_one() -> None:
    tables = district(students=STUDENTS, profile="nm-powerschool")
    credentials, students = tables["cte_records"], tables["students"]
    assert credentials["student_id"].nunique() == STUDENTS * 0.52
    assert 0.15 < credentials.groupby("student_id").size().gt(1).mean() < 0.30
    transferred = students["enroll_status"].eq("2")
    assert 0.01 < transferred.mean() < 0.03
    assert students.loc[transferred, "current_school_id"].ne(students["enrollment_school_id"]).any()
    assert {"999", "000"} < set(students["location_code"].dropna())
    records = built_from(tables, "nm-powerschool").records
    assert 0.5 < len(records) / STUDENTS < 0.62
    assert records["education_organization_id"].between(35089000, 35089999).all()


def test_everything_that_a_record_names_is_in_the_seed(
    tables: dict[str, pd.DataFrame], profile: str, seeded: dict[str, list[dict[str, Any]]]
) -> None:
    records = built_from(tables, profile).records
    schools = {body["schoolId"] for body in seeded["schools"]}
    districts = {body["localEducationAgencyId"] for body in seeded["localEducationAgencies"]}
    assert set(records["education_organization_id"]) <= schools | districts
    programs = {
        (body["educationOrganizationReference"]["educationOrganizationId"], body["programName"])
        for body in seeded["programs"]
    }
    named = records[["program_education_organization_id", "program_name"]].drop_duplicates()
    assert set(named.itertuples(index=False, name=None)) <= programs
    students = {body["studentUniqueId"] for body in seeded["students"]}
    enrolled = {body["studentReference"]["studentUniqueId"] for body in seeded["studentSchoolAssociations"]}
    assert set(records["student_unique_id"]) <= enrolled <= students
    known = {uri for uris in model.descriptor_values().values() for uri in uris}
    own = {f"{body['namespace']}#{body['codeValue']}" for body in seeded.get("programTypeDescriptors", ())}
    for body in records["body"]:
        assert set(_descriptors(body)) <= known | own


def test_the_programs_of_wisconsin_stand_in_the_seed_by_the_state_s_own_types_too() -> None:
    tables = district(students=20, profile="wi-infinite-campus")
    preset = {"descriptor_preset": "wi-dpi"}
    made = build(normalise(tables), profile="wi-infinite-campus", school_year=2026, settings=preset)
    programs = {
        (entry["body"]["programName"], entry["body"]["programTypeDescriptor"])
        for entry in ods_seed(tables)
        if entry["resource"] == "programs"
    }
    assert made.records["program_type_descriptor"].str.startswith("uri://dpi.wi.gov/").any()
    assert (
        set(zip(made.records["program_name"], made.records["program_type_descriptor"], strict=True))
        <= programs
    )


def _descriptors(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [each for name, each in value.items() if name.endswith("Descriptor")]
        return own + [uri for each in value.values() for uri in _descriptors(each)]
    return [uri for each in value for uri in _descriptors(each)] if isinstance(value, list) else []


def test_a_written_district_reads_back_as_it_was_and_is_its_owner_s_only(
    profile: str, tmp_path: Path
) -> None:
    tables = district(students=30, profile=profile)
    folder = write(tmp_path / "district", tables)
    read = extract(folder, profile=profile)
    for name, frame in normalise(tables).items():
        pd.testing.assert_frame_equal(read[name], frame)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    lines = (folder / "ods-seed.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == list(ods_seed(tables))
