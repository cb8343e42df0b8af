"""What people read: rejections with their causes, one view for each step, the workbook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from edfi_toolkit.ledger import Ledger

__all__ = ["rejections"]


def rejections(ledger: Ledger | str | Path, *, run_id: str | None = None) -> pd.DataFrame:
    """The records the ODS refused, newest first, open ones before settled ones.

    ledger: a Ledger, a path or a database URL. run_id: only those of one run.
    Returns action, resource, the six key columns, ed_fi_id, outcome, status, problem_type, correlation_id,
    attempts, messages (list), source_refs (list), rules (list), open (bool), first_seen_at, last_seen_at,
    closed_at (UTC), closed_how ("delivered", "no longer wanted").
    """
    from edfi_toolkit.ledger import Ledger

    if isinstance(ledger, Ledger):
        return ledger.rejections(run_id=run_id)
    with Ledger(ledger) as opened:
        return opened.rejections(run_id=run_id)
