"""A plan for some schools alone: the records of every other school are out of its scope, not gone. Pure."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from edfi_toolkit.errors import PlanError
from edfi_toolkit.planning.comparison import Sides

_LISTED = 20  # organizations that an error lists


def check_known(schools: Collection[int], sides: Sides) -> None:
    """Raises PlanError for an organization of which neither source, ledger nor ODS has a record."""
    if not schools:
        return
    every = pd.concat([side["education_organization_id"] for side in (sides.source, sides.mapped, sides.ods)])
    known = sorted(every.dropna().unique())
    if unknown := [str(school) for school in schools if school not in known]:
        listed = ", ".join(map(str, known[:_LISTED])) + (", ..." if len(known) > _LISTED else "")
        raise PlanError(
            f"There is no record of organization {', '.join(unknown)}. Name a school by its Ed-Fi id; there "
            f"are records of {listed or 'none'}."
        )


def of_schools(items: pd.DataFrame, schools: Collection[int]) -> pd.Series:
    """Which items of a whole plan belong to these schools: theirs, and what else moves a record to one of them or
    from it, because half a move would lose it."""
    return with_partners(items, items["education_organization_id"].isin(schools))


def with_partners(items: pd.DataFrame, theirs: pd.Series) -> pd.Series:
    """These items of a plan, and the other half of each move they are part of."""
    same_pair, same_id = (items[name].isin(items.loc[theirs, name].dropna()) for name in ("pair", "ed_fi_id"))
    return theirs | same_pair | same_id
