"""The refusals of a run's feed with their causes, each with the next step and the owner of its own record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.review.answers import refusals_block
from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.review.places import schools_by_id
from edfi_toolkit.runs.decisions import rejection_rows

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

CLAIMS = re.compile(r"\bclaims? \(([^)]*)\)")
NOT_ENROLLED = "not-enrolled"


def refusals(run: Run) -> pd.DataFrame:
    """All refusals of the run's feed, open and closed, with the columns of `with_causes`."""
    return explained(run, rejection_rows(run))


def explained(run: Run, refused: pd.DataFrame) -> pd.DataFrame:
    """Refusals with the columns of `with_causes`; where a relationship is missing, `todo` and `who` say which one."""
    found = with_causes(refused)
    schools = _schools(run) if found["cause_id"].eq(NOT_ENROLLED).any() else {}
    if not schools:
        return found
    for at, row in found[found["cause_id"].eq(NOT_ENROLLED)].iterrows():
        organization, keys = (
            cell_text(row["education_organization_id"]),
            organizations_of_the_key(row["messages"]),
        )
        if organization in (*schools, *keys):
            name = f" ({schools[organization]})" if cell_text(schools.get(organization)) else ""
            todo = (
                f"Organization {organization}{name} is one of yours: the student's enrollment there is missing in the "
                "ODS, or the student is. Publish it from the SIS, then retry. Correct a cell only where the student's "
                "id is wrong."
            )
            found.loc[at, ["todo", "who"]] = [todo, "SIS publishing team"]
            continue
        todo = (
            f"Organization {organization} is not one of the key's ({', '.join(keys) or 'not named'}), nor a school of "
            "the source. Correct the cell that it comes from. If it is meant, ask the ODS administrator to add it to "
            "the key."
        )
        found.loc[at, ["todo", "who"]] = [todo, "Program office"]
    return found


def refused_before(run: Run) -> pd.DataFrame | None:
    """resource, key_hash and cause of the open refusals of the run's feed; None where it has no target yet."""
    if run.target_name not in run.installation.targets:
        return None
    refused = rejection_rows(run)
    still = with_causes(refused[refused["open"].astype(bool)])
    return still.assign(key_hash=key_hashes(still))[["resource", "key_hash", "cause"]]


def newest_refusals(run: Run) -> str:
    """The newest refusals of this run with their causes as HTML, masked; empty until the ledger has one."""
    rejected = refusals(run)
    mine = rejected[rejected["run_id"].eq(run.id)]
    return refusals_block(mine, run.masker(mine)) if len(mine) else ""


def is_foreign(run: Run, organization: str, messages: Iterable[str]) -> bool:
    """Whether an organization is neither one that the answer names as the key's, nor a school of the source."""
    schools = _schools(run)
    return bool(schools) and organization not in (*schools, *organizations_of_the_key(messages))


def organizations_of_the_key(messages: Iterable[str]) -> list[str]:
    """Those that an answer names as the key's own; not of the record."""
    claims = CLAIMS.search(" ".join(messages))
    return claims[1].split(", ") if claims else []


def _schools(run: Run) -> dict[str, str]:
    """The schools of the source by their Ed-Fi ids as texts; none where the run has not read it."""
    if not run.folder.has("extract"):
        return {}
    named = schools_by_id(run.tables, run.profile)
    return dict(zip(named.index.map(cell_text), named, strict=True))
