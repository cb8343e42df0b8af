"""The accounts of a whole build: counts by outcome, and every row of every table once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.model.frames import among
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.common import ref_parts
from edfi_toolkit.tables import TABLES
from edfi_toolkit.tables.load_errors import is_load_error

if TYPE_CHECKING:
    from edfi_toolkit.rules.building import Build


def summary(build: Build) -> pd.DataFrame:
    """Counts: outcome (built, skipped, unreadable), resource, program, organization, rule, says, count."""
    built = (
        build.records.groupby(["resource", "program_name", "education_organization_id"], as_index=False)
        .size()
        .rename(
            columns={"program_name": "program", "education_organization_id": "organization", "size": "count"}
        )
        .assign(outcome="built", rule="", says="")
    )
    dropped = (
        build.skipped.groupby(["table", "rule"], as_index=False).size().rename(columns={"size": "count"})
    )
    dropped = dropped.assign(
        outcome=is_load_error(dropped["rule"]).map({True: "unreadable", False: "skipped"}),
        says=dropped["rule"].map(lambda rule_id: RULES[rule_id].says if rule_id in RULES else ""),
        resource=dropped["table"],
        program="",
    )
    columns = ["outcome", "resource", "program", "organization", "rule", "says", "count"]
    together = [part.reindex(columns=columns) for part in (built, dropped) if len(part)]
    return pd.concat(together, ignore_index=True) if together else pd.DataFrame(columns=columns)


def accounting(build: Build) -> pd.DataFrame:
    """Per table, each row once: rows_in, used (a record rests on it), skipped, set_aside, collapsed, not_applicable."""
    used = ref_parts(pd.Series([*set(chain.from_iterable(build.records["source_refs"]))], dtype="str"))
    skipped = build.skipped[~is_load_error(build.skipped["rule"])]
    counts = []
    for name, rows in build.tables.items():
        ids = row_ids(name, rows)
        used_here = among(ids, used.loc[used["table"].eq(name), "id"])
        skipped_here = among(ids, skipped.loc[skipped["table"].eq(name), "id"]) & ~used_here
        left_over = ~used_here & ~skipped_here
        counts.append((name, int(used_here.sum()), int(skipped_here.sum()), int(left_over.sum())))
    account = pd.DataFrame(counts, columns=["table", "used", "skipped", "not_applicable"])
    read = build.tables.summary().rename(columns={"rows": "rows_in"})
    columns = ["table", "rows_in", "used", "skipped", "set_aside", "collapsed", "not_applicable"]
    return read.merge(account, on="table")[columns]


def row_ids(table: str, rows: pd.DataFrame) -> pd.Series:
    """The primary key of each row as one text, as `.skipped` and `source_refs` write it."""
    keys = [rows[name].astype("str") for name in TABLES[table].primary_key]
    return keys[0].str.cat(keys[1:], sep="+") if len(keys) > 1 else keys[0]
