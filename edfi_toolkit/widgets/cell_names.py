"""How the workshop's form lists the cells that can be corrected, and what one may say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from edfi_toolkit.display.values import cell_text

NO_CELL, NOT_SURE = "(choose a record first)", "(choose a cell)"
NO_LIST = "No list of the ODS belongs to this cell: type what it should be, then press Correct this cell."
_IN_A_SENTENCE = 5


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


def offered(values: Sequence[str], schools: Mapping[str, str]) -> str:
    """The first of what a cell may say, as a sentence; empty without any. schools: names by value, where it is one."""
    first = values[:_IN_A_SENTENCE]
    if not first:
        return ""
    if not schools:
        return f"Nearest in its list: {', '.join(map(cell_text, first))}."
    named = ", ".join(f"{says} ({schools[says]})" if schools[says] else says for says in first)
    return f"Schools of the source, that of the record first: {named}."
