"""Which cause each row of a list has, apart from the panel that shows it: no one who only counts needs widgets."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.display.values import cell_text

_GROUP_BY = ("cause", "held_by", "rule_id", "rule", "code", "problem_type", "status")
NO_CAUSE = "(none)"
NONE_LEFT = "Nothing of it is open any more."


def cause_column(frame: pd.DataFrame) -> str:
    """The first column that names a cause and has one. KeyError when there is none."""
    named = [name for name in _GROUP_BY if name in frame]
    filled = [name for name in named if frame[name].map(cell_text).ne("").any()]
    if not named:
        raise KeyError(f"None of the columns {', '.join(_GROUP_BY)} is there to group by.")
    return (filled or named)[0]


def with_settled(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The causes that are left, and below them those that were listed before, with none left: what is below the list
    stays where it is. Of these no one has anything to do. now, before: as of `review.causes.by_cause`.
    """
    settled = before[~before["cause_id"].isin(now["cause_id"])].assign(rejections=0, todo=NONE_LEFT, who="")
    return pd.concat([now, settled], ignore_index=True) if len(settled) else now


def title_of(causes: pd.DataFrame) -> str:
    """What the list of causes is called: with how many are settled, where some are. causes: as of `with_settled`."""
    left = int(causes["rejections"].gt(0).sum())
    return f"Causes: {left:,} open, {len(causes) - left:,} settled" if left < len(causes) else "Causes"


def causes(frame: pd.DataFrame) -> pd.Series:
    """Rows by cause, most first. A row held by two rules counts under both."""
    return frame[cause_column(frame)].explode().map(cell_text).replace("", NO_CAUSE).value_counts()
