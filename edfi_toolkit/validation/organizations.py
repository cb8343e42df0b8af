"""Records for an organization that is in no list of schools: sent as they are, and often refused for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.frames import places
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.rules import Build
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.tables import TABLES
from edfi_toolkit.validation.findings import Collected, split_refs

RULE = "SRC-ORGANIZATION"
_FIELD = "educationOrganizationReference.educationOrganizationId"
_NEITHER = "it is neither a school of the source nor an owner of its programs."
_HINT = "If it is wrong, correct {}. If it is right, ask that {}: until then the ODS may refuse the record."
_NOT_KNOWN = "the school is loaded into the ODS and that your login covers it"
_IN_THE_ODS = "your login covers it"
_MOST_CELLS = 1000  # of more records not a cell is wrong, but a setting or a whole table


def check_organizations(
    build: Build, records: pd.DataFrame, of_target: Collection[int] | None, collected: Collected
) -> None:
    """SRC-ORGANIZATION: the record's organization is neither a school of the source nor an owner of programs.

    Nothing where the source names no school. of_target: the organizations of the target, where they are known; what it
    lacks is REF-ORGANIZATION's.
    """
    profile = profile_of(build.scope.profile)
    schools = profile.school_ids(build.tables).dropna()
    if schools.empty:
        return
    ids, own = records["education_organization_id"], records["program_education_organization_id"]
    of_another, others = ids.ne(own).fillna(True), profile.other_organizations(build.tables)
    owners = {*build.tables["program_participation"]["program_education_organization_id"].dropna()}
    lost = ids.notna() & ~ids.isin(schools) & ~ids.isin(owners.union(others, own[of_another].dropna()))
    if not others:  # then one that owns the program of its records is not known to be none that should
        lost &= of_another
    if of_target is not None:
        lost &= ids.isin(of_target)
    at = np.flatnonzero(lost)
    if not len(at):
        return
    cells = list(_cells(build, records["source_refs"].iloc[at[:_MOST_CELLS]]))
    cells += [None] * (len(at) - len(cells))
    says = [f"Organization {number} is in no list of schools: {_NEITHER}" for number in ids.iloc[at]]
    named = [f"{cell[0]}.{cell[2]}" if cell else "the organization of its row" for cell in cells]
    collected.add(
        RULE,
        at,
        field=[cell[2] if cell else _FIELD for cell in cells],
        says=says,
        hint=[_HINT.format(cell, _NOT_KNOWN if of_target is None else _IN_THE_ODS) for cell in named],
        rows=[cell[:2] if cell else (None, None) for cell in cells],
    )


def _cells(build: Build, refs: pd.Series) -> Iterator[tuple[str, str, str] | None]:
    """table, id and column of the cell that the organization of each record comes from; None where that is not sure."""
    cell_of = profile_of(build.scope.profile).organization_cell
    rows = split_refs(refs.explode().dropna().tolist()).drop_duplicates()
    read = dict[tuple[str, str], dict[str, str]]()
    for name, part in rows[rows["table"].isin(TABLES)].groupby("table"):
        table = build.tables[str(name)]
        at = places(part["row_id"], TABLES[str(name)].ids(table)).to_numpy()
        found = table.iloc[at[at >= 0]].to_dict("records")
        for row_id, row in zip(part["row_id"].to_numpy()[at >= 0], found, strict=True):
            texts = {str(column): cell_text(value) for column, value in row.items()}
            read[str(name), row_id] = {column: text for column, text in texts.items() if text}
    for own in refs:
        keys = [
            key for key in dict.fromkeys(map(split_ref, own if isinstance(own, list) else [])) if key in read
        ]
        filled = [(f"{key[0]}.{column}", text) for key in keys for column, text in read[key].items()]
        name = cell_of(dict(filled))
        table_name, _, column = name.partition(".")
        sure = Counter(each for each, _ in filled)[name] == 1
        yield (
            next((*key, column) for key in keys if key[0] == table_name and column in read[key])
            if sure
            else None
        )
