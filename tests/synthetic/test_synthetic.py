"""Invented districts: the same every time, like a real year, and fit for an ODS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.rules import Build, build, profile_names, synthetic_of
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import TABLES, normalise

pytestmark = pytest.mark.volume
STUDENTS = 2000
IN_THE_ODS = {"REF-STUDENT", "COM-DEP-1"}  # of a dirty row that only the ODS can tell
# Rules and notices that a year brings along without any dirty row.
OF_A_YEAR = {
    "certification": {"CERT_MISSING", "END_WITHOUT_REASON"},
    "nm-powerschool": {
        *("NM-SEL-1", "NM-SEL-2", "NM-SEL-3", "NM-SEL-5", "NM-SEL-6", "NM-ERR-2"),
        *("COMPLETION_DROPPED", "ZERO_DAY_ENROLLMENT", "SUSPECT_LOCATION"),
    },
    "wi-infinite-campus": {
        *("WI-ENR-3", "WI-ENR-4", "WI-ENR-5", "WI-ENR-6", "WI-ENR-7", "WI-ENR-8", "WI-ENR-9", "WI-ENR-10"),
        *("WI-ENR-11", "WI-504-3", "WI-CEIS-2", "WI-MOD-4", "OTHER_PROVIDER"),
    },
}


def built_from(tables: Any, profile: str) -> Build:
    return build(normalise(tables), profile=profile, school_year=2026)


@pytest.fixture(scope="module", params=profile_names())
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tables(profile: str) -> dict[str, pd.DataFrame]:
    return synthetic_of(profile).district(students=STUDENTS, seed=7)


@pytest.fixture(scope="module")
def seeded(tables: dict[str, pd.DataFrame], profile: str) -> dict[str, list[dict[str, Any]]]:
    """Bodies of the seed, by resource."""
    bodies: dict[str, list[dict[str, Any]]] = {}
    for entry in synthetic_of(profile).ods_seed(tables):
        bodies.setdefault(entry["resource"], []).append(entry["body"])
    return bodies


def test_one_seed_gives_one_district_and_another_another(profile: str) -> None:
    first, same = (synthetic_of(profile).district(students=50, seed=3) for _ in range(2))
    assert list(first) == list(same)
    for name in first:
        pd.testing.assert_frame_equal(first[name], same[name])
    assert not synthetic_of(profile).district(students=50, seed=4)["enrollments"].equals(first["enrollments"])


def test_districts_of_two_organizations_share_no_student(profile: str) -> None:
    one = synthetic_of(profile).organization
    two = one + 1000
    ids = [
        set(synthetic_of(profile).district(students=50, organization=each)["students"]["student_unique_id"])
        for each in (one, two)
    ]
    assert len(ids[0]) == len(ids[1]) == 50
    assert ids[0].isdisjoint(ids[1])


def test_a_profile_or_organization_that_cannot_be_is_refused_with_what_can() -> None:
    with pytest.raises(ConfigError, match="nm-powerschool, wi-infinite-campus"):
        synthetic_of("wi-skyward").district(students=5)
    with pytest.raises(ConfigError, match="35, three digits and 000"):
        synthetic_of("nm-powerschool").district(students=5, organization=255901)


def test_the_tables_are_those_of_the_profile_as_text_and_every_cell_can_be_read(
    tables: dict[str, pd.DataFrame], profile: str
) -> None:
    assert (
        set(profile_of(profile).expected_tables(profile_of(profile).resolve())) <= set(tables) <= set(TABLES)
    )
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
    tables = synthetic_of("certification").district(students=STUDENTS)
    made = built_from(tables, "certification")
    assert len(made.records) == len(tables["program_participation"])
    assert 0.46 < len(made.records) / STUDENTS < 0.54
    assert made.records["resource"].nunique() == 5


def test_a_wisconsin_district_has_its_share_of_each_trigger() -> None:
    tables = synthetic_of("wi-infinite-campus").district(students=STUDENTS)
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
    tables = synthetic_of("nm-powerschool").district(students=STUDENTS)
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
    tables = synthetic_of("wi-infinite-campus").district(students=20)
    preset = {"descriptor_preset": "wi-dpi"}
    made = build(normalise(tables), profile="wi-infinite-campus", school_year=2026, settings=preset)
    programs = {
        (entry["body"]["programName"], entry["body"]["programTypeDescriptor"])
        for entry in synthetic_of("wi-infinite-campus").ods_seed(tables)
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


# ---- dirty rows


def test_the_share_of_dirty_rows_is_exact_and_every_kind_is_there(
    tables: dict[str, pd.DataFrame], profile: str
) -> None:
    dirty, wrong = synthetic_of(profile).with_dirty_rows(tables, 0.1)
    for name in {edit.table for edit in synthetic_of(profile).dirt}:
        assert wrong["table"].eq(name).sum() == round(0.1 * len(tables[name]))
    kinds = wrong[["table", "what", "rule"]].drop_duplicates().itertuples(index=False, name=None)
    assert set(kinds) == {(edit.table, edit.what, edit.rule) for edit in synthetic_of(profile).dirt}
    assert not wrong.duplicated(["table", "id"]).any()
    assert {name: len(frame) for name, frame in dirty.items()} == {n: len(f) for n, f in tables.items()}
    assert sum(_differing(tables[name], dirty[name]) for name in tables) == len(wrong)


def _differing(left: pd.DataFrame, right: pd.DataFrame) -> int:
    return int((left.ne(right) & ~(left.isna() & right.isna())).any(axis="columns").sum())


def test_each_dirty_row_is_found_by_the_rule_that_must_find_it(
    tables: dict[str, pd.DataFrame], profile: str, seeded: dict[str, list[dict[str, Any]]]
) -> None:
    dirty, wrong = synthetic_of(profile).with_dirty_rows(tables, 0.1)
    made = built_from(dirty, profile)
    found = set(made.skipped[["table", "id", "rule"]].itertuples(index=False, name=None))
    expected = set(wrong[["table", "id", "rule"]].itertuples(index=False, name=None))
    whose = {
        (name, row): student
        for name, frame in dirty.items()
        if "student_id" in frame
        for row, student in zip(frame[TABLES[name].primary_key[0]], frame["student_id"], strict=True)
    }
    through_a_student = {("students", whose.get((table, row)), rule) for table, row, rule in found}
    missed = expected - found - through_a_student
    assert {rule for _, _, rule in missed} <= IN_THE_ODS
    unreadable = {each for each in found if each[2].startswith("COM-NRM")}
    assert unreadable == {each for each in expected if each[2].startswith("COM-NRM")}

    strangers = set(made.records["student_unique_id"]) - {
        body["studentUniqueId"] for body in seeded["students"]
    }
    ids = tables["students"].set_index("student_id")["student_unique_id"]
    assert strangers == set(ids[wrong.loc[wrong["rule"].eq("REF-STUDENT"), "id"]] + "X")
    programs = set(made.records["program_name"]) - {body["programName"] for body in seeded["programs"]}
    assert programs == ({"Program of nowhere"} if profile == "certification" else set())


def test_what_is_wrong_or_changes_is_decided_by_the_seed(profile: str) -> None:
    tables = synthetic_of(profile).district(students=300)
    synthetic = synthetic_of(profile)
    for edit in (synthetic.with_dirty_rows, synthetic.with_changes):
        (first, facts), (same, same_facts) = (edit(tables, 0.02, seed=4) for _ in range(2))
        pd.testing.assert_frame_equal(facts, same_facts)
        for name in first:
            pd.testing.assert_frame_equal(first[name], same[name])
        assert not edit(tables, 0.02, seed=5)[1].equals(facts)
        nothing, none = edit(tables, 0)
        assert none.empty
        for name in nothing:
            pd.testing.assert_frame_equal(nothing[name], tables[name])
        with pytest.raises(ConfigError, match=r"from 0 to 0\.2"):
            edit(tables, 0.5)


# ---- the next state


def test_in_the_next_state_the_share_of_rows_that_changed_is_exact_and_the_rest_is_as_before(
    tables: dict[str, pd.DataFrame], profile: str
) -> None:
    after, changes = synthetic_of(profile).with_changes(tables, 0.1)
    kinds = {(edit.table, edit.what) for edit in synthetic_of(profile).changes}
    assert set(changes[["table", "what"]].itertuples(index=False, name=None)) == kinds
    for name, frame in tables.items():
        key = TABLES[name].primary_key[0]
        touched = changes.loc[changes["table"].eq(name), "id"]
        if name in {table for table, _ in kinds}:
            assert len(touched) == round(0.1 * len(frame))
        before, then = frame.set_index(key), after[name].set_index(key)
        assert not then.index.duplicated().any()
        untouched = before.index.difference(touched, sort=False)
        pd.testing.assert_frame_equal(then.loc[untouched], before.loc[untouched])
    assert normalise(after).skipped.empty


def test_a_move_ends_one_period_and_begins_another_elsewhere() -> None:
    tables = synthetic_of("nm-powerschool").district(students=STUDENTS)
    after, changes = synthetic_of("nm-powerschool").with_changes(tables, 0.1)
    moved = changes.loc[changes["what"].eq("moved"), "student_id"]
    before, then = tables["enrollments"], after["enrollments"]
    assert len(then) == len(before) + len(moved)
    current = then[then["is_current"].eq("1")].set_index("student_id").loc[moved]
    ended = then[~then["enrollment_id"].isin(before["enrollment_id"])].set_index("student_id").loc[moved]
    assert (ended["end_date"] == current["start_date"]).all()
    assert ended["is_current"].eq("0").all()
    assert 0.3 < ended["school_id"].ne(current["school_id"]).mean() <= 1


# ---- files


def test_a_written_district_reads_back_as_it_was_and_is_its_owner_s_only(
    profile: str, tmp_path: Path
) -> None:
    tables = synthetic_of(profile).district(students=30)
    folder = synthetic_of(profile).write(tmp_path / "district", tables)
    read = extract(folder, profile=profile)
    for name, frame in normalise(tables).items():
        pd.testing.assert_frame_equal(read[name], frame)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    lines = (folder / "ods-seed.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == list(synthetic_of(profile).ods_seed(tables))


def test_a_dirty_district_that_changes_is_written_with_what_is_wrong_and_what_changed(
    profile: str, tmp_path: Path
) -> None:
    tables = synthetic_of(profile).district(students=100)
    folder = synthetic_of(profile).write(tmp_path / "district", tables, dirty=0.1, churn=0.1, seed=2)
    dirty, wrong = synthetic_of(profile).with_dirty_rows(tables, 0.1, seed=2)
    after, changes = synthetic_of(profile).with_changes(dirty, 0.1, seed=2)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "_dirty.csv", dtype="str"), wrong)
    told = pd.read_csv(folder / "after" / "_changes.csv", dtype="str")
    pd.testing.assert_frame_equal(told, changes.drop(columns="rule"))
    for state, expected in ((folder, dirty), (folder / "after", after)):
        read, typed = extract(state, profile=profile), normalise(expected)
        for name, frame in typed.items():
            pd.testing.assert_frame_equal(read[name], frame)
        assert len(read.skipped) == len(typed.skipped) > 0
    lines = (folder / "ods-seed.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == list(synthetic_of(profile).ods_seed(tables))
