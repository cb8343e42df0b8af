"""What the ledger holds of the records of a plan, next to the plan's items.  Pure.

Most of a district is as it was published: what is left as it is, and known as such, is found at once for all, and an
`Identity` is made of the rest alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from edfi_toolkit.ledger.attempts import Identity, MapKey
from edfi_toolkit.model.frames import as_list, places, values_at
from edfi_toolkit.model.keys import SEPARATOR
from edfi_toolkit.planning.plan import Plan

_FACTS = ("ed_fi_id", "body_hash", "education_organization_id")


@dataclass(frozen=True, eq=False)
class Known:
    """The identity map and a plan.

    rows: as of `Journal.identities`. at: of each item its row there, -1 where there is none. settled: the items that a
        publish leaves as they are, with the id and the hash that the ledger holds, too.
    """

    rows: pd.DataFrame
    at: pd.Series
    settled: np.ndarray

    @classmethod
    def of(cls, plan: Plan, rows: pd.DataFrame) -> Known:
        """Find the items of a plan in the identity map."""
        items = plan.items
        asked, held = (frame["resource"] + SEPARATOR + frame["key_hash"] for frame in (items, rows))
        at = places(asked, held)
        settled = (items["action"].eq("NOOP") & (plan.mode != "resync")).to_numpy(bool)
        for name in ("ed_fi_id", "body_hash"):
            settled = settled & values_at(rows[name], at).eq(items[name]).to_numpy(bool, na_value=False)
        return cls(rows, at, settled)

    @cached_property
    def others(self) -> Mapping[MapKey, Identity]:
        """What the ledger holds besides that of the settled items."""
        at, needed = self.at.to_numpy(), np.ones(len(self.rows), dtype=bool)
        needed[at[self.settled]] = False
        asked = at[~self.settled]  # one who edits a plan may name a record twice
        needed[asked[asked >= 0]] = True
        rows = self.rows[needed]
        facts = zip(*(as_list(rows[name]) for name in _FACTS), strict=True)
        return dict(zip(keys_of(rows), map(Identity._make, facts), strict=True))

    def owners(self) -> dict[str, MapKey]:
        """Whose record each id is."""
        return dict(zip(as_list(self.rows["ed_fi_id"]), keys_of(self.rows), strict=True))

    def ids(self) -> pd.Series:
        """The id that the ledger holds of each item's record; missing where it holds none."""
        return values_at(self.rows["ed_fi_id"], self.at)


def keys_of(rows: pd.DataFrame) -> list[MapKey]:
    """What names the record of each row, by its resource and key_hash."""
    return list(zip(as_list(rows["resource"]), as_list(rows["key_hash"]), strict=True))
