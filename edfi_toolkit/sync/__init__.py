"""Compare what should exist with what does, and carry out the difference without losing or doubling anything."""

from __future__ import annotations

from edfi_toolkit.sync.plan import identity_map_of, plan
from edfi_toolkit.sync.planned import Plan

__all__ = ["Plan", "identity_map_of", "plan"]
