"""Asking a run's target for what may also be asked later."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edfi_toolkit.ods import Client
    from edfi_toolkit.runs.run import Run


def client_of(run: Run) -> Client:
    """A client of the run's target, which waits for none that is unavailable.

    Raises ConfigError where the settings do not have the target.
    """
    from edfi_toolkit.ods import Client, RetryPolicy

    return Client(run.target, retry=RetryPolicy(attempts=3, rounds=2))
