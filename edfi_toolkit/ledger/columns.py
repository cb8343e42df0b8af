"""What is reported of records that were sent, column by column."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS

DELIVERED, ANOTHER_KEY = "delivered", "delivered under another key"  # how a rejection was closed

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


def was_delivered(rejections: pd.DataFrame) -> pd.Series:
    """Which of these were closed since their record was delivered, under its key or another."""
    return rejections["closed_how"].isin([DELIVERED, ANOTHER_KEY])
