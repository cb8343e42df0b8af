"""What a plan tells beside its items, gathered while it is made. Pure."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.sync.planned import FINDING_COLUMNS, typed_findings

# code -> severity, what it says of one record, what to do
ABOUT_RECORDS = {
    "held record": (
        "HELD",
        "warning",
        "Held back by validation; what is published stays as it is.",
        "Correct the findings of this record; the next plan picks it up.",
    ),
    "held by load error": (
        "HELD",
        "warning",
        "A source row it rests on could not be read; what is published stays as it is.",
        "Correct the load errors; the next plan picks it up.",
    ),
    "held key change": (
        "HELD",
        "warning",
        "Its key moved and the new record is held back; what is published stays as it is.",
        "Correct the findings of the new record; the next plan moves it.",
    ),
    "retained": (
        "RETAINED",
        "info",
        "No longer selected, and left as it is because a setting says so.",
        "Nothing to do.",
    ),
    "foreign": (
        "FOREIGN",
        "info",
        "In the ODS, and not published by this district; it is left alone.",
        "Nothing to do, unless it should be this district's record.",
    ),
}
ABOUT_THE_PLAN = {
    "RESYNC_RECOMMENDED": (
        "info",
        "It was switched on, or its descriptor mapping changed, since the last resync; only a resync shows "
        "everything that differs.",
        "Run a resync: edfi-toolkit resync, or notebook 60.",
    ),
    "CONFIG_INVALID": (
        "info",
        "The year has no valid configuration, so nothing is planned.",
        "Mark the year's configuration as valid when it is.",
    ),
    "NOT_PUBLISHED": (
        "info",
        "This configuration publishes nothing, so nothing is planned.",
        "Look at the profile in the year's configuration if that is a surprise.",
    ),
    "RESOURCE_OFF": (
        "info",
        "This resource is switched off, so nothing is planned for it.",
        "After switching it on again, run a resync.",
    ),
    "RESOURCE_UNREAD": (
        "warning",
        "The ODS did not let this login read this resource, or does not have it, so it was not compared.",
        "Ask the host to let this login read it; then run the resync again.",
    ),
    "DUPLICATE_KEY": (
        "warning",
        "Several records share this resource and key; the first of them counts.",
        "Look for one participation entered twice.",
    ),
}


class Findings:
    """Gathers findings in the order they are made."""

    def __init__(self) -> None:
        self._parts: list[pd.DataFrame] = []

    def about(self, what: str, rows: pd.DataFrame) -> None:
        """One finding per row (resource and key columns)."""
        if len(rows):
            code, severity, says, hint = ABOUT_RECORDS[what]
            self._add(
                rows[["resource", *KEY_COLUMNS]].assign(code=code, severity=severity, says=says, hint=hint)
            )

    def tell(self, code: str, *, resource: str | None = None) -> None:
        """One finding about the plan, or about one resource."""
        severity, says, hint = ABOUT_THE_PLAN[code]
        self.say(code, severity, says, hint, resource=resource)

    def say(self, code: str, severity: str, says: str, hint: str, *, resource: str | None = None) -> None:
        """One finding in its own words."""
        row = {"code": code, "severity": severity, "resource": resource, "says": says, "hint": hint}
        self._add(pd.DataFrame([row]))

    def told(self, code: str) -> bool:
        """Whether a finding of this code was made."""
        return any(part["code"].eq(code).any() for part in self._parts)

    def copy_notices(self, notices: pd.DataFrame) -> None:
        """A build's notices, as warning or info: a notice never stops anything."""
        codes = notices["code"].unique()
        severities = {code: _severity(code) for code in codes}
        hints = {code: RULES[code].hint if code in RULES else None for code in codes}
        self._add(
            pd.DataFrame(
                {
                    "code": notices["code"],
                    "severity": notices["code"].map(severities),
                    "says": notices["detail"],
                    "hint": notices["code"].map(hints),
                }
            )
        )

    def frame(self) -> pd.DataFrame:
        """All findings so far (FINDING_COLUMNS)."""
        return typed_findings(
            pd.concat(self._parts) if self._parts else pd.DataFrame(columns=list(FINDING_COLUMNS))
        )

    def _add(self, rows: pd.DataFrame) -> None:
        self._parts.append(typed_findings(rows))


def _severity(code: str) -> str:
    severity = RULES[code].severity if code in RULES else "info"
    return "warning" if severity == "critical" else severity
