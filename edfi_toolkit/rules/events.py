"""Event tables: which change of the source is behind an action of a plan. Pure.

A profile's module here is the event table of its manual, one line per event id. It reads two states and no
history: what was published (key, body, references) and what the source holds now. An event is named only when
the two prove it. `of_new` names what may have made a new record, `of_published` what happened to a published one;
both return event id -> mask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.model.frames import among, places, values_at
from edfi_toolkit.rules.account import as_mask
from edfi_toolkit.rules.building import Build
from edfi_toolkit.rules.contract import profile


@dataclass(frozen=True)
class State:
    """One of the two states: per change the key columns of the record and its references, none where it has no
    such record."""

    keys: pd.DataFrame
    refs: pd.Series

    def part(self, rows: pd.Series) -> State:
        return State(self.keys[rows], self.refs[rows])

    @cached_property
    def trigger(self) -> pd.Series:
        """The reference that comes first."""
        return self._series([refs[0] if refs else "" for refs in self.refs])

    @cached_property
    def kind(self) -> pd.Series:
        """The table of the trigger; of a trigger that an enrollment holds its name, as in `#third_party`."""
        return self._series([_kind(trigger) for trigger in self.trigger])

    @cached_property
    def enrollment(self) -> pd.Series:
        return self._first("enrollments:")

    @cached_property
    def student(self) -> pd.Series:
        return self._first("students:")

    @cached_property
    def calendar(self) -> pd.Series:
        return self._first("calendars:")

    @cached_property
    def school(self) -> pd.Series:
        return self._first("schools:")

    def _first(self, table: str) -> pd.Series:
        """The row of a table that the record itself rests on: those of beaten duplicates come later."""
        return self._series(
            [next((ref for ref in refs[1:] if ref.startswith(table)), "") for refs in self.refs]
        )

    def _series(self, texts: list[str]) -> pd.Series:
        return pd.Series(texts, index=self.refs.index, dtype=object)


def _kind(trigger: str) -> str:
    table, _, row = trigger.partition(":")
    return "#" + row.rpartition("#")[2] if table == "enrollments" else table


@dataclass(frozen=True)
class Changes:
    """What a plan does, and the states before and after; all on one index, a row per change.

    action: POST, PUT, DELETE, NOOP (where another trigger, or more or fewer rows, stand behind the same record), or
        MOVE for a changed key, whether by a linked pair or by an update.
    was, now: the record as published and as built.
    diff: for a PUT the members that differ, {name: [before, after]}.
    published: key columns and `source_refs` of everything that was published before.
    """

    action: pd.Series
    was: State
    now: State
    diff: pd.Series
    published: pd.DataFrame

    def part(self, rows: pd.Series) -> Changes:
        """These changes alone."""
        if rows.all():
            return self
        return Changes(
            self.action[rows], self.was.part(rows), self.now.part(rows), self.diff[rows], self.published
        )

    def are(self, *actions: str) -> pd.Series:
        return self.action.isin(actions)

    def moved(self, *parts: str) -> pd.Series:
        """The pairs in which one of these parts of the key differs."""
        differ = [as_mask(self.was.keys[part].ne(self.now.keys[part]), self.action) for part in parts]
        return self.are("MOVE") & np.logical_or.reduce(differ)

    def changed(self, member: str) -> pd.Series:
        """The updates in which a member of the body differs."""
        differs = [isinstance(changed, Mapping) and member in changed for changed in self.diff]
        return self.are("PUT") & pd.Series(differs, index=self.action.index, dtype=bool)


def published_of_students(new: Changes) -> pd.DataFrame:
    """What was published of the students of these new records."""
    students = new.now.keys["student_unique_id"]
    return new.published[among(new.published["student_unique_id"], students)]


def rested_on(published: pd.DataFrame, refs: Iterable[str]) -> set[str]:
    """Those of these references that something published rests on."""
    return set(refs).intersection(chain.from_iterable(published["source_refs"]))


def rows_now(
    rows: pd.DataFrame, table: str, key: str, refs: pd.Series, columns: Collection[str] = ()
) -> pd.DataFrame:
    """What the source says now in these columns of the rows that are referred to, and whether each is `there`."""
    at = places(refs.str.removeprefix(f"{table}:"), rows[key])
    found = {name: values_at(rows[name], at) for name in columns}
    return pd.DataFrame({**found, "there": at.ge(0)}, index=refs.index)


def names(changes: Changes, build: Build) -> pd.Series:
    """The events behind each change, as a reason shows them; empty where none is proven.

    Several events behind a change all happened: they are joined by "and". Those behind a new record are what
    may have made it: they are joined by "or".
    """
    events = profile(build.scope.profile).events
    is_new = changes.are("POST")
    new, known = changes.part(is_new), changes.part(~is_new)
    said = pd.Series("", index=changes.action.index, dtype=object)
    if len(new.action):
        said[is_new] = _joined(events.of_new(new, known, build), " or ", new)
    if len(known.action):
        said[~is_new] = _joined(events.of_published(known, build), " and ", known)
    return said


def _joined(events: Mapping[str, Any], joint: str, changes: Changes) -> np.ndarray:
    said = np.full(len(changes.action), "", dtype=object)
    for event, mask in events.items():
        hit = np.flatnonzero(as_mask(mask, changes.action))
        said[hit] = [f"{before}{joint}{event}" if before else event for before in said[hit]]
    return said


def name_of_unchanged(build: Build) -> str:
    """The event of a record behind which nothing changed; most tables have none."""
    return profile(build.scope.profile).events.UNCHANGED
