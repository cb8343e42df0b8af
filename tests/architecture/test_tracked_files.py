"""What is committed: modules of a readable size, data that parses, nothing that names one machine."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
SOURCE = re.compile(r"(edfi_toolkit|tools|bench)/.*\.py$")

# Where a path of this machine begins: the checkout's own surroundings and the home of who runs the tests.
HERE = [re.escape(f"{folder}/") for folder in sorted({ROOT.parent, Path.home()}) if len(folder.parts) > 1]
MACHINE = re.compile(
    "|".join(
        [rf"(?<![\w.]){place}\w" for place in HERE]
        + [
            r"(?<![\w.])/home/(?!user/|you/)[a-z]",
            r"(?<![\w.])/Users/[a-z]",
            r"[A-Z]:\\Users",
            r"(?<![\w.])/tmp/[a-z]",
        ]
    )
)
# Where packages come from is the installation's own setting: no index is named, no package by its address.
PACKAGE_SOURCE = re.compile(
    r"(?<!emit-)(index[-_]url|find[-_]links)[\s\"'=:]+\S*/{2}|^registry\s*=|/{2}\S+/simple/|/{2}\S+\.(whl|egg|conda|tgz|tar\.gz|tar\.bz2)\b",
    re.MULTILINE,
)


@cache
def tracked() -> list[Path]:
    """Every file git knows, or would with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: nothing is tracked")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> dict[str, str]:
    """The text files, by their name in the repository."""
    found = {}
    for path in tracked():
        try:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a workbook
    return found


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_one_machine() -> None:
    assert hits(MACHINE) == []


def test_no_file_names_where_packages_are_downloaded_from() -> None:
    """A lock that names an index installs only where that one can be reached."""
    assert hits(PACKAGE_SOURCE) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"see {ROOT}", MACHINE),
        (f"cd {Path.home()}/x", MACHINE),
        ("open('{}/run1')".format("/tmp"), MACHINE),
        ("--{} https://example.org/".format("index-url"), PACKAGE_SOURCE),
        ("x @ https://example.org/x-1.0-py3-none-any.{}".format("whl"), PACKAGE_SOURCE),
    ],
    ids=["checkout", "home", "temporary", "index", "package"],
)
def test_the_search_itself_finds_what_it_should(line: str, found: re.Pattern[str]) -> None:
    assert found.search(line)
    assert not found.search(
        "docs/network/index.txt and my/homeless/sheet.csv, data/homeless/a.csv --no-emit-index-url"
    )


def test_no_module_is_longer_than_one_sitting() -> None:
    long = {
        name: text.count("\n")
        for name, text in texts().items()
        if SOURCE.match(name) and text.count("\n") > MODULE_LINES
    }
    assert long == {}


def test_every_json_notebook_and_toml_file_parses() -> None:
    unreadable = []
    for name, text in texts().items():
        try:
            if name.endswith((".json", ".ipynb")):
                json.loads(text)
            elif name.endswith(".jsonl"):
                [json.loads(line) for line in text.splitlines() if line]
            elif name.endswith(".toml"):
                tomllib.loads(text)
        except ValueError as error:
            unreadable.append(f"{name}: {error}")
    assert unreadable == []


def test_nothing_large_is_committed() -> None:
    """The largest file that belongs here is the lock."""
    large = {path.name: path.stat().st_size for path in tracked() if path.stat().st_size > 1_000_000}
    assert large == {}
