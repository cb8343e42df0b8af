"""The long proofs: `make prove` runs them, `make test` the shorter tests of the same behaviour."""

from __future__ import annotations

import os

import pytest

PROVE = os.environ.get("EDFI_PROVE") == "1"
long_proof = pytest.mark.skipif(not PROVE, reason="a long proof; EDFI_PROVE=1 turns it on")
