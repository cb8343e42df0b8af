"""How New Mexico's elements came about: which of the fallbacks of NM-ELE-1 won, and the constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.rules.explain.steps import Step, day, has, row_of
from edfi_toolkit.tables import Tables

PREFERENCE = {
    "is_current": "the current period counts before an earlier one",
    "enrollment_order": "the higher enrollment id counts",
}
NO_REASON = "No row of cte_records (the credentials of [S_NM_STU_IndustryCred_C]) names this student."


def elements(c: Mapping[str, Any], t: Tables, settings: Mapping[str, Any]) -> Iterator[Step]:
    """NM-ELE-1 to -11 of one enrollment period."""
    enrollment_id = c["enrollment_id"]
    enrollment, student = row_of(t, "enrollments", enrollment_id), row_of(t, "students", c["student_id"])
    organization, owner = str(c["education_organization_id"]), str(c["program_education_organization_id"])

    def step(outcome: str, rule: str, says: str) -> Step:
        return "enrollments", enrollment_id, outcome, rule, says

    if c["school_id"] != enrollment["school_id"]:
        yield step(
            "school", "NM-ELE-1a",
            f"The student transferred out in mid-year: SchoolID is {enrollment['school_id']} already, and the school "
            f"of the enrollment, {c['school_id']}, counts.",
        )  # fmt: skip
    yield step(
        "educationOrganizationId", "NM-ELE-1",
        f"Building {organization[-3:]} is {_building(student, row_of(t, 'schools', c['school_id']))}; "
        f"with state 35 and district {organization[2:5]} that is {organization}.",
    )  # fmt: skip
    owned_by = {"lea": "the district", "school": "the school"}.get(
        settings["nm.program_edorg"], "the organization that the settings name"
    )
    yield step("programReference", "NM-ELE-2", f"The program belongs to {owned_by}, {owner}.")
    kind = "current" if enrollment["is_current"] else "earlier"
    yield step(
        "beginDate", "NM-ELE-6", f"The entry date of this {kind} enrollment period: {day(c['begin_date'])}."
    )
    if has(enrollment["end_date"]):
        sent = "sent" if settings["nm.emit_end_date"] else "not sent, because New Mexico does not ask for it"
        yield step("endDate", "NM-ELE-11", f"The exit date {day(enrollment['end_date'])} is {sent}.")
    yield step("completion", *_completion(c, t, settings))


def _building(student: Mapping[str, Any], school: Mapping[str, Any]) -> str:
    """NM-ELE-1: the first of location code, alternate number and school number that is given."""
    if has(student["location_code"]):
        return "the LocationCode of the student, which goes before the numbers of the school"
    of_school = f"of school {school['school_id']}, because the student has no LocationCode"
    if has(school["alt_school_number"]) and pd.to_numeric(school["alt_school_number"], errors="coerce") > 0:
        return f"the alternate number {of_school}"
    return f"the school number {of_school} and the school no alternate number"


def _completion(c: Mapping[str, Any], t: Tables, settings: Mapping[str, Any]) -> tuple[str, str]:
    """NM-ELE-9 and -10: the indicator, and where it went."""
    if settings["nm.completion_from"] == "omit":
        return "NM-ELE-9", "The settings leave the completion indicator out."
    rows = t.cte_records[t.cte_records.program_enrolled]
    ids = ", ".join(rows[rows.student_id.eq(c["student_id"])].record_id)
    details = c["members"].get("ctePrograms", [{}])[0]
    if "cteProgramCompletionIndicator" in details:
        value = str(details["cteProgramCompletionIndicator"]).lower()
        return "NM-ELE-9", f"The completion indicator is {value}, from the credential rows {ids}."
    if c["completion_dropped"]:
        return "NM-ELE-10", f"The credential rows {ids} have it; this data standard has no place for it."
    return "NM-ELE-9", f"The credential rows {ids} say nothing about completion, so it is left out."


def without_use(table: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Why a row of this student was neither used nor skipped."""
    if table == "cte_records":
        return (
            "NM-SEL-2",
            "The row gives nothing: it does not enroll the student in CTE, or no period was selected.",
        )
    if table == "enrollments" and settings["nm.begin_date_mode"] == "latest_only":
        return (
            "NM-MUL-1",
            "Not considered: the student was not selected, or another period is the latest (nm.begin_date_mode).",
        )
    return (
        "",
        "Not considered, as no row selects the student; one may have been skipped, or could not be read.",
    )
