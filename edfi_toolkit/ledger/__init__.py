"""What each feed published, what was begun and what became of it, kept across runs and crashes."""

from __future__ import annotations

from edfi_toolkit.ledger.ledger import Feed, Ledger

__all__ = ["Feed", "Ledger"]
