"""A plan for chosen records alone, such as a retry of some that were refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.schools import with_partners


@dataclass(frozen=True)
class Chosen:
    """Records by resource and key hash, and by the source row each is made from: a corrected key moves a record."""

    keys: frozenset[tuple[str, str]]
    triggers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rejections: pd.DataFrame) -> Chosen:
        """The records of these rejections. rejections: resource, the key columns, source_refs."""
        first = frozenset(refs[0] for refs in rejections["source_refs"] if len(refs))
        return cls(frozenset(_keys(rejections)), first)

    def among(self, frame: pd.DataFrame) -> pd.Series:
        """Which rows of a frame are these records, by key or by the row they are made from."""
        named = [key in self.keys for key in _keys(frame)]
        if "source_refs" in frame:
            refs = frame["source_refs"].tolist()
            named = [
                by_key or bool(len(own) and own[0] in self.triggers)
                for by_key, own in zip(named, refs, strict=True)
            ]
        return pd.Series(named, index=frame.index, dtype=bool)

    def of_items(self, items: pd.DataFrame) -> pd.Series:
        """Which items of a whole plan these are, with the other half of each move."""
        return with_partners(items, self.among(items))


def _keys(frame: pd.DataFrame) -> list[tuple[str, str]]:
    known = frame["key_hash"] if "key_hash" in frame else key_hashes(frame)
    return list(zip(frame["resource"], known, strict=True))
