"""What the certification profile takes over from its one driving table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edfi_toolkit.rules.explain.steps import Step, day
from edfi_toolkit.tables import Tables

PREFERENCE = {"rank": "the higher id of the row"}
NO_REASON = "No row of program_participation names this student."


def elements(c: Mapping[str, Any], t: Tables, settings: Mapping[str, Any]) -> Iterator[Step]:
    """All elements stand in the row; only code values become URIs."""
    table, _, row_id = c["ref"].partition(":")
    yield (
        table, row_id, "key", "COM-KEY-1",
        f"Taken from the row as it is: {c['program_name']} of {c['program_education_organization_id']}, at "
        f"{c['education_organization_id']}, begins {day(c['begin_date'])}, ends {day(c['end_date'], 'never')}.",
    )  # fmt: skip
    yield (
        table, row_id, "programTypeDescriptor", "COM-PAY-3",
        f"The code {c['program_type']!r} stands for {c['program_type_descriptor']}.",
    )  # fmt: skip


def without_use(table: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Why a row of this student was neither used nor skipped."""
    return "", "This profile builds from program_participation alone."
