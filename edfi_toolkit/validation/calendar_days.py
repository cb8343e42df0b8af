"""The one expectation of our own: `expect_column_values_to_be_calendar_days`.

The library's date rules take seconds for what takes a tenth (dateutil), or compare texts. Imported only by
`gx`, before a suite is loaded: a kind that is not registered by then is dropped by the library without an
error.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)


def are_days(column: pd.Series, min_date: str | None = None, max_date: str | None = None) -> pd.Series:
    """Where a column holds days written as yyyy-mm-dd, or dates, both ends of the range included.

    With a range, a text that is no day at all passes: that is the finding of the rule without a range.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        days, well_written = column, column.notna()
    else:
        text = column.astype("str")
        days = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
        well_written = text.str.fullmatch(r"\d{4}-\d{2}-\d{2}") & days.notna()
    if min_date is None and max_date is None:
        return well_written
    good = pd.Series(True, index=column.index)
    if min_date is not None:
        good &= ~days.lt(pd.Timestamp(min_date))
    if max_date is not None:
        good &= ~days.gt(pd.Timestamp(max_date))
    return good


class CalendarDays(ColumnMapMetricProvider):
    """The metric behind the expectation."""

    condition_metric_name = "column_values.calendar_days"
    condition_value_keys = ("min_date", "max_date")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        column: pd.Series,
        min_date: str | None = None,
        max_date: str | None = None,
        **_: Any,
    ) -> pd.Series:
        return are_days(column, min_date, max_date)


class ExpectColumnValuesToBeCalendarDays(ColumnMapExpectation):
    """Values are days of the calendar (yyyy-mm-dd), inside a range when one is given."""

    # The library asks for plain class attributes and reads fields by annotation.
    min_date: str | dict[str, str] | None = None
    max_date: str | dict[str, str] | None = None

    map_metric = "column_values.calendar_days"
    success_keys = ("min_date", "max_date", "mostly")
    args_keys = ("column", "min_date", "max_date")
