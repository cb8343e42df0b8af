"""What a client must survive, line by line: each line has a public source and named tests that are there."""

from __future__ import annotations

import ast
import csv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = Path(__file__).parent / "client_checklist.csv"
LINES = list(csv.DictReader(CHECKLIST.read_text(encoding="utf-8").splitlines()))
NAMES = [line["line"] for line in LINES]


@cache
def names_in(path: Path) -> frozenset[str]:
    """The tests of a file that are run: those that no mark skips."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("skip" in ast.unparse(mark) for mark in node.decorator_list)
    )


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
    missing = [f"{file}::{name}" for file, _, name in named if name not in names_in(ROOT / file)]
    assert missing == []
