"""Static charts: drawn in Python, shown offline and in every saved notebook."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure

from edfi_toolkit.display.bars import colour_of
from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.privacy import session_masker

# A picture does not know the theme of the page: it brings its own background, and text with a contrast above 7 to it.
_BAR, _OTHER, _TEXT, _PAPER = "#3987c9", "#8a8a8a", "#424242", "#ffffff"
_MARGIN = 0.12  # inches
_LINE, _WIDEST_LINE = 2, 6  # points
_LONGEST_LABEL, _LEGEND_LINE = 48, 26  # characters
_LAST_MONTH = 6  # of a school year: June
_DAYS_ON_AXIS = 4  # dates that fit below a timeline, whose labels take half of the width


class Chart(Figure):
    """A figure that pyplot does not know, so that a notebook shows it once, where the cell returns it.

    numbers: what is drawn, as a table for whoever does not see it.
    """

    numbers = pd.DataFrame()

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, Image, display

        drawn, size = self._repr_png_()
        display(Image(drawn, width=size["width"], height=size["height"]))
        if len(self.numbers):
            table = TextTable.of(self.numbers, session_masker()).html()
            display(HTML(f"<details><summary>The picture in numbers</summary>{table}</details>"))

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        drawn, (width, height) = BytesIO(), self.get_size_inches() * 96
        self.set_layout_engine("constrained", w_pad=_MARGIN, h_pad=_MARGIN)
        self.savefig(drawn, format="png", dpi=192, facecolor=_PAPER)
        return drawn.getvalue(), {"width": round(width), "height": round(height)}


def bars(counts: pd.Series | pd.DataFrame, title: str) -> Chart:
    """Horizontal bars in the order of the rows, each with its label and its count; missing counts as 0.

    counts: of a frame, a part of the bar for each column.
    """
    parts = (counts.to_frame("count") if isinstance(counts, pd.Series) else counts).fillna(0).astype(float)
    chart = Chart(figsize=(7.2, max(0.7 + 0.3 * max(len(parts), 1), _legend_height(parts))))
    chart.numbers = parts.rename_axis("of").reset_index().convert_dtypes()
    FigureCanvasAgg(chart)
    _draw_bars(chart, chart.add_subplot(), parts, title)
    return chart


def participation(by_day: pd.DataFrame, by_school: pd.DataFrame, title: str) -> Chart:
    """Students over the year, a line for each program, and by school.

    by_day: a row for each day, a column for each program. by_school: a row for each school, the same columns.
    """
    height = max(2.4 + 0.9 + 0.3 * max(len(by_school), 1), _legend_height(by_day))
    chart = Chart(figsize=(8.4, height))
    chart.numbers = by_day.rename_axis("day").reset_index()
    FigureCanvasAgg(chart)
    lines, schools = chart.subplots(2, height_ratios=[2.4, height - 2.4])
    programs = len(by_day.columns)
    widths = np.linspace(
        min(_WIDEST_LINE, 1 + programs), _LINE, programs
    )  # lines that run together are all seen
    for at, (program, width) in enumerate(zip(by_day, widths, strict=True)):
        lines.plot(
            by_day.index,
            by_day[program],
            color=colour_of(program, at),
            linewidth=width,
        )
    lines.set_ylim(bottom=0)
    lines.yaxis.get_major_locator().set_params(integer=True)  # students
    lines.tick_params(colors=_TEXT, labelsize=9)
    lines.spines[["top", "right"]].set_visible(False)
    lines.spines[["left", "bottom"]].set_color(_TEXT)
    lines.set_title(title, loc="left", color=_TEXT, fontsize=10, fontweight="bold")
    lines.set_xticks(by_day.index[::2], [f"{day:%b}" for day in by_day.index[::2]])
    _draw_bars(chart, schools, by_school.astype(float), "By school, all year")
    return chart


def _in_lines(name: object) -> str:
    return fill(str(name), _LEGEND_LINE)


def _label(text: str) -> str:
    """A text for the side of a bar; one that is cut says so."""
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1].rstrip()}\u2026"


def _legend_height(names: Iterable[object]) -> float:
    """In inches."""
    return 0.4 + 0.2 * sum(_in_lines(name).count("\n") + 1 for name in names)


def _draw_bars(chart: Chart, axes: Axes, parts: pd.DataFrame, title: str) -> None:
    names = [_label(cell_text(name)) or "(none)" for name in parts.index]
    left = pd.Series(0.0, parts.index)
    for at, column in enumerate(parts):
        drawn = axes.barh(
            range(len(parts)),
            parts[column].to_numpy(),
            left=left.to_numpy(),
            color=colour_of(column, at),
            height=0.68,
            label=str(column),
        )
        left += parts[column]
    if len(parts.columns):
        axes.bar_label(drawn, [f"{count:,.10g}" for count in left], padding=4, color=_TEXT, fontsize=9)
    if list(parts.columns) != ["count"]:
        handles, labels = axes.get_legend_handles_labels()
        wrapped = [_in_lines(label) for label in labels]
        chart.legend(  # outside of what is drawn, which one inside would shrink
            handles, wrapped, loc="outside right upper", frameon=False, labelcolor=_TEXT, fontsize=9
        )
    axes.set_yticks(range(len(parts)), names, color=_TEXT, fontsize=9)
    axes.set_title(title, loc="left", color=_TEXT, fontsize=10, fontweight="bold")
    axes.set_ylim(max(len(parts), 1) - 0.5, -0.5)  # the first on top
    axes.set_xlim(0, max([1.0, *left * 1.12]))  # room for the counts
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    if parts.empty:
        axes.set(yticks=[], xlim=(0, 1))
        axes.set_title(f"{title}: nothing to show", loc="left", color=_TEXT, fontsize=10)


def timeline(spans: pd.DataFrame, title: str) -> Chart:
    """A bar for each span, in the order given; hollow for a record that is not in the ODS as it should be.

    spans: what, begins, ends (missing while it goes on: to the end of the school year, and an arrow), in_the_ods (empty
    of what is no record).
    """
    known = spans.dropna(subset=["begins"])
    chart = Chart(figsize=(7.2, 0.9 + 0.3 * max(len(known), 1)))
    chart.numbers = known
    FigureCanvasAgg(chart)
    axes = chart.add_subplot()
    begins = known["begins"].map(date2num)
    last = max([*known["begins"], *known["ends"].dropna()], default=pd.Timestamp(0))
    year_end = pd.Timestamp(last.year + (last.month > _LAST_MONTH), _LAST_MONTH, 30)
    goes_on = known["ends"].isna()
    ends = known["ends"].mask(goes_on, year_end).map(date2num).astype(float)
    colours = [_BAR if str(what).startswith("record") else _OTHER for what in known["what"]]
    there = known["in_the_ods"].str.fullmatch("(yes.*)?")
    faces = [colour if full else _PAPER for colour, full in zip(colours, there, strict=True)]
    widths = (ends - begins).clip(lower=1.0)
    axes.barh(range(len(known)), widths, left=begins, color=faces, edgecolor=colours, height=0.6)
    for at, end in enumerate(ends.where(goes_on)):
        if not np.isnan(end):
            axes.text(end, at, " \u25b8", va="center", color=_TEXT)
    labels = [
        _label(str(what)) + ("" if full else f" ({state})")
        for what, state, full in zip(known["what"], known["in_the_ods"], there, strict=True)
    ]
    axes.set_yticks(range(len(known)), labels, color=_TEXT, fontsize=9)
    axes.set_ylim(max(len(known), 1) - 0.5, -0.5)
    first, last = axes.get_xlim()
    fewest = 2 if last - first > 2 else 1  # else there would be hours
    days = AutoDateLocator(minticks=fewest, maxticks=_DAYS_ON_AXIS)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(days)
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]
    axes.tick_params(left=False, colors=_TEXT, labelsize=9)
    axes.set_title(title, loc="left", color=_TEXT, fontsize=10, fontweight="bold")
    axes.spines[:].set_visible(False)
    return chart
