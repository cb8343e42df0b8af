"""What people read: rejections with their causes, one view for each step, the workbook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from edfi_toolkit.ledger import Ledger

__all__ = ["choose", "rejections"]


def rejections(
    ledger: Ledger | str | Path,
    *,
    run_id: str | None = None,
    open: bool | None = None,
    owner: str | None = None,
    cause: str | None = None,
) -> pd.DataFrame:
    """The records the ODS refused, newest first, open ones before closed ones.

    ledger: a Ledger, a path or a database URL. run_id: only those of one run. open: True or False for those alone.
    owner, cause: only those that this owner can solve, or of this cause, as `review.causes` names them.
    Returns action, resource, the six key columns, ed_fi_id, outcome, status, problem_type, correlation_id,
    attempts, messages (list), source_refs (list), rules (list), open (bool), first_seen_at, last_seen_at,
    closed_at (UTC), closed_how ("delivered", "no longer wanted").
    """
    from edfi_toolkit.ledger import Ledger

    if isinstance(ledger, Ledger):
        return choose(ledger.rejections(run_id=run_id), open=open, owner=owner, cause=cause)
    with Ledger(ledger) as opened:
        return choose(opened.rejections(run_id=run_id), open=open, owner=owner, cause=cause)


def choose(
    rejections: pd.DataFrame,
    *,
    open: bool | None = None,
    owner: str | None = None,
    cause: str | None = None,
) -> pd.DataFrame:
    """The rejections that are open or not, of one owner, of one cause. Raises ConfigError for a cause or owner that no
    entry of the knowledge base has.
    """
    from edfi_toolkit.errors import ConfigError, did_you_mean
    from edfi_toolkit.review.causes import causes, with_causes
    from edfi_toolkit.rules.owners import SIS_CLERK

    for wanted, kind, known in (
        (owner, "owner", [*(entry.who for entry in causes()), SIS_CLERK]),
        (cause, "cause", [entry.id for entry in causes()]),
    ):
        if wanted is not None and wanted not in known:
            every = ", ".join(dict.fromkeys(known))
            raise ConfigError(
                f"There is no {kind} {wanted}.{did_you_mean(wanted, known)} There are: {every}."
            )
    explained = rejections if owner is None and cause is None else with_causes(rejections)
    kept = pd.Series(True, index=rejections.index)
    for name, value in (("open", open), ("who", owner), ("cause_id", cause)):
        if value is not None:
            kept &= explained[name].eq(value)
    return rejections[kept]
