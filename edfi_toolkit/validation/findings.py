"""What the checks found, by position of the record, collected and made into the findings that people read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS, RECORD_KEY
from edfi_toolkit.model.refs import split_ref
from edfi_toolkit.validation.check_texts import CHECK_TEXTS

COLUMNS = ("rule_id", "severity", "table", "row_id", "resource", *KEY_COLUMNS, "field", "says", "hint")
_HIT_COLUMNS = ["position", "rule_id", "severity", "table", "row_id", "field", "says", "hint"]


@dataclass
class Collected:
    """Finds, check by check; one entry covers many rows. `offsets` translates positions within one
    resource."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    offsets: np.ndarray | None = None

    def add(
        self,
        rule_id: str,
        positions: Any = (),
        *,
        field: Any = None,
        says: Any = None,
        hint: Any = None,
        severity: Any = None,
        rows: Iterable[tuple[Any, Any]] | None = None,
    ) -> None:
        """Report records by position. `field`, `says`, `hint`, `severity` are one value, or one for each position.

        rows: table and id of the source row that each is about, where that is not the one its record is made from.
        """
        positions = np.asarray(positions, dtype="int64")
        if self.offsets is not None:
            positions = self.offsets[positions]
        if len(positions):
            about = dict(zip(("table", "row_id"), zip(*rows, strict=True), strict=True)) if rows else {}
            self._append(rule_id, severity, field, says, hint, {"position": positions, **about})

    def add_rows(
        self, rule_id: str, table: str, row_ids: Any, *, field: Any, says: Any, hint: Any, severity: Any
    ) -> None:
        """Report source rows by id; a missing id speaks about the whole table."""
        if len(row_ids):
            rows = pd.Series(row_ids, dtype="str").reset_index(drop=True)
            self._append(rule_id, severity, field, says, hint, {"table": table, "row_id": rows})

    def _append(
        self, rule_id: str, severity: Any, field: Any, says: Any, hint: Any, where: dict[str, Any]
    ) -> None:
        fact = CHECK_TEXTS.get(rule_id)
        texts = {
            "rule_id": rule_id,
            "severity": severity if severity is not None else fact.severity if fact else "info",
            "field": field,
            "says": says if says is not None else fact.says if fact else rule_id,
            "hint": hint if hint is not None else fact.hint if fact else "",
        }
        part = pd.DataFrame({**where, **texts})
        self.parts.append(part)

    def frame(self, rows: pd.DataFrame) -> pd.DataFrame:
        """All finds: position (Int64, missing for source rows), rule_id, severity, table, row_id, field,
        says, hint.

        rows: table and row_id of each record's source row (`first_rows`), which a find about a record gets that names
        no other.
        """
        empty = pd.DataFrame(columns=_HIT_COLUMNS, dtype="str")
        found = pd.concat([empty, *self.parts], ignore_index=True)[_HIT_COLUMNS]
        found = found.astype(dict.fromkeys(_HIT_COLUMNS[1:], "str") | {"position": "Int64"})
        about = (found["position"].notna() & found["table"].isna()).to_numpy()
        at = found["position"][about].to_numpy(dtype="int64")
        found.loc[about, ["table", "row_id"]] = rows[["table", "row_id"]].to_numpy()[at]
        return found


def split_refs(refs: Iterable[Any]) -> pd.DataFrame:
    """`table:id#trigger` references as columns table and row_id, with a RangeIndex."""
    parts = [split_ref(ref) if isinstance(ref, str) else (None, None) for ref in refs]
    return pd.DataFrame(parts, columns=["table", "row_id"], dtype="str")


def first_rows(records: pd.DataFrame) -> pd.DataFrame:
    """The source row of each record, where a steward starts: table and row_id of its first reference."""
    return split_refs(refs[0] if isinstance(refs, list) and refs else None for refs in records["source_refs"])


def said_once(found: pd.DataFrame) -> pd.DataFrame:
    """The finds without repetition: what a suite says about a source row is left out where the same rule
    already speaks about the record made from that row."""
    found = found.drop_duplicates(["position", "rule_id", "table", "row_id", "field"], ignore_index=True)
    row = found["rule_id"] + "|" + found["table"] + "|" + found["row_id"]
    about = found["position"].notna()
    return found[about | row.isna() | ~row.isin(row[about])].reset_index(drop=True)


def findings(found: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """The finds with the record's resource and key, in the columns of COLUMNS; worst first.

    found: as of `Collected.frame`. records: as of `Build.records`, with a RangeIndex.
    """
    at = found["position"].dropna().astype("int64")
    known = records[RECORD_KEY].iloc[at].set_axis(at.index, axis=0)
    full = pd.concat([found, known.reindex(found.index)], axis=1)
    rank = full["severity"].map({"critical": 0, "warning": 1, "info": 2})
    order = np.lexsort((full["position"].fillna(-1).to_numpy(dtype="int64"), rank.to_numpy()))
    return full.iloc[order][list(COLUMNS)].reset_index(drop=True)
