"""How a record of one student came about, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edfi_toolkit.rules.explain.steps import Step, day
from edfi_toolkit.tables import Tables

PREFERENCE = {"rank": "the higher id of the row counts"}
NO_REASON = "No row of ceis_records names this student."


def elements(c: Mapping[str, Any], t: Tables, settings: Mapping[str, Any]) -> Iterator[Step]:
    """The school of the enrollment, and the days of the row."""
    school = f"Enrolled there on {day(c['begin_date'])} by {c['enrollment_id']}."
    yield "ceis_records", c["record_id"], "educationOrganizationId", "ZZ-ELE-1", school


def without_use(table: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Only support rows make records."""
    return "", "No support row of the student begins in this row's days."
