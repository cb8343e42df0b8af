"""One action per natural key (REC-*). Pure.

The two tables below are the truth tables of docs/concepts.md: read one against the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Condition = tuple[bool | None, ...]
TruthTable = Mapping[Condition, tuple[str, tuple[str, ...]]]

YES, NO, ANY = True, False, None

PUBLISH_READS = ("in_source", "in_map", "equal")
PUBLISH: TruthTable = {
    # source, map, equal to what was last sent
    (YES, NO, ANY): ("REC-P1", ("POST",)),
    (YES, YES, YES): ("REC-P2", ("NOOP",)),
    (YES, YES, NO): ("REC-P3", ("PUT",)),
    (NO, YES, ANY): ("REC-P4", ("DELETE",)),
    (NO, NO, ANY): ("REC-P5", ()),
}

RESYNC_READS = ("in_source", "in_map", "in_ods", "equal", "same_id")
RESYNC: TruthTable = {
    # source, map, ODS, equal to what the ODS holds, map and ODS agree on the id
    (YES, YES, YES, YES, YES): ("REC-R1", ("NOOP",)),
    (YES, YES, YES, YES, NO): ("REC-R1", ("ADOPT",)),
    (YES, YES, YES, NO, YES): ("REC-R2", ("PUT",)),
    (YES, YES, YES, NO, NO): ("REC-R2", ("ADOPT", "PUT")),
    (YES, YES, NO, ANY, ANY): ("REC-R3", ("UNMAP", "POST")),
    (YES, NO, YES, YES, ANY): ("REC-R4", ("ADOPT",)),
    (YES, NO, YES, NO, ANY): ("REC-R5", ("ADOPT", "PUT")),
    (YES, NO, NO, ANY, ANY): ("REC-R6", ("POST",)),
    (NO, YES, YES, ANY, ANY): ("REC-R7", ("DELETE",)),
    (NO, YES, NO, ANY, ANY): ("REC-R8", ("UNMAP",)),
    (NO, NO, YES, ANY, ANY): ("REC-R9", ("DELETE",)),  # when in scope, else FOREIGN
    (NO, NO, NO, ANY, ANY): ("REC-R10", ()),
}

# Order of execution: what only the ledger learns, linked pairs, then creates, updates, deletes; NOOP is
# listed last.
WAVES = {"UNMAP": 0, "ADOPT": 1, "POST": 3, "PUT": 4, "DELETE": 5, "NOOP": 6}
LINKED_WAVE = 2


def decide(sides: pd.DataFrame, table: TruthTable, reads: tuple[str, ...]) -> pd.DataFrame:
    """`action`, `rule` and `side` (a row of `sides`), a row for each action in a key's cell of the table."""
    actions, rules, parts = list[str](), list[str](), list[np.ndarray]()
    for conditions, (rule, own) in table.items():
        hit = np.ones(len(sides), dtype=bool)
        for column, wanted in zip(reads, conditions, strict=True):
            if wanted is not None:
                hit &= sides[column].to_numpy() == wanted
        rows = np.flatnonzero(hit)
        for action in own:
            actions, rules, parts = [*actions, action], [*rules, rule], [*parts, rows]
    lengths = list(map(len, parts))
    texts = (pd.array(np.repeat(np.array(names, object), lengths), "str") for names in (actions, rules))
    return pd.DataFrame(dict(zip(("action", "rule"), texts, strict=True)) | {"side": np.concatenate(parts)})
