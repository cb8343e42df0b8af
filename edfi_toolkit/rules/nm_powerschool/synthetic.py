"""A New Mexico district as PowerSchool holds it: periods, transfers, location codes, credentials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import descriptor_uri
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
    """The tables of one district; see `edfi_toolkit.synthetic.district`."""
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
