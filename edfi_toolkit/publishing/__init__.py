"""Carry out an approved plan: every record sent once, every outcome in the ledger, safe to kill and run again."""

from __future__ import annotations

from edfi_toolkit.publishing.publish import publish
from edfi_toolkit.publishing.unsettled import recover

__all__ = ["publish", "recover"]
