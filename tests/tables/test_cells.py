"""Each kind of cell, in text and as spreadsheets and databases hand it over."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker
from edfi_toolkit.tables import Column
from edfi_toolkit.tables.cell_errors import why
from edfi_toolkit.tables.cells import convert
from edfi_toolkit.tables.schema import TABLES

ID = Column(name="student_id", is_id=True)
TEXT = Column(name="name")
CODE = Column(name="third_party_provider", upper=True)
INT = Column(name="enroll_status", type="int")
YEAR = Column(name="school_year", type="year")
DATE = Column(name="begin_date", type="date")
FLAG = Column(name="no_show", type="bool", default=False)
ENUM = Column(name="service_type", type="enum", values=("P", "S", "N"))
JSON = Column(name="attributes", type="json")
UNREADABLE = object()


def read(cell: object, column: Column) -> object:
    """One cell through a column of mixed cells; None when it is empty."""
    values, bad = convert(pd.Series([cell], dtype=object), column)
    if bad.iloc[0]:
        assert values.isna().iloc[0]
        return UNREADABLE
    value = values.iloc[0]
    return None if not isinstance(value, dict) and pd.isna(value) else value


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (" a  b\t", "a  b"),
        ("\u00a0x\u00a0", "x"),
        ("", None),
        ("  ", None),
        ("\u00a0", None),
        ("NA", "NA"),
        ("\u200b\ufeffx y\u200e ", "x y"),
        ("\u00ad\u200d", None),
        ("a\u200bb", "a\u200bb"),
        ("a\0b", UNREADABLE),
    ],
)
def test_text_is_stripped_and_empty_text_is_null_com_nrm_1(cell: str, expected: object) -> None:
    assert read(cell, TEXT) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("00123", "00123"),
        ("0012345", "0012345"),
        (123, "123"),
        (np.int64(7), "7"),
        (Decimal("12"), "12"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("12.50", UNREADABLE),
        ("5E2", "5E2"),
        ("123.0", UNREADABLE),
        ("900111222.00", UNREADABLE),
        ("9.00111E+11", UNREADABLE),
        (123.0, UNREADABLE),
        (12.5, UNREADABLE),
        (Decimal("123.0"), UNREADABLE),
        (True, UNREADABLE),
        (date(2025, 3, 4), UNREADABLE),
        ({"a": 1}, UNREADABLE),
        (float("nan"), None),
        (pd.NaT, None),
    ],
)
def test_ids_are_text_and_never_floats_com_nrm_2(cell: object, expected: object) -> None:
    assert read(cell, ID) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026", 2026),
        (" 255901 ", 255901),
        ("-1", -1),
        (2026, 2026),
        (255901.0, 255901),
        (Decimal("3"), 3),
        ("255901.0", UNREADABLE),
        ("12a", UNREADABLE),
        ("٣", UNREADABLE),
        (2.5, UNREADABLE),
        (float("inf"), UNREADABLE),
        (10**30, UNREADABLE),
        ("1" * 30, UNREADABLE),
        (True, UNREADABLE),
        ("", None),
    ],
)
def test_whole_numbers_com_nrm_2(cell: object, expected: object) -> None:
    assert read(cell, INT) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2025-09-02", "2025-09-02"),
        ("9/2/2025", "2025-09-02"),
        ("09/02/2025", "2025-09-02"),
        ("2024-02-29", "2024-02-29"),
        ("2025-11-02T00:30:00-05:00", "2025-11-02"),
        ("2025-08-23T23:30:00Z", "2025-08-23"),
        ("2025-08-23 00:00:00.0", "2025-08-23"),
        ("8/23/2025 12:00:00 AM", "2025-08-23"),
        ("0/0/0", None),
        ("00/00/0000", None),
        ("0000-00-00", None),
        ("1900-01-01", None),
        ("1/1/1900", None),
        ("1900-01-01 00:00:00", None),
        ("", None),
        (date(2025, 9, 2), "2025-09-02"),
        (datetime(2025, 8, 23, 23, 30, tzinfo=UTC), "2025-08-23"),
        (pd.Timestamp("2025-11-02T00:30:00-05:00"), "2025-11-02"),
        (datetime(1900, 1, 1), None),
        ("2026-02-29", UNREADABLE),
        ("2026-02-30", UNREADABLE),
        ("13/1/2025", UNREADABLE),
        ("9/2/25", UNREADABLE),
        ("20250902", UNREADABLE),
        ("2025-9-2", UNREADABLE),
        ("2025-09-02x", UNREADABLE),
        ("next week", UNREADABLE),
        (45902, UNREADABLE),
        (45902.0, UNREADABLE),
    ],
)
def test_dates_are_the_written_calendar_day_com_nrm_3(cell: object, expected: object) -> None:
    """Edge cases 45, 46, 94 and 95 of the catalogue are among these."""
    found = read(cell, DATE)
    assert found == (pd.Timestamp(expected) if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026", 2026),
        (2026, 2026),
        (2026.0, 2026),
        (Decimal(2026), 2026),
        ("2025-26", 2026),
        ("25-26", 2026),
        ("2025/2026", 2026),
        ("", None),
        ("202", UNREADABLE),
        ("26", UNREADABLE),
        (26, UNREADABLE),
        (202.0, UNREADABLE),
        (2026.5, UNREADABLE),
        ("20266", UNREADABLE),
        ("0226", UNREADABLE),
        ("1926", UNREADABLE),
        (3026, UNREADABLE),
        ("2025-27", UNREADABLE),
        ("NULL", UNREADABLE),
        (True, UNREADABLE),
    ],
)
def test_a_school_year_is_one_that_can_be_com_nrm_2(cell: object, expected: object) -> None:
    assert read(cell, YEAR) == expected


def test_each_column_with_a_school_year_is_read_as_one() -> None:
    columns = [column for table in TABLES.values() for column in table.columns.values()]
    assert {column.type for column in columns if "school_year" in column.name} == {"year"}
    assert why("202", YEAR) == "is no school year. Write the year it ends in, for example 2026."


def test_typed_dates_lose_their_time_and_never_move_com_nrm_3() -> None:
    zoned = pd.Series(pd.to_datetime(["2025-11-02T00:30:00-05:00", None])).dt.tz_convert("America/Chicago")
    values, bad = convert(zoned, DATE)
    assert values.tolist() == [pd.Timestamp("2025-11-02"), pd.NaT]
    assert not bad.any()
    naive, _ = convert(pd.Series(pd.to_datetime(["2025-08-23 23:59:59", "1900-01-01 00:00:00"])), DATE)
    assert naive.dtype == "datetime64[us]"
    assert naive.tolist() == [pd.Timestamp("2025-08-23"), pd.NaT]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *((word, True) for word in ("1", "true", "T", "y", "YES", "Checked", 1, 1.0, True, np.True_)),
        *((word, False) for word in ("0", "False", "f", "N", "no", "UNCHECKED", 0, 0.0, False)),
        *((word, UNREADABLE) for word in ("x", "2", "NA", "None", 2, 0.5, date(2025, 1, 1))),
        ("", None),
        (None, None),
    ],
)
def test_booleans_com_nrm_4(cell: object, expected: object) -> None:
    found = read(cell, FLAG)
    assert found is UNREADABLE if expected is UNREADABLE else found == expected


def test_codes_are_upper_cased_com_nrm_5() -> None:
    assert read(" cesa ", CODE) == "CESA"
    assert read("Cesa", TEXT) == "Cesa"


@pytest.mark.parametrize(
    ("cell", "expected"), [("s", "S"), (" P ", "P"), ("X", UNREADABLE), (1, UNREADABLE), ("", None)]
)
def test_enumerations_com_nrm_5(cell: object, expected: object) -> None:
    assert read(cell, ENUM) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('{"a": [true, 1.5]}', {"a": [True, 1.5]}),
        ({"a": 1}, {"a": 1}),
        ("null", None),
        ("", None),
        ("{", UNREADABLE),
        ("[1]", UNREADABLE),
        ("5", UNREADABLE),
        ([1], UNREADABLE),
        (5, UNREADABLE),
    ],
)
def test_attributes_are_json_objects_com_nrm_4(cell: object, expected: object) -> None:
    assert read(cell, JSON) == expected


@pytest.mark.parametrize("cell", ["NULL", "x", "{", "1/2/26", "45000", 1.5, b"x", date(2025, 9, 2), "a\0b"])
def test_what_is_said_of_a_cell_quotes_nothing_since_that_would_be_hidden_with_it(cell: object) -> None:
    columns = [column for table in TABLES.values() for column in table.columns.values()]
    says = [why(cell, column) for column in columns]
    rows = pd.DataFrame({"rule": "", "column": "student_id", "value": "not in it", "detail": says})
    assert Masker(b"a key for tests").frame(rows)["detail"].tolist() == says


@pytest.mark.parametrize(
    ("cells", "column", "expected"),
    [
        (pd.Series(["a ", None], dtype="string"), TEXT, ["a", np.nan]),
        (pd.Series(["a ", "a "], dtype="category"), TEXT, ["a", "a"]),
        (pd.Series([1, None], dtype="Int64"), ID, ["1", np.nan]),
        (pd.Series([1, 2], dtype="int8"), INT, [1, 2]),
        (pd.Series([301240.0, np.nan]), INT, [301240, pd.NA]),
        (pd.Series([True, None], dtype="boolean"), FLAG, [True, pd.NA]),
        (pd.Series([1, 0]), FLAG, [True, False]),
        (pd.Series([date(2025, 1, 2)]).astype("date32[pyarrow]"), DATE, [pd.Timestamp("2025-01-02")]),
    ],
)
def test_typed_columns_are_read_as_well(cells: pd.Series, column: Column, expected: list[object]) -> None:
    values, bad = convert(cells, column)
    assert not bad.any()
    pd.testing.assert_series_equal(values, pd.Series(expected, dtype=values.dtype), check_names=False)


def test_a_column_of_mixed_cells_keeps_each_in_its_place() -> None:
    values, bad = convert(pd.Series(["7", 8, None, 9.0, True], dtype=object, index=[4, 3, 2, 1, 0]), ID)
    assert values.to_dict() == {4: "7", 3: "8", 2: pytest.approx(float("nan"), nan_ok=True)} | dict.fromkeys(
        [1, 0], pytest.approx(float("nan"), nan_ok=True)
    )
    assert bad.to_dict() == {4: False, 3: False, 2: False, 1: True, 0: True}
