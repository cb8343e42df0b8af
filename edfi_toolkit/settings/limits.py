"""The guardrails' limits, each default written once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Shares of the feed's mapped records, in force above `free_changes` affected records.

    mass_delete_threshold: the share of deletes from which a preview warns.
    """

    max_delete_share: float = 0.10
    max_update_share: float = 0.50
    free_changes: int = 25
    mass_delete_threshold: float = 0.50


DEFAULT_LIMITS = Limits()
