"""Frames that several views of one run show, found once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import pandas as pd

_T = TypeVar("_T")
_P = ParamSpec("_P")
_F = TypeVar("_F", pd.DataFrame, pd.Series, pd.Index)


def cached_by_argument(find: Callable[Concatenate[_T, _P], _F]) -> Callable[Concatenate[_T, _P], _F]:
    """A frame or column about a build, a check or tables, and further texts, found at the first call and kept with it.
    Each caller may change its own."""

    @wraps(find)
    def found(about: _T, /, *more: _P.args, **options: _P.kwargs) -> _F:
        kept, name = vars(about), " ".join((f"_{find.__name__}", *map(str, more)))
        if name not in kept:
            kept[name] = find(about, *more, **options)
        frame: _F = kept[name]
        return frame.copy(deep=False)  # what is changed in it is copied first

    return found
