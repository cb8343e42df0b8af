"""Frames by schema: what is missing is made, and what one frame is given is in no other."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.model.frames import DAY, INSTANT, NUMBER, TEXT, typed, with_types

SCHEMA = {"name": TEXT, "number": NUMBER, "day": DAY, "at": INSTANT}
VALUES = {
    "name": "Maple",
    "number": 7,
    "day": pd.Timestamp("2025-08-01"),
    "at": pd.Timestamp("2025-08-01", tz="UTC"),
}


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_column_that_is_missing_has_its_type_and_no_value(rows: int) -> None:
    made = typed(pd.DataFrame({"other": ["x"] * rows}), SCHEMA)
    assert made.dtypes.astype("str").to_dict() == SCHEMA
    assert made.index.tolist() == list(range(rows))
    assert made.isna().all(axis=None)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", SCHEMA)
def test_what_is_written_into_a_frame_is_in_no_other(name: str, rows: int) -> None:
    nothing = pd.DataFrame({"other": ["x"] * rows})
    first = typed(nothing, SCHEMA)
    for same in (with_types(first, SCHEMA), with_types(first, {name: "object"})):
        same.loc[0, [*SCHEMA]] = [*VALUES.values()]
        assert first.isna().all(axis=None)
    first.loc[0, name] = VALUES[name]
    assert typed(nothing, SCHEMA).isna().all(axis=None)
