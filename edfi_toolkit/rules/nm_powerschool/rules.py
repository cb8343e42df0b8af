"""Profile `nm-powerschool`: New Mexico's studentCTEProgramAssociations from PowerSchool.

Source: PowerSchool state reporting, New Mexico: Student CTE Programs (docs/rules/nm_powerschool.md).
One function per block of the manual, in its order; the sentence of each rule is in the catalogue under its id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import standards
from edfi_toolkit.model.frames import among
from edfi_toolkit.rules.account import Account
from edfi_toolkit.rules.building import Build, Config, Scope
from edfi_toolkit.rules.common import (
    Descriptors,
    assemble,
    both_days,
    school_year_of,
    suppress_future,
)
from edfi_toolkit.rules.frames import (
    id_order,
    lists_of,
    look_up,
    rank_texts,
    translate,
    with_student_numbers,
)
from edfi_toolkit.tables import Tables

NAME = "nm-powerschool"
RESOURCE = "studentCTEProgramAssociations"

STATE = "35"  # NM-ELE-1: every organization id of the state begins with it
DISTRICT = "DistrictNumber"  # NM-ELE-1: the preference with the district's number
PROGRAM = "Career and Technical Education"  # NM-ELE-3, NM-ELE-4: name and type
OTHER = "Other"  # NM-ELE-7, NM-ELE-10
CIP_CODE = "0"  # NM-ELE-8: a text, not the number
TRANSFERRED_OUT = 2
NOT_KNOWN = (
    "Whether the student has been published to the ODS is not known: column student_published is empty. "
    'With nm.student_published_from = "ods" the target is asked.'
)
NOT_YET = "The student has not been published to the ODS yet: column student_published says no."
NOT_THERE = "The row's student is not in the table students."
PERIOD = ["student", "enrollment_id", "school_id", "start_date", "end_date", "is_current"]
PERSON = [
    "student", "student_id", "student_unique_id", "enroll_status", "current_school_id", "enrollment_school_id",
    "location_code",
]  # fmt: skip
WINNER = [("is_current", False), ("enrollment_order", False)]  # NM-MUL-3


def build(t: Tables, config: Config, settings: Mapping[str, Any], *, account: Account | None = None) -> Build:
    """Students, then their periods, then the elements; one record per key.

    Raises ConfigError when the target should say who is published and was not asked.
    """
    if target_not_asked(t, settings):
        raise ConfigError(
            'nm.student_published_from = "ods" lets the target say who is published, and nothing has asked it. '
            "Plan or run against a target, or pass the tables through rules.common.with_published first."
        )
    account = account or Account()
    given, t = t, with_student_numbers(t, "enrollments", "cte_records")
    students = selected_students(t, account)
    wishes_behind_errors(t, students, config, settings, account)
    periods = with_schools(students, t)
    periods = selected_periods(periods, t, config, settings, account)
    if settings["nm.begin_date_mode"] == "latest_only":  # NM-MUL-1
        order = ["start_date", "enrollment_order"]
        periods = periods.sort_values(order, ascending=False).drop_duplicates("student")
    candidates = elements(periods, t, config, settings)
    account.watch(candidates)
    warn(candidates, account)
    records = assemble(
        candidates, account, winner=WINNER, warn_overlaps=False
    )  # COM-VAL-2: no ends, no overlaps
    return Build.of(
        NAME, records, account, given, config, settings, scope(t, config),
        publishes=config.valid,
    )  # fmt: skip


# ---- Selection


def enrolled_rows(t: Tables) -> pd.DataFrame:
    """NM-SEL-2: the credential rows that enrol their student in CTE."""
    return t.cte_records[t.cte_records.program_enrolled]


def selected_students(t: Tables, account: Account) -> pd.DataFrame:
    """NM-SEL-1, -2, -4, -5: of the students with a credential row, those who may be sent."""
    unknown = t.cte_records[t.cte_records.student.lt(0)]
    account.skip(unknown.record_id, "cte_records", "NM-SEL-1", details={"NM-SEL-1": NOT_THERE})
    account.hold(
        t.enrollments[among(t.enrollments.student_id, unknown.student_id)].enrollment_id, "enrollments"
    )
    s = t.students[t.students.student.isin(t.cte_records.student)]
    return account.keep(
        s,
        "students",
        {
            "NM-SEL-1": ~s.student_published.fillna(False),
            "NM-SEL-2": ~s.student.isin(enrolled_rows(t).student),
            "NM-SEL-4": s.student_unique_id.isna(),
            "NM-SEL-5": s.state_exclude,
        },
        id_column="student_id",
        details={
            "NM-SEL-1": lambda: s.student_published.isna().map({True: NOT_KNOWN, False: NOT_YET}),
        },
        errors={"NM-SEL-1": s.student_published.isna()},
    )


def wishes_behind_errors(
    t: Tables, selected: pd.DataFrame, config: Config, settings: Mapping[str, Any], account: Account
) -> None:
    """What the periods of students who were not selected wish: it counts though the student has an error."""
    others = t.students[
        t.students.student.isin(t.cte_records.student) & ~t.students.student.isin(selected.student)
    ]
    if others.empty:
        return
    unreported = Account()
    selected_periods(with_schools(others, t), t, config, settings, unreported)
    account.take_wishes(unreported)


def target_not_asked(t: Tables, settings: Mapping[str, Any]) -> bool:
    """Whether the target should say who is published (NM-SEL-1), and has not been asked."""
    published = t.students.student_published[t.students.student_unique_id.notna()]
    return settings["nm.student_published_from"] == "ods" and bool(len(published) and published.isna().all())


def with_schools(students: pd.DataFrame, t: Tables) -> pd.DataFrame:
    """The enrollment periods of these students, with the school and building of NM-ELE-1 and NM-ELE-1a."""
    e = t.enrollments[PERIOD].merge(students[PERSON], on="student")
    elsewhere = (
        e.enrollment_school_id.ne(e.current_school_id)
        & e.enrollment_school_id.notna()
        & e.current_school_id.notna()
    )
    mid_transfer = e.is_current & elsewhere & e.enroll_status.eq(TRANSFERRED_OUT).fillna(False)
    e["period_school_id"] = e.school_id
    e["school_id"] = e.school_id.mask(mid_transfer, e.enrollment_school_id)
    schools = t.schools.assign(known=True, building=buildings(t))
    e = look_up(
        e, schools, "school_id", known_school="known", school_excluded="state_exclude", building="building"
    )
    e["known_school"] = e.known_school.notna()
    e["building"] = e.location_code.fillna(e.building)
    return e.assign(enrollment_order=id_order(e.enrollment_id))


def buildings(t: Tables) -> pd.Series:
    """NM-ELE-1: the number of each school: the alternate one, else its own."""
    alternate = t.schools.alt_school_number
    no_alternate = alternate.isna() | pd.to_numeric(alternate, errors="coerce").le(0)
    return alternate.mask(no_alternate, t.schools.school_number)


def selected_periods(
    e: pd.DataFrame, t: Tables, config: Config, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """NM-SEL-3, -6, -7 and the errors of NM-ELE-1b, on each enrollment period."""
    at_school = settings["nm.enrolled_requires"] == "row_at_school"
    first, last = year_window(e, t, config, settings)
    backwards = e.end_date.lt(e.start_date)
    e = account.keep(
        e,
        "enrollments",
        {
            "NM-SEL-2": ~has_row_at_school(e, t) if at_school else False,
            "NM-SEL-3": ~e.start_date.between(first, last),
            "COM-VAL-1": backwards,
            "COM-FUT-1": suppress_future(e.rename(columns={"start_date": "begin_date"}), settings),
            "NM-ERR-2": ~e.known_school,
            "NM-SEL-6": e.school_excluded,
            "NM-SEL-7": e.end_date.le(e.start_date) & settings["nm.require_exit_after_entry"],
            "NM-ERR-1": district(t) is None,
        },
        id_column="enrollment_id",
        details=both_days("COM-VAL-1", e) | both_days("NM-SEL-7", e),
        errors={"NM-SEL-3": e.start_date.isna() | backwards, "NM-SEL-7": backwards},
    )
    return account.keep(
        e, "enrollments", {"NM-ERR-2": three_digits(e.building).isna()}, id_column="enrollment_id"
    )


def has_row_at_school(e: pd.DataFrame, t: Tables) -> pd.Series:
    """NM-SEL-2 with `row_at_school`: a credential row of the student names the school of the enrollment."""
    rows = pd.MultiIndex.from_frame(enrolled_rows(t)[["student", "school_id"]].dropna())
    return pd.Series(pd.MultiIndex.from_frame(e[["student", "period_school_id"]]).isin(rows), index=e.index)


def year_window(e: pd.DataFrame, t: Tables, config: Config, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """NM-SEL-3: first and last day of the year, of the configuration or of the school's own year term."""
    first, last = pd.Timestamp(config.config_start), pd.Timestamp(config.config_end)
    if settings["nm.year_window"] == "config":
        return first, last
    terms = t.calendars[t.calendars.school_year.eq(config.school_year).fillna(False)]
    spans = terms.groupby("school_id", as_index=False).agg({"start_date": "min", "end_date": "max"})
    found = look_up(e[["school_id"]], spans, "school_id", first="start_date", last="end_date")
    return found["first"].fillna(first), found["last"].fillna(last)


def school_years(rows: pd.DataFrame, t: Tables) -> pd.Series:
    """NM-SEL-3: an enrollment belongs to the year its entry date lies in."""
    return school_year_of(rows.start_date)


# ---- Elements


def district(t: Tables) -> str | None:
    """The three digits of the district among the preferences, whatever the case of its name; None without."""
    named = zip(t.preferences.name, t.preferences.value, strict=True)
    values = (value for name, value in named if name.casefold() == DISTRICT.casefold())
    return next((digits for value in values if not pd.isna(value) and (digits := _three_digits(value))), None)


def three_digits(numbers: pd.Series) -> pd.Series:
    """NM-ELE-1b: filled with zeros to three digits; missing where that cannot be."""
    return translate(numbers, _three_digits)


def _three_digits(number: str) -> str | None:
    return number.zfill(3) if re.fullmatch("[0-9]{1,3}", number) else None


def prefix(t: Tables) -> str:
    """State and district; without a district no period gives a record (NM-ERR-1)."""
    return f"{STATE}{district(t) or '000'}"


def organization_ids(numbers: pd.Series, t: Tables) -> pd.Series:
    """NM-ELE-1: state, district and building; missing for what is no building's number (NM-ELE-1b)."""
    return (prefix(t) + three_digits(numbers)).astype("Int64")


def school_ids(t: Tables) -> pd.Series:
    """NM-ELE-1: the organization id of each school."""
    return organization_ids(buildings(t), t)


def other_organizations(t: Tables) -> Mapping[int, str]:
    """NM-ELE-2: the district, which owns the programs unless a setting says otherwise."""
    return {int(f"{prefix(t)}000"): "the district"} if district(t) else {}


def organization_cell(filled: Mapping[str, str]) -> str:
    """NM-ELE-1: of the filled cells of a record's rows, as `table.column` with its text, that of its building."""
    if "students.location_code" in filled:
        return "students.location_code"
    alternate = pd.to_numeric(filled.get("schools.alt_school_number", "0"), errors="coerce")
    return "schools.school_number" if alternate <= 0 else "schools.alt_school_number"


def counted_at(t: Tables) -> pd.Series:
    """NM-ELE-1a: the school that counts, by enrollment."""
    t = with_student_numbers(t, "enrollments")
    return with_schools(t.students, t).set_index("enrollment_id").school_id


def elements(e: pd.DataFrame, t: Tables, config: Config, settings: Mapping[str, Any]) -> pd.DataFrame:
    """NM-ELE-1 to -11: what each record says."""
    descriptors = Descriptors(t, settings["descriptor_namespace"])
    completed = e.student.map(completion(t, config, settings))
    old_standard = "ctePrograms" in standards.members(
        RESOURCE, standards.nearest(str(settings["data_standard"]))
    )
    organization = organization_ids(e.building, t)
    owner = {"lea": int(f"{prefix(t)}000"), "school": organization}
    program_edorg = settings["nm.program_edorg"]
    enrolled = enrolled_rows(t)
    said = {
        completion: details(completion, old_standard, settings, descriptors)
        for completion in (True, False, None)
    }
    return e.assign(
        ref="enrollments:" + e.enrollment_id + "#cte",
        more_refs=lists_of("cte_records:" + enrolled.record_id, enrolled.student, e.student),
        resource=RESOURCE,
        education_organization_id=organization,  # NM-ELE-1
        program_education_organization_id=owner.get(program_edorg, program_edorg),  # NM-ELE-2
        program_type_descriptor=descriptors.uri("ProgramTypeDescriptor", PROGRAM),  # NM-ELE-3
        program_name=PROGRAM,  # NM-ELE-4
        begin_date=e.start_date,  # NM-ELE-6
        exit_date=e.end_date,
        end_date=e.end_date if settings["nm.emit_end_date"] else pd.NaT,  # NM-ELE-11
        members=[said.get(completion, said[None]) for completion in completed.tolist()],
        completion_dropped=completed.notna() & (not old_standard),
        person=rank_texts(e.student_unique_id),  # NM-ELE-5
        rules=[["NM-SEL-2", "NM-SEL-3", "NM-ELE-1", "NM-ELE-2", "NM-ELE-6", "NM-ELE-10"]] * len(e),
    ).astype({"end_date": "datetime64[us]"})


def completion(t: Tables, config: Config, settings: Mapping[str, Any]) -> pd.Series:
    """NM-ELE-9: per student whether the program was completed; students of whom nothing is known are not in it."""
    rows = enrolled_rows(t)
    if settings["nm.completion_from"] == "omit":
        return pd.Series(dtype=object)
    if settings["nm.completion_from"] == "credential_earned":
        earned = rows.credential_earned_date.dropna()
        known = earned.between(pd.Timestamp(config.config_start), pd.Timestamp(config.config_end))
    else:
        known = rows.program_completed.dropna().astype(bool)
    return known.groupby(rows.student[known.index]).any().astype(object)


def details(
    completed: bool | None, old_standard: bool, settings: Mapping[str, Any], descriptors: Descriptors
) -> dict[str, Any]:
    """NM-ELE-7 to -10: `ctePrograms` where the data standard has them, `cteProgramServices` where it does not."""
    if old_standard:
        pathway = {
            "careerPathwayDescriptor": descriptors.uri("CareerPathwayDescriptor", OTHER),
            "cipCode": CIP_CODE,
        }
        return {
            "ctePrograms": [
                pathway if completed is None else {**pathway, "cteProgramCompletionIndicator": completed}
            ]
        }
    if settings["nm.cte_ds5"] == "omit":
        return {}
    service = {
        "cteProgramServiceDescriptor": descriptors.uri("CTEProgramServiceDescriptor", OTHER),
        "cipCode": CIP_CODE,
    }
    return {"cteProgramServices": [service]}


def warn(c: pd.DataFrame, account: Account) -> None:
    """ZERO_DAY_ENROLLMENT (NM-SEL-7), SUSPECT_LOCATION (NM-ELE-1c), COMPLETION_DROPPED (NM-ELE-10)."""
    account.notice("ZERO_DAY_ENROLLMENT", c[c.exit_date.eq(c.begin_date)].enrollment_id, "enrollments")
    zeros = c[c.location_code.str.fullmatch("0+").fillna(False).astype(bool)].drop_duplicates("student_id")
    district_id = zeros.education_organization_id.astype("str")
    says = (
        "The location code is all zeros: the record goes to "
        + district_id
        + ", the district, and to no school."
    )
    account.notice("SUSPECT_LOCATION", zeros.student_id, "students", says)
    account.notice("COMPLETION_DROPPED", c[c.completion_dropped].enrollment_id, "enrollments")


# ---- Scope


def scope(t: Tables, config: Config) -> Scope:
    """REC-R9: Career and Technical Education at the organizations of the district, 35 and its number in front."""
    number = district(t)
    ids = range(int(f"{STATE}{number}000"), int(f"{STATE}{number}999") + 1) if number else range(0)
    return Scope(
        profile=NAME,
        school_year=config.school_year,
        resources=(RESOURCE,),
        programs=frozenset((owner, PROGRAM) for owner in ids),
        organizations=frozenset(ids),
        config_start=config.config_start,
        config_end=config.config_end,
    )
