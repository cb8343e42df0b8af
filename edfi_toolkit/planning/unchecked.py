"""Key changes that wait because no one knows whether the target takes the new record (COM-KEY-3). Pure.

The DELETE of a pair comes first: where its POST is then refused, the target has lost a published record. So a pair goes
only where validation could look up what its new record refers to, or where the feed has published the same before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.model import descriptor_endpoints
from edfi_toolkit.model.frames import values_at
from edfi_toolkit.planning.comparison import Sides
from edfi_toolkit.planning.findings import Findings

_OFFICES = (("education_organization_id",), ("program_education_organization_id",))
# What a record refers to in a resource: sets of its key columns.
_REFERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "programs": (("program_education_organization_id", "program_name", "program_type_descriptor"),),
    "students": (("student_unique_id",),),
    "studentSchoolAssociations": (("student_unique_id",),),
    "schools": _OFFICES,
    "localEducationAgencies": _OFFICES,
    "stateEducationAgencies": _OFFICES,
    "educationServiceCenters": _OFFICES,
}


def without_unchecked(
    decided: pd.DataFrame, sides: Sides, unread: Collection[str], findings: Findings, *, unasked: bool
) -> pd.DataFrame:
    """What was decided, without the pairs whose POST was not checked; both records of these are held.

    unread: resources that validation could not look into. unasked: whether the target could not be asked at all.
    """
    if not (unasked or unread):
        return decided
    linked = decided[decided["pair"].notna()]
    old = linked[linked["action"].eq("DELETE")].set_index("pair")
    if old.empty:
        return decided
    new = linked[linked["action"].eq("POST")].set_index("pair").loc[old.index]
    records = sides.source.iloc[new["source"]].set_index(old.index)
    if unasked:
        needs = pd.Series([["the target"]] * len(old), index=old.index)
    else:
        bodies = values_at(sides.mapped["last_body"], old["mapped"])
        needs = pd.Series(_needs(records, list(bodies), sides.mapped, unread), index=old.index)
    held = needs[needs.map(len).gt(0)]
    own = old["mapped"].reindex(held.index)
    own = own[own.ge(0)]
    about = pd.concat([sides.mapped.iloc[own].set_index(own.index), records.loc[held.index]])
    if unasked:
        findings.about("unasked key change", about)
    else:
        findings.about("unread key change", about, says=[_says(held[pair]) for pair in about.index])
    return decided[~decided["pair"].isin(held.index)].reset_index(drop=True)


def _says(resources: list[str]) -> str:
    return (
        "Its key moved, and the new record needs something that could not be looked up in the target "
        f"({', '.join(resources)}); what is published stays as it is."
    )


def _needs(
    records: pd.DataFrame, before: list[Any], mapped: pd.DataFrame, unread: Collection[str]
) -> list[list[str]]:
    """Of each new record, the unread resources in which it refers to something that is not known to be there: a
    reference that no published record has, a descriptor's value that its own record has not.

    before: the body of each as it was published.
    """
    needs: list[list[str]] = [[] for _ in range(len(records))]
    for resource in sorted(unread):
        if sets := _REFERS.get(resource):
            known = {reference for names in sets for reference in _references(mapped, names)}
            theirs = zip(*(_references(records, names) for names in sets), strict=True)
            is_new = [not known.issuperset(references) for references in theirs]
        else:
            pairs = zip(records["body"], before, strict=True)
            is_new = [bool(_values(body, resource) - _values(was, resource)) for body, was in pairs]
        for own, new in zip(needs, is_new, strict=True):
            own += [resource] * new
    return needs


def _references(rows: pd.DataFrame, names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    return rows[list(names)].assign(**_folded(rows, names)).itertuples(index=False, name=None)


def _folded(rows: pd.DataFrame, names: tuple[str, ...]) -> dict[str, pd.Series]:
    """A descriptor's value compares without case (COM-KEY-2)."""
    return {name: rows[name].str.casefold() for name in names if name == "program_type_descriptor"}


def _values(body: Any, resource: str) -> set[str]:
    """The values in a body of the descriptors that the API has in this resource, in lower case."""
    endings = tuple(f"/{name}".casefold() for name, own in descriptor_endpoints().items() if own == resource)
    texts = {text.casefold() for text in _texts(body)}
    return {text for text in texts if text.partition("#")[0].endswith(endings)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)
