"""The verb: every problem of every record, and which records must not be sent."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edfi_toolkit.model import RECORD_KEY, associations, standards
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.rules.catalogue import RULES, Rule
from edfi_toolkit.settings import Target
from edfi_toolkit.validation import references, suite_checks
from edfi_toolkit.validation.findings import Collected, findings, first_rows, said_once, split_refs
from edfi_toolkit.validation.flatten import Flat, flatten
from edfi_toolkit.validation.gx_savings import nothing_collected
from edfi_toolkit.validation.organizations import check_organizations
from edfi_toolkit.validation.suite_files import load
from edfi_toolkit.validation.target import IdentityMap, Reader, opened, pull

if TYPE_CHECKING:
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.rules import Build
    from edfi_toolkit.validation.report import Places

SEVERITY_OF_UNKNOWN_NOTICE = "info"


@dataclass(frozen=True)
class Checked:
    """A build, and what validation thinks of it: `ready` and `held` together are all records.

    ready: records that may be sent, in the columns of `build.records`. held: those that may not, and
    `held_by`, the rule ids that hold each. findings: rule_id, severity, table, row_id, resource, the six key
    columns, field, says, hint; the key is missing where a finding speaks about a source row or a whole table.
    checked_against: the identity of the target that was asked; empty where none was.
    """

    build: Build
    ready: pd.DataFrame = field(repr=False)
    held: pd.DataFrame = field(repr=False)
    findings: pd.DataFrame = field(repr=False)
    checked_against: str = ""

    @cached_property
    def by_rule(self) -> pd.DataFrame:
        """What each rule found in each field, worst first: severity, rule_id, field, findings, held (records
        it holds), says (one of them), sentences (how many different ones), hint."""
        names = ["severity", "rule_id", "field", "findings", "held", "says", "sentences", "hint"]
        if self.findings.empty:
            return pd.DataFrame(columns=names)
        groups = self.findings.groupby(["severity", "rule_id", "field"], dropna=False, sort=False)
        table = groups.agg(
            findings=("says", "size"),
            says=("says", "first"),
            sentences=("says", "nunique"),
            hint=("hint", "first"),
        ).reset_index()
        table = table.merge(self._records_held(), on=["rule_id", "field"], how="left")
        table["held"] = table["held"].where(table["severity"].eq("critical")).fillna(0).astype("int64")
        rank = table["severity"].map({"critical": 0, "warning": 1, "info": 2})
        order = np.lexsort((-table["findings"].to_numpy(), -table["held"].to_numpy(), rank.to_numpy()))
        return table.iloc[order][names].reset_index(drop=True)

    @cached_property
    def holding(self) -> pd.DataFrame:
        """What holds each record: `position` in `held`, and `finding`, the index of a critical finding about it, about
        a source row it rests on or about all of that table."""
        critical = self.findings.loc[
            self.findings["severity"].eq("critical"), ["table", "row_id", *RECORD_KEY]
        ]
        critical, held = critical.rename_axis("finding").reset_index(), self.held.reset_index(drop=True)
        of_source = critical["resource"].isna()
        own = critical[~of_source].merge(held[RECORD_KEY].assign(position=held.index), on=RECORD_KEY)
        rows = through_rows(critical.loc[of_source, ["table", "row_id", "finding"]], held)
        return pd.concat([own, rows], ignore_index=True)[["position", "finding"]]

    def _records_held(self) -> pd.DataFrame:
        """rule_id, field and `held`: how many of the held records a rule holds through that field."""
        found = self.findings.loc[self.holding["finding"], ["rule_id", "field"]]
        groups = found.assign(held=self.holding["position"].array).groupby(["rule_id", "field"], dropna=False)
        return groups["held"].nunique().reset_index()

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
        self,
        path: str | Path,
        *,
        masker: Masker | None = None,
        written_at: dt.datetime | None = None,
        places: Places | None = None,
        row_places: Places | None = None,
    ) -> Path:
        """Write the whole story as one HTML file that needs no network; persons are masked. Gives the path.

        places, row_places: as of `validation.report.write_report`.
        """
        from edfi_toolkit.validation.report import write_report

        return write_report(
            self, Path(path), masker=masker, written_at=written_at, places=places, row_places=row_places
        )


@nothing_collected()  # records and rows of the target by the hundred thousand, none of them garbage until the end
def validate(
    build: Build, *, target: str | Target | Reader | None = None, identity_map: IdentityMap | None = None
) -> Checked:
    """Find every problem of every record of a build, and hold the records that have a critical one.

    target: a target's name, a `Target` or an open `ods.Client`. Then descriptors, programs, organizations,
        students and enrollments are looked up there; without one nothing is contacted.
    identity_map: what this feed has published, so that a key which it moves to another resource does not
        count as taken; or what reads it, called only where such a key may be taken.
    Raises ValidationError when a suite cannot be applied as written; OdsUnavailable and OdsRefusedLogin with
    a target. A bad record is a finding, never an exception. Source: expectations/README.md.
    """
    records = build.records.reset_index(drop=True)
    suites, collected = load(), Collected()
    suite_checks.known_subjects(suites)
    suite_checks.check_tables(build, suites, collected)
    _check_control(build, collected)
    flats = _flattened(records, build.standard, collected)
    suite_checks.check_records(build, flats, suites, collected)
    references.check_within(records, collected)
    organizations, asked = None, ""
    if target is None:
        references.check_descriptors(flats, None, collected)
    else:
        with opened(target) as client:
            known = pull(client, references.used_descriptors(flats))
            asked = client.target.identity
        references.check_descriptors(flats, known, collected)
        references.check_target(records, known, collected, identity_map)
        organizations = known.organizations
    check_organizations(build, records, organizations, collected)
    rows = first_rows(records)
    found = _by_its_standard(collected.frame(rows), build)
    found = said_once(_with_notices(found, build.notices, rows, build.scope.profile))
    reasons = _reasons(found, records)
    held_by = reasons.drop_duplicates(["position", "rule_id"]).groupby("position")["rule_id"].agg(list)
    is_held = records.index.isin(held_by.index)
    return Checked(
        build=build,
        ready=records[~is_held].reset_index(drop=True),
        held=records[is_held].assign(held_by=held_by.sort_index().to_numpy()).reset_index(drop=True),
        findings=findings(found, records),
        checked_against=asked,
    )


def _check_control(build: Build, collected: Collected) -> None:
    """COM-CTL-1: the control rows that stop the run."""
    rule = RULES["CONTROL_UNREADABLE"]
    for table, rows in build.control.groupby("table"):
        texts = {"says": rows["detail"].to_numpy(), "hint": rule.hint, "severity": rule.severity}
        collected.add_rows(rule.id, str(table), rows["id"], field=None, **texts)


def _flattened(
    records: pd.DataFrame, standard: str, collected: Collected
) -> dict[str, tuple[Flat, np.ndarray]]:
    """By endpoint the frames of its bodies, and the position of each body in the records."""
    flats = {}
    for endpoint, positions in records.groupby("resource", sort=True).indices.items():
        if endpoint not in associations():
            says = f"{endpoint} is none of the ten student program associations."
            collected.add("SRC-VALUE", positions, field="resource", says=says, severity="critical")
            continue
        if endpoint not in standards.associations(standard):
            says = f"Data Standard {standard} has no {endpoint}."
            collected.add("DS-RESOURCE", positions, field="resource", says=says)
            continue
        collected.offsets = np.asarray(positions)
        bodies = records["body"].iloc[positions].tolist()
        flats[str(endpoint)] = (flatten(str(endpoint), bodies, collected, standard), collected.offsets)
        collected.offsets = None
    return flats


def _by_its_standard(found: pd.DataFrame, build: Build) -> pd.DataFrame:
    """DS-MEMBER compares with a standard that is known here; a target of another one decides itself."""
    version = str(build.settings["data_standard"])
    if not standards.is_known(version):
        hint = f"Data Standard {version} was not checked; only a target can tell."
        found.loc[found["rule_id"].eq("DS-MEMBER"), ["severity", "hint"]] = "warning", hint
    return found


def _with_notices(
    found: pd.DataFrame, notices: pd.DataFrame, rows: pd.DataFrame, profile: str
) -> pd.DataFrame:
    """The finds, and each notice of the build that says something new. A notice never holds a record.

    rows: table and row_id of each record's source row.
    """
    if notices.empty:
        return found
    known = [RULES.get(code) for code in notices["code"]]
    severities = [rule.severity if rule else SEVERITY_OF_UNKNOWN_NOTICE for rule in known]
    field_notices = profile_of(profile).field_notices
    says = [
        f"{detail}: {rule.says}" if rule and code in field_notices else _detail_or_rule(code, detail, rule)
        for rule, code, detail in zip(known, notices["code"], notices["detail"], strict=True)
    ]
    names_a_field = notices["code"].isin(field_notices)
    copies = pd.DataFrame(
        {
            "position": _position_of(notices, rows),
            "rule_id": notices["code"].astype("str"),
            "severity": ["warning" if severity == "critical" else severity for severity in severities],
            "table": notices["table"].astype("str"),
            "row_id": notices["id"].astype("str"),
            "field": notices["detail"].where(names_a_field).astype("str"),
            "says": says,
            "hint": [rule.hint if rule else "" for rule in known],
        }
    )
    return pd.concat([found, copies[~_said_before(copies, found)]], ignore_index=True)


def _detail_or_rule(code: str, detail: Any, rule: Rule | None) -> str:
    return detail if isinstance(detail, str) and detail else rule.says if rule else code


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


def _reasons(found: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Why records are held: position, rule_id, field of their own critical findings, and of those of any
    source row they rest on. A critical finding about a whole table holds all that rests on that table."""
    critical = found[found["severity"].eq("critical")]
    names = ["position", "rule_id", "field"]
    own = critical.loc[critical["position"].notna(), names].astype({"position": "int64"})
    of_source = critical[critical["position"].isna()].drop(columns="position")
    if of_source.empty or records.empty:
        return own
    return pd.concat([own, through_rows(of_source, records)[names]], ignore_index=True)


def through_rows(of_source: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """position, rule_id, field of the records that rest on the rows, or on any row of the tables, of
    findings."""
    refs = records["source_refs"].explode().dropna()
    rows = split_refs(refs.tolist()).assign(position=refs.index.to_numpy())
    of_tables = of_source["row_id"].isna()
    by_row = rows.merge(of_source[~of_tables], on=["table", "row_id"])
    if not of_tables.any():
        return by_row
    by_table = rows.merge(of_source[of_tables].drop(columns="row_id"), on="table")
    return pd.concat([by_row, by_table], ignore_index=True)


def missing_references(
    records: pd.DataFrame, *, target: str | Target | Reader, identity_map: IdentityMap | None = None
) -> pd.DataFrame:
    """What records refer to and the target does not have now: program, organization, student, enrollment, and a
    key that another resource holds there.

    records: resource, the key columns, source_refs. The other parameters are those of `validate`.
    Returns code, says, hint, resource and the key columns.
    """
    records, collected = records.reset_index(drop=True), Collected()
    with opened(target) as client:
        references.check_target(records, pull(client, ()), collected, identity_map)
    found = said_once(collected.frame(first_rows(records)))
    found = found[found["position"].notna()].rename(columns={"rule_id": "code"}).reset_index(drop=True)
    about = records.loc[found["position"].astype("int64"), RECORD_KEY].reset_index(drop=True)
    return pd.concat([found[["code", "says", "hint"]], about], axis=1)
