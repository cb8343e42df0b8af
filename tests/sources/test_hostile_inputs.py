"""Inputs that are broken, or made to be slow: a small part of what `bench/hostile.py` measures ends the same way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edfi_toolkit as edfi
from bench.parts.hostile_inputs import INPUTS, Input
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.settings import ReadingLimits

FEW = ReadingLimits(max_rows=100_000)
ENDLESS = frozenset({"a view without an end", "row a thousand million"})
SHARE = 0.002  # of the size that is measured
SHARES = {  # what is told from a small file by its size alone needs a good part of it
    "Parquet of 20,000 columns": 0.26,
    "a cell of 500 MB": 0.1,
    "a quotation mark never closed, 500 MB": 0.01,
    "2 million rows with a cell too many": 0.01,
}


def told(case: Input, folder: Path) -> list[str]:
    """Everything that a steward is told about the input."""
    source = case.write(folder, SHARES.get(case.name, SHARE))
    try:
        limits = FEW if case.name in ENDLESS else ReadingLimits()
        tables = edfi.extract(source, profile=case.profile, limits=limits)
    except EdfiToolkitError as error:
        return [str(error)]
    counts = [f"{name}: {len(frame):,} rows" for name, frame in tables.items()]
    return [*counts, *tables.skipped["detail"], *tables.notices["detail"]]


@pytest.mark.parametrize("case", INPUTS, ids=[case.name for case in INPUTS])
def test_a_hostile_input_ends_in_tables_or_in_one_sentence(case: Input, tmp_path: Path) -> None:
    says = told(case, tmp_path)
    assert any(re.search(case.says, text) for text in says), says
    assert all(text.encode() for text in says)


def test_there_are_forty_and_each_has_a_name_of_its_own() -> None:
    assert len({case.name for case in INPUTS}) == len(INPUTS) >= 40
