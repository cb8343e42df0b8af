"""The events of profile `certification` (docs/rules/certification.md)."""

from __future__ import annotations

from typing import Any

from edfi_toolkit.rules.building import Build
from edfi_toolkit.rules.certification.rules import ID, TABLE
from edfi_toolkit.rules.events import Changes, rows_now

UNCHANGED = "CERT-EVT-5"


def of_new(new: Changes, known: Changes, build: Build) -> dict[str, Any]:
    """A new record counts as a participation added."""
    return {"CERT-EVT-1": True}


def of_published(c: Changes, build: Build) -> dict[str, Any]:
    """CERT-EVT, read from the two states."""
    participation = rows_now(build.tables[TABLE], TABLE, ID, c.was.trigger)
    return {
        "CERT-EVT-2": c.are("PUT"),
        "CERT-EVT-3": c.are("MOVE"),
        "CERT-EVT-4": c.are("DELETE") & c.was.trigger.ne("") & ~participation.there,
        "CERT-EVT-5": c.are("NOOP"),
    }
