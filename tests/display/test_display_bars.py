"""Bars of HTML: what an unattended run shows in place of a picture."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from edfi_toolkit.display.bars import Bars

pytestmark = pytest.mark.unit


def _widths(html: str) -> list[float]:
    return [float(width) for width in re.findall(r"width:([\d.]+)em", html)]


def test_each_row_has_its_count_and_a_bar_as_long_as_that() -> None:
    shown = Bars(pd.Series({"WI-ENR-4": 1200, "WI-ENR-5": 300, None: 0}), "Skipped by rule")._repr_html_()
    assert re.findall(r'<th scope="row"[^>]*>([^<]*)', shown) == ["WI-ENR-4", "WI-ENR-5", "(none)"]
    assert re.findall(r"<td[^>]*>([\d,]+)</td>", shown) == ["1,200", "300", "0"]
    assert _widths(shown) == [24.0, 6.0]
    assert "Skipped by rule" in shown


def test_parts_have_the_colour_of_what_they_mean_and_their_own_counts() -> None:
    counts = pd.DataFrame({"remove": [2, 0], "create": [2, 4]}, index=["Lincoln", "Adams"])
    shown = Bars(counts, "Plan")._repr_html_()
    assert re.findall(r"<td[^>]*>(\d+)</td>", shown) == ["2", "2", "0", "4"]
    assert _widths(shown) == [12.0, 12.0, 24.0]
    assert re.findall(r"background:(#\w+)", shown) == ["#c0504d", "#3987c9", "#3987c9"]
    assert repr(Bars(counts, "Plan")) == "Plan\nLincoln: 2, 2\nAdams: 0, 4"


def test_bars_of_nothing_say_so_and_those_below_are_shown() -> None:
    below = Bars(pd.Series({"Adams": 3}), "By school")
    shown = Bars(pd.Series(dtype=float), "Skipped by rule", below=below)
    assert "Skipped by rule: nothing to show" in shown._repr_html_()
    assert repr(shown) == "Skipped by rule: nothing to show\nBy school\nAdams: 3"
    assert "Adams" in shown._repr_html_()


def test_names_are_escaped() -> None:
    shown = Bars(pd.Series({"<b>": 1}), "<i>")._repr_html_()
    assert "<b>" not in shown
    assert "<i>" not in shown
