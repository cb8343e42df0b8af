"""Findings that people dismissed, by record: not listed until the record changes. What is held stays held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.model.keys import key_hashes, typed_keys
from edfi_toolkit.review.steps import checked_view
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.review.views import View
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.validation import Checked

FINDING, REFUSAL = "finding", "refusal"  # what a dismissal is of
CHANGED, GONE = "its record changed", "no longer found"  # how it ends by itself


class _Known(NamedTuple):
    """A dismissal and a finding that it is about: its number, the finding's index, whether its record is as it was."""

    number: int
    at: Any
    holds: bool


def without_dismissed(run: Run, checked: Checked, note: str = "") -> View:
    """What validation found, without what is dismissed. note: about the target."""
    return checked_view(checked, run.masker(), note, dismissed=dismissed(run, checked))


def dismissed(run: Run, checked: Checked) -> pd.Series:
    """Which findings are dismissed and as they were then."""
    hidden = pd.Series(False, index=checked.findings.index)
    if run.target_name in run.installation.targets:
        with decisions_of(run) as decisions:
            kept = _of_findings(decisions.dismissals())
        for known in _known(run, checked, kept):
            hidden[known.at] = known.holds
    return hidden


def close_dismissals(run: Run, checked: Checked, *, asked: bool) -> None:
    """Close the dismissals whose record has changed, and those whose finding is gone.

    asked: whether the target was; without it, what is not found may only not have been looked for.
    """
    if run.target_name not in run.installation.targets:
        return
    with decisions_of(run) as decisions:
        kept = _of_findings(decisions.dismissals())
        about = list(_known(run, checked, kept))
        decisions.close_dismissals({known.number for known in about if not known.holds}, CHANGED)
        if asked:
            decisions.close_dismissals(set(kept["number"]) - {known.number for known in about}, GONE)


def dismiss_findings(run: Run, findings: pd.DataFrame, *, author: str, reason: str) -> int:
    """Hide findings until their record changes; how many were. findings: rows of a list of them."""
    if findings.empty:
        raise ConfigError("No finding is chosen. Choose the ones to dismiss.")
    checked = run.checked
    wanted = set(_named(findings))
    findings = checked.findings[[name in wanted for name in _named(checked.findings)]]
    hashes = key_hashes(checked.build.records)
    with decisions_of(run) as decisions:
        for (_, row), place in zip(findings.iterrows(), _places(findings), strict=True):
            student = row["student_unique_id"]
            decisions.dismiss(
                kind=FINDING,
                rule_id=str(row["rule_id"]),
                place=place,
                state=_state(run, checked, hashes, row),
                student_unique_id=None if pd.isna(student) else str(student),
                author=author,
                reason=reason,
            )
    return len(findings)


def _named(findings: pd.DataFrame) -> list[tuple[str, ...]]:
    """Each finding by what every list of findings has of it."""
    texts = (findings[name].map(cell_text) for name in ("rule_id", "table", "row_id", "field", "says"))
    return list(zip(*texts, strict=True))


def _of_findings(dismissals: pd.DataFrame) -> pd.DataFrame:
    return dismissals[dismissals["kind"].eq(FINDING)]


def _known(run: Run, checked: Checked, kept: pd.DataFrame) -> Iterator[_Known]:
    if kept.empty:
        return
    by_place = {(row["rule_id"], row["place"]): row for row in kept.to_dict("records")}
    hashes, findings = key_hashes(checked.build.records), checked.findings
    for at, rule_id, place in zip(findings.index, findings["rule_id"], _places(findings), strict=True):
        if entry := by_place.get((rule_id, place)):
            state = _state(run, checked, hashes, findings.loc[at])
            yield _Known(entry["number"], at, entry["state"] == state)


def _places(findings: pd.DataFrame) -> list[str]:
    """Where each finding is: its record by resource and key hash, else its row by table and id; and the field."""
    about = findings["resource"].notna()
    keys = key_hashes(typed_keys(findings.loc[about, list(KEY_COLUMNS)]))
    where = findings["table"].map(cell_text) + ":" + findings["row_id"].map(cell_text)
    where = where.astype(object)
    where[about] = findings.loc[about, "resource"].astype("str") + ":" + keys
    return (where.astype("str") + "/" + findings["field"].map(cell_text)).tolist()


def _state(run: Run, checked: Checked, hashes: pd.Series, row: pd.Series) -> str:
    """A digest of what a finding says, and of the record or row it is about."""
    content: list[str] = []
    if pd.notna(row["resource"]):
        key = key_hashes(typed_keys(row[list(KEY_COLUMNS)].to_frame().T)).iloc[0]
        records = checked.build.records
        own = records[hashes.eq(key) & records["resource"].eq(row["resource"])]
        content = [body_hash(body) for body in own["body"]]
    elif pd.notna(row["row_id"]) and row["table"] in TABLES:
        table = run.tables[str(row["table"])]
        own = table[TABLES[str(row["table"])].ids(table).eq(row["row_id"])]
        content = [cell_text(cell) for cell in own.to_numpy().ravel()]
    return hashlib.sha256(orjson.dumps([cell_text(row["says"]), *content])).hexdigest()
