"""What exists once in the package: the writer of private files, and the search for the nearest name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edfi_toolkit

PACKAGE = Path(edfi_toolkit.__file__).parent

# What opens, creates, protects or syncs a file; `open` where its mode writes.
FILE_CALLS = {
    "os.open",
    "os.fdopen",
    "os.fsync",
    "os.chmod",
    "os.fchmod",
    "os.mkdir",
    "os.makedirs",
    "tempfile.mkstemp",
    "tempfile.NamedTemporaryFile",
}
FILE_METHODS = {"write_text", "write_bytes", "chmod", "touch", "mkdir"}
FRAME_METHODS = {"to_parquet", "to_csv", "to_json", "to_excel", "to_pickle", "to_html", "to_feather"}
NAMES = {"open", "O_CREAT", *FILE_METHODS, *FRAME_METHODS, *(name.partition(".")[2] for name in FILE_CALLS)}
NAMED = re.compile(rf"\b({'|'.join(NAMES)})\b")
# Each with its reason; a call that is gone must leave this list.
EXCEPTIONS = {
    ("storage.py", "*"): "the one place",
    (
        "sandbox/schema.py",
        "touch",
    ): "imports nothing but errors and model; the file holds an invented district",
    ("sandbox/server.py", "mkdir"): "imports nothing but errors and model",
    ("validation/suites.py", "write_bytes"): "writes the expectation suites of the project, which are public",
}


def file_calls(source: str) -> Iterator[tuple[str, int]]:
    """Every call that writes a file, or makes a folder, other than through `storage`: its name and line."""
    if not NAMED.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "O_CREAT":
            yield "O_CREAT", node.lineno
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        name = function.rpartition(".")[2]
        opens = name == "open" and function not in ("os.open", "webbrowser.open")
        if (
            function in FILE_CALLS
            or (name in FILE_METHODS and name != function)
            or (name in FRAME_METHODS and node.args)  # without a path it gives the text
            or (opens and any(set("wax+") & set(mode) for mode in modes(node)))
        ):
            yield name, node.lineno


def modes(call: ast.Call) -> list[str]:
    """The texts among the arguments that can be the mode of `open`."""
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    texts = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return [text for text in texts if text and set(text) <= set("rwaxbt+")]


def written_elsewhere() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for call, line in file_calls(path.read_text(encoding="utf-8")):
            key = (name, "*" if (name, "*") in EXCEPTIONS else call)
            found.setdefault(key, []).append(f"{name}:{line}: {call}")
    return found


def test_no_file_is_written_but_through_storage() -> None:
    found = written_elsewhere()
    wrong = [place for key, places in found.items() if key not in EXCEPTIONS for place in places]
    assert not wrong, "use edfi_toolkit.storage:\n" + "\n".join(wrong)
    assert set(EXCEPTIONS) <= set(found), "an exception that nothing needs any more"


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)", ["O_CREAT", "open"]),
        ("path.write_text(text, 'utf-8')", ["write_text"]),
        ("with path.open('wb') as file: ...", ["open"]),
        ("open(path, mode='a')", ["open"]),
        ("open(path, 'rb')", []),
        ("path.open('rb')", []),
        ("create_private(path).open('r+b')", ["open"]),
        ("frame.to_parquet(path, index=False)", ["to_parquet"]),
        ("frame.to_csv(index=False).encode()", []),
        ("path.chmod(0o600)", ["chmod"]),
        ("os.fsync(file.fileno())", ["fsync"]),
        ("folder.mkdir(parents=True)", ["mkdir"]),
        ("write_private(path, partial(frame.to_parquet, index=False))", []),
        ("webbrowser.open(url)", []),
    ],
)
def test_the_file_check_itself(source: str, calls: list[str]) -> None:
    assert sorted(name for name, _ in file_calls(source)) == calls


def test_the_nearest_name_is_searched_in_one_place() -> None:
    users = [path for path in PACKAGE.rglob("*.py") if "difflib" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(PACKAGE).as_posix() for path in users] == ["errors.py"]
