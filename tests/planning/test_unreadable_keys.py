"""A record whose key cannot be read stops the comparison: it must not pass for another one, or for none."""

from __future__ import annotations

import copy
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.errors import OdsError, PlanError
from edfi_toolkit.ods.snapshot import dependents
from edfi_toolkit.planning.comparison import ods_side
from tests.contract.mischief import KEY_OF_ONE

pytestmark = pytest.mark.unit
PARTS = [
    ("beginDate",),
    ("studentReference",),
    ("studentReference", "studentUniqueId"),
    ("educationOrganizationReference", "educationOrganizationId"),
    ("programReference", "programName"),
    ("programReference", "programTypeDescriptor"),
    ("programReference", "educationOrganizationId"),
]
NONE_OF_ANY_TYPE = [None, True, 1.5, 1e40, [1], {"a": 1}, ""]


def a_body(part: tuple[str, ...], value: Any) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(KEY_OF_ONE)
    inner = body
    for name in part[:-1]:
        inner = inner[name]
    inner[part[-1]] = value
    return body


def read(body: dict[str, Any]) -> pd.DataFrame:
    rows = pd.DataFrame({"resource": "studentProgramAssociations", "id": "1", "etag": None, "body": [body]})
    return ods_side(rows, ["studentProgramAssociations"])


@pytest.mark.parametrize("value", NONE_OF_ANY_TYPE, ids=repr)
@pytest.mark.parametrize("part", PARTS, ids=".".join)
def test_a_part_of_another_type_stops_the_comparison(part: tuple[str, ...], value: Any) -> None:
    with pytest.raises(PlanError, match=r"so it cannot be compared\. Read the ODS again"):
        read(a_body(part, value))


@pytest.mark.parametrize(
    ("part", "value"),
    [(PARTS[0], "soon"), (PARTS[0], "2025-13-45"), (PARTS[2], 7), (PARTS[3], "255901"), (PARTS[1], {})],
)
def test_a_day_or_number_that_is_none_stops_the_comparison(part: tuple[str, ...], value: Any) -> None:
    with pytest.raises(PlanError, match="so it cannot be compared"):
        read(a_body(part, value))


def test_a_readable_key_is_compared() -> None:
    assert len(read(KEY_OF_ONE)) == 1


class Listing:
    """What reads: of the resource that refers to associations, one record."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def read(self, resource: str, *, progress: Any = None) -> Any:
        yield pd.DataFrame({"resource": resource, "id": "1", "etag": None, "body": [self.body]})


@pytest.mark.parametrize("reference", [7, {}, {"beginDate": 1}, [1]])
def test_a_reference_to_an_association_that_cannot_be_read_is_reported(reference: Any) -> None:
    listed = {"generalStudentProgramAssociations": [{"generalStudentProgramAssociationReference": reference}]}
    with pytest.raises(OdsError, match=r"a key that cannot be one\. Tell the host, and run again\."):
        dependents(Listing(listed))  # type: ignore[arg-type]
