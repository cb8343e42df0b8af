"""What a client must survive, line by line: each line has a public source and named tests that are there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.checklists import names_of_tests

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = Path(__file__).parent / "client_checklist.csv"
LINES = list(csv.DictReader(CHECKLIST.read_text(encoding="utf-8").splitlines()))
NAMES = [line["line"] for line in LINES]


def test_the_checklist_is_whole_and_names_each_line_once() -> None:
    assert len(NAMES) == len(set(NAMES)) == 48


@pytest.mark.parametrize("line", LINES, ids=NAMES)
def test_each_line_says_what_may_happen_and_has_a_public_source(line: dict[str, str]) -> None:
    assert line["says"].endswith(".")
    assert line["source"].startswith(
        ("https://docs.ed-fi.org/", "https://github.com/Ed-Fi-", "https://www.rfc-")
    )


@pytest.mark.parametrize("line", LINES, ids=NAMES)
def test_each_line_has_tests_and_they_are_there(line: dict[str, str]) -> None:
    named = [test.partition("::") for test in line["tests"].split()]
    assert named
    missing = [f"{file}::{name}" for file, _, name in named if name not in names_of_tests(ROOT / file)]
    assert missing == []
