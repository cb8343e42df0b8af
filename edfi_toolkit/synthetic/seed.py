"""What an ODS must hold before a district can be published to it, as `resource` and `body`, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edfi_toolkit.model import descriptor_uri

_GRADES = ("Kindergarten", "Third grade", "Fifth grade", "Eighth grade", "Ninth grade", "Eleventh grade")
GRADES = [descriptor_uri("GradeLevelDescriptor", grade) for grade in _GRADES]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a profile's records refer to besides the students.

    schools: school_id, ed_fi_school_id (whole numbers) and name of every school or building the ODS knows;
        school_id is missing for those no enrollment names. programs: name and type (a URI) of those that `owner` owns.
    descriptors: URIs that the data standard does not bring along. agency: the state agency above the district.
    """

    organization: int
    schools: pd.DataFrame
    owner: int
    programs: Sequence[tuple[str, str]]
    descriptors: Sequence[str] = ()
    agency: int | None = None


def entries(tables: Mapping[str, pd.DataFrame], needs: Needs) -> Iterator[dict[str, Any]]:
    """The entries of a district without dirty rows: organizations, descriptors, programs, students, enrollments."""
    year = int(tables["edfi_config"]["school_year"].iloc[0])
    description = f"{year - 1}-{year}"
    yield _entry(
        "schoolYearTypes", schoolYear=year, currentSchoolYear=True, schoolYearDescription=description
    )
    yield from _organizations(needs)
    for uri in needs.descriptors:
        namespace, _, code = uri.partition("#")
        name = namespace.rpartition("/")[2]
        resource = f"{name[0].lower()}{name[1:]}s"
        yield _entry(resource, codeValue=code, namespace=namespace, shortDescription=code)
    for name, kind in needs.programs:
        yield _entry(
            "programs",
            programName=name,
            programTypeDescriptor=kind,
            educationOrganizationReference={"educationOrganizationId": needs.owner},
        )
    yield from _students(tables, needs, year)


def _organizations(needs: Needs) -> Iterator[dict[str, Any]]:
    above: dict[str, Any] = {}
    if needs.agency is not None:
        above = {"stateEducationAgencyReference": {"stateEducationAgencyId": needs.agency}}
        yield _entry(
            "stateEducationAgencies",
            stateEducationAgencyId=needs.agency,
            nameOfInstitution="State Education Agency",
            categories=_category("State Education Agency"),
        )
    kind = descriptor_uri("LocalEducationAgencyCategoryDescriptor", "Independent")
    yield _entry(
        "localEducationAgencies",
        localEducationAgencyId=needs.organization,
        nameOfInstitution=f"District {needs.organization}",
        categories=_category("Local Education Agency"),
        localEducationAgencyCategoryDescriptor=kind,
        **above,
    )
    for number, name in zip(needs.schools["ed_fi_school_id"], needs.schools["name"], strict=True):
        yield _entry(
            "schools",
            schoolId=int(number),
            nameOfInstitution=name,
            educationOrganizationCategories=_category("School"),
            gradeLevels=[{"gradeLevelDescriptor": grade} for grade in GRADES],
            localEducationAgencyReference={"localEducationAgencyId": needs.organization},
        )


def _students(tables: Mapping[str, pd.DataFrame], needs: Needs, year: int) -> Iterator[dict[str, Any]]:
    """The published students, and where they are enrolled this year: only so may a district's client write of them."""
    people = tables["students"]
    if "student_published" in people:
        people = people[people["student_published"].eq("1")]
    columns = (people["student_unique_id"], people["first_name"], people["last_name"])
    for number, (unique_id, first, last) in enumerate(zip(*columns, strict=True)):
        yield _entry(
            "students",
            studentUniqueId=unique_id,
            firstName=first,
            lastSurname=last,
            birthDate=f"{year - 6 - number % 12}-{number % 9 + 1:02d}-{number % 28 + 1:02d}",
        )
    enrolled = tables["enrollments"][["student_id", "school_id", "start_date"]].merge(
        people[["student_id", "student_unique_id"]], on="student_id"
    )
    enrolled = enrolled.merge(needs.schools[["school_id", "ed_fi_school_id"]], on="school_id")
    enrolled = enrolled[enrolled["start_date"].ge(f"{year - 1}-07-01")]
    key = ["student_unique_id", "ed_fi_school_id", "start_date"]
    for number, row in enumerate(enrolled[key].drop_duplicates().itertuples(index=False)):
        yield _entry(
            "studentSchoolAssociations",
            entryDate=row.start_date,
            entryGradeLevelDescriptor=GRADES[number % len(GRADES)],
            schoolReference={"schoolId": int(row.ed_fi_school_id)},
            studentReference={"studentUniqueId": row.student_unique_id},
        )


def _entry(resource: str, **body: Any) -> dict[str, Any]:
    return {"resource": resource, "body": body}


def _category(name: str) -> list[dict[str, str]]:
    uri = descriptor_uri("EducationOrganizationCategoryDescriptor", name)
    return [{"educationOrganizationCategoryDescriptor": uri}]
