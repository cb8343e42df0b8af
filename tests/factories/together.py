"""Cases of Wisconsin that are built and planned at once: its rules are per student, so each case has people, schools
and rows of its own. A plan costs the same for forty cases as for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pandas as pd

from edfi_toolkit.planning import Plan, identity_map_of, plan
from tests.factories.builds import build_of

PROFILE = "wi-infinite-campus"
OWN = (
    "student_id", "student_unique_id", "enrollment_id", "record_id", "calendar_id", "school_id", "school_number",
    "ed_fi_school_id", "override_ed_fi_school_id",
)  # fmt: skip
Tables = Mapping[str, list[dict[str, Any]]]


class Together:
    """The plans from one state of a source to the next, of many cases in one."""

    def __init__(self, cases: Sequence[tuple[Tables, Tables]]) -> None:
        self._cases = cases

    def items(self, number: int) -> pd.DataFrame:
        """The items of one case."""
        return _of_case(self._plan.items, number)

    def outcome(self, number: int) -> Counter[str]:
        """The actions of one case, HELD among them."""
        found = _of_case(self._plan.findings, number)
        return Counter(self.items(number)["action"]) + Counter(HELD=int(found["code"].eq("HELD").sum()))

    @cached_property
    def _plan(self) -> Plan:
        first, second = (
            build_of(_one_source(states), profile=PROFILE, school_year=2026)
            for states in zip(*self._cases, strict=True)
        )
        assert set(range(len(self._cases))) >= set(map(_case_of, first.records["student_unique_id"]))
        return plan(second, identity_map=identity_map_of(first))


def _one_source(states: Sequence[Tables]) -> dict[str, list[dict[str, Any]]]:
    """The tables of all cases as one source, of one configuration."""
    (config,) = {str(tables["edfi_config"]): tables["edfi_config"] for tables in states}.values()
    joined: dict[str, list[dict[str, Any]]] = {}
    for number, tables in enumerate(states):
        for name, rows in tables.items():
            joined.setdefault(name, []).extend(
                {column: _own(value, number) if column in OWN else value for column, value in row.items()}
                for row in rows
            )
    return {**joined, "edfi_config": config}


def _own(value: Any, number: int) -> Any:
    if value is None:
        return None
    return value * 1000 + number if isinstance(value, int) else f"{value}{number:03d}"


def _of_case(rows: pd.DataFrame, number: int) -> pd.DataFrame:
    return rows[rows["student_unique_id"].str.endswith(f"{number:03d}").fillna(False)]


def _case_of(student_unique_id: str) -> int:
    return int(student_unique_id[-3:])
