"""A Wisconsin district as Infinite Campus holds it: Section 504, CEIS, third parties, instruction modes, exclusions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from edfi_toolkit.model import descriptor_uri
from edfi_toolkit.model.frames import among
from edfi_toolkit.synthetic import Synthetic
from edfi_toolkit.synthetic.edits import (
    NO_DAY,
    Edit,
    Frames,
    cell,
    dated,
    decimal,
    later,
    mistyped,
    open_rows,
    opening,
    removed,
    students_of,
    years_before,
)
from edfi_toolkit.synthetic.people import (
    day_texts,
    drawn,
    first_day,
    people,
    school_count,
    some,
    stays,
    texts,
)
from edfi_toolkit.synthetic.seed import Needs

ORGANIZATION = 944100
STATE_AGENCY = 48856
DPI = "uri://dpi.wi.gov/ProgramTypeDescriptor#"
MODALITY, DPI_MODALITY = descriptor_uri("ProgramTypeDescriptor", "Modality"), f"{DPI}Modality"
MODES = {"In-Person": 0.80, "Remote": 0.12, "Hybrid": 0.08}
_PROGRAMS = (  # name, and its type by the data standard and, where the state has one of its own, by the state
    ("Section 504 Placement", descriptor_uri("ProgramTypeDescriptor", "Section 504 Placement"), f"{DPI}504"),
    (
        "Coordinated Early Intervening Services",
        descriptor_uri("ProgramTypeDescriptor", "Cocurricular Programs"),
        f"{DPI}Co",
    ),
    ("Third Party - CESA", descriptor_uri("ProgramTypeDescriptor", "Regular Education")),
    ("Third Party - Other", descriptor_uri("ProgramTypeDescriptor", "Regular Education")),
    *((mode, MODALITY, DPI_MODALITY) for mode in MODES),
)

# Shares of the students: with a 504 record, a CEIS record. Of the periods: with an instruction mode; and of
# those with a mode, which change it within the period.
SECTION_504, CEIS = 0.06, 0.02
WITH_MODE, SWITCHES = 0.80, 0.10
# Shares of the enrollments; what is left of 1 is an empty cell.
PROVIDERS = {"CESA": 0.05, "PRIV1": 0.03, "PRIV2": 0.02, "NONE": 0.05}
EARLY_INTERVENTION = {"Y": 0.005, "N": 0.20}
SERVICE_TYPES = {"P": 0.90, "S": 0.02, "N": 0.02}
ENROLLMENT_TYPES = {"P": 0.60, "PPP": 0.02, "C": 0.01, "M": 0.005}
CALENDARS = {"S": 0.01, "X": 0.005}  # summer school, left out of state reporting
NO_SHOW, STATE_EXCLUDE, WISE_EXCLUDE, OVERRIDE = 0.008, 0.008, 0.005, 0.01
EXCLUDED_SCHOOL, NO_ENTITY_ID = 0.005, 0.003


def district(
    random: np.random.Generator, students: int, school_year: int, organization: int
) -> dict[str, pd.DataFrame]:
    """The tables of one district; see `Synthetic.district`."""
    schools = school_count(students)
    periods = stays(random, students, schools, school_year)
    chance = random.random(len(periods))
    special = np.select([chance < EXCLUDED_SCHOOL, chance < EXCLUDED_SCHOOL + NO_ENTITY_ID], [1, 2])
    periods["school"] = periods["school"].mask(special > 0, schools + special)
    this_year = periods[periods["year"].eq(school_year)].reset_index(drop=True)
    return {
        "edfi_config": pd.DataFrame({"school_year": [str(school_year)], "data_standard": "5.2"}),
        "preferences": pd.DataFrame({"name": ["EdFiDistrictNumber"], "value": str(organization)}),
        "schools": _schools(schools, organization),
        "calendars": _calendars(schools + 2, school_year),
        "students": people(random, students, organization).assign(
            student_unique_id=_wiseids(students, organization)
        ),
        "enrollments": _enrollments(random, periods, schools, organization),
        "section504_records": _section_504(random, students, school_year),
        "ceis_records": _ceis(random, this_year, round(CEIS * students)),
        "instruction_mode_records": _modes(random, this_year, school_year),
    }


def _schools(count: int, organization: int) -> pd.DataFrame:
    """So many schools, one left out of state reporting, and one without an Entity ID."""
    numbers = texts(np.arange(1, count + 3))
    return pd.DataFrame(
        {
            "school_id": numbers,
            "school_number": _school_numbers(numbers),
            "ed_fi_school_id": (f"{organization}" + numbers.str.zfill(3)).mask(numbers.eq(str(count + 2))),
            "name": "School " + numbers,
            "state_exclude": numbers.eq(str(count + 1)).map({True: "1", False: None}).astype("str"),
        }
    )


def _wiseids(students: int, organization: int) -> pd.Series:
    """Ten digits each; districts whose ids differ in the last four digits share none."""
    return f"{organization % 10_000:04d}" + texts(np.arange(1, students + 1)).str.zfill(6)


def _school_numbers(schools: pd.Series) -> pd.Series:
    return (schools + "0").str.zfill(4)


def _calendars(schools: int, school_year: int) -> pd.DataFrame:
    """Each school's of this year and the last, its summer school, and one left out of state reporting."""
    each = []
    for year, kind in ((school_year - 1, ""), (school_year, ""), (school_year, "S"), (school_year, "X")):
        ids = texts(np.arange(1, schools + 1))
        each.append(
            pd.DataFrame(
                {
                    "calendar_id": _calendar(ids, str(year), kind),
                    "school_id": ids,
                    "school_year": str(year),
                    "state_exclude": "1" if kind == "X" else None,
                    "summer_school": "1" if kind == "S" else None,
                }
            )
        )
    return pd.concat(each, ignore_index=True).astype("str")


def _calendar(schools: pd.Series, year: pd.Series | str, kind: pd.Series | str) -> pd.Series:
    return "C" + schools + "-" + year + kind


def _enrollments(
    random: np.random.Generator, periods: pd.DataFrame, schools: int, organization: int
) -> pd.DataFrame:
    count, school = len(periods), texts(periods["school"])
    kind = drawn(random, CALENDARS, count).fillna("").where(periods["current"], "")
    another = f"{organization}" + texts(random.integers(1, schools + 1, count)).str.zfill(3)
    return pd.DataFrame(
        {
            "enrollment_id": texts(np.arange(1, count + 1)),
            "student_id": texts(periods["student"]),
            "school_id": school,
            "calendar_id": _calendar(school, texts(periods["year"]), kind),
            "start_date": day_texts(periods["first"]),
            "end_date": day_texts(periods["last"]),
            "grade_level": texts(periods["student"] % 13).str.zfill(2),
            "service_type": drawn(random, SERVICE_TYPES, count),
            "state_enrollment_type": drawn(random, ENROLLMENT_TYPES, count),
            "no_show": drawn(random, {"1": NO_SHOW}, count),
            "state_exclude": drawn(random, {"1": STATE_EXCLUDE}, count),
            "wise_exclude": drawn(random, {"1": WISE_EXCLUDE}, count),
            "coord_early_intervention": drawn(random, EARLY_INTERVENTION, count),
            "third_party_provider": drawn(random, PROVIDERS, count),
            "override_ed_fi_school_id": another.where(random.random(count) < OVERRIDE),
        }
    )


def _section_504(random: np.random.Generator, students: int, school_year: int) -> pd.DataFrame:
    """Two of five began in an earlier year; one of seven has ended."""
    who = some(random, SECTION_504, students) + 1
    count, opening = len(who), first_day(school_year)
    spans = random.random(count) < 0.4
    start = opening + np.where(spans, -random.integers(30, 1000, count), random.integers(0, 200, count))
    end = np.maximum(start, opening) + random.integers(20, 80, count)
    return pd.DataFrame(
        {
            "record_id": "f" + texts(who),
            "student_id": texts(who),
            "start_date": day_texts(start),
            "end_date": day_texts(end).where(random.random(count) < 1 / 7),
            "eligible": drawn(random, {"1": 0.9, "0": 0.05}, count),
            "accommodation_plan": drawn(random, {"1": 0.7, "0": 0.1}, count),
            "meeting_date": day_texts(start - 14),
        }
    )


def _ceis(random: np.random.Generator, periods: pd.DataFrame, count: int) -> pd.DataFrame:
    """Within a period of the student; one in twenty begins before it."""
    chosen = periods.iloc[np.sort(random.permutation(len(periods))[:count])]
    offset = np.where(random.random(count) < 0.05, -7, random.integers(0, 30, count))
    start = chosen["first"] + pd.to_timedelta(offset, unit="D")
    start = start.mask(start.gt(chosen["last"]), chosen["last"])
    end = start + pd.Timedelta(days=60)
    return pd.DataFrame(
        {
            "record_id": "k" + texts(np.arange(1, count + 1)),
            "student_id": texts(chosen["student"]),
            "start_date": day_texts(start),
            "end_date": day_texts(end).where(random.random(count) < 0.3),
        }
    )


def _modes(random: np.random.Generator, periods: pd.DataFrame, school_year: int) -> pd.DataFrame:
    """From the first day of a period; some change to another mode within it."""
    taught = periods.iloc[some(random, WITH_MODE, len(periods))].reset_index(drop=True)
    count = len(taught)
    change = taught["first"] + pd.to_timedelta(random.integers(7, 90, count), unit="D")
    ends = taught["last"].fillna(pd.Timestamp(first_day(school_year) + 280))
    changes = (random.random(count) < SWITCHES) & change.lt(ends)
    names = np.array(list(MODES))
    mode = random.choice(len(MODES), count, p=list(MODES.values()))
    other = (mode + random.integers(1, len(MODES), count)) % len(MODES)
    school = _school_numbers(texts(taught["school"]))
    day_before = taught["last"].mask(changes, change - pd.Timedelta(days=1))
    first = pd.DataFrame(
        {
            "student_id": texts(taught["student"]),
            "start_date": day_texts(taught["first"]),
            "end_date": day_texts(day_before),
            "school_number": school,
            "learning_modality": pd.Series(names[mode], dtype="str"),
        }
    )
    second = first.assign(
        start_date=day_texts(change),
        end_date=day_texts(taught["last"]),
        learning_modality=pd.Series(names[other], dtype="str"),
    )
    every = pd.concat([first, second[changes]], ignore_index=True)
    every.insert(0, "record_id", "m" + texts(np.arange(1, len(every) + 1)))
    return every


def needs(tables: Mapping[str, pd.DataFrame]) -> Needs:
    """The state agency owns the programs, by the types of the data standard and by the state's own."""
    schools = tables["schools"].dropna(subset=["ed_fi_school_id"])
    return Needs(
        organization=int(tables["preferences"]["value"].iloc[0]),
        schools=schools.astype({"ed_fi_school_id": "int64"}),
        owner=STATE_AGENCY,
        programs=[(name, kind) for name, *kinds in _PROGRAMS for kind in kinds],
        descriptors=[MODALITY, *(f"{DPI}{code}" for code in ("504", "Co", "Modality"))],
        agency=STATE_AGENCY,
    )


# ---- what may be wrong, and what happens from one publish to the next


def _plain(tables: Frames) -> pd.Series:
    """Enrollments of this year that nothing leaves out, of students whose every enrollment is such a one."""
    enrollments, schools, calendars = tables["enrollments"], tables["schools"], tables["calendars"]
    regular = calendars["state_exclude"].isna() & calendars["summer_school"].isna()
    known = schools["state_exclude"].isna() & schools["ed_fi_school_id"].notna()
    plain = (
        enrollments[["no_show", "state_exclude", "wise_exclude"]].isna().all(axis="columns")
        & enrollments["state_enrollment_type"].ne("C")
        & enrollments["state_enrollment_type"].ne("M")
        & enrollments["service_type"].ne("S")
        & enrollments["start_date"].ge(opening(tables))
        & among(enrollments["calendar_id"], calendars.loc[regular, "calendar_id"])
        & among(enrollments["school_id"], schools.loc[known, "school_id"])
    )
    student = enrollments["student_id"]
    taught = among(student, tables["instruction_mode_records"]["student_id"])
    return plain & taught & ~among(student, enrollments.loc[~plain, "student_id"])


def _moved(rows: pd.DataFrame) -> pd.DataFrame:
    """The period ends, and another begins at the school of another of these students."""
    places = ["school_id", "calendar_id"]
    then = rows.assign(
        enrollment_id="9" + rows["enrollment_id"].str.zfill(8), start_date=later(rows["start_date"], 40)
    )
    then[places] = np.roll(rows[places].to_numpy(dtype=object), 1, axis=0)
    return pd.concat([rows.assign(end_date=later(rows["start_date"], 35)), then])


OTHER_MODE = {"In-Person": "Hybrid", "Hybrid": "Remote", "Remote": "In-Person"}
DIRT = (
    cell("students", "student_unique_id", None, "WI-ENR-1", students_of(_plain)),
    cell("students", "student_unique_id", mistyped, "REF-STUDENT", students_of(_plain)),
    cell("enrollments", "start_date", NO_DAY, "COM-NRM-3"),
    cell("enrollments", "start_date", None, "WI-ENR-2", _plain),
    cell("enrollments", "student_id", decimal("student_id"), "COM-NRM-2"),
    cell("enrollments", "school_id", None, "COM-NRM-6"),
    cell("enrollments", "school_id", "8888", "WI-ENR-10", _plain),
    cell("enrollments", "no_show", "perhaps", "COM-NRM-4"),
    cell("enrollments", "service_type", "Q", "COM-NRM-5"),
    cell("section504_records", "start_date", NO_DAY, "COM-NRM-3"),
    cell("section504_records", "end_date", years_before("start_date"), "WI-504-1"),
    cell("ceis_records", "start_date", "13/45/2025", "COM-NRM-3"),
    cell("ceis_records", "end_date", years_before("start_date"), "WI-CEIS-1"),
    cell("instruction_mode_records", "learning_modality", "Satellite", "WI-MOD-3"),
    cell("instruction_mode_records", "school_number", "9999", "WI-MOD-4"),
    cell("instruction_mode_records", "end_date", NO_DAY, "COM-NRM-3"),
)
CHANGES = (
    Edit(table="enrollments", what="moved", to=_moved, where=open_rows("enrollments")),
    Edit(table="enrollments", what="begin corrected", to=dated("start_date", "start_date", 7)),
    Edit(table="enrollments", what="no show", to=lambda rows: rows.assign(no_show="1")),
    Edit(table="enrollments", what="provider", to=lambda rows: rows.assign(third_party_provider="CESA")),
    Edit(
        table="section504_records",
        what="ended",
        to=dated("end_date", "start_date", 300),
        where=open_rows("section504_records"),
    ),
    Edit(table="ceis_records", what="removed", to=removed),
    Edit(
        table="instruction_mode_records",
        what="ended",
        to=dated("end_date", "start_date", 20),
        where=open_rows("instruction_mode_records"),
    ),
    Edit(
        table="instruction_mode_records",
        what="mode",
        to=lambda rows: rows.assign(learning_modality=rows["learning_modality"].replace(OTHER_MODE)),
    ),
)
SYNTHETIC = Synthetic(organization=ORGANIZATION, tables=district, needs=needs, dirt=DIRT, changes=CHANGES)
