"""What a person can do with a row that a step shows: hear its student's story, and dismiss a finding."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from edfi_toolkit.display.panels import panels
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.folder import timed
from edfi_toolkit.runs.kept_in_kernel import keeping

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_P = ParamSpec("_P")
# New objects until the collector comes; Python's own 700 costs a large district a tenth of a step.
_SELDOM = 70_000


def acting(method: Callable[Concatenate[Run, _P], View]) -> Callable[Concatenate[Run, _P], View]:
    """A method of a run whose lists have these buttons below them."""

    @wraps(method)
    def shown(run: Run, /, *args: _P.args, **options: _P.kwargs) -> View:
        return method(run, *args, **options).with_actions(lambda *list_: panels().row_actions(run, *list_))

    return shown


def step(method: Callable[Concatenate[Run, _P], View]) -> Callable[Concatenate[Run, _P], View]:
    """A step of a run: timed, kept, the collector comes seldom, and its lists have these buttons."""
    return acting(timed(_collected_seldom()(keeping(method))))


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """What a step makes by the hundred thousand lives on, so the collector would go through all of it for nothing."""
    before = gc.get_threshold()
    gc.set_threshold(before[0] and max(before[0], _SELDOM), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
