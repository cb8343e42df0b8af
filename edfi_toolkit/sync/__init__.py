"""Compare what should exist with what does, and carry out the difference: nothing lost, nothing twice."""

from __future__ import annotations

from edfi_toolkit.sync.gates import resources_of
from edfi_toolkit.sync.ledger import Ledger
from edfi_toolkit.sync.live import with_live
from edfi_toolkit.sync.plan import identity_map_of, plan
from edfi_toolkit.sync.planned import Plan
from edfi_toolkit.sync.publish import publish
from edfi_toolkit.sync.recovery import recover
from edfi_toolkit.sync.sweep import dependents, sweep, updatable

__all__ = [
    "Ledger",
    "Plan",
    "dependents",
    "identity_map_of",
    "plan",
    "publish",
    "recover",
    "resources_of",
    "sweep",
    "updatable",
    "with_live",
]
