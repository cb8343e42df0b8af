"""Whether the tests that a checklist names are there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    """The tests of a file that are run: those that no mark skips."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any("skip" in ast.unparse(mark) for mark in node.decorator_list)
    )
