"""What of a sheet is its table: the header, the rows below it, and lines that are no rows.

A title above the header stops the extract; lines that can be nothing but decoration are left alone and named. A line
that might be a row is never dropped: a row that is lost would take what it published out of the ODS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import SourceShapeError
from edfi_toolkit.tables import Sheet

HEAD = 20  # rows in which a header is looked for
_NAME = re.compile(r"[^\W\d_][\w\s.\[\]()#/*-]{0,80}|\[\w+\]\w+")
_DASHES = re.compile(r"[-=_]+")
_TAIL = 10  # last rows, among which a program's closing line may be
CLOSING = re.compile(
    r"\(?\s*\d[\d,]* (?:rows?|records?)(?: \w+)?\s*\)?\.?|completion time:.*|-{2,} ?end of (?:report|file).*",
    re.IGNORECASE,
)
CLOSING_LINE = "a closing line of a program, such as (2 rows affected), is no row of the table."


def check_header(
    lines: Sequence[Sequence[Any]], rows: Sequence[int] | np.ndarray, where: str, *, most: int = 1
) -> None:
    """Raises SourceShapeError when the first of these lines is a title and a later one looks like the header.

    rows: the number of each line. most: the most cells of a title; a line below it has another number of them.
    """
    filled = [[str(cell).strip() for cell in line if not _is_empty(cell)] for line in lines[:HEAD]]
    if len(filled) < 2 or len(filled[0]) > most or len(filled[0]) == len(filled[1]) > 1:
        return
    widest = max(map(len, filled))
    for row, names in zip(rows[1:], filled[1:], strict=False):
        if len(names) > max(len(filled[0]), widest // 2, 1) and _are_names(names):
            raise SourceShapeError(
                f"{where}: the header is not in the first row; row {row} looks like it. Delete the rows above "
                "it, or export without a title."
            )


def _are_names(cells: list[str]) -> bool:
    return len(set(cells)) == len(cells) and all(_NAME.fullmatch(cell) for cell in cells)


def table_of(header: Sequence[Any], body: pd.DataFrame, rows: np.ndarray, where: str) -> Sheet:
    """The named columns and the true rows.

    body: the cells below the header by position, an empty cell being missing or "". rows: the line of each.
    """
    names = ["" if _is_empty(name) else str(name).strip() for name in header]
    filled = (body.notna() & body.ne("")).to_numpy(dtype=bool)
    notices = []
    unnamed = [at for at, name in enumerate(names) if not name and filled[:, at].any()]
    if unnamed:
        which = ", ".join(str(at + 1) for at in unnamed[:5])
        notices.append(f"{where}: column {which} has values and no name in the header, and is not used.")
    kept, first = filled.any(axis=1), body.iloc[:, 0].astype("str").str.strip()
    for lines, says in (
        (_dashes(body, first), "a line of dashes"),
        (_closing(body, filled), "the closing line of a program"),
        (_headers(body, first, names), "the header again"),
    ):
        at = lines & kept
        if at.any():
            kept &= ~at
            notices.append(f"{where}, row {_listed(rows[at])}: {says} is no row of the table.")
    named = [at for at, name in enumerate(names) if name]
    frame = body.loc[kept, named].set_axis(
        pd.Index([names[at] for at in named], dtype=object), axis="columns"
    )
    return Sheet(frame=frame, file=where, rows=rows[kept], left_alone=tuple(notices))


def _candidates(body: pd.DataFrame, first: np.ndarray, match: Any) -> np.ndarray:
    """The rows that pass a test, of those whose first cell lets them."""
    found = np.zeros(len(body), dtype=bool)
    for at in np.flatnonzero(first):
        found[at] = match([str(cell).strip() for cell in body.iloc[at] if not _is_empty(cell)])
    return found


def _dashes(body: pd.DataFrame, first: pd.Series) -> np.ndarray:
    likely = (first.ne("") & first.str.strip("-=_").eq("")).fillna(False).to_numpy(dtype=bool)
    return _candidates(
        body,
        likely,
        lambda cells: len(cells) == body.shape[1] > 1 and all(map(_DASHES.fullmatch, cells)),
    )


def _closing(body: pd.DataFrame, filled: np.ndarray) -> np.ndarray:
    last = np.zeros(len(body), dtype=bool)
    last[np.flatnonzero(filled.any(axis=1))[-_TAIL:]] = True
    return _candidates(body, last, lambda cells: len(cells) == 1 and CLOSING.fullmatch(cells[0]) is not None)


def _headers(body: pd.DataFrame, first: pd.Series, names: list[str]) -> np.ndarray:
    likely = first.eq(names[0]).fillna(False).to_numpy(dtype=bool)
    return _candidates(body, likely, lambda cells: cells == [name for name in names if name])


def _listed(rows: np.ndarray) -> str:
    shown = ", ".join(str(row) for row in rows[:5])
    return f"{shown}, ... ({len(rows):,} rows)" if len(rows) > 5 else shown


def _is_empty(cell: Any) -> bool:
    return cell is None or cell != cell or str(cell).strip() == ""
