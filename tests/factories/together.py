"""Cases that are built and planned at once: rules are per student, so each case has people and rows of its own.

A plan costs the same for forty cases as for one. Each case is a test still: it is given what became of its own rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.planning import Plan, identity_map_of, plan
from edfi_toolkit.rules import Build
from edfi_toolkit.rules.explain.story import Story
from tests.factories.builds import Same, build_of

OWN = (
    "student_id", "student_unique_id", "enrollment_id", "record_id", "participation_id", "calendar_id", "school_id",
    "current_school_id", "enrollment_school_id", "ed_fi_school_id", "override_ed_fi_school_id",
)  # fmt: skip
NUMBERED_BY_STATE = {"wi-infinite-campus": ("school_number",)}  # elsewhere it is a part of what is sent
OF_ALL = ("edfi_config", "preferences")
Tables = Mapping[str, list[dict[str, Any]]]


def one_of(name: str, case: Any) -> pytest.MarkDecorator:
    """Give the test a case of a `Builds` or `Plans`, by the name of its argument."""
    return pytest.mark.parametrize(name, [case], ids=[pytest.HIDDEN_PARAM])


class Builds:
    """One build of many cases."""

    def __init__(self, profile: str, settings: Mapping[str, Any] | None = None) -> None:
        self._profile, self._settings = profile, settings
        self.cases: list[Tables] = []

    def add(self, tables: Tables) -> OneBuild:
        """One more case, before the first of them is asked for."""
        assert "build" not in vars(self)
        self.cases.append(tables)
        return OneBuild(self, len(self.cases) - 1)

    @cached_property
    def build(self) -> Build:
        """Of all cases."""
        made = build_of(self._one_source(), profile=self._profile, settings=self._settings, school_year=2026)
        of_cases = [*made.records["student_unique_id"], *made.skipped["id"]]
        assert set(range(len(self.cases))) >= {int(id_[-3:]) for id_ in of_cases}
        return made

    def own_columns(self) -> set[str]:
        """The columns by which the rows of a case are its own."""
        return {*OWN, *NUMBERED_BY_STATE.get(self._profile, ())}

    def _one_source(self) -> dict[str, list[dict[str, Any]]]:
        """The tables of all cases as one source, of one configuration."""
        joined: dict[str, list[dict[str, Any]]] = {}
        own = self.own_columns()
        for number, tables in enumerate(self.cases):
            for name, rows in tables.items():
                if name in OF_ALL:
                    assert joined.setdefault(name, rows) == rows
                    continue
                joined.setdefault(name, []).extend(
                    {column: _own(value, number) if column in own else value for column, value in row.items()}
                    for row in rows
                )
        return joined


@dataclass(frozen=True)
class OneBuild:
    """What a build made of one case, rows under the ids that the case gave them."""

    together: Builds
    number: int

    @property
    def records(self) -> pd.DataFrame:
        """Its records; people and organizations have the numbers that make them its own."""
        return _of_case(self.together.build.records, "student_unique_id", self.number)

    @property
    def skipped(self) -> pd.DataFrame:
        """Its skipped rows."""
        return self._rows(self.together.build.skipped)

    @property
    def notices(self) -> pd.DataFrame:
        """Its notices; one that is about no row would be of all cases."""
        assert self.together.build.notices["id"].notna().all()
        return self._rows(self.together.build.notices)

    def explain(self) -> Story:
        """The story of its first student, which no test may change."""
        return self._story

    @cached_property
    def _story(self) -> Story:
        case = self.together.cases[self.number]
        story = self.together.build.explain(student_id=_own(case["students"][0]["student_id"], self.number))
        columns = self.together.own_columns()
        cells = (cell for rows in case.values() for row in rows for cell in row.items())
        given = {str(_own(value, self.number)): str(value) for name, value in cells if name in columns}
        known = re.compile("|".join(map(re.escape, sorted(given, key=len, reverse=True))))

        def as_given(text: str) -> str:
            return known.sub(lambda found: given[found[0]], text)

        frame = story.frame
        return replace(
            story, frame=frame.assign(id=frame["id"].map(as_given), says=frame["says"].map(as_given))
        )

    def _rows(self, rows: pd.DataFrame) -> pd.DataFrame:
        own = _of_case(rows, "id", self.number)
        return own.assign(id=own["id"].str.removesuffix(f"{self.number:03d}"))


class Plans:
    """One plan, from one state of a source to the next, of many cases."""

    def __init__(self, profile: str, settings: Mapping[str, Any] | None = None) -> None:
        self.states = Builds(profile, settings), Builds(profile, settings)

    def add(self, before: Tables, after: Tables) -> OnePlan:
        """One more case, before the first of them is asked for."""
        numbers = {
            state.add(tables).number for state, tables in zip(self.states, (before, after), strict=True)
        }
        return OnePlan(self, *numbers)

    @cached_property
    def plan(self) -> Plan:
        """Of all cases."""
        first, second = (state.build for state in self.states)
        return plan(second, identity_map=identity_map_of(first))


@dataclass(frozen=True)
class OnePlan:
    """What the plan is to do for one case."""

    together: Plans
    number: int

    @property
    def states(self) -> tuple[Tables, ...]:
        """The tables of the case, before and after."""
        return tuple(state.cases[self.number] for state in self.together.states)

    @property
    def items(self) -> pd.DataFrame:
        """Its items."""
        return _of_case(self.together.plan.items, "student_unique_id", self.number)

    @property
    def actions(self) -> Counter[str]:
        """How often each action is among its items."""
        return Counter(self.items["action"])

    @property
    def codes(self) -> list[str]:
        """The codes of its findings."""
        return _of_case(self.together.plan.findings, "student_unique_id", self.number)["code"].tolist()

    @property
    def outcome(self) -> Counter[str]:
        """Its actions, HELD among them."""
        return self.actions + Counter(HELD=self.codes.count("HELD"))


def _own(value: Any, number: int) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        return value
    return value * 1000 + number if isinstance(value, int) else f"{value}{number:03d}"


def _of_case(rows: pd.DataFrame, column: str, number: int) -> pd.DataFrame:
    return _by_case(Same(rows), column).get(f"{number:03d}", rows[:0])


@lru_cache(100)
def _by_case(same: Same, column: str) -> dict[str, pd.DataFrame]:
    """The rows of each case, which no test may change."""
    rows = same.frame
    return {number: own.reset_index(drop=True) for number, own in rows.groupby(rows[column].str[-3:])}
