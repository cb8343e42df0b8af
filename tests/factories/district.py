"""A small invented district: its source tables, and an embedded ODS that knows its people and programs."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx

from edfi_toolkit.ods import Client, RetryPolicy
from edfi_toolkit.planning import Plan
from edfi_toolkit.settings import Secret, Target
from tests.factories.builds import build_of

LEA, SCHOOL, YEAR = 255901, 255901001, 2026
GENERAL, CTE = "studentProgramAssociations", "studentCTEProgramAssociations"
_CATEGORY = "EducationOrganizationCategory"
PROGRAMS = ("Gifted and Talented", "Career and Technical Education")


def _descriptor(name: str, code: str) -> str:
    return f"uri://ed-fi.org/{name}Descriptor#{code}"


def a_participation(number: int, **values: Any) -> dict[str, Any]:
    """One row of program_participation: student `number` in the gifted program."""
    return {
        "participation_id": f"p{number}",
        "student_id": str(number),
        "resource": GENERAL,
        "education_organization_id": LEA,
        "program_education_organization_id": LEA,
        "program_name": PROGRAMS[0],
        "program_type": PROGRAMS[0],
        "begin_date": "2025-08-23",
        "end_date": None,
        **values,
    }


def a_build(*participations: dict[str, Any], settings: dict[str, Any] | None = None, **tables: Any):
    """A real build of the certification profile from these participations."""
    numbers = sorted({row["student_id"] for row in participations})
    people = [{"student_id": each, "student_unique_id": f"S-{each}"} for each in numbers]
    given = {
        "edfi_config": [{"school_year": YEAR}],
        "students": people,
        "program_participation": list(participations),
        **tables,
    }
    return build_of(given, profile="certification", settings=settings)


def checked(result: Any, *held_students: str) -> SimpleNamespace:
    """What validation gives: the records of some students held back."""
    back = result.records["student_unique_id"].isin(held_students)
    held = result.records[back].assign(held_by=[["COM-PAY-4"]] * int(back.sum()))
    return SimpleNamespace(build=result, ready=result.records[~back], held=held, checked_against="")


def asked(made: Plan, client: Client) -> Plan:
    """The plan of records that were checked against the ODS of this client."""
    return replace(made, checked_against=client.target.identity)


def seed_lines(students: int) -> bytes:
    """The district as the sandbox takes it: organizations, programs, students and their enrollments."""
    lines: list[tuple[str, dict[str, Any]]] = [
        (
            "localEducationAgencies",
            {
                "localEducationAgencyId": LEA,
                "nameOfInstitution": "Invented District",
                "localEducationAgencyCategoryDescriptor": _descriptor(
                    "LocalEducationAgencyCategory", "Independent"
                ),
                "categories": [
                    {
                        "educationOrganizationCategoryDescriptor": _descriptor(
                            _CATEGORY, "Local Education Agency"
                        )
                    }
                ],
            },
        ),
        (
            "schools",
            {
                "schoolId": SCHOOL,
                "nameOfInstitution": "Invented School",
                "localEducationAgencyReference": {"localEducationAgencyId": LEA},
                "educationOrganizationCategories": [
                    {"educationOrganizationCategoryDescriptor": _descriptor(_CATEGORY, "School")}
                ],
                "gradeLevels": [{"gradeLevelDescriptor": _descriptor("GradeLevel", "Ninth grade")}],
            },
        ),
    ]
    lines += [
        (
            "programs",
            {
                "educationOrganizationReference": {"educationOrganizationId": LEA},
                "programName": name,
                "programTypeDescriptor": _descriptor("ProgramType", name),
            },
        )
        for name in PROGRAMS
    ]
    for number in range(students):
        unique = f"S-{number}"
        lines += [
            (
                "students",
                {
                    "studentUniqueId": unique,
                    "firstName": "Given",
                    "lastSurname": "Family",
                    "birthDate": "2010-01-01",
                },
            ),
            (
                "studentSchoolAssociations",
                {
                    "studentReference": {"studentUniqueId": unique},
                    "schoolReference": {"schoolId": SCHOOL},
                    "entryDate": "2025-08-20",
                    "entryGradeLevelDescriptor": _descriptor("GradeLevel", "Ninth grade"),
                },
            ),
        ]
    return b"\n".join(json.dumps({"resource": resource, "body": body}).encode() for resource, body in lines)


def held_in(client: Client) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """What the ODS holds: body by resource, student, begin date and program; ids aside."""
    held = {}
    for resource in (GENERAL, CTE):
        for frame in client.read(resource):
            for body in frame["body"]:
                plain = json.loads(json.dumps(body), object_hook=_without_link)
                key = (
                    resource,
                    plain["studentReference"]["studentUniqueId"],
                    plain["beginDate"],
                    plain["programReference"]["programName"],
                )
                assert key not in held, "the ODS holds a record twice"
                held[key] = {name: value for name, value in plain.items() if value != []}
    return held


def _without_link(member: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in member.items() if name != "link"}


def wanted(result: Any) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """What the ODS should hold after a complete publish of a build."""
    return {
        (
            row.resource,
            row.student_unique_id,
            row.body["beginDate"],
            row.program_name,
        ): row.body
        for row in result.records.itertuples()
    }


def target_of(base_url: str, client: dict[str, Any], **values: Any) -> Target:
    """A target for one of the sandbox's clients."""
    return Target("sandbox", base_url, Secret(client["key"]), Secret(client["secret"]), **values)


def in_process(app: Any, retry: RetryPolicy | None = None) -> Client:
    """A client that talks to a sandbox application without a socket."""
    district = next(each for each in app.state.sandbox.ods.directory.clients.values() if each.name == "host")
    target = target_of("http://ods.test", {"key": district.key, "secret": district.secret}, school_year=YEAR)
    patient = RetryPolicy()
    return Client(target, transport=httpx.ASGITransport(app=app), retry=retry or patient)


def writes(app: Any) -> dict[tuple[str, int], int]:
    """How many writes the sandbox answered, by method and status."""
    counts: dict[tuple[str, int], int] = {}
    for row in app.state.sandbox.counters.shown()["requests"]:
        if row["method"] in ("POST", "PUT", "DELETE") and row["resource"] in (GENERAL, CTE):
            key = row["method"], row["status"]
            counts[key] = counts.get(key, 0) + row["count"]
    return counts


def plan_frame(plan: Any) -> list[tuple[str, str]]:
    """Action and student of each item, in order."""
    return list(zip(plan.items["action"], plan.items["student_unique_id"], strict=True))


def codes(plan: Any) -> list[str]:
    """The finding codes of a plan."""
    return plan.findings["code"].tolist()
