"""Frames that several views of one run show, found once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import pandas as pd

_T = TypeVar("_T")


def once(find: Callable[[_T], pd.DataFrame]) -> Callable[[_T], pd.DataFrame]:
    """A frame about a build or a check, found at the first call and kept with it. Each caller may change its own."""
    name = f"_{find.__name__}"

    @wraps(find)
    def found(about: _T) -> pd.DataFrame:
        kept = vars(about)
        if name not in kept:
            kept[name] = find(about)
        frame: pd.DataFrame = kept[name]
        return frame.copy(deep=False)  # what is changed in it is copied first

    return found
