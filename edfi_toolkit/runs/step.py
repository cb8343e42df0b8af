"""What is common to all steps of a run: timed, found again in the same kernel, with buttons below its lists."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from edfi_toolkit.review.views import View
from edfi_toolkit.runs.folder import timed
from edfi_toolkit.runs.kernel_cache import caching_results
from edfi_toolkit.runs.row_actions import with_row_actions

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_P = ParamSpec("_P")
# New objects until the collector comes; Python's own 700 costs a large district a tenth of a step.
_SELDOM = 70_000


def step(method: Callable[Concatenate[Run, _P], View]) -> Callable[Concatenate[Run, _P], View]:
    """A step of a run."""
    return with_row_actions(timed(_collected_seldom()(caching_results(method))))


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """What a step makes by the hundred thousand lives on, so the collector would go through all of it for nothing."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
