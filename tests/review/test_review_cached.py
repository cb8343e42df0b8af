"""Frames that several views of one run show."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review import summaries
from edfi_toolkit.review.cached import cached_by_argument
from edfi_toolkit.review.missing import missing
from edfi_toolkit.review.steps import built_view, checked_view
from edfi_toolkit.review.views import Lists
from edfi_toolkit.validation.findings import COLUMNS
from tests.factories.district import a_build, a_participation, checked

pytestmark = pytest.mark.unit


def test_a_frame_is_found_once_for_each_it_is_about_and_nobody_sees_what_another_makes_of_it() -> None:
    asked: list[str] = []

    @cached_by_argument
    def rows_of(about: SimpleNamespace) -> pd.DataFrame:
        asked.append(about.name)
        return pd.DataFrame({"name": [about.name]})

    north, south = SimpleNamespace(name="north"), SimpleNamespace(name="south")
    mine = rows_of(north)
    mine.insert(0, "state", "held")
    mine.loc[0, "name"] = "changed"

    assert rows_of(north).to_dict("records") == [{"name": "north"}]
    assert rows_of(south).to_dict("records") == [{"name": "south"}]
    assert asked == ["north", "south"]


def test_rows_without_a_record_are_put_at_their_places_once_for_the_build_and_for_who_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = checked(a_build(a_participation(1), a_participation(2, resource="students")))
    found.findings = pd.DataFrame(columns=COLUMNS)
    first = missing(found)
    monkeypatch.setattr(summaries, "skipped_rows", lambda *_: pytest.fail("found again"))

    assert (
        built_view(found.build, Masker(b"0" * 32)).frames["skipped"]["id"].tolist()
        == first["id"].tolist()
        == ["p2"]
    )


def test_a_list_is_made_when_it_is_first_opened_and_only_then() -> None:
    made: list[str] = []

    def rows() -> pd.DataFrame:
        made.append("rows")
        return pd.DataFrame({"name": ["north"]})

    lists = Lists({"rows": rows, "notices": pd.DataFrame})

    assert (list(lists), len(lists), "rows" in lists, "other" in lists) == (
        ["rows", "notices"],
        2,
        True,
        False,
    )
    assert not made
    assert lists["rows"] is lists["rows"]
    assert made == ["rows"]


def test_a_step_that_no_one_looks_into_places_no_row_and_says_all_the_same_how_many_are_missing() -> None:
    found = checked(a_build(a_participation(7), a_participation(8, resource="students")))
    found.findings = pd.DataFrame(columns=COLUMNS)
    view = checked_view(found, Masker(b"0" * 32))

    assert view.says.endswith("The list of who is missing has 1: 1 row that a rule skipped.")
    assert not [name for about in (found, found.build) for name in vars(about) if name.startswith("_")]
    assert view.frames["missing"]["id"].tolist() == ["p8"]
