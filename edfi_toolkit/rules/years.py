"""Which rows of a build belong to another school year, and to which: a batch over years reports those left over."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.rules.building import Build
from edfi_toolkit.rules.contract import profile

COLUMNS = {"rule": "str", "school_year": "int64", "rows": "int64"}


def other_years(build: Build) -> pd.DataFrame:
    """Enrollments left out because they belong to another year: `rule, school_year, rows`, by year.

    Only those that a record might rest on. A profile without years in its rows has none.
    """
    rule = profile(build.profile).school_year_rule
    if rule is None:
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in COLUMNS.items()})
    skipped = build.skipped
    ids = skipped.loc[skipped["table"].eq("enrollments") & skipped["rule"].eq(rule.skipped_by), "id"]
    rows = build.tables["enrollments"]
    years = rule.years(rows[rows["enrollment_id"].isin(ids)], build.tables)
    counts = years[years.ne(build.config.school_year)].dropna().astype("int64").value_counts().sort_index()
    return pd.DataFrame({"rule": rule.cites, "school_year": counts.index, "rows": counts.to_numpy()})
