"""docs/architecture.md, the map for developers, names what is there, and says of imports what the tests keep."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.test_imports import LINES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:edfi_toolkit|tests|docs|notebooks|expectations|data|bench|tools)/[\w./<>*-]*)`")


def missing(page: str) -> list[str]:
    """The paths that a page names and the project does not have; `<name>` stands for any name."""
    return [
        path for path in PATH.findall(page) if not any(ROOT.glob(re.sub(r"<\w+>", "*", path.rstrip("/"))))
    ]


def test_every_path_on_the_map_exists() -> None:
    assert missing(PAGE) == []
    assert len(PATH.findall(PAGE)) > 30


def test_the_search_for_paths_itself() -> None:
    page = "`edfi_toolkit/errors.py`, `edfi_toolkit/no_such.py`, `tests/<any>/`, `docs/<none>.txt`"
    assert missing(page) == ["edfi_toolkit/no_such.py", "docs/<none>.txt"]


def test_the_order_of_imports_is_the_one_that_is_kept() -> None:
    """One line of the page's list a line of LINES, lowest first."""
    block = PAGE.split("## What may import what")[1].split("```")[1]
    lines = [set(re.findall(r"[a-z_]+", line)) for line in block.strip().splitlines()]
    assert lines == [line for line in LINES if "__init__" not in line]


def test_every_folder_of_the_package_is_on_the_map() -> None:
    folders = {path.parent.name for path in (ROOT / "edfi_toolkit").glob("*/__init__.py")}
    assert [name for name in sorted(folders) if f"{name}/" not in PAGE] == []
