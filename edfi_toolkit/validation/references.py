"""The third net: do the things exist that a record refers to, and is its key free?

Without a target only what this package ships is known, so only descriptors of the standard's own namespace
and keys within the build are judged. With one, everything is compared in bulk: keys pulled once, frames
merged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import did_you_mean, nearest
from edfi_toolkit.model import (
    DEFAULT_NAMESPACE,
    KEY_COLUMNS,
    associations,
    standards,
)
from edfi_toolkit.model.frames import among
from edfi_toolkit.rules import profiles
from edfi_toolkit.validation.check_texts import CHECK_TEXTS
from edfi_toolkit.validation.findings import Collected
from edfi_toolkit.validation.flatten import Flat
from edfi_toolkit.validation.suite_files import DESCRIPTOR_URI
from edfi_toolkit.validation.target import IdentityMap, Known, folded

Flats = Mapping[str, tuple[Flat, np.ndarray]]
FEW = 15  # values that a sentence may list
_URI = re.compile(DESCRIPTOR_URI)


def used_descriptors(flats: Flats) -> set[str]:
    """The names of the descriptors that the records use."""
    return {
        name
        for endpoint, (flat, _) in flats.items()
        for path, name in standards.descriptor_properties(endpoint, flat.standard).items()
        if flat.column(path.removeprefix("$."))[0].count()
    }


def check_descriptors(flats: Flats, known: Known | None, collected: Collected) -> None:
    """COM-PAY-3: each descriptor value exists; one that does not is reported with the nearest that does."""
    for endpoint, (flat, positions) in flats.items():
        collected.offsets = positions
        for path, name in standards.descriptor_properties(endpoint, flat.standard).items():
            values, records = flat.column(path.removeprefix("$."))
            for value in filter(pd.notna, values.unique()):
                if verdict := judge_descriptor(str(value), name, known, flat.standard):
                    rule_id, says = verdict
                    field = path.removeprefix("$.").replace("[*]", "")
                    collected.add(rule_id, records[np.asarray(values.eq(value))], field=field, says=says)
        collected.offsets = None


def judge_descriptor(uri: str, name: str, known: Known | None, standard: str) -> tuple[str, str] | None:
    """Rule and sentence about one value, or None when there is nothing to say."""
    if not _URI.match(uri):
        return "COM-PAY-3", f"{uri!r} is not a full URI of the form namespace/{name}#code."
    if known is not None:
        listed = known.descriptors.get(name)
        if listed is None or uri.casefold() in listed:
            return None
        return "COM-PAY-3", f"The target has no {name} {_suggestion(uri, list(listed.values()))}"
    shipped = standards.descriptors(standard).get(name, ("", ()))[1]
    if uri.casefold() in map(str.casefold, shipped):
        return None
    if not shipped or not uri.startswith(f"{DEFAULT_NAMESPACE}/") or uri.casefold() in of_states():
        return (
            "DESCRIPTOR_UNCHECKED",
            f"{uri!r} is not one of the standard's own values; only a target can tell.",
        )
    return "COM-PAY-3", f"The data standard has no {name} {_suggestion(uri, shipped)}"


@cache
def of_states() -> frozenset[str]:
    """What a state adds to the standard's own namespace, in lower case: only a target of that state has it."""
    return frozenset(uri.casefold() for profile in profiles().values() for uri in profile.descriptors)


def _suggestion(uri: str, choices: Sequence[str]) -> str:
    """The wrong value, and the choice with the same code or else the most similar one; of two values in one
    namespace only the codes."""
    near = nearest(uri, choices, key=lambda choice: _code(choice).casefold())
    if near is None:
        codes = dict.fromkeys(map(_code, choices))
        return f"{uri!r}." + (f" It has {', '.join(map(repr, codes))}." if 0 < len(codes) <= FEW else "")
    namespace, _, code = uri.partition("#")
    wrong, right = (code, _code(near)) if near.startswith(f"{namespace}#") else (uri, near)
    return f"{wrong!r}. Did you mean {right!r}?"


def _code(uri: str) -> str:
    return uri.partition("#")[2]


def check_within(records: pd.DataFrame, collected: Collected) -> None:
    """COM-ONE-1: of two resources with one key, or made from one source row, the second is held."""
    if records.empty:
        return
    resource = records["resource"].astype("str")
    keys = folded(records)[list(KEY_COLUMNS)]
    first_of_key = resource.groupby([keys[name] for name in KEY_COLUMNS], dropna=False).transform("first")
    triggers = pd.Series([refs[0] if refs else None for refs in records["source_refs"]], dtype="str")
    first_of_row = resource.groupby(triggers).transform("first").fillna(resource)
    for first, says in (
        (
            first_of_key,
            "Another record of this build has the same key as {}; the ODS keeps both in one place.",
        ),
        (first_of_row, "The same source row was also built as {}."),
    ):
        second = np.flatnonzero(resource.ne(first))
        collected.add(
            "COM-ONE-1",
            second,
            field="resource",
            says=[says.format(resource) for resource in first.iloc[second]],
        )


# What holds a record for something that the target lacks, and may have by the next run.
OF_TARGET = frozenset(
    {"COM-DEP-1", "COM-KEY-2", "COM-ONE-1", "COM-PAY-3", "DS-RESOURCE"}
    | {"REF-ENROLLMENT", "REF-ORGANIZATION", "REF-STUDENT", "REF-UNREADABLE"}
)


def check_target(
    records: pd.DataFrame, known: Known, collected: Collected, identity_map: IdentityMap | None = None
) -> None:
    """COM-DEP-1 and the REF rules: program, organizations, student and enrollment exist in the target; the
    key is free.

    identity_map: what this feed has published; a key it holds under another resource is ours to move.
    """
    for resource in known.lacking:
        says = f"The target does not have {resource}."
        built = np.flatnonzero(records["resource"].eq(resource))
        if len(built):
            collected.add("DS-RESOURCE", built, field="resource", says=[says] * len(built))
        elif resource not in associations():  # no record goes to the others, and no key is taken by them
            collected.add_rows(
                "REF-UNREADABLE", resource, [None], field=resource, severity=None,
                says=f"{says} Nothing was checked against it.", hint="Ask the host if it should be there.",
            )  # fmt: skip
    for resource in known.unreadable:
        says = f"The target did not let this login read {resource}, so nothing was checked against it."
        collected.add_rows(
            "REF-UNREADABLE", resource, [None], field=resource, says=says, hint=None, severity=None
        )
    _programs(records, known, collected)
    _organizations(records, known, collected)
    _students(records, known, collected)
    _free_keys(records, known, collected, identity_map)


def _programs(records: pd.DataFrame, known: Known, collected: Collected) -> None:
    if known.programs is None:
        return
    mine = pd.DataFrame(
        {
            "organization": records["program_education_organization_id"].astype("Int64"),
            "name": records["program_name"].astype("str"),
            "type": records["program_type_descriptor"].astype("str").str.casefold(),
        }
    )
    exact = set(known.programs.itertuples(index=False, name=None))
    by_fold = {(owner, name.casefold(), kind): name for owner, name, kind in exact}
    used: dict[Any, np.ndarray] = mine.groupby(["organization", "name", "type"]).indices
    for (owner, name, kind), rows in used.items():
        if (owner, name, kind) in exact:
            continue
        if spelled := by_fold.get((owner, name.casefold(), kind)):
            says = f"The target spells the program {spelled!r}, and this record {name!r}."
            collected.add("COM-KEY-2", rows, field="programReference.programName", says=says)
            continue
        names = [other for its_owner, other, its_kind in exact if its_owner == owner and its_kind == kind]
        meant = did_you_mean(name, names)
        says = f"The target has no program {name!r} of this type owned by {owner}.{meant}"
        collected.add("COM-DEP-1", rows, field="programReference", says=says)


def _organizations(records: pd.DataFrame, known: Known, collected: Collected) -> None:
    if known.organizations is None:
        return
    for column, field in (
        ("education_organization_id", "educationOrganizationReference"),
        ("program_education_organization_id", "programReference"),
    ):
        ids = records[column]
        lost = np.flatnonzero(ids.notna() & ~ids.isin(known.organizations))
        says = [f"The target has no education organization {number}." for number in ids.iloc[lost]]
        collected.add("REF-ORGANIZATION", lost, field=f"{field}.educationOrganizationId", says=says)


def _students(records: pd.DataFrame, known: Known, collected: Collected) -> None:
    ids, field = records["student_unique_id"], "studentReference.studentUniqueId"
    there = ids.notna()
    if known.students is not None:
        lost = there & ~_are_among(ids, known.students)
        says = _how_it_differs(ids[lost], known.students)
        collected.add("REF-STUDENT", np.flatnonzero(lost), field=field, says=says)
        there &= ~lost
    if known.enrolled is not None:
        collected.add("REF-ENROLLMENT", np.flatnonzero(there & ~_are_among(ids, known.enrolled)), field=field)


def _are_among(ids: pd.Series, known: Collection[str]) -> pd.Series:
    return among(ids, pd.Series([*known], dtype="str"))


def _how_it_differs(ids: pd.Series, known: Collection[str]) -> list[str]:
    """Of ids that the target lacks: whether it has one that differs by case or leading zeros only (COM-NRM-2)."""
    says = CHECK_TEXTS["REF-STUDENT"].says
    folded = {text.casefold() for text in known} if len(ids) else set()
    bare = {text.lstrip("0") for text in folded}
    zeros = (
        f"{says} It has one that differs only in leading zeros: export the column as text, with its zeros."
    )
    case = f"{says} It has one that differs only in upper and lower case: write the id as the target has it."
    return [
        case if text in folded else zeros if text.lstrip("0") in bare else says for text in ids.str.casefold()
    ]


def _free_keys(
    records: pd.DataFrame, known: Known, collected: Collected, identity_map: IdentityMap | None
) -> None:
    """COM-ONE-1: the six-part key is not taken by another kind of association."""
    if known.keys is None or known.keys.empty:
        return
    mine = folded(records).assign(position=np.arange(len(records)))
    both = mine.merge(known.keys, on=list(KEY_COLUMNS), suffixes=("", "_there"))
    clash = both[both["resource"].ne(both["resource_there"])]
    if identity_map is not None and len(clash):
        published = folded(identity_map() if callable(identity_map) else identity_map)
        ours = published.rename(columns={"resource": "resource_there"}).drop_duplicates().assign(ours=True)
        clash = clash.merge(ours, on=["resource_there", *KEY_COLUMNS], how="left")
        clash = clash[clash["ours"].isna()]
    clash = clash.drop_duplicates("position")
    says = [f"In the target this key belongs to {resource} already." for resource in clash["resource_there"]]
    hint = "Delete the other association in the target, or correct the program, if both cannot be right."
    collected.add("COM-ONE-1", clash["position"], field="resource", says=says, hint=hint)
