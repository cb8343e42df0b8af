"""Which rows of a build belong to another school year, and to which: a batch over years says who speaks for them."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.rules.profile import Build

# Per profile the rule that leaves an enrollment to another year, and the rule that says which year it has.
RULES = {"wi-infinite-campus": ("WI-ENR-3", "WI-SCP-1"), "nm-powerschool": ("NM-SEL-3", "NM-SEL-3")}
_FIRST_MONTH = 7  # WI-SCP-2: July 1 belongs to the next year


def other_years(build: Build) -> pd.DataFrame:
    """Enrollments left out because they belong to another year: `rule, school_year, rows`, by year.

    Only those that a record might rest on. A profile without years in its rows has none.
    """
    left_by, rule = RULES.get(build.profile, ("", ""))
    skipped = build.skipped
    ids = skipped.loc[skipped["table"].eq("enrollments") & skipped["rule"].eq(left_by), "id"]
    rows = build.tables["enrollments"]
    rows = rows[rows["enrollment_id"].isin(ids)]
    if build.profile == "wi-infinite-campus":
        calendars = build.tables["calendars"].set_index("calendar_id")
        years = rows["calendar_id"].map(calendars["school_year"])
    else:
        years = rows["start_date"].dt.year + rows["start_date"].dt.month.ge(_FIRST_MONTH)
    counts = years[years.ne(build.config.school_year)].dropna().astype("int64").value_counts().sort_index()
    return pd.DataFrame({"rule": rule, "school_year": counts.index, "rows": counts.to_numpy()})
