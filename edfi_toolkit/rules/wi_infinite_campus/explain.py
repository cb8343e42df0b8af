"""How Wisconsin's elements came about: which enrollment, organization and dates a trigger took, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.rules.explain.steps import Step, day, has, row_of
from edfi_toolkit.tables import Tables

PREFERENCE = {
    "priority": "a program record counts before the enrollment's flag",
    "service_order": "a primary enrollment (P) counts before special education services (N)",
    "enrollment_order": "the higher enrollment id counts",
}
NO_REASON = (
    "No Section 504, CEIS or Instruction Mode record names this student, and no enrollment has a third party provider "
    "or Coord. Early Intervention = Y."
)
ATTACHED = {
    "WI-504-3": "it shares a day with the Section 504 record",
    "WI-CEIS-2": "the CEIS record begins in it",
    "WI-CEIS-3": "its Coord. Early Intervention is Y and no CEIS record is attached",
    "WI-TP-1": "it names a third party provider",
    "WI-MOD-4": "it is at the school of the Instruction Mode record and active on the first day that counts",
    "WI-ELL-4": "it is active on the day the EL participation begins",
}


def elements(c: Mapping[str, Any], t: Tables, settings: Mapping[str, Any]) -> Iterator[Step]:
    """WI-ELE-1 to -7 of one candidate: a trigger and the enrollment that determines it."""
    table, _, row_id = c["ref"].partition(":")
    trigger, own = c["rule"], row_of(t, *split_ref(c["ref"]))
    enrollment = row_of(t, "enrollments", c["enrollment_id"])

    def step(outcome: str, rule: str, says: str) -> Step:
        return table, row_id, outcome, rule, says

    yield step(
        "enrollment", trigger,
        f"Enrollment {c['enrollment_id']} ({day(enrollment['start_date'])} to {day(enrollment['end_date'], 'open')}) "
        f"determines the record: {ATTACHED[trigger]}.",
    )  # fmt: skip
    yield step("educationOrganizationId", "WI-ELE-1", _organization(c))
    yield step("programReference", "WI-ELE-3", _program(c, own))
    yield step("beginDate", "WI-ELE-6", _begin(c, own, enrollment))
    yield step("endDate", "WI-ELE-7", _end(c, own, enrollment))


def _organization(c: Mapping[str, Any]) -> str:
    if has(c["override_ed_fi_school_id"]):
        return (
            f"{c['override_ed_fi_school_id']}, the School Override of enrollment {c['enrollment_id']}; the Entity ID "
            f"of school {c['school_id']} would be {c['ed_fi_school_id']}."
        )
    return f"{c['ed_fi_school_id']}, the Entity ID of school {c['school_id']}; the enrollment has no School Override."


def _program(c: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    why = {
        "WI-TP-1": f"because the provider is {own.get('third_party_provider')}",
        "WI-MOD-4": f"because the learning modality is {own.get('learning_modality')}",
        "WI-ELL-4": "as the settings name it",
    }.get(c["rule"], "fixed for this trigger")
    return (
        f"{c['program_name']}, type {c['program_type']}, {why}; the program belongs to the state agency, "
        f"{c['program_education_organization_id']}."
    )


def _begin(c: Mapping[str, Any], own: Mapping[str, Any], enrollment: Mapping[str, Any]) -> str:
    begin, enrolled = day(c["begin_date"]), day(enrollment["start_date"])
    start = day(own.get("start_date"))
    return {
        "WI-504-3": f"The later of the Section 504 start {start} and the enrollment's start {enrolled}: {begin}.",
        "WI-CEIS-2": f"The start of the CEIS record: {begin}."
        if begin == start
        else f"The CEIS record begins earlier, on {start}; the settings take the enrollment's start: {begin}.",
        "WI-MOD-4": f"The start of the Instruction Mode record: {begin}.",
        "WI-ELL-4": f"The day of identification: {begin}."
        if begin == day(own.get("identified_date"))
        else f"Identified before this year, so the start of the earliest enrollment counts: {begin}.",
    }.get(c["rule"], f"The start of the enrollment: {begin}.")


def _end(c: Mapping[str, Any], own: Mapping[str, Any], enrollment: Mapping[str, Any]) -> str:
    end, enrolled = day(c["end_date"]), day(enrollment["end_date"])
    if c["rule"] == "WI-504-3":
        if not has(c["end_date"]):
            return "Neither the Section 504 record nor the enrollment has ended, so there is no end."
        own_end = day(own["end_date"])
        return f"The earlier of the Section 504 end ({own_end}) and the enrollment's end ({enrolled}): {end}."
    if c["rule"] in ("WI-CEIS-3", "WI-TP-1"):
        return f"The end of the enrollment: {end}."
    return f"The end of the record: {end}; the end of the enrollment does not count."


def without_use(table: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Why a row of this student was neither used nor skipped."""
    if table == "lep_records":
        return "WI-ELL-0", "EL participation is built only on request (wi.ell_in_spa)."
    if table == "enrollments":
        return (
            "",
            "Nothing asks for this enrollment: no record of a program attaches to it, and it has no flag or provider.",
        )
    return "", "The configuration of the year lets nothing be sent, so the row was not considered."
