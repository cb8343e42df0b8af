"""How two states of one record are compared member by member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from edfi_toolkit.display.values import members


class Difference(NamedTuple):
    """One member in both states: its path in words, its texts ("" where it has no value), whether they differ."""

    member: str
    before: str
    after: str
    changed: bool


def differences(before: Any, after: Any) -> list[Difference]:
    """Every filled member of two bodies, those of the later one first.

    Where one of the two is no body, the record is new or deleted, and no member counts as changed.
    """
    old = dict(members(before)) if isinstance(before, Mapping) else {}
    new = dict(members(after)) if isinstance(after, Mapping) else {}
    both = isinstance(before, Mapping) and isinstance(after, Mapping)
    return [
        Difference(
            member, old.get(member, ""), new.get(member, ""), both and old.get(member) != new.get(member)
        )
        for member in [*new, *(member for member in old if member not in new)]
    ]


def changed_members(diff: Mapping[str, Iterable[Any]] | None) -> list[Difference]:
    """What differs by a plan's `diff`, which has before and after of each changed member."""
    pairs = {member: tuple(pair) for member, pair in (diff or {}).items()}
    before = {member: pair[0] for member, pair in pairs.items()}
    after = {member: pair[1] for member, pair in pairs.items()}
    return [difference for difference in differences(before, after) if difference.changed]
