"""From what a student information system exports to the canonical tables."""

from __future__ import annotations

from edfi_toolkit.sources.extract import extract

__all__ = ["extract"]
