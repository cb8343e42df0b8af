"""Which records of the ODS that are in neither source nor ledger a resync may delete (REC-R9). Pure.

1. Only what lies in the district's scope: its year, the programs of the profile, its own organizations.
2. Errors hold here too. Without an entry in the ledger nothing says which source row such a record came from, so
   it stays while its student, or a student that cannot be named, has a row with an error or a record that is held.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from edfi_toolkit.planning.comparison import Sides
from edfi_toolkit.planning.findings import Findings
from edfi_toolkit.planning.holds import errors_of
from edfi_toolkit.rules import Build, profile


def without_foreign_orphans(
    decided: pd.DataFrame, sides: Sides, kept_back: pd.DataFrame, build: Build, findings: Findings
) -> pd.DataFrame:
    """Without the deletes of foreign and doubtful records, and without a POST that a setting leaves for later.

    decided: action, rule and the positions source, mapped, ods. kept_back: the records that validation holds.
    """
    orphan = decided["rule"].eq("REC-R9")
    orphans = sides.ods.iloc[decided.loc[orphan, "ods"]]
    may_go, doubtful = _may_go(orphans, build), _in_doubt(orphans, kept_back, build)
    findings.about("FOREIGN", orphans[~may_go])
    findings.about("held orphan", orphans[may_go & doubtful])
    spared = orphan.copy()
    spared[orphan] = (~may_go | doubtful).to_numpy()
    if not build.settings.get("resync_repost", True):  # REC-R3
        spared |= decided["rule"].eq("REC-R3") & decided["action"].eq("POST")
    return decided[~spared].reset_index(drop=True)


def _may_go(orphans: pd.DataFrame, build: Build) -> pd.Series:
    scope, policy = build.scope, build.settings.get("resync_orphans", "scoped")
    if policy == "report" or not profile(scope.profile).orphan_scope:
        return pd.Series(False, index=orphans.index)
    if policy == "all":
        return pd.Series(True, index=orphans.index)
    window = orphans["begin_date"].between(pd.Timestamp(scope.config_start), pd.Timestamp(scope.config_end))
    programs = zip(orphans["program_education_organization_id"], orphans["program_name"], strict=True)
    ours = np.array([program in scope.programs for program in programs], dtype=bool)
    return window & ours & orphans["education_organization_id"].isin(scope.organizations)


def _in_doubt(orphans: pd.DataFrame, kept_back: pd.DataFrame, build: Build) -> pd.Series:
    """Whether an error may be the reason that the source has no record with this key."""
    students = orphans["student_unique_id"]
    doubt = students.isin(kept_back["student_unique_id"])
    errors = errors_of(build)
    if errors.empty:
        return doubt
    if errors["student_id"].isna().any():  # a school or a calendar, or a row that names no student
        return pd.Series(True, index=orphans.index)
    known = build.tables["students"].set_index("student_id")["student_unique_id"].dropna()
    named = errors["student_id"].isin(known.index)
    doubt |= students.isin(known.reindex(errors.loc[named, "student_id"]))
    return doubt if named.all() else doubt | ~students.isin(known)
