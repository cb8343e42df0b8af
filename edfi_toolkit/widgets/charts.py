"""Static charts: drawn in Python, shown offline and in every saved notebook."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from edfi_toolkit.display.values import cell_text

# Readable on white and on black: blue bars, and a grey with a contrast above 4 to either.
_BAR, _TEXT = "#3987c9", "#7a7a7a"
_LONGEST_LABEL = 48
_OPEN_DAYS = 30  # how far a span without an end goes on after all others


class Chart(Figure):
    """A figure that pyplot does not know, so that a notebook shows it once, where the cell returns it."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        drawn, (width, height) = BytesIO(), self.get_size_inches() * 96
        self.savefig(drawn, format="png", dpi=192, transparent=True)
        return drawn.getvalue(), {"width": round(width), "height": round(height)}


def bars(series: pd.Series, title: str) -> Chart:
    """Horizontal bars in the order of the series, each with its label and its count; missing counts as 0."""
    names, counts = (
        [cell_text(name)[:_LONGEST_LABEL] or "(none)" for name in series.index],
        series.fillna(0).astype(float),
    )
    chart = Chart(figsize=(7.2, 0.7 + 0.3 * max(len(series), 1)), layout="constrained")
    FigureCanvasAgg(chart)
    axes = chart.add_subplot()
    drawn = axes.barh(range(len(series)), counts.to_numpy(), color=_BAR, height=0.68)
    axes.bar_label(drawn, [f"{count:,.10g}" for count in counts], padding=4, color=_TEXT, fontsize=9)
    axes.set_yticks(range(len(series)), names, color=_TEXT, fontsize=9)
    axes.set_title(title, loc="left", color=_TEXT, fontsize=10, fontweight="bold")
    axes.set_ylim(max(len(series), 1) - 0.5, -0.5)  # the first on top
    axes.margins(x=0.12)
    axes.tick_params(left=False, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    if series.empty:
        axes.set(yticks=[], xlim=(0, 1))
        axes.set_title(f"{title}: nothing to show", loc="left", color=_TEXT, fontsize=10)
    return chart


def timeline(spans: pd.DataFrame, title: str) -> Chart:
    """A bar for each span, in the order given. spans: what, begins, ends (missing while it goes on)."""
    known = spans.dropna(subset=["begins"])
    chart = Chart(figsize=(7.2, 0.9 + 0.3 * max(len(known), 1)), layout="constrained")
    FigureCanvasAgg(chart)
    axes = chart.add_subplot()
    begins = known["begins"].map(date2num)
    open_end = max([*begins, *known["ends"].dropna().map(date2num)], default=1.0) + _OPEN_DAYS
    ends = known["ends"].map(date2num, na_action="ignore").fillna(open_end).astype(float)
    colours = [_BAR if str(what).startswith("record") else _TEXT for what in known["what"]]
    axes.barh(range(len(known)), (ends - begins).clip(lower=1.0), left=begins, color=colours, height=0.6)
    axes.set_yticks(
        range(len(known)), [str(what)[:_LONGEST_LABEL] for what in known["what"]], color=_TEXT, fontsize=9
    )
    axes.set_ylim(max(len(known), 1) - 0.5, -0.5)
    axes.xaxis_date()
    axes.tick_params(left=False, colors=_TEXT, labelsize=9)
    axes.set_title(title, loc="left", color=_TEXT, fontsize=10, fontweight="bold")
    axes.spines[:].set_visible(False)
    return chart
