"""Rows of a district replaced by others, at a set rate: to make it dirty, or to let time pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.synthetic.people import among
from edfi_toolkit.tables.schema import TABLES

MOST = 0.2  # of the rows of a table
MADE = {"table": "str", "id": "str", "student_id": "str", "what": "str", "rule": "str"}


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One kind of replacement.

    to: the rows that stand in place of those given; it may change, remove or add to them.
    rule: the rule or finding that tells of such a row. where: which rows may be chosen; all when None.
    """

    table: str
    what: str
    to: Callable[[pd.DataFrame], pd.DataFrame]
    rule: str | None = None
    where: Callable[[Mapping[str, pd.DataFrame]], pd.Series] | None = None


def edited(
    tables: Mapping[str, pd.DataFrame], edits: Sequence[Edit], share: float, random: np.random.Generator
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The tables with that share of the rows of each edited table replaced, and what was done (columns of MADE).

    The rows of a table are dealt to its edits in equal parts. Students edited in one table are left alone in those
    that follow, so that no edit hides another. Raises ConfigError for a share above 0.2: there would not be enough.
    """
    if not 0 <= share <= MOST:
        raise ConfigError(f"{share} is no share of rows that can be replaced. Give one from 0 to {MOST}.")
    after, made = dict(tables), [pd.DataFrame(columns=list(MADE))]
    for table in dict.fromkeys(each.table for each in edits):
        own = [each for each in edits if each.table == table]
        frame = tables[table].reset_index(drop=True)
        free = ~among(frame["student_id"], pd.concat(made)["student_id"]).to_numpy()
        order, wanted = random.permutation(len(frame)), round(share * len(frame))
        taken, replaced = np.zeros(len(frame), dtype=bool), []
        for place, edit in enumerate(own):
            fit = free & ~taken
            if edit.where is not None:
                fit &= edit.where(tables).to_numpy(dtype=bool)
            chosen = order[fit[order]][: wanted // len(own) + (place < wanted % len(own))]
            taken[chosen] = True
            rows = frame.iloc[np.sort(chosen)]
            replaced.append(edit.to(rows))
            key = rows[TABLES[table].primary_key[0]]
            facts = {"id": key, "student_id": rows["student_id"], "what": edit.what, "rule": edit.rule}
            made.append(pd.DataFrame({"table": table, **facts}))
        every = pd.concat([frame[~taken], *replaced]).sort_index(kind="stable", ignore_index=True)
        after[table] = every.astype("str")
    return after, pd.concat(made, ignore_index=True).astype(MADE)
