"""Why a source row gives no record: above all one that a person has corrected, and who now waits for the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.model.refs import row_of
from edfi_toolkit.review.summaries import rows_aside, rule_texts
from edfi_toolkit.review.views import Block
from edfi_toolkit.rules.contract import profile
from edfi_toolkit.tables.corrections import APPLIED
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build


def corrected_without_record(build: Build) -> pd.DataFrame:
    """The rows that were corrected and that no record rests on: table, id, column, rule, why, todo."""
    laid = build.tables.corrections
    counts = laid["state"].eq(APPLIED) & ~laid["table"].isin(CONTROL_TABLES)
    corrected = laid.loc[counts, ["table", "rows", "column"]].explode("rows").rename(columns={"rows": "id"})
    return reasons(corrected.dropna(subset="id").drop_duplicates(), build)


def reasons(rows: pd.DataFrame, build: Build) -> pd.DataFrame:
    """Those of the rows (`table`, `id`) that no record rests on, each with why, todo and rule."""
    used = build.records["source_refs"].explode().dropna().map(row_of)
    places = rows["table"].astype("str") + ":" + rows["id"].astype("str")
    rows = rows[~places.isin(used)].astype({"table": "str", "id": "str"})
    skipped = rows_aside(build.skipped[build.skipped["id"].isin(rows["id"])])
    known = skipped[["table", "id", "says", "rule"]].drop_duplicates(["table", "id"])
    found = rows.merge(known, on=["table", "id"], how="left").rename(columns={"says": "why"})
    words = profile(build.profile).explain
    for table in found["table"].unique():
        unsaid = found["table"].eq(table) & found["why"].isna()
        there = found["id"].isin(build.tables[table][TABLES[table].primary_key[0]].astype("str"))
        rule, why = words.without_use(table, build.settings)
        found.loc[unsaid & there, ["rule", "why"]] = rule, why
        found.loc[unsaid & ~there, ["rule", "why"]] = "", "The source has no such row any more."
    todo = pd.Series([rule_texts([rule], "hint") for rule in found["rule"]], found.index, dtype="str")
    return found.assign(todo=todo)


def corrected_block(build: Build) -> list[Block]:
    """The block that says so, where there is such a row."""
    if build.tables.corrections.empty:  # as in most runs; else every reference of every record is asked
        return []
    found = corrected_without_record(build)
    return [Block("Corrected, but without a record, and why", found, tone="check")] if len(found) else []
