"""When the sandbox counts as faithful, line by line: each line has a public source and named tests that are there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.checklists import names_of_tests

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = Path(__file__).parent / "sandbox_checklist.csv"
LINES = list(csv.DictReader(CHECKLIST.read_text(encoding="utf-8").splitlines()))
NAMES = [line["line"] for line in LINES]
# Open endpoints, tokens, upsert, put and delete, ETags, validation, relationships, identity, filters, paging, change
# queries, faults.
CHAPTERS = 12


def test_every_chapter_has_its_lines_and_each_line_stands_once():
    assert len(NAMES) == len(set(NAMES)) == 57
    assert sorted({int(name.split("-")[0]) for name in NAMES}) == list(range(1, CHAPTERS + 1))


@pytest.mark.parametrize("line", LINES, ids=NAMES)
def test_each_line_says_what_holds_and_has_a_public_source(line):
    assert line["says"].endswith(".")
    assert line["source"].startswith(("https://docs.ed-fi.org/", "https://github.com/Ed-Fi-"))


@pytest.mark.parametrize("line", LINES, ids=NAMES)
def test_each_line_has_tests_and_they_are_there(line):
    named = [test.partition("::") for test in line["tests"].split()]
    assert named
    missing = [f"{file}::{name}" for file, _, name in named if name not in names_of_tests(ROOT / file)]
    assert missing == []
