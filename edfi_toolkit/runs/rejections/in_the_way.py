"""What else the ODS has of a student, where it refuses a record since another one is in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.read import as_mapping
from edfi_toolkit.review.places import rests_on, with_organizations
from edfi_toolkit.review.student import NOT_OURS
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.runs.ledger_now import identity_map

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_COLUMNS = ["kind", "program_name", "education_organization_id", "begin_date", "same_key", "sent_from"]
_NOT_SERVED, _NOT_FOR_THIS_LOGIN = 404, 403
NOT_READABLE = "this login may not read these: ask the ODS administrator"


def others_in_the_ods(run: Run, row: Mapping[str, Any] | pd.Series) -> pd.DataFrame:
    """The program associations that the ODS has of a refused record's student, without the record itself.

    Columns kind (of association), program_name, education_organization_id with its name, begin_date, same_key ("yes"
    where another kind has the key of the record, which comes first) and sent_from: the source rows that it was sent
    from by us, else "not sent by us". A kind that the login may not read is a row that says so. Raises OdsError where
    the ODS cannot be asked.
    """

    sent = identity_map(run)
    sent = sent.assign(rests_on=rests_on(sent, run.tables)).set_index(["resource", "ed_fi_id"])["rests_on"]
    own, found = _key(row), []
    with client_of(run) as client:
        for resource in model.associations():
            try:
                there = client.read_all(resource, {"studentUniqueId": str(row["student_unique_id"])})
            except OdsError as error:
                if error.status not in (_NOT_SERVED, _NOT_FOR_THIS_LOGIN):
                    raise
                if error.status == _NOT_FOR_THIS_LOGIN:
                    found.append((resource, "", "", "", "", NOT_READABLE))
                continue
            for id_, body in zip(there["id"], there["body"], strict=True):
                program = as_mapping(body.get("programReference"))
                school = as_mapping(body.get("educationOrganizationReference")).get("educationOrganizationId")
                owner = program.get("educationOrganizationId")
                key = (*map(cell_text, (school, owner)), program.get("programName"), body.get("beginDate"))
                if key == own and resource == row["resource"]:
                    continue
                from_us = sent.get((resource, id_), NOT_OURS)
                found.append((resource, key[2], key[0], key[3], "yes" if key == own else "", from_us))
    frame = pd.DataFrame(found, columns=_COLUMNS, dtype="str")
    frame["education_organization_id"] = pd.to_numeric(frame["education_organization_id"]).astype("Int64")
    named = with_organizations(frame, run.tables, run.profile)
    return named.sort_values("same_key", ascending=False, kind="stable", ignore_index=True)


def _key(row: Mapping[str, Any] | pd.Series) -> tuple[Any, ...]:
    """The key of a record of the student, as texts."""
    organizations = (row["education_organization_id"], row["program_education_organization_id"])
    return (
        *map(cell_text, organizations),
        row["program_name"],
        f"{pd.Timestamp(row['begin_date']):%Y-%m-%d}",
    )
