"""The account of a build: what became of every source row, in the order the rules ran (COM-SKP-1).

A build fills one; `explain` fills one with `trace=True` for a single student and reads the steps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.model.frames import with_types
from edfi_toolkit.rules.catalogue import rule
from edfi_toolkit.tables import tables
from edfi_toolkit.tables.tables import SKIPPED_COLUMNS

NOTICES = ("code", "table", "id", "detail")
STEPS = ("table", "id", "outcome", "rule", "says")
JUDGED = ("table", "id", "error")
OF_A_SETTING = {"COM-FUT-1"}  # deselects by a setting's word, not the source's, so an error outweighs it


def first_failing(rows: pd.DataFrame, rules: Mapping[str, Any]) -> pd.Series:
    """Per row the id of the first rule whose mask is true, else missing. Masks are boolean Series or one bool."""
    failing = np.full(len(rows), None, dtype=object)
    for rule_id, mask in reversed(list(rules.items())):
        failing[as_mask(mask, rows)] = rule_id
    return pd.Series(failing, index=rows.index, dtype=object)


def as_mask(mask: Any, rows: pd.DataFrame) -> np.ndarray:
    """A boolean array over `rows`; missing counts as false."""
    if isinstance(mask, bool | np.bool_):
        return np.full(len(rows), mask)
    mask = pd.Series(mask, index=rows.index)
    return mask.to_numpy() if mask.dtype == bool else mask.astype("boolean").fillna(False).to_numpy(bool)


def is_critical(rule_id: str) -> bool:
    """Whether failing this rule is an error of the source's data."""
    return rule(rule_id).severity == "critical"


def verdicts(
    rows: pd.DataFrame, rules: Mapping[str, Any], errors: Mapping[str, Any], weak: Collection[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Where a rule fails by an error, and where one fails by a wish of the source."""
    error, wish = (np.zeros(len(rows), dtype=bool) for _ in range(2))
    for rule_id, mask in rules.items():
        fails = as_mask(mask, rows)
        is_error = np.full(len(rows), is_critical(rule_id)) | as_mask(errors.get(rule_id, False), rows)
        error |= fails & is_error
        if rule_id not in weak:
            wish |= fails & ~is_error
    return error, wish


class Account:
    """Collects skips, notices and, when tracing, every step a row took.

    candidates: what may become a record, watched while tracing; `selection` are the steps up to then.
    """

    def __init__(self, *, trace: bool = False) -> None:
        self.tracing = trace
        self.candidates = pd.DataFrame()
        self.selection = framed([], STEPS)
        self._skips: list[pd.DataFrame] = []
        self._notices: list[pd.DataFrame] = []
        self._steps: list[pd.DataFrame] = []
        self._judged: list[pd.DataFrame] = []

    def keep(
        self,
        rows: pd.DataFrame,
        table: str,
        rules: Mapping[str, Any],
        *,
        id_column: str,
        details: Mapping[str, Any] | None = None,
        report: pd.Series | None = None,
        errors: Mapping[str, Any] | None = None,
        weak: Collection[str] = (),
    ) -> pd.DataFrame:
        """The rows that no rule fails. The others are skipped with the first failing rule.

        A rule of severity critical is an error and holds what rests on the row; any other states a wish of the
        source, which deselects, and of one row the wish outweighs the error.

        details: per rule id a sentence, a Series of sentences, or what gives one when a row is skipped by the rule; in
            place of the catalogue's.
        report: the rows worth a line in the report; the others are not applicable. All, when left out.
        errors: per rule id where its failing is an error too: a look-up that failed, or dates that contradict.
        weak: rules whose wish does not concern all that rests on the row, so that it outweighs no error.
        """
        failing = first_failing(rows, rules)
        passed = failing.isna()
        reported = True if report is None else report
        dropped = ~passed & reported
        self._report_skips(rows.loc[dropped, id_column], table, failing[dropped], details)
        if dropped.any():
            error, wish = verdicts(rows, rules, errors or {}, {*OF_A_SETTING, *weak})
            for mask, is_error in ((error & ~wish, True), (wish, False)):
                self._judge(rows.loc[mask & dropped, id_column], table, is_error)
        ids = rows.loc[passed & reported, id_column] if self.tracing else rows[:0]
        self.step(ids, table, "kept", ", ".join(rules), "Passed every rule of this block.")
        return rows[passed]

    def skip(
        self,
        ids: pd.Series,
        table: str,
        rules: Any,
        *,
        details: Mapping[str, Any] | None = None,
        errors: Any = False,
    ) -> None:
        """Report rows as skipped. rules: one id, or a Series of ids on the index of `ids`. details: as of `keep`.

        errors: which of them are errors besides those of a critical rule. No other skip states a wish.
        """
        self._report_skips(ids, table, rules, details)
        critical = pd.Series(rules, index=ids.index, dtype=object).map(is_critical).astype(bool)
        self.hold(ids[critical | errors], table)

    def hold(self, ids: pd.Series, table: str) -> None:
        """Rows with an error that no skip reports: what was published from them is held."""
        self._judge(ids, table, True)

    def _judge(self, ids: pd.Series, table: str, error: bool) -> None:
        if len(ids):
            self._judged.append(pd.DataFrame({"table": table, "id": ids.astype("str"), "error": error}))

    def _report_skips(
        self, ids: pd.Series, table: str, rules: Any, details: Mapping[str, Any] | None = None
    ) -> None:
        if ids.empty:
            return
        rules = pd.Series(rules, index=ids.index, dtype=object)
        sentences = {rule_id: rule(rule_id).says for rule_id in rules.unique()}
        detail = rules.map(sentences)
        for rule_id, words in (details or {}).items():
            if rule_id in sentences:
                detail = detail.mask(rules.eq(rule_id), words() if callable(words) else words)
        frame = pd.DataFrame({"table": table, "id": ids.astype("str"), "rule": rules, "detail": detail})
        self._skips.append(frame)
        if self.tracing:
            self._steps.append(frame.rename(columns={"detail": "says"}).assign(outcome="skipped"))

    def notice(self, code: str, ids: pd.Series, table: Any, detail: Any = None) -> None:
        """Report something a steward should know about rows that go on. The code is in the catalogue."""
        if len(ids) == 0:
            return
        words = rule(code).says if detail is None else detail
        frame = pd.DataFrame({"code": code, "table": table, "id": ids.astype("str"), "detail": words})
        self._notices.append(frame)
        if self.tracing:
            self._steps.append(
                frame.rename(columns={"code": "rule", "detail": "says"}).assign(outcome="notice")
            )

    def step(self, ids: pd.Series, table: Any, outcome: str, rule_id: str, says: Any) -> None:
        """One step of the story, kept only while tracing."""
        if self.tracing and len(ids):
            self._steps.append(
                pd.DataFrame(
                    {
                        "table": table,
                        "id": ids.astype("str"),
                        "outcome": outcome,
                        "rule": rule_id,
                        "says": says,
                    }
                )
            )

    def watch(self, candidates: pd.DataFrame) -> None:
        """Keep the candidates, all elements in place, for the story; only while tracing."""
        if self.tracing:
            self.candidates, self.selection, self._steps = candidates, self.steps, []

    @property
    def skipped(self) -> pd.DataFrame:
        """Rows by table and id, each once, with the first rule that dropped it."""
        if not self._skips:
            return tables.framed(None, SKIPPED_COLUMNS)
        rows = framed(self._skips, tuple(SKIPPED_COLUMNS)).drop_duplicates(["table", "id"], ignore_index=True)
        return with_types(rows, SKIPPED_COLUMNS)

    @property
    def judged(self) -> pd.DataFrame:
        """Rows that were dropped: `error` where an error did it, else a wish of the source."""
        rows = framed(self._judged, JUDGED)
        return rows.assign(error=rows["error"].astype(bool))

    def take_wishes(self, other: Account) -> None:
        """What the source wishes by another account, which reports nothing else."""
        self._judged += [rows[~rows["error"]] for rows in other._judged]

    @property
    def notices(self) -> pd.DataFrame:
        return framed(self._notices, NOTICES)

    @property
    def steps(self) -> pd.DataFrame:
        """Every step so far. A rule of which a row passed one part and failed another has skipped it."""
        steps = framed(self._steps, STEPS)
        failed = set(
            steps.loc[steps["outcome"].eq("skipped"), ["table", "id", "rule"]].itertuples(
                index=False, name=None
            )
        )
        steps["rule"] = [
            ", ".join(one for one in rules.split(", ") if (table, id_, one) not in failed) if kept else rules
            for table, id_, rules, kept in zip(
                steps["table"], steps["id"], steps["rule"], steps["outcome"].eq("kept"), strict=True
            )
        ]
        return steps[steps["outcome"].ne("kept") | steps["rule"].ne("")]


def framed(frames: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """The frames one below the other, with exactly these columns; texts where there is nothing."""
    if not frames:
        return _empty(columns).copy()
    return pd.concat(frames, ignore_index=True).reindex(columns=list(columns))


@cache
def _empty(columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in columns})


def together(*frames: pd.DataFrame) -> pd.DataFrame:
    """Frames of the same columns one below the other; empty ones do not decide a column's type."""
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]
