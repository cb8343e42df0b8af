"""What a reference to a source row says: its table, its id, and the trigger of an enrollment alone."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.model.refs import row_of, split_ref
from edfi_toolkit.rules.common import ref_parts

REFS = {
    "enrollments:20#third_party": ("enrollments", "20"),
    "enrollments:20": ("enrollments", "20"),
    "enrollments:2#0#cte": ("enrollments", "2#0"),
    "enrollments:2#0": ("enrollments", "2#0"),
    "students:A#3": ("students", "A#3"),
    "program_participation:p#b": ("program_participation", "p#b"),
    "program_participation:a:b|c": ("program_participation", "a:b|c"),
}


@pytest.mark.parametrize(("ref", "parts"), REFS.items())
def test_an_id_with_a_number_sign_stays_whole(ref: str, parts: tuple[str, str]) -> None:
    assert split_ref(ref) == parts
    assert row_of(ref) == ":".join(parts)


def test_references_in_a_column_are_split_like_one() -> None:
    found = ref_parts(pd.Series(list(REFS)))
    assert list(zip(found["table"], found["id"], strict=True)) == list(REFS.values())
