"""What a plan reports besides its items, gathered while it is made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pandas as pd

from edfi_toolkit.model import RECORD_KEY
from edfi_toolkit.model.frames import typed
from edfi_toolkit.planning.plan import FINDINGS
from edfi_toolkit.rules.catalogue import RULES

# Why a record is held: the sentence, and what to do. What else a plan reports is in the catalogue by its code.
HELD_BECAUSE = {
    "held record": (
        "Held back by validation; what is published stays as it is.",
        "Correct the findings of this record; the next plan picks it up.",
    ),
    "held by error": (
        "A source row it rests on has an error; what is published stays as it is.",
        "Correct the row; the next plan picks it up.",
    ),
    "held by control row": (
        "A control row cannot be read, so nothing is planned; what is published stays as it is.",
        "Correct the control row; the next plan decides about it.",
    ),
    "held orphan": (
        "Not published here, and its student, or one that cannot be named, has an error; it stays as it is.",
        "Correct the errors and held records; the next resync decides about it.",
    ),
    "held key change": (
        "Its key moved and the new record is held back; what is published stays as it is.",
        "Correct the findings of the new record; the next plan moves it.",
    ),
    "unasked key change": (
        "Its key moved, and the target was not asked if it takes the new record; all stays as it is.",
        "Check the records again (notebook 20) when the target can be asked, then preview again.",
    ),
    "unread key change": (
        "Its key moved, and the new record needs something that could not be looked up in the target.",
        "Have the host let this login read it; then check the records again (notebook 20) and preview again.",
    ),
}
# What holds a record, by the hint of its finding; where it is not here, a row of the source that it rests on.
HELD_BY = {
    HELD_BECAUSE[because][1]: by
    for because, by in {
        "held by control row": "a control row",
        "held orphan": "an error of a student",
        "held key change": "the new record",
        "unasked key change": "the target",
        "unread key change": "the target",
    }.items()
}


class Findings:
    """Gathers findings in the order they are made."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def about(self, what: str, rows: pd.DataFrame, *, says: list[str] | None = None) -> None:
        """One finding per row (resource and key columns). what: of HELD_BECAUSE, or a code of the catalogue.

        says: what to say of each row, where the code's own sentence would say less.
        """
        if len(rows):
            code, severity, own, hint = _texts_of(what)
            sentences = own if says is None else says
            self.add(rows[RECORD_KEY].assign(code=code, severity=severity, says=sentences, hint=hint))

    def report(self, code: str, *, resource: str | None = None, says: str | None = None) -> None:
        """One finding about the plan, or about one resource; in words of its own, or the code's."""
        _, severity, own, hint = _texts_of(code)
        self.say(code, severity, says or own, hint, resource=resource)

    def say(self, code: str, severity: str, says: str, hint: str, *, resource: str | None = None) -> None:
        """One finding in its own words."""
        row = {"code": code, "severity": severity, "resource": resource, "says": says, "hint": hint}
        self.add(pd.DataFrame([row]))

    def has(self, code: str) -> bool:
        """Whether a finding of this code was made."""
        return any(part["code"].eq(code).any() for part in self._parts)

    def copy_notices(self, notices: pd.DataFrame) -> None:
        """A build's notices, as warning or info: a notice never stops anything."""
        if notices.empty:
            return
        codes = notices["code"].tolist()
        severities = {code: _severity(code) for code in set(codes)}
        hints = {code: RULES[code].hint if code in RULES else None for code in set(codes)}
        self.add(
            pd.DataFrame(
                {
                    "code": notices["code"],
                    "severity": [severities[code] for code in codes],
                    "says": notices["detail"],
                    "hint": [hints[code] for code in codes],
                }
            )
        )

    def keep_only(self, organizations: Collection[int]) -> None:
        """Forget what was found about records of other organizations."""
        self.keep(
            lambda found: (
                found["education_organization_id"].isna()
                | found["education_organization_id"].isin(organizations)
            )
        )

    def keep(self, wanted: Callable[[pd.DataFrame], pd.Series]) -> None:
        """Forget what was found but for the rows that are wanted. wanted: takes FINDINGS."""
        found = self.frame()
        self._parts = [found[wanted(found)]]

    def frame(self) -> pd.DataFrame:
        """All findings so far (FINDINGS)."""
        return typed(
            pd.concat(self._parts) if self._parts else pd.DataFrame(columns=list(FINDINGS)), FINDINGS
        )

    def add(self, rows: pd.DataFrame) -> None:
        """Findings made elsewhere, in columns of FINDINGS."""
        self._parts.append(typed(rows, FINDINGS))


def _texts_of(what: str) -> tuple[str, str, str, str]:
    """Code, severity, sentence and next step."""
    rule = RULES["HELD" if what in HELD_BECAUSE else what]
    says, hint = HELD_BECAUSE.get(what, (rule.says, rule.hint))
    return rule.id, rule.severity, says, hint


def _severity(code: str) -> str:
    severity = RULES[code].severity if code in RULES else "info"
    return "warning" if severity == "critical" else severity
