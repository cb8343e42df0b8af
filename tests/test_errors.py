"""The tree of errors as the module draws it, and what a message about an unknown name suggests."""

from __future__ import annotations

import inspect

import pytest

from edfi_toolkit import errors
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


def test_the_module_opens_with_the_tree_of_its_errors() -> None:
    parents: list[str] = []
    tree: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip().partition(" ")[0]
        if not inspect.isclass(getattr(errors, name, None)):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else None
    classes = {
        name: cls.__base__.__name__ if cls is not errors.EdfiToolkitError else None
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, errors.EdfiToolkitError)
    }
    assert tree == classes
