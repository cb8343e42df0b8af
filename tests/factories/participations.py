"""The smallest tables that build one record, with overrides."""

from __future__ import annotations

from typing import Any

import pandas as pd

REQUIRED = {
    "studentMigrantEducationProgramAssociations": {
        "lastQualifyingMove": "2025-07-16",
        "priorityForServices": True,
    },
    "studentSection504ProgramAssociations": {"section504Eligibility": True},
    "studentTitleIPartAProgramAssociations": {"titleIPartAParticipantDescriptor": "Was not served"},
}


def a_participation(row_id: str = "p1", **values: Any) -> dict[str, Any]:
    """One row of program_participation that the certification profile accepts."""
    return {
        "participation_id": row_id,
        "student_id": "7",
        "resource": "studentProgramAssociations",
        "education_organization_id": 255901,
        "program_education_organization_id": 255901,
        "program_name": "Gifted and Talented",
        "program_type": "Gifted and Talented",
        "begin_date": "2025-08-23",
        **values,
    }


def certification_tables(*participations: dict[str, Any], **tables: Any) -> dict[str, Any]:
    """Tables of one student with these participations."""
    return {
        "edfi_config": [{"school_year": 2026}],
        "students": [{"student_id": "7", "student_unique_id": "222222"}],
        "program_participation": list(participations),
        **tables,
    }


def events_by_action(items: pd.DataFrame) -> dict[str, str]:
    """By action the events that a plan's reasons name beside the rule; all items of one action must agree."""
    found: dict[str, str] = {}
    for action, reason in zip(items["action"], items["reason"], strict=True):
        events = reason.partition(": ")[0].partition(", ")[2]
        assert found.setdefault(action, events) == events
    return found
