"""Compare what should exist with what does: one action per natural key, its reason, and what is too dangerous. Pure."""

from __future__ import annotations

from edfi_toolkit.planning.drift import with_live
from edfi_toolkit.planning.plan import Plan
from edfi_toolkit.planning.planner import identity_map_of, plan
from edfi_toolkit.planning.resources import resources_of

__all__ = ["Plan", "identity_map_of", "plan", "resources_of", "with_live"]
