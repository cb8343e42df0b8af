"""The events of the manual, read from what was published and what the source holds now."""

from __future__ import annotations

from typing import Any

from edfi_toolkit.rules.events import Changes, rows_now

UNCHANGED = ""


def of_new(new: Changes, known: Changes, build: Any) -> dict[str, Any]:
    """ZZ-EVT-1: support begins."""
    return {"ZZ-EVT-1": True}


def of_published(c: Changes, build: Any) -> dict[str, Any]:
    """ZZ-EVT-2, -3: support ends on another day; its row is gone."""
    row = rows_now(build.tables["ceis_records"], "ceis_records", "record_id", c.was.trigger)
    return {
        "ZZ-EVT-2": c.changed("endDate"),
        "ZZ-EVT-3": c.are("DELETE") & ~row.there,
    }
