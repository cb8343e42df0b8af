"""Invented districts of any size: the same seed gives the same district, on every machine.

Nobody in them exists. The frames hold text, as files would, so that a district can be written out and read back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.model import DEFAULT_NAMESPACE, descriptor_uri

_SYLLABLES = [
    "ba",
    "den",
    "fil",
    "gor",
    "hin",
    "jas",
    "kel",
    "lom",
    "mir",
    "nox",
    "pal",
    "quen",
    "ros",
    "sib",
    "tor",
    "ulv",
    "wen",
    "yar",
    "zel",
]
_GRADES = ("Kindergarten", "Third grade", "Fifth grade", "Eighth grade", "Ninth grade", "Eleventh grade")
_STUDENTS_A_SCHOOL = 600

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
    *,
    students: int,
    seed: int = 0,
    school_year: int = 2026,
    organization: int = 255901,
    unreadable: float = 0.0,
) -> dict[str, pd.DataFrame]:
    """The tables of the certification profile for one district; about half of the students take part in a program.

    organization: Ed-Fi id of the district; districts with different ones share no student.
    unreadable: share of participations whose begin date is no date.
    """
    random = np.random.default_rng([seed, organization])
    numbers = np.arange(1, students + 1)
    schools = max(1, -(-students // _STUDENTS_A_SCHOOL))
    ids = pd.Series(numbers).astype("str")
    people = pd.DataFrame(
        {
            "student_id": ids,
            "student_unique_id": f"{organization}" + ids.str.zfill(8),
            "first_name": _names(random, students, 2),
            "last_name": _names(random, students, 3),
            "current_school_id": pd.Series(numbers % schools + 1).astype("str"),
        }
    )
    return {
        "students": people,
        "schools": _schools(schools, organization),
        "enrollments": pd.DataFrame(
            {
                "enrollment_id": ids,
                "student_id": ids,
                "school_id": people["current_school_id"],
                "start_date": f"{school_year - 1}-08-18",
                "is_current": "1",
            }
        ),
        "program_participation": _participations(random, students, school_year, organization, unreadable),
        "edfi_config": pd.DataFrame({"school_year": [str(school_year)]}),
    }


def _names(random: np.random.Generator, count: int, syllables: int) -> pd.Series:
    parts = [pd.Series(random.choice(_SYLLABLES, count)) for _ in range(syllables)]
    return sum(parts[1:], parts[0]).str.capitalize()


def _schools(count: int, organization: int) -> pd.DataFrame:
    numbers = pd.Series(np.arange(1, count + 1)).astype("str")
    return pd.DataFrame(
        {
            "school_id": numbers,
            "school_number": numbers.str.zfill(3),
            "ed_fi_school_id": f"{organization}" + numbers.str.zfill(3),
            "name": "School " + numbers,
        }
    )


def _participations(
    random: np.random.Generator, students: int, school_year: int, organization: int, unreadable: float
) -> pd.DataFrame:
    """Each student with a chance of one half; one participation a student, so that no two share a key."""
    takes_part = np.flatnonzero(random.random(students) < 0.5) + 1
    count = len(takes_part)
    which = random.choice(len(_PROGRAMS), count, p=[program[0] for program in _PROGRAMS])
    variant = random.integers(0, 2, count)
    programs = pd.DataFrame([program[1:4] for program in _PROGRAMS], columns=["resource", "name", "type"])
    texts = [[orjson.dumps(each).decode() for each in program[4]] for program in _PROGRAMS]
    choices = np.array([[each[0], each[-1]] for each in texts], dtype=object)
    first = np.datetime64(f"{school_year - 1}-08-18")
    begins = pd.Series(first + random.integers(0, 60, count)).dt.strftime("%Y-%m-%d")
    chosen = programs.iloc[which].reset_index(drop=True)
    return pd.DataFrame(
        {
            "participation_id": "p" + pd.Series(takes_part).astype("str"),
            "student_id": pd.Series(takes_part).astype("str"),
            "resource": chosen["resource"],
            "education_organization_id": str(organization),
            "program_education_organization_id": str(organization),
            "program_name": chosen["name"],
            "program_type": chosen["type"],
            "begin_date": begins.mask(random.random(count) < unreadable, f"{school_year}-02-30"),
            "end_date": f"{school_year}-05-22",
            "attributes": pd.Series(choices[which, variant], dtype="str"),
        }
    )


def ods_seed(tables: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """What an ODS must hold before a district of `district` can be published: `resource` and `body`, in order."""
    year = int(tables["edfi_config"]["school_year"].iloc[0])
    organization = int(tables["schools"]["ed_fi_school_id"].iloc[0]) // 1000
    description = f"{year - 1}-{year}"
    yield _entry(
        "schoolYearTypes", schoolYear=year, currentSchoolYear=True, schoolYearDescription=description
    )
    yield _entry(
        "localEducationAgencies",
        localEducationAgencyId=organization,
        nameOfInstitution=f"District {organization}",
        categories=_category("Local Education Agency"),
        localEducationAgencyCategoryDescriptor=descriptor_uri(
            "LocalEducationAgencyCategoryDescriptor", "Independent"
        ),
    )
    grades = [
        {"gradeLevelDescriptor": f"{DEFAULT_NAMESPACE}/GradeLevelDescriptor#{grade}"} for grade in _GRADES
    ]
    for school in tables["schools"].to_dict("records"):
        yield _entry(
            "schools",
            schoolId=int(school["ed_fi_school_id"]),
            nameOfInstitution=school["name"],
            educationOrganizationCategories=_category("School"),
            gradeLevels=grades,
            localEducationAgencyReference={"localEducationAgencyId": organization},
        )
    for _, _, name, kind, _ in _PROGRAMS:
        yield _entry(
            "programs",
            programName=name,
            programTypeDescriptor=descriptor_uri("ProgramTypeDescriptor", kind),
            educationOrganizationReference={"educationOrganizationId": organization},
        )
    people = tables["students"].to_dict("records")
    for number, person in enumerate(people):
        yield _entry(
            "students",
            studentUniqueId=person["student_unique_id"],
            firstName=person["first_name"],
            lastSurname=person["last_name"],
            birthDate=f"{year - 6 - number % 12}-{number % 9 + 1:02d}-{number % 28 + 1:02d}",
        )
    for number, person in enumerate(people):
        yield _entry(
            "studentSchoolAssociations",
            entryDate=f"{year - 1}-08-18",
            entryGradeLevelDescriptor=grades[number % len(grades)]["gradeLevelDescriptor"],
            schoolReference={"schoolId": organization * 1000 + int(person["current_school_id"])},
            studentReference={"studentUniqueId": person["student_unique_id"]},
        )


def _entry(resource: str, **body: Any) -> dict[str, Any]:
    return {"resource": resource, "body": body}


def _category(name: str) -> list[dict[str, str]]:
    uri = descriptor_uri("EducationOrganizationCategoryDescriptor", name)
    return [{"educationOrganizationCategoryDescriptor": uri}]


def write(folder: str | Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """One CSV file per table and `ods-seed.jsonl`, readable by the owner only; gives the folder."""
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {f"{name}.csv": frame.to_csv(index=False).encode() for name, frame in tables.items()}
    contents["ods-seed.jsonl"] = b"".join(orjson.dumps(each) + b"\n" for each in ods_seed(tables))
    for name, content in contents.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
    return folder
