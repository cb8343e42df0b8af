"""The long proofs: `make prove` runs them, `make test` the shorter tests of the same behaviour."""

from __future__ import annotations

import os
from collections.abc import Collection

import pytest
from hypothesis import HealthCheck, Phase, settings

PROVE = os.environ.get("EDFI_PROVE") == "1"
long_proof = pytest.mark.skipif(not PROVE, reason="a long proof; EDFI_PROVE=1 turns it on")


def bounded(
    examples: int,
    *,
    proof: int = 200,
    ignored: Collection[HealthCheck] = (),
    phases: Collection[Phase] = tuple(Phase),
) -> settings:
    """Some examples in `make test`, the same each time; in `make prove` many, others each time. None is timed."""
    return settings(
        max_examples=proof if PROVE else examples,
        derandomize=not PROVE,
        deadline=None,
        suppress_health_check=list({HealthCheck.too_slow, *ignored}),
        phases=list(phases),
    )
