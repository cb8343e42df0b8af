"""A New Mexico district as PowerSchool holds it: periods, transfers, location codes, credentials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError
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
    opening,
    removed,
    students_of,
    years_before,
)
from edfi_toolkit.synthetic.people import day_texts, drawn, people, school_count, some, stays, texts
from edfi_toolkit.synthetic.seed import Needs

ORGANIZATION = 35089000
STATE_AGENCY = 35
PROGRAM = "Career and Technical Education"
EXCLUDED, ONLINE, GRADUATED = (
    "990",
    "1430",
    "999999",
)  # schools: left out, with a number too long, none at all
HOME_SCHOOLED, NO_BUILDING = "999", "000"

# Shares of the students.
WITH_CREDENTIAL, CREDENTIALS = 0.52, {1: 0.78, 2: 0.17, 3: 0.05}
STATE_EXCLUDE, NOT_PUBLISHED, MID_TRANSFER, GRADUATES = 0.01, 0.02, 0.02, 0.003
OWN_BUILDING, LOCATIONS = 0.02, {HOME_SCHOOLED: 0.003, NO_BUILDING: 0.001}
# Shares of the periods, and every which school has an alternate number.
AT_EXCLUDED, AT_ONLINE, ZERO_DAYS = 0.005, 0.003, 0.005
ALTERNATE_EVERY, ALTERNATE_FROM = 10, 500


def district(
    random: np.random.Generator, students: int, school_year: int, organization: int
) -> dict[str, pd.DataFrame]:
    """The tables of one district; see `Synthetic.district`."""
    number = str(organization).removeprefix("35").removesuffix("000")
    if len(str(organization)) != 8 or len(number) != 3:
        raise ConfigError(f"{organization} is no district of New Mexico. Write 35, three digits and 000.")
    schools = school_count(students)
    periods = stays(random, students, schools, school_year)
    chance = random.random(len(periods))
    periods["school"] = (
        texts(periods["school"])
        .mask(chance < AT_EXCLUDED, EXCLUDED)
        .mask((chance >= AT_EXCLUDED) & (chance < AT_EXCLUDED + AT_ONLINE), ONLINE)
    )
    now = periods[periods["current"]].reset_index(drop=True)
    roster = _students(random, now, schools, organization)
    enrollments = _enrollments(random, periods, school_year)
    enrollments["school_id"] = enrollments["school_id"].mask(
        periods["current"], periods["student"].map(roster["current_school_id"].set_axis(now["student"]))
    )
    return {
        "edfi_config": pd.DataFrame({"school_year": [str(school_year)], "data_standard": "5.2"}),
        "preferences": pd.DataFrame({"name": ["DistrictNumber"], "value": number}),
        "schools": _schools(schools),
        "students": roster,
        "enrollments": enrollments,
        "cte_records": _credentials(random, now, school_year),
    }


def _schools(count: int) -> pd.DataFrame:
    numbers = np.arange(1, count + 1)
    alternate = texts(np.where(numbers % ALTERNATE_EVERY == 0, ALTERNATE_FROM + numbers, 0))
    ids = pd.concat([texts(numbers), pd.Series([EXCLUDED, ONLINE])], ignore_index=True)
    return pd.DataFrame(
        {
            "school_id": ids,
            "school_number": ids,
            "alt_school_number": alternate.reindex(ids.index, fill_value="0"),
            "name": "School " + ids,
            "state_exclude": ids.eq(EXCLUDED).map({True: "1", False: None}).astype("str"),
        }
    )


def _students(
    random: np.random.Generator, now: pd.DataFrame, schools: int, organization: int
) -> pd.DataFrame:
    """One in the midst of a transfer sits at another school already than the one the enrollment is of."""
    count = len(now)
    chance = random.random(count)
    transfers, graduates = chance < MID_TRANSFER, chance > 1 - GRADUATES
    another = texts(random.integers(1, schools + 1, count))
    building = another.where(random.random(count) < OWN_BUILDING)
    return people(random, count, organization).assign(
        state_exclude=drawn(random, {"1": STATE_EXCLUDE}, count),
        student_published=drawn(random, {"1": 1 - NOT_PUBLISHED}, count),
        enroll_status=texts(np.select([transfers, graduates], [2, 3])),
        current_school_id=now["school"].mask(transfers, another).mask(graduates, GRADUATED),
        enrollment_school_id=now["school"],
        location_code=drawn(random, LOCATIONS, count).fillna(building),
    )


def _enrollments(random: np.random.Generator, periods: pd.DataFrame, school_year: int) -> pd.DataFrame:
    """PowerSchool's exit date is the first day no longer enrolled, and every period has one."""
    count, current = len(periods), periods["current"]
    exits = (periods["last"] + pd.Timedelta(days=1)).fillna(pd.Timestamp(f"{school_year}-05-23"))
    exits = exits.mask(random.random(count) < ZERO_DAYS, periods["first"])
    student = texts(periods["student"])
    return pd.DataFrame(
        {
            "enrollment_id": ("S" + student).where(current, "R" + texts(np.arange(1, count + 1))),
            "student_id": student,
            "school_id": periods["school"],
            "start_date": day_texts(periods["first"]),
            "end_date": day_texts(exits),
            "is_current": current.map({True: "1", False: "0"}).astype("str"),
            "grade_level": texts(9 + periods["student"] % 4),
        }
    )


def _credentials(random: np.random.Generator, now: pd.DataFrame, school_year: int) -> pd.DataFrame:
    """One row a credential, at the school of the student's current period."""
    some_of = some(random, WITH_CREDENTIAL, len(now))
    which = some_of.repeat(random.choice(list(CREDENTIALS), len(some_of), p=list(CREDENTIALS.values())))
    count = len(which)
    earned = np.datetime64(f"{school_year - 1}-09-01") + random.integers(0, 240, count)
    return pd.DataFrame(
        {
            "record_id": "c" + texts(np.arange(1, count + 1)),
            "student_id": texts(now["student"].to_numpy()[which]),
            "school_id": now["school"].iloc[which].reset_index(drop=True),
            "industry_credential_code": drawn(
                random, {"AWS": 0.3, "CNA": 0.3, "ASE": 0.2, "NCCER": 0.2}, count
            ),
            "delivery_method_code": drawn(random, {"C": 0.5, "O": 0.2}, count),
            "credential_earned_date": day_texts(earned).where(random.random(count) < 0.3),
            "program_completed": drawn(random, {"1": 0.2, "0": 0.3}, count),
            "program_enrolled": drawn(random, {"1": 0.6, "0": 0.05}, count),
        }
    )


def needs(tables: Mapping[str, pd.DataFrame]) -> Needs:
    """The district owns the program; every building that a school or a student names is one of its schools."""
    district_number = tables["preferences"]["value"].iloc[0]
    schools = tables["schools"]
    number = schools["alt_school_number"].mask(schools["alt_school_number"].eq("0"), schools["school_number"])
    codes = tables["students"]["location_code"].dropna().drop_duplicates()
    named = pd.DataFrame({"school_id": None, "number": codes, "name": "Building " + codes})
    every = pd.concat([schools.assign(number=number)[["school_id", "number", "name"]], named])
    every["number"] = every["number"].str.zfill(3)
    every = every[every["number"].str.len().eq(3) & every["number"].ne(NO_BUILDING)]
    organizations = (f"35{district_number}" + every["number"]).astype("int64")
    return Needs(
        organization=int(f"35{district_number}000"),
        schools=every.assign(ed_fi_school_id=organizations).drop_duplicates("ed_fi_school_id"),
        owner=int(f"35{district_number}000"),
        programs=[(PROGRAM, descriptor_uri("ProgramTypeDescriptor", PROGRAM))],
        agency=STATE_AGENCY,
    )


# ---- what may be wrong, and what happens from one publish to the next


def _plain(tables: Frames) -> pd.Series:
    """The current period of a student who is sent: published, not left out, in CTE, in a school of this year."""
    enrollments, students, schools = tables["enrollments"], tables["students"], tables["schools"]
    plain = students["student_published"].eq("1") & students["state_exclude"].isna()
    plain &= students["enroll_status"].eq("0")
    enrolled = tables["cte_records"].loc[tables["cte_records"]["program_enrolled"].ne("0"), "student_id"]
    regular = schools["state_exclude"].isna() & schools["school_number"].str.len().le(3)
    return (
        enrollments["is_current"].eq("1")
        & enrollments["start_date"].ge(opening(tables))
        & among(enrollments["school_id"], schools.loc[regular, "school_id"])
        & among(enrollments["student_id"], students.loc[plain, "student_id"])
        & among(enrollments["student_id"], enrolled)
    )


def _moved(rows: pd.DataFrame) -> pd.DataFrame:
    """The current period becomes that at the new school; the one before it goes to the re-enrollments.

    `students` stays: its schools count only for a student in the midst of a transfer.
    """
    moved = later(rows["start_date"], 40)
    earlier = "R" + rows["student_id"] + "-" + rows["start_date"]
    before = rows.assign(enrollment_id=earlier, is_current="0", end_date=moved)
    school = pd.Series(np.roll(rows["school_id"].to_numpy(dtype=object), 1), index=rows.index, dtype="str")
    return pd.concat([before, rows.assign(start_date=moved, school_id=school)])


def _current(tables: Frames) -> pd.Series:
    return tables["enrollments"]["is_current"].eq("1")


DIRT = (
    cell("students", "student_unique_id", None, "NM-SEL-4", students_of(_plain)),
    cell("students", "student_unique_id", mistyped, "REF-STUDENT", students_of(_plain)),
    cell("students", "location_code", "1234", "NM-ERR-2", students_of(_plain)),
    cell("students", "enroll_status", "active", "COM-NRM-2"),
    cell("enrollments", "start_date", NO_DAY, "COM-NRM-3"),
    cell("enrollments", "end_date", years_before("start_date"), "COM-VAL-1", _plain),
    cell("enrollments", "student_id", decimal("student_id"), "COM-NRM-2"),
    cell("enrollments", "school_id", None, "COM-NRM-6"),
    cell("enrollments", "school_id", "8888", "NM-ERR-2", _plain),
    cell("cte_records", "program_completed", "maybe", "COM-NRM-4"),
    cell("cte_records", "student_id", "unknown", "NM-SEL-1"),
)
CHANGES = (
    Edit(table="students", what="left out", to=lambda rows: rows.assign(state_exclude="1")),
    Edit(table="students", what="building", to=lambda rows: rows.assign(location_code="1")),
    Edit(table="enrollments", what="moved", to=_moved, where=_current),
    Edit(table="enrollments", what="begin corrected", to=dated("start_date", "start_date", 7)),
    Edit(table="cte_records", what="removed", to=removed),
)
SYNTHETIC = Synthetic(organization=ORGANIZATION, tables=district, needs=needs, dirt=DIRT, changes=CHANGES)
