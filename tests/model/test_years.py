"""School years in each way people write them."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model.years import read_school_year, school_year_text


@pytest.mark.parametrize(
    "written",
    [2026, "2026", 26, "26", "2025-26", "2025-2026", "2025/26", " 2025 - 26 ", "25-26", "2025\u201326"],
)
def test_a_school_year_is_understood(written: object) -> None:
    assert read_school_year(written) == 2026


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (2025 - 26, "is what comes of 2025-26 without quotes"),
        ("2025-27", "must end one year after it begins"),
        ("2026-25", "must end one year after it begins"),
        (202526, "no school year"),
        (20, None),
        (1926, "from 2000 to 2099"),
        ("", "no school year"),
        ("this year", "no school year"),
        (2026.0, "no school year"),
        (True, "no school year"),
        (None, "no school year"),
        (-26, "no school year"),
    ],
)
def test_anything_else_is_refused_by_name_and_with_the_right_way(written: object, said: str | None) -> None:
    if said is None:
        assert read_school_year(written) == 2020
        return
    with pytest.raises(ConfigError, match=said) as refused:
        read_school_year(written, "[targets.state] school_year")
    assert str(refused.value).startswith("[targets.state] school_year ")
    assert '"2025-26" in quotes' in str(refused.value)


def test_a_year_is_written_as_people_say_it() -> None:
    assert [school_year_text(year) for year in (2026, 2000, 2010)] == ["2025-26", "1999-00", "2009-10"]
