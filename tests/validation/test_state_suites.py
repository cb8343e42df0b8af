"""The suites of the two states: silent about good data, and each expectation finds exactly what it is there for.

A validation costs a second whatever its size, so one table holds many rows, each broken in one place.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.steps import checked_view
from edfi_toolkit.rules import build, synthetic_of
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.tables import TABLES as SCHEMA
from edfi_toolkit.validation import validate
from edfi_toolkit.validation.suite_files import read
from tests.factories.bodies import a_build, uri
from tests.factories.builds import build_of
from tests.rules import test_nm_powerschool as nm
from tests.rules import test_wi_infinite_campus as wi

NM, WI = "nm-powerschool", "wi-infinite-campus"
PROFILES = pytest.mark.parametrize("profile", [NM, WI])
SUITES = {path.stem: read(path) for each in (NM, WI) for path in profile_of(each).suites.glob("*.json")}
SETTINGS = {
    NM: {"nm.year_window": "calendar", "nm.enrolled_requires": "row_at_school"},
    WI: {"wi.ell_in_spa": True, "wi.ell_program_name": "EL", "wi.ell_program_type": "EL"},
}
TERM = {
    "calendar_id": "T",
    "school_id": "410",
    "school_year": 2026,
    "start_date": "2025-07-01",
    "end_date": "2026-06-30",
}
LEP = {"student_id": "2", "program_status": "EL", "el_served": "S", "identified_date": "2025-09-15"}
MASKER = Masker(b"a key for tests")
TEN, NINE = "7000000002", "700000002"


def good_tables(profile):
    """Small tables of a district in which nothing is wrong, each with a row."""
    if profile == NM:
        return nm.tables(cte={"school_id": "410"}, calendars=[dict(TERM)])
    return wi.tables(
        wi.enrolled(coord_early_intervention="Y", third_party_provider="CESA"),
        section504_records=[wi.a_504(end_date="2026-03-31")],
        ceis_records=[wi.a_ceis(end_date="2026-03-31")],
        instruction_mode_records=[wi.a_mode(end_date="2026-03-31")],
        lep_records=[{"record_id": "l1", **LEP}],
    )


# ---- Tables: profile, table, what is changed in a copy of its good row -> rule, severity, field

CELLS = [
    (NM, "students", {"student_unique_id": None}, ("NM-SEL-4", "warning", "student_unique_id")),
    (NM, "students", {"student_unique_id": "90011122A"}, ("NM-ELE-5", "warning", "student_unique_id")),
    (NM, "students", {"student_unique_id": "9" * 33}, ("COM-PAY-4", "critical", "student_unique_id")),
    (NM, "students", {"enroll_status": 7}, ("NM-ELE-1a", "warning", "enroll_status")),
    (NM, "students", {"location_code": "1234"}, ("NM-ERR-2", "warning", "location_code")),
    (NM, "schools", {"school_number": "1410"}, ("NM-ERR-2", "warning", "school_number")),
    (NM, "schools", {"school_number": None}, ("NM-ERR-2", "warning", "school_number")),
    (NM, "schools", {"alt_school_number": "1410"}, ("NM-ERR-2", "warning", "alt_school_number")),
    (NM, "schools", {"school_number": "1410", "state_exclude": True}, None),
    (NM, "enrollments", {"start_date": None}, ("NM-SEL-3", "warning", "start_date")),
    (NM, "enrollments", {"end_date": "2025-08-10"}, ("COM-VAL-1", "warning", "end_date, start_date")),
    (NM, "enrollments", {"start_date": "2026-07-01"}, ("NM-SEL-3", "info", "start_date")),
    (NM, "enrollments", {"start_date": "2023-08-14", "end_date": "2024-05-20"}, None),
    (NM, "calendars", {"start_date": None}, ("NM-SEL-3", "warning", "start_date")),
    (NM, "calendars", {"end_date": None}, ("NM-SEL-3", "warning", "end_date")),
    (NM, "calendars", {"end_date": "2025-06-30"}, ("SRC-DATES", "warning", "end_date, start_date")),
    (NM, "cte_records", {"school_id": None}, ("NM-SEL-2", "warning", "school_id")),
    (WI, "students", {"student_unique_id": None}, ("WI-ENR-1", "warning", "student_unique_id")),
    (WI, "students", {"student_unique_id": NINE}, ("WI-ELE-5", "warning", "student_unique_id")),
    (WI, "schools", {"ed_fi_school_id": None}, ("WI-ENR-10", "warning", "ed_fi_school_id")),
    (WI, "schools", {"ed_fi_school_id": 0}, ("SRC-VALUE", "warning", "ed_fi_school_id")),
    (WI, "schools", {"school_number": None}, ("WI-MOD-4", "warning", "school_number")),
    (WI, "schools", {"school_number": "12-4"}, ("WI-MOD-4", "warning", "school_number")),
    (WI, "schools", {"ed_fi_school_id": None, "school_number": None, "state_exclude": True}, None),
    (WI, "enrollments", {"start_date": None}, ("WI-ENR-2", "warning", "start_date")),
    (WI, "enrollments", {"end_date": "2025-09-01"}, ("WI-ENR-2", "warning", "end_date, start_date")),
    (WI, "enrollments", {"calendar_id": None}, ("WI-ENR-3", "warning", "calendar_id")),
    (WI, "enrollments", {"start_date": "2026-07-01", "end_date": None}, ("WI-ENR-3", "info", "start_date")),
    (
        WI,
        "enrollments",
        {"start_date": "2024-09-01", "end_date": "2025-06-10"},
        ("WI-ENR-3", "info", "end_date"),
    ),
    (WI, "enrollments", {"override_ed_fi_school_id": 0}, ("WI-ELE-1", "warning", "override_ed_fi_school_id")),
    (WI, "section504_records", {"start_date": None}, ("WI-504-1", "warning", "start_date")),
    (WI, "section504_records", {"end_date": "2024-02-29"}, ("WI-504-1", "warning", "end_date, start_date")),
    (WI, "ceis_records", {"start_date": None}, ("WI-CEIS-1", "warning", "start_date")),
    (WI, "ceis_records", {"end_date": "2025-10-05"}, ("WI-CEIS-1", "warning", "end_date, start_date")),
    (WI, "instruction_mode_records", {"start_date": None}, ("WI-MOD-1", "warning", "start_date")),
    (
        WI,
        "instruction_mode_records",
        {"end_date": "2025-09-07"},
        ("WI-MOD-1", "warning", "end_date, start_date"),
    ),
    (WI, "instruction_mode_records", {"start_date": "2025-06-30"}, ("WI-MOD-2", "warning", "start_date")),
    (WI, "instruction_mode_records", {"end_date": "2026-07-01"}, ("WI-MOD-2", "warning", "end_date")),
    (
        WI,
        "instruction_mode_records",
        {"learning_modality": None},
        ("WI-MOD-3", "warning", "learning_modality"),
    ),
    (
        WI,
        "instruction_mode_records",
        {"learning_modality": "Online"},
        ("WI-MOD-3", "warning", "learning_modality"),
    ),
    (WI, "instruction_mode_records", {"school_number": None}, ("WI-MOD-4", "warning", "school_number")),
    (WI, "instruction_mode_records", {"school_number": "00-40"}, ("WI-MOD-4", "warning", "school_number")),
    (WI, "lep_records", {"program_status": None}, ("WI-ELL-1", "warning", "program_status")),
    (WI, "lep_records", {"el_served": None}, ("WI-ELL-2", "warning", "el_served")),
    (WI, "lep_records", {"identified_date": None}, ("WI-ELL-3", "warning", "identified_date")),
    (WI, "lep_records", {"identified_date": "2026-07-01"}, ("WI-ELL-3", "warning", "identified_date")),
]


@cache
def broken_rows(profile):
    """One validation of tables with a broken row for each of CELLS: (table, row id) -> rule, severity, field."""
    tables = good_tables(profile)
    for number, (of_profile, table, cells, _) in enumerate(CELLS):
        if of_profile == profile:
            (key,) = SCHEMA[table].primary_key
            row = {**tables[table][0], key: f"row{number}"}
            if table == "students":
                row["student_unique_id"] = f"80000000{number:02d}"
            tables[table].append({**row, **cells})
    return said(validate(build_of(tables, profile=profile, settings=SETTINGS[profile])))


def said(checked):
    """(table, row id or None) -> rule, severity and field of what is said about a row or table, not a record."""
    found = checked.findings[checked.findings["resource"].isna()].astype(object)
    found = found.where(found.notna(), None)
    told = {}
    for row in found.to_dict("records"):
        told.setdefault((row["table"], row["row_id"]), []).append(
            (row["rule_id"], row["severity"], row["field"])
        )
    return told


@pytest.mark.parametrize("number", range(len(CELLS)))
def test_an_expectation_finds_the_cell_it_is_there_for_and_no_other(number):
    profile, table, _, expected = CELLS[number]
    assert broken_rows(profile).get((table, f"row{number}"), []) == ([expected] if expected else [])


@PROFILES
def test_good_rows_beside_broken_ones_stay_unmentioned(profile):
    numbered = {(table, f"row{number}") for number, (_, table, _, _) in enumerate(CELLS)}
    assert set(broken_rows(profile)) <= numbered


# which validation, profile, table, its rows -> what is said about the table, or about its first row
WHOLE = [
    (1, NM, "students", [{"student_id": "11", "student_unique_id": "9"}], ("NM-SEL-1", "warning", "student_published")),
    (1, NM, "preferences", [], ("NM-ERR-1", "warning", None)),
    (2, NM, "preferences", [{"name": "Region", "value": "7"}], ("NM-ERR-1", "warning", "name")),
    (3, NM, "preferences", [{"name": "DISTRICTNUMBER", "value": "89A"}], ("NM-ERR-1", "warning", "value")),
    (4, NM, "preferences", [{"name": "DistrictNumber", "value": None}], ("NM-ERR-1", "warning", "value")),
    (1, NM, "calendars", [{**TERM, "school_year": 2025}], ("NM-SEL-3", "warning", "school_year")),
    (2, NM, "cte_records", [], ("NM-SEL-2", "warning", None)),
    (
        1, WI, "calendars", [{"calendar_id": "CA", "school_id": "A", "school_year": 2025}],
        ("WI-ENR-3", "warning", "school_year"),
    ),
    (1, WI, "resource_preferences", [{"resource": "studentBandAssociations"}], ("COM-TOG-1", "warning", "resource")),
]  # fmt: skip


@cache
def broken_tables(which, profile):
    """One validation of good tables and those of WHOLE."""
    broken = {table: rows for *of, table, rows, _ in WHOLE if of == [which, profile]}
    tables = good_tables(profile) | broken
    return said(validate(build_of(tables, profile=profile, settings=SETTINGS[profile])))


@pytest.mark.parametrize(("which", "profile", "table", "rows", "expected"), WHOLE)
def test_an_expectation_finds_the_table_it_is_there_for(which, profile, table, rows, expected):
    told = broken_tables(which, profile)
    own = [each for (where, _), found in told.items() if where == table for each in found]
    assert [each for each in own if each[0] != "CONTROL_IGNORED"] == [expected]  # which the build says


# ---- Records: profile, resource, members changed in a good body (`a__b` is member b of a) -> rule, severity

CTE, GENERIC, SECTION_504 = (
    "studentCTEProgramAssociations", "studentProgramAssociations", "studentSection504ProgramAssociations",
)  # fmt: skip
ORGANIZATION, OWNER = (
    "educationOrganizationReference__educationOrganizationId",
    "programReference__educationOrganizationId",
)
NAME, KIND = "programReference__programName", "programReference__programTypeDescriptor"
STUDENT = "studentReference__studentUniqueId"
OTHER_SERVICE = {"cteProgramServiceDescriptor": uri("CTEProgramService", "Other")}
STATUS = {
    "participationStatusDescriptor": uri("ParticipationStatus", "Active"),
    "statusBeginDate": "2025-09-02",
}
COUNSELING = {"serviceDescriptor": uri("Service", "Counseling Services")}
OF_504 = {"beginDate": "2025-09-02", "section504Eligibility": True}
GOOD = {
    CTE: ("Career and Technical Education", "Career and Technical Education", 35089000, 35089410),
    GENERIC: ("Third Party - CESA", "Regular Education", 48856, 301240),
    SECTION_504: ("Section 504 Placement", "Section 504 Placement", 48856, 301240),
}
RECORDS = [
    (NM, CTE, {ORGANIZATION: 3508941}, [("NM-ELE-1", "critical")]),
    (NM, CTE, {ORGANIZATION: 36089410}, [("NM-ELE-1", "critical")]),
    (NM, CTE, {OWNER: 255901000}, [("NM-ELE-2", "critical")]),
    (NM, CTE, {KIND: uri("ProgramType", "Athletics")}, [("NM-ELE-3", "warning")]),
    (NM, CTE, {NAME: "Career and Tech"}, [("NM-ELE-4", "critical")]),
    (NM, CTE, {STUDENT: "90011122A"}, [("NM-ELE-5", "warning")]),
    (NM, CTE, {"beginDate": "2025-06-30"}, [("NM-SEL-3", "critical")]),
    (NM, CTE, {"beginDate": "2026-07-01"}, [("NM-SEL-3", "critical")]),
    (NM, CTE, {"cteProgramServices": [{**OTHER_SERVICE, "cipCode": "1"}]}, [("NM-ELE-8", "critical")]),
    (NM, CTE, {"endDate": "2026-05-20"}, [("NM-ELE-11", "critical")]),
    (WI, GENERIC, {OWNER: 48855}, [("WI-ELE-2", "critical")]),
    (WI, GENERIC, {NAME: "Third Party \u2013 CESA"}, [("WI-ELE-3", "critical")]),
    (WI, GENERIC, {KIND: uri("ProgramType", "Athletics")}, [("WI-ELE-3", "warning")]),
    (WI, GENERIC, {NAME: "Remote"}, [("WI-ELE-3", "warning")]),
    (WI, GENERIC, {NAME: "Section 504 Placement", KIND: "uri://dpi.wi.gov/ProgramTypeDescriptor#504"}, []),
    (WI, GENERIC, {STUDENT: NINE}, [("WI-ELE-5", "warning")]),
    (WI, GENERIC, {"endDate": "2026-07-01"}, [("OUTSIDE_YEAR", "warning")]),
    (WI, GENERIC, {"beginDate": "2025-06-30"}, [("OUTSIDE_YEAR", "warning")]),
    (WI, GENERIC, {"reasonExitedDescriptor": uri("ReasonExited", "Other")}, [("WI-ELE-8", "critical")]),
    (WI, GENERIC, {"servedOutsideOfRegularSession": False}, [("WI-ELE-8", "critical")]),
    (WI, GENERIC, {"programParticipationStatuses": [STATUS]}, [("WI-ELE-8", "critical")]),
    (WI, GENERIC, {"services": [COUNSELING]}, [("WI-ELE-8", "critical")]),
    (WI, SECTION_504, {**OF_504, NAME: "Section 504"}, [("WI-ELE-3", "critical")]),
    (WI, SECTION_504, {**OF_504, OWNER: 48855}, [("WI-ELE-2", "critical")]),
    (WI, SECTION_504, {**OF_504, STUDENT: NINE}, [("WI-ELE-5", "warning")]),
    (WI, SECTION_504, {**OF_504, "endDate": "2026-07-01"}, [("OUTSIDE_YEAR", "warning")]),
    (WI, SECTION_504, {**OF_504, "servedOutsideOfRegularSession": True}, [("WI-ELE-8", "critical")]),
    (WI, SECTION_504, OF_504, []),
]  # fmt: skip


def a_record(number, resource, members):
    """A good body of a student of its own, with members replaced."""
    name, kind, owner, organization = GOOD[resource]
    body = {
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {"educationOrganizationId": organization},
        "programReference": {
            "educationOrganizationId": owner,
            "programName": name,
            "programTypeDescriptor": uri("ProgramType", kind),
        },
        "studentReference": {"studentUniqueId": f"80000000{number:02d}"},
    }
    for path, value in members.items():
        outer, _, inner = path.partition("__")
        body[outer] = {**body[outer], inner: value} if inner else value
    return resource, body


@cache
def checked_records(profile):
    """One validation of all of RECORDS: by the number in RECORDS rule and severity, and which are held."""
    numbers = [number for number, each in enumerate(RECORDS) if each[0] == profile]
    bodies = [a_record(number, *RECORDS[number][1:3]) for number in numbers]
    checked = validate(a_build(*bodies, profile=profile, settings=profile_of(profile).resolve()))
    rows = {f"p{at}": number for at, number in enumerate(numbers)}
    told = {}
    unsaid = {"DESCRIPTOR_UNCHECKED"}  # without a target
    for row in checked.findings[~checked.findings["rule_id"].isin(unsaid)].to_dict("records"):
        told.setdefault(rows.get(row["row_id"]), set()).add((row["rule_id"], row["severity"]))
    held = {rows[refs[0].partition(":")[2]] for refs in checked.held["source_refs"]}
    return told, held


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_an_expectation_finds_the_record_it_is_there_for_and_holds_what_is_critical(number):
    profile, _, _, expected = RECORDS[number]
    told, held = checked_records(profile)
    assert told.get(number, set()) == set(expected)
    assert (number in held) == any(severity == "critical" for _, severity in expected)


# ---- The suites as a whole


@cache
def checked_good_tables(profile):
    """Good tables and what is built of them; no test may change it."""
    return validate(build_of(good_tables(profile), profile=profile))


@PROFILES
def test_good_tables_and_their_records_are_passed_without_a_word(profile):
    checked = checked_good_tables(profile)
    assert len(checked.ready) == len(checked.build.records) > 0
    assert set(checked.findings["rule_id"]) <= {"DESCRIPTOR_UNCHECKED"}


@pytest.mark.volume
@PROFILES
def test_of_a_synthetic_district_nothing_is_held(profile):
    """Its dirty rows are warned about or skipped by a rule; what is built may be sent."""
    checked = validate(build(synthetic_of(profile).district(students=400), profile=profile, school_year=2026))
    assert len(checked.build.records) > 100
    assert checked.held.empty
    assert set(checked.findings["severity"]) <= {"warning", "info"}


@pytest.mark.parametrize("name", sorted(SUITES))
def test_a_suite_of_a_state_speaks_under_that_profile_in_words_of_its_rules(name):
    suite = SUITES[name]
    assert suite.profile == name.partition(".")[0]
    for rule in suite.expectations:
        assert rule["meta"]["rule_id"] in RULES
        assert rule["meta"]["hint"] != "Nothing to do."


@pytest.mark.parametrize("name", sorted(SUITES))
def test_each_expectation_of_a_state_has_a_row_above_that_breaks_it(name):
    profile, _, subject = name.partition(".")
    table = subject.removeprefix("source.")
    of_tables = {
        (case[-1][0], case[-1][2])
        for case in [*CELLS, *(whole[1:] for whole in WHOLE)]
        if case[-1] and case[:2] == (profile, table)
    }
    of_records = {rule_id for _, resource, _, found in RECORDS if resource == table for rule_id, _ in found}
    for rule in SUITES[name].expectations:
        rule_id, kwargs = rule["meta"]["rule_id"], rule["kwargs"]
        pair = f"{kwargs['column_A']}, {kwargs['column_B']}" if "column_A" in kwargs else None
        assert rule_id in of_records or (rule_id, kwargs.get("column", pair)) in of_tables


def test_a_suite_of_one_state_is_silent_under_another_profile():
    tables = good_tables(WI)
    tables["students"][0] |= {"student_unique_id": None, "enroll_status": 7}
    found = validate(build_of(tables, profile=WI)).findings["rule_id"]
    assert "WI-ENR-1" in set(found)
    assert not found.str.startswith("NM-").any()


def test_nm_ele_10_a_record_is_checked_against_its_own_data_standard():
    older = build_of(good_tables(NM), profile=NM, settings={"data_standard": "4.0"})
    checked = validate(older)
    assert "DS-MEMBER" not in set(checked.findings["rule_id"])
    assert len(checked.ready) == 1
    mislabelled = validate(replace(older, settings={**older.settings, "data_standard": "5.2"}))
    (told,) = mislabelled.findings[mislabelled.findings["rule_id"].eq("DS-MEMBER")].to_dict("records")
    assert (told["severity"], told["field"]) == ("critical", "ctePrograms")


def test_com_std_1_members_of_a_data_standard_that_is_not_known_are_told_and_not_held():
    tables = good_tables(NM)
    newer = build_of(tables, profile=NM, settings={"data_standard": "7.1"})
    body = {**newer.records["body"].iloc[0], "newInSeven": True}
    records = newer.records.assign(body=pd.Series([body], dtype="body"))
    checked = validate(replace(newer, records=records))
    (told,) = checked.findings[checked.findings["rule_id"].eq("DS-MEMBER")].to_dict("records")
    assert (told["severity"], told["field"]) == ("warning", "newInSeven")
    assert told["hint"] == "Data Standard 7.1 was not checked; only a target can tell."
    (named,) = checked.findings[checked.findings["rule_id"].eq("STANDARD_UNKNOWN")].to_dict("records")
    assert named["severity"] == "warning"
    assert "Data Standard 7.1 is not known here; the records are built for 6.1" in named["says"]
    assert len(checked.ready) == 1


def test_wi_ele_4_a_program_type_of_the_states_own_is_left_to_the_target():
    checked = checked_good_tables(WI)
    told = checked.findings[checked.findings["rule_id"].eq("DESCRIPTOR_UNCHECKED")]
    value = uri("ProgramType", "Modality")
    assert told["says"].tolist() == [
        f"'{value}' is not one of the standard's own values; only a target can tell."
    ]
    assert checked.held.empty


def test_nm_err_2_of_rows_that_gave_no_record_it_is_not_said_that_they_are_sent():
    checked = validate(nm.built({"location_code": "1234"}))
    by_caption = {
        block.caption: set(block.frame.get("rule_id", ())) for block in checked_view(checked, MASKER).blocks
    }
    sent, not_sent = (by_caption[caption] for caption in by_caption if caption.startswith("Worth checking"))
    assert "NM-ERR-2" in not_sent - sent
