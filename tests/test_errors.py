"""What a message about an unknown name suggests."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "candidates", "says"),
    [
        ("tragets", ["targets", "runs"], " Did you mean 'targets'?"),
        ("SCHOOLID", ["SchoolId", "StudentId"], " Did you mean 'SchoolId'?"),
        (2025, [2026, 1990], " Did you mean '2026'?"),
        ("zzz", ["targets", "runs"], ""),
        ("anything", [], ""),
    ],
)
def test_the_nearest_known_name_is_suggested(name: object, candidates: list[object], says: str) -> None:
    assert did_you_mean(name, candidates) == says
    assert (nearest(name, candidates) is not None) is bool(says)
