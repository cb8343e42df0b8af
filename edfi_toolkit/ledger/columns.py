"""What is reported of records that were sent, column by column."""

from __future__ import annotations

from edfi_toolkit.model import KEY_COLUMNS

RESULT_COLUMNS = (
    "action",
    "resource",
    *KEY_COLUMNS,
    "ed_fi_id",
    "outcome",
    "status",
    "problem_type",
    "correlation_id",
    "attempts",
)
REJECTION_COLUMNS = (
    *RESULT_COLUMNS,
    "messages",
    "source_refs",
    "rules",
    "open",
    "first_seen_at",
    "last_seen_at",
    "closed_at",
    "closed_how",
)
