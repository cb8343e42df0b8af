"""What validation finds in records and rows, and what it holds."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.model import KEY_COLUMNS, associations, resource
from edfi_toolkit.review.places import findings_at_places
from edfi_toolkit.rules import build
from edfi_toolkit.rules.certification.rules import SHEET
from edfi_toolkit.validation import Checked, validate
from edfi_toolkit.validation.findings import Collected, first_rows
from edfi_toolkit.validation.organizations import check_organizations
from tests.factories.bodies import CTE, FOOD, GENERAL, LEA, a_body, a_build, uri, without
from tests.factories.builds import build_of
from tests.factories.participations import REQUIRED, a_participation, certification_tables
from tests.factories.samples import sample, sample_build, sample_checked
from tests.rules import test_wi_infinite_campus as wi

SPED = "studentSpecialEducationProgramAssociations"
LANGUAGE = "studentLanguageInstructionProgramAssociations"


def found_in(*records: tuple[str, dict[str, Any]], **build_parts: Any) -> list[tuple[str, str, str]]:
    """severity, rule and field of everything found."""
    findings = validate(a_build(*records, **build_parts)).findings
    return [tuple(row) for row in findings[["severity", "rule_id", "field"]].to_numpy()]


REQUIRED_BY_STANDARD = [
    (endpoint, path.removeprefix("$."))
    for endpoint in associations()
    for path, facts in resource(endpoint)["properties"].items()
    if facts.get("required") and facts["type"] not in {"object", "array"}
]


def is_in(body: dict[str, Any], path: str) -> bool:
    try:
        without(body, path)
    except KeyError:
        return False
    return True


PARTICIPATIONS = [
    a_participation(
        endpoint,
        resource=endpoint,
        attributes=REQUIRED.get(endpoint, {}),
        begin_date=f"2025-09-{day:02d}",
    )
    for day, endpoint in enumerate(associations(), 1)
]
COMPLETE = {endpoint: a_body(endpoint) for endpoint in associations()}
LACKING_REQUIRED = [
    (endpoint, path) for endpoint, path in REQUIRED_BY_STANDARD if is_in(COMPLETE[endpoint], path)
]
LACKING_OF_SHEET = [(endpoint, field) for endpoint in associations() for field in SHEET.get(endpoint, ())]


@pytest.fixture(scope="module")
def of_all_ten() -> Checked:
    """One validation of what the rules build of each resource, of complete records, and of those that lack a field."""
    made = build_of(certification_tables(*PARTICIPATIONS), profile="certification")
    own = [(endpoint, _of_its_own(n, body)) for n, (endpoint, body) in enumerate(COMPLETE.items())]
    required = [(endpoint, without(COMPLETE[endpoint], path)) for endpoint, path in LACKING_REQUIRED]
    of_sheet = [
        (endpoint, _of_its_own(100 + n, without(COMPLETE[endpoint], field)))
        for n, (endpoint, field) in enumerate(LACKING_OF_SHEET)
    ]
    others = a_build(*own, *required, *of_sheet).records
    return validate(dataclasses.replace(made, records=pd.concat([made.records, others], ignore_index=True)))


def _of_its_own(number: int, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "studentReference": {"studentUniqueId": f"4{number}"}}


def rows_of(cases: Sequence[Any], *before: Sequence[Any]) -> list[str]:
    """The source rows of some of the records of `of_all_ten`."""
    first = sum(map(len, before))
    return [f"p{number}" for number in range(first, first + len(cases))]


def made_of(records: pd.DataFrame, rows: Sequence[str]) -> list[str]:
    """Those of the rows that the records are made from."""
    found = {refs[0].partition(":")[2] for refs in records["source_refs"]}
    return [row for row in rows if row in found]


def test_complete_records_of_all_ten_resources_are_ready_and_nothing_is_found(of_all_ten):
    rows = rows_of(COMPLETE)
    assert len(rows) == 10
    assert made_of(of_all_ten.ready, rows) == rows
    assert made_of(of_all_ten.held, rows) == []
    found = of_all_ten.findings["row_id"]
    assert found.notna().all()
    assert not found.isin(rows).any()


def test_each_field_the_standard_requires_is_critical_when_missing(of_all_ten):
    """DS-REQUIRED; every required field that the bodies have in turn."""
    rows = rows_of(LACKING_REQUIRED, COMPLETE)
    assert len(rows) >= 70
    missing = of_all_ten.findings[of_all_ten.findings["rule_id"].eq("DS-REQUIRED")]
    assert set(missing["severity"]) == {"critical"}
    told = dict(zip(missing["row_id"], zip(missing["resource"], missing["field"], strict=True), strict=True))
    paths = [(endpoint, path.replace("[*]", "")) for endpoint, path in LACKING_REQUIRED]
    assert told == dict(zip(rows, paths, strict=True))
    assert len(missing) == len(rows)
    assert made_of(of_all_ten.ready, rows) == []


def test_each_field_the_certification_sheet_requires_is_a_warning_when_missing(of_all_ten):
    """CERT_MISSING (CERT-SEL-5): the record is sent all the same."""
    rows = rows_of(LACKING_OF_SHEET, COMPLETE, LACKING_REQUIRED)
    assert made_of(of_all_ten.held, rows) == []
    found = of_all_ten.findings[of_all_ten.findings["row_id"].isin(rows)].set_index("row_id")
    assert set(found["rule_id"]) == {"CERT_MISSING"}
    assert set(found["severity"]) == {"warning"}
    told = [(found.loc[row, "resource"], found.loc[row, "field"]) for row in rows]
    assert told == LACKING_OF_SHEET
    assert len(found) == len(rows)


def test_the_certification_sheet_binds_no_other_profile():
    body = a_body(GENERAL, endDate=None, reasonExitedDescriptor=None)
    assert ("warning", "CERT_MISSING", "endDate") in found_in((GENERAL, body))
    assert "CERT_MISSING" not in {rule for _, rule, _ in found_in((GENERAL, body), profile="nm-powerschool")}


def with_in_it(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The body with a value at a path, in the first item of a collection."""
    *above, last = path.split(".")
    inner = body
    for name in above:
        inner = inner[name][0] if isinstance(inner[name], list) else inner[name]
    inner[last] = value
    return body


INFORMATION = uri("CTEProgramService", "Information Technology")
SECTION_504 = {"disabilityDesignationDescriptor": uri("DisabilityDesignation", "Section 504")}
OTHER, MOTOR = uri("Disability", "Other"), uri("Disability", "Motor impairment")
YEAR_OF_AN_ITEM = "englishLanguageProficiencyAssessments.schoolYearTypeReference.schoolYear"
ACTIVE = {
    "participationStatusDescriptor": uri("ParticipationStatus", "Active"),
    "statusBeginDate": "2025-08-23",
}
# what a record shows -> its resource, its body, and severity, rule and field of all that is found in it
ODD: dict[str, tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = {
    "a false counts as present (E97)": (CTE, a_body(privateCTEProgram=False), []),
    "dates outside of the school year are warnings": (
        CTE,
        a_body(beginDate="2025-06-30", endDate="2026-07-01"),
        [("warning", "YEAR", "beginDate"), ("warning", "YEAR", "endDate")],
    ),
    "its first and last day are inside": (CTE, a_body(beginDate="2025-07-01", endDate="2026-06-30"), []),
    "two items whose keys differ in case are refused": (
        CTE,
        a_body(
            cteProgramServices=[
                {"cteProgramServiceDescriptor": each, "cipCode": "1", "primaryIndicator": True}
                for each in (INFORMATION, INFORMATION.upper().replace("URI://ED-FI.ORG", "uri://ed-fi.org"))
            ]
        ),
        [("critical", "DS-ITEM-KEY", "cteProgramServices")],
    ),
    "items of two collections may have one key": (
        SPED,
        a_body(
            SPED,
            disabilities=[
                {"disabilityDescriptor": kind, "designations": [SECTION_504]} for kind in (OTHER, MOTOR)
            ],
        ),
        [],
    ),
    "two items of one nested collection may not": (
        SPED,
        a_body(SPED, disabilities=[{"disabilityDescriptor": OTHER, "designations": [SECTION_504] * 2}]),
        [("critical", "DS-ITEM-KEY", "disabilities.designations")],
    ),
    "a school year must be a year": (
        LANGUAGE,
        with_in_it(a_body(LANGUAGE), YEAR_OF_AN_ITEM, 26),
        [("critical", "DS-RANGE", YEAR_OF_AN_ITEM)],
    ),
    "an item without its key is reported once for each record": (
        CTE,
        a_body(cteProgramServices=[{"cipCode": each, "primaryIndicator": True} for each in "12"]),
        [("critical", "DS-REQUIRED", "cteProgramServices.cteProgramServiceDescriptor")],
    ),
    "an unknown member of an item is named by its path": (
        CTE,
        with_in_it(a_body(), "cteProgramServices.cipcode", "1"),
        [("critical", "DS-MEMBER", "cteProgramServices.cipcode")],
    ),
    "an unknown member of a reference is named by its path": (
        CTE,
        with_in_it(a_body(), "programReference.programId", "2"),
        [("critical", "DS-MEMBER", "programReference.programId")],
    ),
    "an extension is a warning because only the target knows it": (
        CTE,
        a_body(_ext={"zz": {"x": 1}}),
        [("warning", "DS-EXTENSION", "_ext")],
    ),
    "a value of a state's own namespace is a warning without a target: states replace the lists": (
        CTE,
        a_body(reasonExitedDescriptor="uri://zed.example/Anything#With, comma / and (brackets)"),
        [("warning", "DESCRIPTOR_UNCHECKED", "reasonExitedDescriptor")],
    ),
    "a descriptor without default values is a warning without a target: this one has none in 5.2": (
        FOOD,
        a_body(FOOD, programParticipationStatuses=[ACTIVE]),
        [("warning", "DESCRIPTOR_UNCHECKED", "programParticipationStatuses.participationStatusDescriptor")],
    ),
    "the case of a descriptor does not matter": (
        CTE,
        a_body(reasonExitedDescriptor="uri://ed-fi.org/reasonexiteddescriptor#OTHER"),
        [],
    ),
}


@cache
def found_in_each_odd() -> dict[str, list[tuple[str, str, str]]]:
    """One validation of all of ODD, each of a student of its own."""
    students = ({"studentUniqueId": f"5{number}"} for number in range(len(ODD)))
    bodies = [(endpoint, {**body, "studentReference": next(students)}) for endpoint, body, _ in ODD.values()]
    found = validate(a_build(*bodies)).findings[["row_id", "severity", "rule_id", "field"]]
    told: dict[str, list[tuple[str, str, str]]] = {what: [] for what in ODD}
    names = {f"p{number}": what for number, what in enumerate(ODD)}
    for row_id, *rest in found.to_numpy():
        told[names[row_id]].append(tuple(rest))
    return told


@pytest.mark.parametrize("what", ODD)
def test_of_one_record_this_is_found_and_nothing_else(what):
    assert found_in_each_odd()[what] == ODD[what][2]


REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"beginDate": "2025-02-30", "endDate": None}, "DS-DATE", "beginDate", "not a day of the calendar"),
    ({"endDate": "5/23/2026"}, "DS-DATE", "endDate", "not a day of the calendar"),
    (
        {"endDate": "2025-08-22"},
        "COM-VAL-1",
        "beginDate, endDate",
        "begin date 2025-08-23, end date 2025-08-22.",
    ),
    ({"privateCTEProgram": "false"}, "DS-TYPE", "privateCTEProgram", "must be true or false"),
    ({"privateCTEProgram": 1}, "DS-TYPE", "privateCTEProgram", "must be true or false"),
    ({"cteProgramServices": {}}, "DS-TYPE", "cteProgramServices", "must be a list"),
    ({"cteProgramServices": ["Cooking"]}, "DS-TYPE", "cteProgramServices", "must be an object"),
    ({"privateCteProgram": True}, "DS-MEMBER", "privateCteProgram", "Did you mean 'privateCTEProgram'?"),
    ({"id": "abc"}, "DS-MEMBER", "id", "not a property"),
    (
        {"educationOrganizationReference": {"educationOrganizationId": str(LEA)}},
        "DS-TYPE",
        "educationOrganizationReference.educationOrganizationId",
        "must be a whole number",
    ),
    (
        {"educationOrganizationReference": {"educationOrganizationId": 2**63}},
        "DS-TYPE",
        "educationOrganizationReference.educationOrganizationId",
        "must be a whole number",
    ),
    (
        {"educationOrganizationReference": {"educationOrganizationId": np.int64(LEA)}},  # which is not JSON
        "DS-TYPE",
        "educationOrganizationReference.educationOrganizationId",
        "must be a whole number",
    ),
    (
        {"educationOrganizationReference": {"educationOrganizationId": 0}},
        "DS-RANGE",
        "educationOrganizationReference.educationOrganizationId",
        "is 0",
    ),
    (
        {"educationOrganizationReference": {"educationOrganizationId": -255901}},
        "DS-RANGE",
        "educationOrganizationReference.educationOrganizationId",
        "is 0 or negative, which is not an id",
    ),
    (
        {"studentReference": {"studentUniqueId": "1" * 33}},
        "COM-PAY-4",
        "studentReference.studentUniqueId",
        "32",
    ),
    (
        {"studentReference": {"studentUniqueId": " 22"}},
        "DS-TEXT",
        "studentReference.studentUniqueId",
        "space",
    ),
    (
        {"studentReference": {"studentUniqueId": ""}},
        "DS-TEXT",
        "studentReference.studentUniqueId",
        "empty",
    ),
    (
        {"studentReference": {"studentUniqueId": 22}},
        "DS-TYPE",
        "studentReference.studentUniqueId",
        "a text",
    ),
    (
        {"studentReference": {"studentUniqueId": "a<b"}},
        "DS-MARKUP",
        "studentReference.studentUniqueId",
        "markup",
    ),
    ({"reasonExitedDescriptor": "Other"}, "COM-PAY-3", "reasonExitedDescriptor", "not a full URI"),
    (
        {"technicalSkillsAssessmentDescriptor": uri("TechnicalSkillsAssessment", "Pased")},
        "COM-PAY-3",
        "technicalSkillsAssessmentDescriptor",
        "Did you mean 'Passed'?",
    ),
    (
        {"technicalSkillsAssessmentDescriptor": uri("TechnicalSkillAssessment", "Passed")},
        "COM-PAY-3",
        "technicalSkillsAssessmentDescriptor",
        "Did you mean 'uri://ed-fi.org/TechnicalSkillsAssessmentDescriptor#Passed'?",
    ),
    (
        {"reasonExitedDescriptor": uri("ReasonExited", "Zzz")},
        "COM-PAY-3",
        "reasonExitedDescriptor",
        "It has 'Died or is permanently incapacitated', ",
    ),
]


def test_what_the_ods_would_refuse_is_critical_and_said_once():
    bodies = [
        a_body(**{"studentReference": {"studentUniqueId": f"4{n}"}, **case[0]})
        for n, case in enumerate(REFUSED)
    ]
    checked = validate(a_build(*((CTE, body) for body in bodies)))
    critical = checked.findings[checked.findings["severity"].eq("critical")]
    rows = {row["row_id"]: row for row in critical.to_dict("records")}
    assert len(rows) == len(critical) == len(REFUSED)
    for number, (members, rule, field, says) in enumerate(REFUSED):
        row = rows[f"p{number}"]
        assert (row["rule_id"], row["field"]) == (rule, field), members
        assert says in row["says"]
        assert (row["table"], row["resource"]) == ("program_participation", CTE)
        assert row["hint"]
    assert checked.held["held_by"].tolist() == [[rule] for _, rule, _, _ in REFUSED]


def test_a_program_name_of_61_characters_is_held_and_not_cut_e96():
    """COM-PAY-4, from the source row to the record."""
    rows = [a_participation("p1", program_name="x" * 61), a_participation("p2", program_name="x" * 60)]
    checked = validate(build_of(certification_tables(*rows), profile="certification"))
    (held,) = checked.held.to_dict("records")
    assert held["body"]["programReference"]["programName"] == "x" * 61
    assert "COM-PAY-4" in held["held_by"]
    assert checked.ready["program_name"].tolist() == ["x" * 60]


def test_missing_nontraditional_status_is_built_and_told_once_e104():
    """CERT_MISSING comes as a notice and from the suite; a steward reads it once."""
    members = {
        name: value for name, value in a_body(CTE).items() if name not in ("nonTraditionalGenderStatus",)
    }
    attributes = {name: members[name] for name in members if name.startswith(("private", "technical", "cte"))}
    row = a_participation(resource=CTE, end_date="2026-05-23", reason_exited="Other", attributes=attributes)
    result = build_of(certification_tables(row), profile="certification")
    assert result.notices["code"].tolist() == ["CERT_MISSING"]
    (found,) = validate(result).findings.to_dict("records")
    assert (found["rule_id"], found["field"]) == ("CERT_MISSING", "nonTraditionalGenderStatus")
    assert found["row_id"] == "p1"


def test_title_one_without_participant_type_never_gets_here_e105():
    """CERT-SEL-4: not built, so there is nothing to hold."""
    row = a_participation(resource="studentTitleIPartAProgramAssociations")
    checked = validate(build_of(certification_tables(row), profile="certification"))
    assert checked.ready.empty
    assert checked.held.empty
    assert checked.build.skipped["rule"].tolist() == ["CERT-SEL-4"]


def test_one_participation_as_generic_and_specialised_holds_the_second_e108():
    """COM-ONE-1: ten resources share one key space."""
    checked = validate(a_build((CTE, a_body()), (GENERAL, a_body(GENERAL))))
    assert checked.ready["resource"].tolist() == [CTE]
    (held,) = checked.held.to_dict("records")
    assert (held["resource"], held["held_by"]) == (GENERAL, ["COM-ONE-1"])
    assert CTE in checked.findings["says"].iloc[0]


def test_a_key_that_differs_only_in_the_case_of_its_descriptor_is_the_same_key():
    """COM-KEY-2 under COM-ONE-1."""
    body = a_body(GENERAL)
    body["programReference"]["programTypeDescriptor"] = uri("ProgramType", "CAREER and technical education")
    assert validate(a_build((CTE, a_body()), (GENERAL, body))).held["resource"].tolist() == [GENERAL]


def test_one_source_row_as_two_resources_holds_the_second():
    """COM-ONE-1: even where the begin dates differ."""
    made = a_build((CTE, a_body()), (GENERAL, a_body(GENERAL, beginDate="2025-08-25")))
    refs = [["enrollments:20#ceis"], ["enrollments:20#ceis"]]
    records = made.records.assign(source_refs=pd.Series(refs, dtype=object))
    assert validate(dataclasses.replace(made, records=records)).held["held_by"].tolist() == [["COM-ONE-1"]]
    refs[1] = ["enrollments:20#third_party"]
    records = made.records.assign(source_refs=pd.Series(refs, dtype=object))
    assert validate(dataclasses.replace(made, records=records)).held.empty


def test_two_records_of_one_resource_with_one_key_are_both_held():
    """COM-KEY-1: which of them is right cannot be told."""
    checked = validate(a_build((CTE, a_body()), (CTE, a_body(endDate="2026-05-22"))))
    assert checked.held["held_by"].tolist() == [["COM-KEY-1"], ["COM-KEY-1"]]


def test_decimals_have_to_fit_their_digits():
    """DS-RANGE, DS-TYPE."""
    hours = [12, 12.25, 999.99, -999.99, 12.255, 1000, float("nan")]
    bodies = [
        a_body(SPED, schoolHoursPerWeek=each, studentReference={"studentUniqueId": f"4{each}"})
        for each in hours
    ]
    checked = validate(a_build(*((SPED, body) for body in bodies)))
    held = zip(checked.held["student_unique_id"], checked.held["held_by"], strict=True)
    assert list(held) == [("412.255", ["DS-RANGE"]), ("41000", ["DS-RANGE"]), ("4nan", ["DS-TYPE"])]


def test_a_body_that_is_no_object_is_a_finding_and_not_an_exception():
    made = a_build((CTE, a_body()))
    records = made.records.assign(body=pd.Series(["nonsense"], dtype=object))
    checked = validate(dataclasses.replace(made, records=records))
    assert "DS-TYPE" in checked.held["held_by"].iloc[0]


def test_a_resource_that_is_none_of_the_ten_is_held():
    made = a_build((CTE, a_body()))
    records = made.records.assign(resource="studentCteProgramAssociations")
    checked = validate(dataclasses.replace(made, records=records))
    assert checked.held["held_by"].tolist() == [["SRC-VALUE"]]


def notice(
    code: str, table: str = "program_participation", row: str = "p0", detail: str = "Words."
) -> dict[str, str]:
    return {"code": code, "table": table, "id": row, "detail": detail}


def test_notices_become_findings_and_never_hold():
    """The catalogue's severity, info for a code it does not have; critical becomes a warning."""
    notices = pd.DataFrame([notice("OVERLAP"), notice("BRAND_NEW"), notice("CERT-SEL-1", "students", "7")])
    checked = validate(a_build((CTE, a_body()), notices=notices))
    found = checked.findings[["rule_id", "severity", "table", "row_id", "says"]].to_dict("records")
    assert [tuple(each.values()) for each in found] == [
        ("CERT-SEL-1", "warning", "students", "7", "Words."),
        ("OVERLAP", "warning", "program_participation", "p0", "Words."),
        ("BRAND_NEW", "info", "program_participation", "p0", "Words."),
    ]
    assert checked.held.empty
    about_record = checked.findings.set_index("rule_id")["resource"]
    assert about_record["OVERLAP"] == CTE
    assert pd.isna(about_record["CERT-SEL-1"])


def test_two_students_with_one_state_id_are_told_once_each_e99():
    """SHARED_UNIQUE_ID."""
    students = [
        {"student_id": "7", "student_unique_id": "222222"},
        {"student_id": "8", "student_unique_id": "222222"},
    ]
    rows = [a_participation("p1"), a_participation("p2", student_id="8")]
    checked = validate(build_of(certification_tables(*rows, students=students), profile="certification"))
    shared = checked.findings[checked.findings["rule_id"].eq("SHARED_UNIQUE_ID")]
    assert shared["row_id"].tolist() == ["7", "8"]
    assert len(checked.ready) == 1


def test_all_doubtful_cells_of_a_row_are_told_though_the_rules_name_only_the_first():
    row = a_participation(begin_date=None, program_name=None, education_organization_id=0)
    checked = validate(build_of(certification_tables(row), profile="certification"))
    assert checked.build.skipped["rule"].tolist() == ["CERT-SEL-2"]
    found = checked.findings
    assert set(zip(found["field"], found["rule_id"], strict=True)) == {
        ("begin_date", "DS-REQUIRED"),
        ("program_name", "DS-REQUIRED"),
        ("education_organization_id", "DS-RANGE"),
    }
    assert set(found["table"]) == {"program_participation"}
    assert set(found["row_id"]) == {"p1"}


UNFIT = [
    ("resource", None, "DS-REQUIRED"),
    ("resource", "studentCteProgramAssociations", "SRC-VALUE"),
    ("education_organization_id", None, "DS-REQUIRED"),
    ("program_education_organization_id", None, "DS-REQUIRED"),
    ("program_education_organization_id", 0, "DS-RANGE"),
    ("program_name", None, "DS-REQUIRED"),
    ("program_type", None, "DS-REQUIRED"),
    ("begin_date", None, "DS-REQUIRED"),
    ("program_education_organization_id", -255901, "DS-RANGE"),
]


def test_what_a_participation_cannot_do_without_is_critical():
    rows = [
        a_participation(f"p{number}", **{column: value}) for number, (column, value, _) in enumerate(UNFIT)
    ]
    late = a_participation("late", end_date="2025-08-01")
    checked = validate(build_of(certification_tables(*rows, late), profile="certification"))
    critical = checked.findings[checked.findings["severity"].eq("critical")]
    told = {(row, column): rule for row, column, rule in critical[["row_id", "field", "rule_id"]].to_numpy()}
    expected = {(f"p{number}", column): rule for number, (column, _, rule) in enumerate(UNFIT)}
    for row in ("p4", "p8"):  # built, and held
        expected[(row, "programReference.educationOrganizationId")] = expected.pop((row, UNFIT[4][0]))
    assert told == expected | {("late", "begin_date, end_date"): "COM-VAL-1"}
    (says,) = critical.loc[critical["row_id"].eq("late"), "says"]
    assert says == "The end date lies before the begin date: begin date 2025-08-23, end date 2025-08-01."
    (hint,) = critical.loc[critical["row_id"].eq("late"), "hint"]
    assert hint == (
        "Correct one of the two dates in the SIS: the end date to 2025-08-23 or later, "
        "or the begin date to 2025-08-01 or earlier."
    )


def test_a_critical_source_row_holds_every_record_that_rests_on_it():
    """COM-PAY-4 on a student: the participation of that student is held, the other goes out."""
    students = [
        {"student_id": "7", "student_unique_id": "7" * 33},
        {"student_id": "8", "student_unique_id": "888"},
    ]
    rows = [a_participation("p1"), a_participation("p2", student_id="8")]
    checked = validate(build_of(certification_tables(*rows, students=students), profile="certification"))
    assert checked.ready["student_unique_id"].tolist() == ["888"]
    about_student = checked.findings[checked.findings["table"].eq("students")]
    assert about_student["row_id"].tolist() == ["7"]
    held = checked.by_rule.set_index("field")["held"]
    assert (held["student_unique_id"], held["studentReference.studentUniqueId"]) == (1, 1)


def test_an_empty_table_is_a_finding_only_where_something_depends_on_it():
    """SRC-EMPTY."""
    nothing = validate(build_of(certification_tables(), profile="certification"))
    assert nothing.findings["table"].tolist() == ["program_participation"]
    orphans = validate(
        build_of(certification_tables(a_participation(), students=[]), profile="certification")
    )
    empty = orphans.findings[orphans.findings["rule_id"].eq("SRC-EMPTY")]
    assert empty["table"].tolist() == ["students"]
    assert empty["row_id"].isna().all()
    wisconsin = {"edfi_config": [{"school_year": 2026}]}
    assert validate(build_of(wisconsin, profile="wi-infinite-campus")).findings.empty


def test_source_tables_of_the_other_profiles_are_checked_too():
    tables = {
        "edfi_config": [{"school_year": 2026}],
        "students": [{"student_id": "7", "student_unique_id": None}],
        "schools": [{"school_id": "A", "school_number": "12345678"}],
        "calendars": [{"calendar_id": "CA", "school_id": "A", "school_year": 2026}],
        "enrollments": [
            {
                "enrollment_id": "10",
                "student_id": "7",
                "school_id": "A",
                "calendar_id": "CA",
                "start_date": "2025-09-02",
                "end_date": "2025-09-01",
            }
        ],
        "instruction_mode_records": [
            {
                "record_id": "m1",
                "student_id": "7",
                "start_date": "2025-09-02",
                "school_number": "1",
                "learning_modality": "Virtual",
            }
        ],
        "descriptor_map": [
            {"descriptor": "ProgramTypeDescriptor", "local_code": "T", "ed_fi_uri": "ProgramType#T"}
        ],
    }
    found = validate(build_of(tables, profile="wi-infinite-campus")).findings
    assert set(zip(found["table"], found["row_id"], found["field"], strict=True)) >= {
        ("students", "7", "student_unique_id"),
        ("schools", "A", "school_number"),
        ("schools", "A", "ed_fi_school_id"),
        ("enrollments", "10", "end_date, start_date"),
        ("instruction_mode_records", "m1", "learning_modality"),
        ("descriptor_map", "ProgramTypeDescriptor+T", "ed_fi_uri"),
    }
    critical = found[found["severity"].eq("critical")]
    assert set(critical["rule_id"]) == {"CONTROL_UNREADABLE"}  # the URI that is none (COM-CTL-1)


def test_what_the_rules_build_of_all_ten_is_ready(of_all_ten):
    rows = [row["participation_id"] for row in PARTICIPATIONS]
    assert made_of(of_all_ten.held, rows) == []
    assert len(made_of(of_all_ten.ready, rows)) == len(rows) == 10


def test_ready_and_held_are_the_records_and_nothing_else():
    """Rows in = ready + held; the build itself is untouched."""
    bodies = [a_body(studentReference={"studentUniqueId": f"1{number}"}) for number in range(6)]
    bodies[1]["shoe"] = bodies[4]["shoe"] = 43
    made = a_build(*((CTE, body) for body in bodies))
    before = made.records.copy(deep=True)
    checked = validate(made)
    assert (len(checked.ready), len(checked.held)) == (4, 2)
    assert checked.held["student_unique_id"].tolist() == ["11", "14"]
    assert list(checked.ready.columns) == list(made.records.columns)
    assert list(checked.held.columns) == [*made.records.columns, "held_by"]
    pd.testing.assert_frame_equal(made.records, before)
    columns = ["rule_id", "severity", "table", "row_id", "resource", *KEY_COLUMNS, "field", "says", "hint"]
    assert list(checked.findings.columns) == columns
    assert checked.summary().to_dict("records") == [
        {"resource": CTE, "built": 6, "ready": 4, "held": 2, "critical": 2, "warning": 0, "info": 0}
    ]


def test_an_empty_build_validates_to_nothing():
    checked = validate(a_build())
    assert (len(checked.ready), len(checked.held), len(checked.findings)) == (0, 0, 0)
    assert checked.summary().empty


def test_an_index_with_holes_and_repeats_does_not_confuse_it():
    made = a_build((CTE, a_body()), (CTE, a_body(studentReference={"studentUniqueId": "333"}, shoe=1)))
    checked = validate(dataclasses.replace(made, records=made.records.set_axis([4, 4], axis=0)))
    assert checked.held["student_unique_id"].tolist() == ["333"]


def test_no_sentence_repeats_a_students_id():
    body = a_body(studentReference={"studentUniqueId": "<canary-4711 "}, shoe=1)
    checked = validate(a_build((CTE, body)))
    texts = checked.findings[["field", "says", "hint"]].to_numpy().ravel()
    assert not any("4711" in text for text in texts if isinstance(text, str))


def test_without_a_target_nothing_is_contacted(monkeypatch):
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("validation opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    checked = validate(a_build((CTE, a_body())))
    assert len(checked.ready) == 1
    assert checked.findings.empty
    assert checked.by_rule.empty


def test_an_organization_in_no_list_of_schools_is_a_warning_with_the_cell_that_it_comes_from():
    schools = [{"school_id": "10", "name": "Lincoln High", "ed_fi_school_id": "255901001"}]
    rows = [
        a_participation(participation_id=f"p{organization}", education_organization_id=organization)
        for organization in ("255901001", "255902", "255901")
    ]
    made = build_of({**certification_tables(*rows), "schools": schools}, profile="certification")
    (found,) = validate(made).findings.query("rule_id == 'SRC-ORGANIZATION'").to_dict("records")
    assert (found["severity"], found["table"], found["row_id"], found["field"]) == (
        "warning",
        "program_participation",
        "p255902",
        "education_organization_id",
    )
    assert found["says"].startswith("Organization 255902 is in no list of schools")
    assert "If it is wrong, correct program_participation.education_organization_id." in found["hint"]
    unnamed = build_of(certification_tables(*rows), profile="certification")
    assert "SRC-ORGANIZATION" not in validate(unnamed).findings["rule_id"].tolist()


def test_where_the_target_has_the_organization_what_is_asked_for_is_that_the_login_covers_it():
    schools = [{"school_id": "10", "name": "Lincoln High", "ed_fi_school_id": "255901001"}]
    tables = certification_tables(a_participation(education_organization_id="255902"))
    made = build_of({**tables, "schools": schools}, profile="certification")
    collected = Collected()
    check_organizations(made, made.records, {255902}, collected)
    (hint,) = pd.concat(collected.parts)["hint"]
    assert hint.endswith(
        "If it is right, ask that your login covers it: until then the ODS may refuse the record."
    )


@pytest.mark.parametrize("profile", ["certification", "wi-infinite-campus"])
def test_an_organization_that_owns_the_program_of_its_record_needs_no_list(profile):
    schools = [{"school_id": "10", "name": "Lincoln High", "ed_fi_school_id": "255901001"}]
    alone = {**certification_tables(a_participation()), "schools": schools}
    two = wi.tables(wi.enrolled("20"), wi.enrolled("21", school_id="B"), section504_records=[wi.a_504()])
    tables, organizations = {"certification": (alone, [7]), "wi-infinite-campus": (two, [301240, 7])}[profile]
    made = build_of(tables, profile=profile)
    records = made.records.assign(
        education_organization_id=organizations, program_education_organization_id=7
    )
    check_organizations(made, records, None, collected := Collected())
    assert not collected.parts


def test_where_schools_own_their_programs_an_unknown_school_is_found_too():
    settings = {"nm.program_edorg": "school"}
    made = build(sample("nm-powerschool"), profile="nm-powerschool", school_year=2026, settings=settings)
    as_usual = sample_build("nm-powerschool")
    found = []
    for each in (made, as_usual):
        check_organizations(each, each.records, None, collected := Collected())
        found.append(collected.frame(first_rows(each.records))["row_id"].tolist())
    assert found[0] == found[1] != []


def test_the_cell_of_an_organization_is_that_of_the_enrollment_where_it_comes_from_there():
    checked = sample_checked("wi-infinite-campus")
    found = checked.findings.query("rule_id == 'SRC-ORGANIZATION'")
    assert found[["table", "field"]].to_numpy().tolist() == [["enrollments", "override_ed_fi_school_id"]]
    at = findings_at_places(checked, found).iloc[0]
    assert at[["file", "row", "school"]].tolist() == ["enrollments.csv", 19, "Dogwood High"]
