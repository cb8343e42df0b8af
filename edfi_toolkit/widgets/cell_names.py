"""How the workshop's form lists the cells that can be corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

NO_CELL, NOT_SURE = "(choose a record first)", "(choose a cell)"


def name_of(cell: Mapping[str, Any]) -> str:
    """A cell by table and column; an empty one says so."""
    return f"{cell['table']}.{cell['column']}" + ("" if cell["value"] else " (empty)")


def choices_of(cells: pd.DataFrame, *, sure: bool) -> dict[str, list[str]]:
    """The choices by `name_of`, and as they are shown: by column or member alone where no other has that name.

    cells: as of `Refusal.cells`. sure: whether the first is the one that is wrong; else none is chosen.
    """
    names = list(dict.fromkeys(map(name_of, cells.to_dict("records"))))
    short = [name.removesuffix(" (empty)").rpartition(".")[2] for name in names]
    times = Counter(short)
    shown = [
        name if times[alone] > 1 else alone + name[len(name.removesuffix(" (empty)")) :]
        for name, alone in zip(names, short, strict=True)
    ]
    first = [] if sure else [NOT_SURE if names else NO_CELL]
    return {"choices": [*first, *names], "shown": [*first, *shown]}
