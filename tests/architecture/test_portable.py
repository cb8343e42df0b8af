"""The package runs on Windows too: what only POSIX has is behind a guard that asks for the platform."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import edfi_toolkit

PACKAGE = Path(edfi_toolkit.__file__).parent
ONLY_POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop"}
ONLY_POSIX_NAMES = {
    "os": {
        "chown",
        "fchmod",
        "fchown",
        "fork",
        "getegid",
        "geteuid",
        "getgid",
        "getuid",
        "killpg",
        "nice",
        "setsid",
    },
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "pthread_kill"},
}
GUARDS = ("sys.platform", "os.name", "hasattr(os", "hasattr(signal")


def only_posix(node: ast.AST) -> str | None:
    """The POSIX-only thing that a node names, if it does."""
    if isinstance(node, ast.Import):
        found = [alias.name for alias in node.names if alias.name.split(".")[0] in ONLY_POSIX_MODULES]
        return found[0] if found else None
    if isinstance(node, ast.ImportFrom) and node.module in ONLY_POSIX_MODULES:
        return node.module
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        known = node.attr in ONLY_POSIX_NAMES.get(node.value.id, ())
        return f"{node.value.id}.{node.attr}" if known else None
    return None


def asks(node: ast.AST) -> bool:
    return any(guard in ast.unparse(node) for guard in GUARDS)


def unguarded(source: str) -> list[str]:
    """`line: name` of each use that no question about the platform stands before."""
    found: list[str] = []

    def visit(node: ast.AST, guarded: bool) -> None:
        if not guarded and (name := only_posix(node)):
            found.append(f"{getattr(node, 'lineno', 0)}: {name}")
        if isinstance(node, ast.If | ast.IfExp | ast.BoolOp):
            guarded = guarded or asks(node.values[0] if isinstance(node, ast.BoolOp) else node.test)
        for _, value in ast.iter_fields(node):
            children = [value] if isinstance(value, ast.AST) else value if isinstance(value, list) else []
            left = guarded
            for child in children:
                if isinstance(child, ast.AST):
                    visit(child, left)
                    # `if sys.platform == "win32": return ...` guards the rest of the block
                    left = left or (
                        isinstance(child, ast.If)
                        and asks(child.test)
                        and isinstance(child.body[-1], ast.Return)
                    )

    visit(ast.parse(source), False)
    return found


def test_what_only_posix_has_is_guarded() -> None:
    places = [
        f"{path.relative_to(PACKAGE)}:{place}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for place in unguarded(path.read_text(encoding="utf-8"))
    ]
    assert places == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import fcntl", ["1: fcntl"]),
        ("def f():\n    import uvloop", ["2: uvloop"]),
        ("import os\nos.fchmod(1, 0o600)", ["2: os.fchmod"]),
        ("import sys\nif sys.platform != 'win32':\n    import fcntl", []),
        ("import sys\ndef f():\n    if sys.platform == 'win32':\n        return 1\n    import uvloop", []),
        ("import os\nroot = hasattr(os, 'geteuid') and os.geteuid() == 0", []),
    ],
)
def test_the_search_itself_finds_what_it_should(source: str, found: list[str]) -> None:
    assert unguarded(source) == found
