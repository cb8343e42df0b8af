"""What people decided about a run's feed: cells corrected until the SIS has it, findings and refusals dismissed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edfi_toolkit.runs.feed import ledger_of

if TYPE_CHECKING:
    from edfi_toolkit.ledger.decisions import Decisions
    from edfi_toolkit.runs.run import Run


@contextmanager
def decisions_of(run: Run) -> Iterator[Decisions]:
    """The decisions about the run's feed. Raises ConfigError where the settings do not have its target."""
    from edfi_toolkit.ledger.decisions import Decisions

    with ledger_of(run) as (ledger, feed):
        yield Decisions(ledger, feed)
