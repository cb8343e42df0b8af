"""What Wisconsin asks of its tables and records beyond the data standard (docs/rules/wi_infinite_campus.md), as data.

A row that a rule of the profile skips is told once more beside all its other doubtful cells, as a warning: there is
no record to hold. A record that breaks what the state fixes is critical.
"""

from __future__ import annotations

from collections.abc import Iterator

from edfi_toolkit.model import DEFAULT_NAMESPACE, descriptor_uri
from edfi_toolkit.rules.wi_infinite_campus.english_learners import GENERIC
from edfi_toolkit.rules.wi_infinite_campus.rules import (
    CEIS_PROGRAM,
    CESA_PROGRAM,
    MODALITIES,
    MODALITY_TYPE,
    NAME,
    OTHER_PROVIDER_PROGRAM,
    PROVIDER_TYPE,
    SECTION_504,
    SECTION_504_PROGRAM,
    STATE_AGENCY,
    WI_DPI,
)
from edfi_toolkit.validation.expectation_kinds import (
    NOT_EXCLUDED,
    SKIPPED,
    between,
    empty,
    filled,
    in_order,
    matches,
    one_of,
    somewhere,
    within,
)
from edfi_toolkit.validation.suite_files import SCHOOL_YEAR, Expectation

# WI-ELE-3: program name -> type
PROGRAMS = {
    **dict([SECTION_504_PROGRAM, CEIS_PROGRAM]),
    **dict.fromkeys([CESA_PROGRAM, OTHER_PROVIDER_PROGRAM], PROVIDER_TYPE),
    **dict.fromkeys(MODALITIES.values(), MODALITY_TYPE),
}
WISEID = "Wisconsin DPI, WISEdata elements: WISEid, https://dpi.wi.gov/wise/data-elements/WISEid"
FIRST, LAST = SCHOOL_YEAR["min_date"], SCHOOL_YEAR["max_date"]
NEVER_SENT = ("reasonExitedDescriptor", "servedOutsideOfRegularSession", "programParticipationStatuses")
EL = {"wi.ell_in_spa": [True]}
WITHOUT_EL = {"wi.ell_in_spa": [False]}


def wi_suites() -> dict[str, list[Expectation]]:
    """Suite name -> expectations: the tables the profile reads, then the two resources it builds."""
    tables = {
        "students": _students,
        "schools": _schools,
        "calendars": _calendars,
        "enrollments": _enrollments,
        "section504_records": _section_504,
        "ceis_records": _ceis,
        "instruction_mode_records": _modality,
        "lep_records": _english_learners,
    }
    return {
        **{f"{NAME}.source.{table}": list(rules(f"source.{table}")) for table, rules in tables.items()},
        f"{NAME}.{GENERIC}": [*_records(GENERIC), *_programs(GENERIC), *_never(GENERIC, "services")],
        f"{NAME}.{SECTION_504}": [
            *_records(SECTION_504),
            *_section_504_program(SECTION_504),
            *_never(SECTION_504),
        ],
    }


# ---- Tables


def _students(subject: str) -> Iterator[Expectation]:
    says = "The student has no Ed-Fi id (WISEid), so no enrollment of this student qualifies."
    yield filled(subject, "student_unique_id", "WI-ENR-1", says, severity=SKIPPED)
    yield _wiseid(subject, "student_unique_id")


def _wiseid(subject: str, column: str) -> Expectation:
    says = "The id is not ten digits, as a WISEid is."
    hint = "Compare it with the WISEid in Census > People > Demographics; a leading zero may be lost."
    return matches(
        subject, column, r"^[0-9]{10}$", "WI-ELE-5", says, severity="warning", hint=hint, source=WISEID
    )


def _schools(subject: str) -> Iterator[Expectation]:
    says = "The school has no Ed-Fi id (Entity ID), so nothing can be reported for its enrollments."
    yield filled(subject, "ed_fi_school_id", "WI-ENR-10", says, severity=SKIPPED, row_condition=NOT_EXCLUDED)
    says = "The school has no State School Number, so no Instruction Mode record can find it."
    modes = ("instruction_mode_records",)
    yield filled(
        subject, "school_number", "WI-MOD-4", says,
        severity=SKIPPED, needed_by=modes, row_condition=NOT_EXCLUDED,
    )  # fmt: skip
    yield _school_number(subject)


def _school_number(subject: str) -> Expectation:
    says = "school_number is not 1 to 7 letters and digits, as a State School Number is."
    return matches(subject, "school_number", r"^[0-9A-Za-z]{1,7}$", "WI-MOD-4", says, severity="warning")


def _calendars(subject: str) -> Iterator[Expectation]:
    says = "No calendar is of this school year, so no enrollment qualifies."
    year = {"$PARAMETER": "school_years"}
    yield somewhere(subject, "school_year", year, "WI-ENR-3", says, severity=SKIPPED)


def _enrollments(subject: str) -> Iterator[Expectation]:
    yield from _period(subject, "WI-ENR-2", "enrollment")
    says = "The enrollment has no calendar, so it is of no school year."
    yield filled(subject, "calendar_id", "WI-ENR-3", says, severity=SKIPPED)
    says = "The enrollment starts after the school year."
    yield within(subject, "start_date", "WI-ENR-3", says, severity="info", max_date=LAST)
    says = "The enrollment ends before the school year."
    yield within(subject, "end_date", "WI-ENR-3", says, severity="info", min_date=FIRST)
    says = "The School Override is not the id of an organization."
    hint = "Choose the school again in School Override on the enrollment."
    yield between(
        subject, "override_ed_fi_school_id", "WI-ELE-1", says, severity="warning", hint=hint, min_value=1
    )


def _period(subject: str, rule_id: str, row: str) -> Iterator[Expectation]:
    yield filled(subject, "start_date", rule_id, f"The {row} has no start date.", severity=SKIPPED)
    yield in_order(subject, "start_date", "end_date", rule_id, severity=SKIPPED)


def _section_504(subject: str) -> Iterator[Expectation]:
    yield from _period(subject, "WI-504-1", "Section 504 record")


def _ceis(subject: str) -> Iterator[Expectation]:
    yield from _period(subject, "WI-CEIS-1", "CEIS record")


def _modality(subject: str) -> Iterator[Expectation]:
    yield from _period(subject, "WI-MOD-1", "Instruction Mode record")
    for column, words in (("start_date", "starts"), ("end_date", "ends")):
        says = f"The Instruction Mode record {words} outside of the school year."
        yield within(subject, column, "WI-MOD-2", says, severity=SKIPPED, **SCHOOL_YEAR)
    says = "The Instruction Mode record has no learning modality."
    yield filled(subject, "learning_modality", "WI-MOD-3", says, severity=SKIPPED)
    says = "The learning modality is none of In-Person, Remote and Hybrid."
    either = "|".join(MODALITIES)
    yield matches(subject, "learning_modality", f"(?i)^({either})$", "WI-MOD-3", says, severity=SKIPPED)
    says = "The Instruction Mode record has no School Number."
    yield filled(subject, "school_number", "WI-MOD-4", says, severity=SKIPPED)
    yield _school_number(subject)


def _english_learners(subject: str) -> Iterator[Expectation]:
    for column, rule_id, words in (
        ("program_status", "WI-ELL-1", "program status"),
        ("el_served", "WI-ELL-2", "service (EL Served)"),
        ("identified_date", "WI-ELL-3", "identified date"),
    ):
        says = f"The LEP record has no {words}."
        yield filled(subject, column, rule_id, says, severity=SKIPPED, settings=EL)
    says = "The student was identified after the school year."
    yield within(subject, "identified_date", "WI-ELL-3", says, severity=SKIPPED, settings=EL, max_date=LAST)


# ---- Records


def _records(subject: str) -> Iterator[Expectation]:
    """What every record of the state holds: the owner, the WISEid, an end inside the year."""
    owner = "programReference.educationOrganizationId"
    says = f"The program does not belong to the state agency, {STATE_AGENCY}."
    yield one_of(subject, owner, [STATE_AGENCY], "WI-ELE-2", says, severity="critical")
    yield _wiseid(subject, "studentReference.studentUniqueId")
    says = "The end date lies after the school year; the state asks for dates inside it."
    yield within(subject, "endDate", "OUTSIDE_YEAR", says, max_date=LAST)


def _programs(subject: str) -> Iterator[Expectation]:
    """WI-ELE-3: a name among the state's, and its type as the standard or the state spells it.

    A rule about pairs would say it at once, and take the library twenty times as long.
    """
    name, kind = "programReference.programName", "programReference.programTypeDescriptor"
    says = f"The program name is none of {', '.join(PROGRAMS)}."
    yield one_of(subject, name, list(PROGRAMS), "WI-ELE-3", says, severity="critical", settings=WITHOUT_EL)
    for program, code in PROGRAMS.items():
        uris = [uri for uri in (descriptor_uri("ProgramTypeDescriptor", code), WI_DPI.get(code)) if uri]
        says = f"The program type of {program} is not {code}. That is right only if descriptor_map says so."
        named = {"type": "comparison", "column": {"name": name}, "operator": "==", "parameter": program}
        asked = {**WITHOUT_EL, "descriptor_namespace": [DEFAULT_NAMESPACE]}
        yield one_of(
            subject, kind, uris, "WI-ELE-3", says, severity="warning", settings=asked, row_condition=named
        )


def _section_504_program(subject: str) -> Iterator[Expectation]:
    name = SECTION_504_PROGRAM[0]
    says = f"The program name is not {name}."
    yield one_of(subject, "programReference.programName", [name], "WI-ELE-3", says, severity="critical")


def _never(subject: str, *more: str) -> Iterator[Expectation]:
    for column in (*NEVER_SENT, *more):
        says = f"{column} is sent, and Wisconsin takes none."
        yield empty(subject, column, "WI-ELE-8", says, severity="critical")
