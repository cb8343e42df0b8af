"""Bodies that satisfy standard and certification sheet, and builds made of any bodies, right or wrong."""

from __future__ import annotations

import copy
import dataclasses
from functools import cache
from typing import Any

import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.rules import Build, build
from edfi_toolkit.rules.common import empty_records
from tests.factories.participations import a_participation, certification_tables

URI = "uri://ed-fi.org"
LEA = 255901
CTE = "studentCTEProgramAssociations"
GENERAL = "studentProgramAssociations"
FOOD = "studentSchoolFoodServiceProgramAssociations"


def uri(descriptor: str, code: str) -> str:
    """A URI of the standard's own namespace."""
    return f"{URI}/{descriptor}Descriptor#{code}"


# What each resource carries beside its key, its end and its reason for leaving.
OWN: dict[str, dict[str, Any]] = {
    CTE: {
        "nonTraditionalGenderStatus": True,
        "privateCTEProgram": False,
        "technicalSkillsAssessmentDescriptor": uri("TechnicalSkillsAssessment", "Passed"),
        "cteProgramServices": [
            {
                "cteProgramServiceDescriptor": uri("CTEProgramService", "Information Technology"),
                "cipCode": "11.0103",
                "primaryIndicator": False,
            }
        ],
    },
    "studentHomelessProgramAssociations": {
        "homelessPrimaryNighttimeResidenceDescriptor": uri("HomelessPrimaryNighttimeResidence", "Shelters"),
        "homelessUnaccompaniedYouth": False,
    },
    "studentLanguageInstructionProgramAssociations": {
        "englishLearnerParticipation": False,
        "englishLanguageProficiencyAssessments": [
            {
                "schoolYearTypeReference": {"schoolYear": 2026},
                "participationDescriptor": uri("Participation", "Completed"),
                "proficiencyDescriptor": uri("Proficiency", "Proficient"),
                "monitoredDescriptor": uri("Monitored", "Year 1"),
            }
        ],
        "languageInstructionProgramServices": [
            {
                "languageInstructionProgramServiceDescriptor": uri(
                    "LanguageInstructionProgramService", "Structured English Immersion"
                )
            }
        ],
    },
    "studentMigrantEducationProgramAssociations": {
        "lastQualifyingMove": "2025-07-16",
        "priorityForServices": False,
    },
    "studentNeglectedOrDelinquentProgramAssociations": {
        "neglectedOrDelinquentProgramDescriptor": uri("NeglectedOrDelinquentProgram", "Neglected Programs"),
        "neglectedOrDelinquentProgramServices": [
            {
                "neglectedOrDelinquentProgramServiceDescriptor": uri(
                    "NeglectedOrDelinquentProgramService", "Mentoring Programs"
                ),
                "serviceBeginDate": "2025-08-23",
                "primaryIndicator": False,
            }
        ],
    },
    GENERAL: {},
    FOOD: {
        "schoolFoodServiceProgramServices": [
            {
                "schoolFoodServiceProgramServiceDescriptor": uri(
                    "SchoolFoodServiceProgramService", "Free Lunch"
                )
            }
        ]
    },
    "studentSection504ProgramAssociations": {"section504Eligibility": False},
    "studentSpecialEducationProgramAssociations": {
        "specialEducationSettingDescriptor": uri(
            "SpecialEducationSetting", "Inside regular class 80% or more of the day"
        ),
        "ideaEligibility": False,
        "specialEducationExitDate": "2026-05-23",
        "disabilities": [
            {
                "disabilityDescriptor": uri("Disability", "Autism Spectrum Disorders"),
                "designations": [
                    {"disabilityDesignationDescriptor": uri("DisabilityDesignation", "Section 504")}
                ],
            }
        ],
    },
    "studentTitleIPartAProgramAssociations": {
        "titleIPartAParticipantDescriptor": uri("TitleIPartAParticipant", "Was not served"),
    },
}


def a_body(endpoint: str = CTE, **members: Any) -> dict[str, Any]:
    """A complete body; members given replace it, None removes."""
    body = {
        "beginDate": "2025-08-23",
        "educationOrganizationReference": {"educationOrganizationId": LEA},
        "programReference": {
            "educationOrganizationId": LEA,
            "programName": "Career and Technical Education",
            "programTypeDescriptor": uri("ProgramType", "Career and Technical Education"),
        },
        "studentReference": {"studentUniqueId": "222222"},
        "endDate": "2026-05-23",
        "reasonExitedDescriptor": uri("ReasonExited", "Other"),
        **copy.deepcopy(OWN[endpoint]),
        **members,
    }
    return {name: value for name, value in body.items() if value is not None}


def without(body: dict[str, Any], path: str) -> dict[str, Any]:
    """The body lacking the member at a path; in a collection each item lacks it."""
    body = copy.deepcopy(body)
    *above, last = path.replace("[*]", "").split(".")
    objects: list[dict[str, Any]] = [body]
    for name in above:
        inner = [each[name] for each in objects]
        objects = [item for each in inner for item in (each if isinstance(each, list) else [each])]
    for each in objects:
        del each[last]
    return body


@cache
def _a_real_build(profile: str) -> Build:
    row = a_participation("p0", end_date="2026-05-23", reason_exited="Other")
    return build(certification_tables(row), profile=profile)


def a_build(*records: tuple[str, dict[str, Any]], profile: str = "certification", **replaced: Any) -> Build:
    """A build whose records have exactly these bodies, each made from a participation p0, p1 and so on."""
    types = empty_records().dtypes.drop("body").to_dict()  # a wrong body may be one that no JSON can hold
    frame = pd.DataFrame(
        [
            {
                "resource": endpoint,
                **dict(zip(KEY_COLUMNS, _key(body), strict=True)),
                "body": body,
                "body_hash": "",
                "source_refs": [f"program_participation:p{number}", "students:7"],
                "rules": [],
            }
            for number, (endpoint, body) in enumerate(records)
        ],
        columns=list(empty_records().columns),
    ).astype(types)
    return dataclasses.replace(_a_real_build(profile), records=frame, **replaced)


def _key(body: dict[str, Any]) -> tuple[Any, ...]:
    def text(value: Any) -> Any:
        return value if isinstance(value, str) else None

    def number(value: Any) -> Any:
        return value if isinstance(value, int) and value < 2**63 else None

    program = body.get("programReference") or {}
    return (
        pd.to_datetime(text(body.get("beginDate")), errors="coerce"),
        number((body.get("educationOrganizationReference") or {}).get("educationOrganizationId")),
        number(program.get("educationOrganizationId")),
        text(program.get("programName")),
        text(program.get("programTypeDescriptor")),
        text((body.get("studentReference") or {}).get("studentUniqueId")),
    )
