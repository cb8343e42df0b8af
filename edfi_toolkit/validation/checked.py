"""The verb: every problem of every record, and which records must not be sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edfi_toolkit.model import associations
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.validation import against, suite_checks
from edfi_toolkit.validation.files import load
from edfi_toolkit.validation.flatten import Flat, flatten
from edfi_toolkit.validation.hits import Hits, findings, first_rows, split_refs
from edfi_toolkit.validation.target import opened, pull

if TYPE_CHECKING:
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.rules import Build

SEVERITY_OF_UNKNOWN_NOTICE = "info"


@dataclass(frozen=True)
class Checked:
    """A build, and what validation thinks of it: `ready` and `held` together are all records.

    ready: records that may be sent, in the columns of `build.records`. held: those that may not, and
    `held_by`, the rule ids that hold each. findings: rule_id, severity, table, row_id, resource, the six key
    columns, field, says, hint; the key is missing where a finding speaks about a source row or a whole table.
    """

    build: Build
    ready: pd.DataFrame = field(repr=False)
    held: pd.DataFrame = field(repr=False)
    findings: pd.DataFrame = field(repr=False)

    @cached_property
    def by_rule(self) -> pd.DataFrame:
        """One row for each rule that found something: severity, rule_id, field, findings, says, hint; worst
        first."""
        if self.findings.empty:
            return pd.DataFrame(columns=["severity", "rule_id", "field", "findings", "says", "hint"])
        groups = self.findings.groupby(["severity", "rule_id", "field"], dropna=False, sort=False)
        table = groups.agg(
            findings=("says", "size"), says=("says", "first"), hint=("hint", "first")
        ).reset_index()
        rank = table["severity"].map({"critical": 0, "warning": 1, "info": 2})
        order = np.lexsort((-table["findings"].to_numpy(), rank.to_numpy()))
        return table.iloc[order][["severity", "rule_id", "field", "findings", "says", "hint"]].reset_index(
            drop=True
        )

    def summary(self) -> pd.DataFrame:
        """Records by resource: built = ready + held; and findings by severity."""
        built = self.build.records["resource"].value_counts(sort=False)
        counts = pd.DataFrame(
            {
                "built": built,
                "ready": self.ready["resource"].value_counts(),
                "held": self.held["resource"].value_counts(),
            }
        ).reindex(built.index)
        for severity in ("critical", "warning", "info"):
            counts[severity] = self.findings.loc[
                self.findings["severity"].eq(severity), "resource"
            ].value_counts()
        return counts.fillna(0).astype("int64").rename_axis("resource").reset_index()

    def write_report(
        self, path: str | Path, *, masker: Masker | None = None, written_at: dt.datetime | None = None
    ) -> Path:
        """Write the whole story as one HTML file that needs no network; persons are masked. Gives the
        path."""
        from edfi_toolkit.validation.report import write_report

        return write_report(self, Path(path), masker=masker, written_at=written_at)


def validate(build: Build, *, target: Any = None, identity_map: pd.DataFrame | None = None) -> Checked:
    """Find every problem of every record of a build, and hold the records that have a critical one.

    target: a target's name, a `Target` or an open `ods.Client`. Then descriptors, programs, organizations,
        students and enrollments are looked up there; without one nothing is contacted.
    identity_map: what this feed has published, so that a key which it moves to another resource does not
        count as taken.
    Raises ValidationError when a suite cannot be applied as written; OdsUnavailable and OdsRefusedLogin with
    a target. A bad record is a finding, never an exception. Source: expectations/README.md.
    """
    records = build.records.reset_index(drop=True)
    suites, hits = load(), Hits()
    suite_checks.known_subjects(suites)
    suite_checks.check_tables(build, suites, hits)
    flats = _flattened(records, hits)
    suite_checks.check_records(build, flats, suites, hits)
    against.check_within(records, hits)
    if target is None:
        against.check_descriptors(flats, None, hits)
    else:
        with opened(target) as client:
            known = pull(client, against.used_descriptors(flats))
        against.check_descriptors(flats, known, hits)
        against.check_target(records, known, hits, identity_map)
    rows = first_rows(records)
    found = _with_notices(hits.frame(rows), build.notices, rows)
    held_by = _held_by(found, records)
    is_held = held_by.notna()
    return Checked(
        build=build,
        ready=records[~is_held].reset_index(drop=True),
        held=records[is_held].assign(held_by=held_by[is_held]).reset_index(drop=True),
        findings=findings(found, records),
    )


def _flattened(records: pd.DataFrame, hits: Hits) -> dict[str, tuple[Flat, np.ndarray]]:
    """By endpoint the frames of its bodies, and the position of each body in the records."""
    flats = {}
    for endpoint, positions in records.groupby("resource", sort=True).indices.items():
        if endpoint not in associations():
            says = f"{endpoint} is none of the ten student program associations."
            hits.add("SRC-VALUE", positions, field="resource", says=says, severity="critical")
            continue
        hits.offsets = np.asarray(positions)
        bodies = records["body"].iloc[positions].tolist()
        flats[str(endpoint)] = (flatten(str(endpoint), bodies, hits), hits.offsets)
        hits.offsets = None
    return flats


def _with_notices(found: pd.DataFrame, notices: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The finds, and each notice of the build that says something new. A notice never holds a record.

    rows: table and row_id of each record's source row.
    """
    if notices.empty:
        return found
    known = [RULES.get(code) for code in notices["code"]]
    severities = [rule.severity if rule else SEVERITY_OF_UNKNOWN_NOTICE for rule in known]
    says = [
        detail if isinstance(detail, str) and detail else rule.says if rule else code
        for rule, code, detail in zip(known, notices["code"], notices["detail"], strict=True)
    ]
    missing = notices["code"].eq("CERT_MISSING")
    copies = pd.DataFrame(
        {
            "position": _position_of(notices, rows),
            "rule_id": notices["code"].astype("str"),
            "severity": ["warning" if each == "critical" else each for each in severities],
            "table": notices["table"].astype("str"),
            "row_id": notices["id"].astype("str"),
            "field": notices["detail"].where(missing).astype("str"),
            "says": says,
            "hint": [rule.hint if rule else "" for rule in known],
        }
    )
    copies.loc[missing, "says"] = copies["field"] + " is missing, and the certification sheet requires it."
    return pd.concat([found, copies[~_said_before(copies, found)]], ignore_index=True)


def _position_of(notices: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """The record that was made from the row a notice speaks about."""
    row = rows["table"] + ":" + rows["row_id"]
    position = pd.Series(row.index, index=row)[~row.duplicated().to_numpy()]
    return (notices["table"].astype("str") + ":" + notices["id"].astype("str")).map(position).astype("Int64")


def _said_before(copies: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    """Copies of what a suite says about the same row (and the same field, where the notice names one)."""
    here = copies["rule_id"] + "|" + copies["table"] + "|" + copies["row_id"]
    there = found["rule_id"] + "|" + found["table"] + "|" + found["row_id"]
    with_field = (here + "|" + copies["field"]).isin(there + "|" + found["field"].fillna(""))
    return with_field.where(copies["field"].notna(), here.isin(there))


def _held_by(found: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """Per record the rules that hold it, missing when none does: its own critical findings, and those of any
    source row it rests on. A critical finding about a whole table holds all that rests on that table."""
    critical = found[found["severity"].eq("critical")]
    own = critical.loc[critical["position"].notna(), ["position", "rule_id"]]
    reasons = pd.concat(
        [own, _through_rows(critical[critical["position"].isna()], records)], ignore_index=True
    )
    by_record = reasons.drop_duplicates().groupby("position")["rule_id"].agg(list)
    return pd.Series(by_record.reindex(records.index).to_numpy(), index=records.index, dtype=object)


def _through_rows(critical: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """position, rule_id of the records that rest on source rows with a critical finding."""
    if critical.empty or records.empty:
        return pd.DataFrame({"position": pd.Series(dtype="Int64"), "rule_id": pd.Series(dtype="str")})
    refs = records["source_refs"].explode().dropna()
    rows = split_refs(refs.tolist()).assign(position=refs.index.to_numpy())
    by_row = rows.merge(critical[critical["row_id"].notna()], on=["table", "row_id"], suffixes=("", "_"))
    by_table = rows.merge(critical[critical["row_id"].isna()], on="table", suffixes=("", "_"))
    return pd.concat([by_row, by_table])[["position", "rule_id"]].astype({"position": "Int64"})
