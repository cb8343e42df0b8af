"""What Great Expectations said of one frame under the same rules: asked once by a worker, then known.

It takes two thirds of a run of the samples, which most tests of runs, commands and batches begin with. What it says
depends on nothing but what it is given, so that equal frames, rules and parameters have equal outcomes. Programs that
tests start ask it each time, and so do tests/validation.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable
from typing import Any

from edfi_toolkit.validation import gx

_known: dict[bytes, list[gx.Outcome]] = {}


def known_answers(asking: Callable[..., list[gx.Outcome]]) -> Callable[..., list[gx.Outcome]]:
    """`gx.run`, which asks only what it was not asked before."""

    def run(*given: Any, **named: Any) -> list[gx.Outcome]:
        key = _digest((given, named))
        if key not in _known:
            _known[key] = asking(*given, **named)
        return list(_known[key])

    return run


def _digest(given: Any) -> bytes:
    """Of equal values always the same, and of others another one."""
    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.fast = True  # by value alone, whatever of it happens to be the same object
    pickler.dump(given)
    return hashlib.sha256(written.getbuffer()).digest()
