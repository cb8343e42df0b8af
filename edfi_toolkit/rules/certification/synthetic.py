"""A district for the certification scenarios: students who move, and programs of five kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
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
    mistyped,
    removed,
    years_before,
)
from edfi_toolkit.synthetic.people import day_texts, first_day, people, school_count, stays, texts
from edfi_toolkit.synthetic.seed import Needs

ORGANIZATION = 255901
# resource, program, program type, and the attributes that students of it may have; weights by how common each is.
_PROGRAMS: tuple[tuple[float, str, str, str, tuple[dict[str, Any], ...]], ...] = (
    (
        0.40,
        "studentSchoolFoodServiceProgramAssociations",
        "School Food Service",
        "Other",
        tuple(
            {"schoolFoodServiceProgramServices": [{"schoolFoodServiceProgramServiceDescriptor": service}]}
            for service in ("Free Lunch", "Reduced Price Lunch")
        ),
    ),
    (
        0.20,
        "studentTitleIPartAProgramAssociations",
        "Title I Part A",
        "Title I Part A",
        tuple(
            {"titleIPartAParticipantDescriptor": kind}
            for kind in ("Public Schoolwide Program", "Public Targeted Assistance Program")
        ),
    ),
    (
        0.15,
        "studentSpecialEducationProgramAssociations",
        "Special Education",
        "Special Education",
        tuple(
            {"ideaEligibility": True, "specialEducationSettingDescriptor": setting}
            for setting in (
                "Inside regular class 80% or more of the day",
                "Inside regular class less than 40% of the day",
            )
        ),
    ),
    (
        0.15,
        "studentCTEProgramAssociations",
        "Career and Technical Education",
        "Career and Technical Education",
        tuple(
            {
                "nonTraditionalGenderStatus": flag,
                "privateCTEProgram": False,
                "technicalSkillsAssessmentDescriptor": "Passed",
                "cteProgramServices": [
                    {
                        "cteProgramServiceDescriptor": "Information Technology",
                        "cipCode": "11.0103",
                        "primaryIndicator": True,
                    }
                ],
            }
            for flag in (True, False)
        ),
    ),
    (0.10, "studentProgramAssociations", "Gifted and Talented", "Gifted and Talented", ({},)),
)


def district(
    random: np.random.Generator, students: int, school_year: int, organization: int
) -> dict[str, pd.DataFrame]:
    """The tables of one district, of whose students about half take part in a program."""
    schools = school_count(students)
    periods = stays(random, students, schools, school_year)
    now = periods[periods["current"]].reset_index(drop=True)
    return {
        "edfi_config": pd.DataFrame({"school_year": [str(school_year)]}),
        "schools": _schools(schools, organization),
        "students": people(random, students, organization).assign(current_school_id=texts(now["school"])),
        "enrollments": pd.DataFrame(
            {
                "enrollment_id": texts(np.arange(1, len(periods) + 1)),
                "student_id": texts(periods["student"]),
                "school_id": texts(periods["school"]),
                "start_date": day_texts(periods["first"]),
                "end_date": day_texts(periods["last"]),
                "is_current": periods["current"].map({True: "1", False: "0"}).astype("str"),
            }
        ),
        "program_participation": _participations(random, students, school_year, organization),
    }


def _schools(count: int, organization: int) -> pd.DataFrame:
    numbers = texts(np.arange(1, count + 1))
    return pd.DataFrame(
        {
            "school_id": numbers,
            "school_number": numbers.str.zfill(3),
            "ed_fi_school_id": f"{organization}" + numbers.str.zfill(3),
            "name": "School " + numbers,
        }
    )


def _participations(
    random: np.random.Generator, students: int, school_year: int, organization: int
) -> pd.DataFrame:
    """Each student with a chance of one half; one participation a student, so that no two share a key."""
    takes_part = texts(np.flatnonzero(random.random(students) < 0.5) + 1)
    count = len(takes_part)
    which = random.choice(len(_PROGRAMS), count, p=[program[0] for program in _PROGRAMS])
    variant = random.integers(0, 2, count)
    programs = pd.DataFrame([program[1:4] for program in _PROGRAMS], columns=["resource", "name", "type"])
    written = [[orjson.dumps(choice).decode() for choice in program[4]] for program in _PROGRAMS]
    choices = np.array([[choice[0], choice[-1]] for choice in written], dtype=object)
    chosen = programs.iloc[which].reset_index(drop=True)
    return pd.DataFrame(
        {
            "participation_id": "p" + takes_part,
            "student_id": takes_part,
            "resource": chosen["resource"],
            "education_organization_id": str(organization),
            "program_education_organization_id": str(organization),
            "program_name": chosen["name"],
            "program_type": chosen["type"],
            "begin_date": day_texts(first_day(school_year) + random.integers(0, 60, count)),
            "end_date": f"{school_year}-05-22",
            "attributes": pd.Series(choices[which, variant], dtype="str"),
        }
    )


def needs(tables: Mapping[str, pd.DataFrame]) -> Needs:
    """The district owns its programs."""
    schools = tables["schools"].astype({"ed_fi_school_id": "int64"})
    organization = int(schools["ed_fi_school_id"].iloc[0]) // 1000
    return Needs(
        organization=organization,
        schools=schools,
        owner=organization,
        programs=[(name, descriptor_uri("ProgramTypeDescriptor", kind)) for _, _, name, kind, _ in _PROGRAMS],
    )


# ---- what may be wrong, and what happens from one publish to the next


def _participants(tables: Frames) -> pd.Series:
    return among(tables["students"]["student_id"], tables["program_participation"]["student_id"])


DIRT = (
    cell("students", "student_unique_id", None, "CERT-SEL-1", _participants),
    cell("students", "student_unique_id", mistyped, "REF-STUDENT", _participants),
    cell("program_participation", "begin_date", NO_DAY, "COM-NRM-3"),
    cell("program_participation", "end_date", years_before("begin_date"), "CERT-SEL-3"),
    cell("program_participation", "student_id", decimal("student_id"), "COM-NRM-2"),
    cell("program_participation", "student_id", None, "COM-NRM-6"),
    cell("program_participation", "resource", "studentSportsProgramAssociations", "CERT-SEL-4"),
    cell("program_participation", "attributes", "{", "COM-NRM-4"),
    cell("program_participation", "program_name", "Program of nowhere", "COM-DEP-1"),
)
CHANGES = (
    Edit(table="program_participation", what="ended", to=dated("end_date", "end_date", -30)),
    Edit(table="program_participation", what="begin corrected", to=dated("begin_date", "begin_date", 7)),
    Edit(table="program_participation", what="removed", to=removed),
)
SYNTHETIC = Synthetic(organization=ORGANIZATION, tables=district, needs=needs, dirt=DIRT, changes=CHANGES)
