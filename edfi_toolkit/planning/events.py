"""From the items of a plan to the changes that a profile's event table reads. Pure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import values_at
from edfi_toolkit.planning.comparison import Sides
from edfi_toolkit.rules import Build
from edfi_toolkit.rules.events import Changes, State, name_of_unchanged, names


def events_of(items: pd.DataFrame, rows: pd.DataFrame, sides: Sides, build: Build) -> list[str]:
    """The events behind each item, as text; both halves of a pair bear the same.

    items: action, pair, rule, diff. rows: per item the positions `source` and `mapped` in the sides.
    """
    linked, deletes = items["pair"].notna().to_numpy(), items["action"].eq("DELETE").to_numpy()
    replaced = pd.Series(np.flatnonzero(linked & deletes), index=items["pair"][linked & deletes])
    half = np.flatnonzero(linked & ~deletes)
    other = replaced[items["pair"].iloc[half]].to_numpy()
    mapped = rows["mapped"].to_numpy(copy=True)
    mapped[half] = mapped[other]

    built = _refs(sides.source, rows["source"].to_numpy())
    published = _refs(sides.mapped, mapped)
    idle = items["action"].eq("NOOP").to_numpy(copy=True)
    idle[idle] = [
        len(was) == len(now) and (not was or was[0] == now[0])
        for was, now in zip(published[idle].tolist(), built[idle].tolist(), strict=True)
    ]
    moved = items["rule"].eq("REC-P6") & items["action"].ne(
        "UNMAP"
    )  # a pair, or an update that changes the key
    judged = np.flatnonzero(~idle & ~(linked & deletes))

    said = np.full(len(items), "", dtype=object)
    said[idle] = name_of_unchanged(build)
    if len(judged):
        said[judged] = names(
            Changes(
                action=items["action"].mask(moved, "MOVE").iloc[judged].reset_index(drop=True),
                was=_state(sides.mapped, mapped[judged], published[judged]),
                now=_state(sides.source, rows["source"].to_numpy()[judged], built[judged]),
                diff=items["diff"].iloc[judged].reset_index(drop=True),
                published=sides.mapped,
            ),
            build,
        )
        said[other] = said[half]
    return list(said)


def _refs(side: pd.DataFrame, positions: np.ndarray) -> np.ndarray:
    """The references of the records at these positions of a side; none where the position is -1."""
    refs = np.empty(len(side) + 1, dtype=object)
    refs[:-1], refs[-1] = side["source_refs"].to_numpy(), []
    return refs[positions]


def _state(side: pd.DataFrame, positions: np.ndarray, refs: np.ndarray) -> State:
    """The records at these positions of a side; nothing where the position is -1."""
    at = pd.Series(positions)
    return State(
        pd.DataFrame({name: values_at(side[name], at).array for name in KEY_COLUMNS}), pd.Series(refs)
    )
