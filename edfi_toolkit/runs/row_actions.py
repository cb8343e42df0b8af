"""What a person can do with a row that a step shows: hear its student's story, and dismiss a finding."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from edfi_toolkit.display.panels import panels
from edfi_toolkit.review.views import View

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_P = ParamSpec("_P")


def with_row_actions(method: Callable[Concatenate[Run, _P], View]) -> Callable[Concatenate[Run, _P], View]:
    """A method of a run whose lists have these buttons below them."""

    @wraps(method)
    def shown(run: Run, /, *args: _P.args, **options: _P.kwargs) -> View:
        return method(run, *args, **options).with_actions(lambda *list_: panels().row_actions(run, *list_))

    return shown
