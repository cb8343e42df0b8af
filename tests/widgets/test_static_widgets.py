"""Tables and bars: what an unattended run shows."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from io import BytesIO

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.dates import num2date
from matplotlib.image import imread

from edfi_toolkit import widgets
from edfi_toolkit.privacy import Masker
from edfi_toolkit.widgets.charts import participation, timeline

MASKER = Masker(b"a key for tests")


def test_a_table_says_how_many_rows_it_shows() -> None:
    frame = pd.DataFrame({"n": range(1203)})
    assert widgets.table(frame)._repr_html_().endswith("<p>20 of 1,203 rows</p>")
    assert repr(widgets.table(frame.head(1))).endswith("1 row")
    assert repr(widgets.table(frame.head(0))) == "No rows"


def test_a_table_escapes_what_it_shows() -> None:
    frame = pd.DataFrame({"<b>": ["<script>alert(1)</script>"]})
    html = widgets.table(frame, title="<i>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_a_table_is_masked_even_with_a_masker_that_reveals() -> None:
    frame = pd.DataFrame({"student_id": ["9002771834"], "detail": ["of 9002771834"]})
    shown = widgets.table(frame, masker=MASKER.revealed())
    assert "9002771834" not in shown._repr_html_() + repr(shown)


def test_a_long_text_is_cut() -> None:
    assert "x" * 600 + "…" in widgets.table(pd.DataFrame({"a": ["x" * 999]}))._repr_html_()


def test_bars_are_drawn_once_and_pyplot_does_not_know_them() -> None:
    import matplotlib.pyplot as plt

    chart = widgets.bars(pd.Series({"WI-ENR-4": 1203, "WI-ENR-5": 7, None: 0}), "Skipped by rule")
    png, size = chart._repr_png_()
    assert png.startswith(b"\x89PNG")
    corner = imread(BytesIO(png), format="png")[0, 0]
    assert corner.min() > 0.9, "a page in the dark theme would shine through its dark text"
    assert size["width"] > 600
    assert [text.get_text() for text in chart.axes[0].get_yticklabels()] == ["WI-ENR-4", "WI-ENR-5", "(none)"]
    assert [text.get_text() for text in chart.axes[0].texts] == ["1,203", "7", "0"]
    assert plt.get_fignums() == []


def test_twelve_programs_with_long_names_leave_room_for_what_is_drawn() -> None:
    programs = [f"Saturday Academy for Robotics, Astronomy and Marine Engineering {n}" for n in range(12)]
    by_day = pd.DataFrame(1, index=pd.date_range("2025-07-01", periods=12, freq="MS"), columns=programs)
    by_school = pd.DataFrame(1, index=["Lincoln High", "Adams"], columns=programs)
    chart = participation(by_day, by_school, "Students by program over the year")
    chart._repr_png_()
    lines, schools = chart.axes
    assert min(axes.get_position().width for axes in (lines, schools)) > 0.4
    assert all(float(tick).is_integer() for tick in lines.get_yticks()), "students are whole"
    one_school = widgets.bars(pd.DataFrame(1, index=["Adams"], columns=programs), "Plan")
    one_school._repr_png_()
    for drawn in (chart, one_school):
        legend = drawn.legends[0].get_window_extent()
        assert drawn.bbox.y0 <= legend.y0 <= legend.y1 <= drawn.bbox.y1, "all names are in the picture"
    colours = [line.get_color() for line in lines.lines]
    assert len(set(colours)) == 12
    assert [bars[0].get_facecolor() for bars in schools.containers] == [to_rgba(name) for name in colours]


def test_bars_of_nothing_say_so() -> None:
    chart = widgets.bars(pd.Series(dtype=float), "Skipped by rule")
    assert chart._repr_png_()[0]
    assert chart.axes[0].get_title(loc="left") == "Skipped by rule: nothing to show"


def test_bars_in_parts_have_a_legend_their_sum_and_the_numbers_as_a_table() -> None:
    counts = pd.DataFrame({"remove": [2, 0], "create": [3, 4]}, index=["Lincoln", "Adams"])
    chart = widgets.bars(counts, "Plan")
    assert [text.get_text() for text in chart.axes[0].texts] == ["5", "4"]
    assert [text.get_text() for text in chart.legends[0].get_texts()] == ["remove", "create"]
    assert chart.numbers.to_dict("list") == {"of": ["Lincoln", "Adams"], "remove": [2, 0], "create": [3, 4]}


def test_a_label_that_is_cut_says_so() -> None:
    forgotten = "35089430 \u00b7 not in the list of schools"
    names = [f"{forgotten}; student at Agave High", forgotten]
    chart = widgets.bars(pd.Series([1, 2], index=names), "Plan")
    labels = [label.get_text() for label in chart.axes[0].get_yticklabels()]
    assert labels == ["35089430 \u00b7 not in the list of schools; student\u2026", forgotten]
    assert chart.numbers["of"].tolist() == names


def test_bars_of_one_part_say_which() -> None:
    chart = widgets.bars(pd.DataFrame({"create": [3]}, index=["Lincoln"]), "Plan")
    assert [text.get_text() for text in chart.legends[0].get_texts()] == ["create"]
    assert not widgets.bars(pd.Series({"Lincoln": 3}), "Rows").legends


def test_lines_that_run_together_are_all_seen() -> None:
    days = pd.date_range("2025-07-01", periods=12, freq="MS")
    widths = {}
    for programs in (["CTE"], ["CTE", "Title I", "Remote"]):
        by_day, by_school = pd.DataFrame(1, days, programs), pd.DataFrame(1, ["Adams"], programs)
        lines = participation(by_day, by_school, "Students").axes[0].lines
        widths[len(programs)] = [line.get_linewidth() for line in lines]
    assert widths == {1: [2], 3: [4, 3, 2]}


def test_a_record_that_the_ods_has_not_is_hollow_and_says_so() -> None:
    spans = pd.DataFrame(
        {
            "what": ["enrolled: Adams", "record: CTE", "record: Title I"],
            "begins": pd.to_datetime(["2025-08-18"] * 3),
            "ends": pd.to_datetime(["2026-05-22"] * 3),
            "in_the_ods": ["", "yes", "refused"],
        }
    )
    axes = timeline(spans, "Over the year").axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["enrolled: Adams", "record: CTE", "record: Title I (refused)"]
    assert [bar.get_facecolor()[:3] == (1, 1, 1) for bar in axes.patches] == [False, False, True]


def test_what_has_no_end_goes_on_to_the_end_of_the_school_year_and_beyond_it() -> None:
    spans = pd.DataFrame(
        {
            "what": ["enrolled: Adams", "record: CTE"],
            "begins": pd.to_datetime(["2025-08-11", "2025-08-18"]),
            "ends": pd.to_datetime([None, "2025-12-19"]),
            "in_the_ods": ["", "yes"],
        }
    )
    axes = timeline(spans, "Over the year").axes[0]
    ends = [num2date(bar.get_x() + bar.get_width()).date().isoformat() for bar in axes.patches]
    assert ends == ["2026-06-30", "2025-12-19"]
    assert [(text.get_text().strip(), text.get_position()[1]) for text in axes.texts] == [("▸", 0)]


@pytest.mark.parametrize("days", [1, 3, 10, 45, 280])
def test_the_days_below_a_timeline_do_not_overlap_and_stand_there_once(days: int) -> None:
    begins = pd.Timestamp("2025-09-02")
    spans = pd.DataFrame(
        {
            "what": ["enrolled: Agave High", "record: Coordinated Early Intervening Services"],
            "begins": [begins] * 2,
            "ends": [begins + pd.Timedelta(days=days)] * 2,
            "in_the_ods": ["", "refused"],
        }
    )
    chart = timeline(spans, "Over the year")
    chart._repr_png_()
    axes = chart.axes[0]
    first, last = axes.get_xlim()
    shown = [text for text in axes.get_xticklabels() if first <= text.get_position()[0] <= last]
    names = [text.get_text() for text in shown]
    assert names
    assert len(names) == len(set(names))
    canvas = FigureCanvasAgg(chart)
    canvas.draw()
    places = [text.get_window_extent(canvas.get_renderer()) for text in shown]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(places))


def test_unattended_nothing_is_drawn() -> None:
    code = (
        "import sys; import pandas as pd; from edfi_toolkit import widgets\n"
        "month = pd.DataFrame({'T1A': [3]}, index=pd.to_datetime(['2025-09-01']))\n"
        "school = pd.DataFrame({'T1A': [4]}, index=['Adams'])\n"
        "shown = [widgets.bars(pd.Series({'a': 1}), 'Rows'), widgets.participation(month, school, 'Students')]\n"
        "print([repr(each) for each in shown], 'matplotlib' in sys.modules)"
    )
    environ = {**os.environ, "EDFI_UNATTENDED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    students = "Students\n2025-09-01: 3\nBy school, all year\nAdams: 4"
    assert done.stdout == f"{['Rows' + chr(10) + 'a: 1', students]} False\n"


def test_importing_the_panels_loads_neither_charts_nor_widgets() -> None:
    code = "import edfi_toolkit.widgets, sys; print({'matplotlib', 'ipywidgets'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
    )
