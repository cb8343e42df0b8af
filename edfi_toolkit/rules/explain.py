"""The story of one student, and the accounts of a whole build.

A record depends on its student's rows alone, so the story is told by running the same rules again on those rows
with every step written down: exact, and as quick for one student of 300,000 as for one of ten.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.rules.account import Account
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.common import ref_parts
from edfi_toolkit.tables import TABLES, Tables

if TYPE_CHECKING:
    from edfi_toolkit.rules.profile import Build

COLUMNS = ["step", "table", "id", "outcome", "rule", "says", "source"]


@dataclass(frozen=True)
class Story:
    """One student's story. frame: step, table, id, outcome, rule, says, source, in the order the rules ran."""

    student: str
    frame: pd.DataFrame

    def __str__(self) -> str:
        lines = [f"Student {self.student}"]
        for row in self.frame.to_dict("records"):
            where = f"{row['table']} {row['id']}".strip()
            by = f" [{row['rule']}]" if row["rule"] else ""
            lines.append(f"{row['step']:>3}. {row['outcome']}: {where}{by} {row['says']}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in self.frame.itertuples(index=False)
        )
        head = "".join(f"<th>{name}</th>" for name in COLUMNS)
        return f"<h4>Student {html.escape(self.student)}</h4><table><tr>{head}</tr>{rows}</table>"


def explain(
    build: Build,
    *,
    student_unique_id: str | None = None,
    student_id: str | None = None,
    identity_map: pd.DataFrame | None = None,
) -> Story:
    """The whole story of one student, also of one who yields nothing or is in no table.

    Raises ConfigError unless exactly one of student_unique_id and student_id is given.
    """
    if (student_unique_id is None) == (student_id is None):
        raise ConfigError("Name one student: by student_unique_id or by student_id.")
    from edfi_toolkit.rules.profile import profile_module

    column = "student_id" if student_unique_id is None else "student_unique_id"
    wanted = str(student_id or student_unique_id)
    students = build.tables["students"]
    found = students[students[column].eq(wanted)]
    ids = set(found["student_id"]) | ({student_id} if student_id else set())
    own = _tables_of(build.tables, ids)
    account = Account(trace=True)
    again = profile_module(build.profile).build(own, build.config, build.settings, account=account)
    parts = [
        _set_aside(build, ids | {wanted}),
        _introduction(found, column),
        account.steps,
        _built(again.records),
        _sent_before(identity_map, {*found["student_unique_id"].dropna(), wanted}),
    ]
    if again.records.empty:
        parts.append(_steps([("", "", "nothing built", "", "No association is built for this student.")]))
    story = pd.concat([part for part in parts if len(part)], ignore_index=True).fillna("")
    story["source"] = story["rule"].map(lambda rule_id: RULES[rule_id].source if rule_id in RULES else "")
    story.insert(0, "step", range(1, len(story) + 1))
    return Story(wanted, story[COLUMNS])


def _tables_of(tables: Tables, ids: set[str]) -> Tables:
    """The tables with the rows of these students alone; tables without students stay whole."""
    return Tables(
        {
            name: rows[rows["student_id"].isin(ids)].reset_index(drop=True) if "student_id" in rows else rows
            for name, rows in tables.items()
        }
    )


def _steps(rows: Iterable[tuple[str, str, str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["table", "id", "outcome", "rule", "says"])


def _introduction(found: pd.DataFrame, column: str) -> pd.DataFrame:
    if found.empty:
        says = f"No row of the table students has this {column}. Look in the SIS, and in what was set aside above."
        return _steps([("students", "", "not found", "", says)])
    return _steps(("students", each, "read", "", "The student's own row.") for each in found["student_id"])


def _set_aside(build: Build, ids: set[str]) -> pd.DataFrame:
    """Rows of this student that a bad cell kept out of the tables."""
    aside = build.tables.skipped
    mine = aside["student_id"].isin(ids) | (aside["table"].eq("students") & aside["id"].isin(ids))
    return (
        aside.loc[mine, ["table", "id", "rule", "detail"]]
        .rename(columns={"detail": "says"})
        .assign(outcome="set aside")
    )


def _built(records: pd.DataFrame) -> pd.DataFrame:
    rows: list[tuple[str, str, str, str, str]] = []
    for record in records.to_dict("records"):
        table, _, row_id = record["source_refs"][0].partition(":")
        body: dict[str, Any] = record["body"]
        program = body["programReference"]
        until = f" to {body['endDate']}" if "endDate" in body else ""
        says = (
            f"{record['resource']}: {program['programName']} of {program['educationOrganizationId']}, at "
            f"{record['education_organization_id']}, from {body['beginDate']}{until}; "
            f"rests on {', '.join(record['source_refs'])}."
        )
        rows.append((table, row_id, "built", ", ".join(record["rules"]), says))
    return _steps(rows)


def _sent_before(identity_map: pd.DataFrame | None, unique_ids: set[str]) -> pd.DataFrame:
    if identity_map is None or identity_map.empty:
        return _steps([])
    mine = identity_map[identity_map["student_unique_id"].isin(unique_ids)]
    return _steps(
        (
            row["resource"],
            str(row["ed_fi_id"]),
            "sent before",
            "",
            f"{row['program_name']} from {str(row['begin_date'])[:10]} is in the ODS; it came from "
            f"{', '.join(row['source_refs']) if isinstance(row.get('source_refs'), list) else 'an unknown row'}.",
        )
        for row in mine.to_dict("records")
    )


def summary(build: Build) -> pd.DataFrame:
    """Counts: outcome (built, skipped, set aside), resource, program, organization, rule, says, count."""
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
        outcome=dropped["rule"].str.startswith("COM-NRM").map({True: "set aside", False: "skipped"}),
        says=dropped["rule"].map(lambda rule_id: RULES[rule_id].says if rule_id in RULES else ""),
        resource=dropped["table"],
        program="",
    )
    columns = ["outcome", "resource", "program", "organization", "rule", "says", "count"]
    together = [part.reindex(columns=columns) for part in (built, dropped) if len(part)]
    return pd.concat(together, ignore_index=True) if together else pd.DataFrame(columns=columns)


def accounting(build: Build) -> pd.DataFrame:
    """Per table, each row once: rows_in, used (a record rests on it), skipped, set_aside, collapsed, not_applicable."""
    used = ref_parts(build.records["source_refs"].explode().dropna().drop_duplicates())
    skipped = build.skipped[~build.skipped["rule"].str.startswith("COM-NRM")]
    counts = []
    for name, rows in build.tables.items():
        ids = row_ids(name, rows)
        used_here = ids.isin(used.loc[used["table"].eq(name), "id"])
        skipped_here = ids.isin(skipped.loc[skipped["table"].eq(name), "id"]) & ~used_here
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
