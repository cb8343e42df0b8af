"""Imports go down only, heavy libraries stay where they belong, and `import edfi_toolkit` stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import edfi_toolkit

PACKAGE = Path(edfi_toolkit.__file__).parent

# A module may import what stands on a lower line; modules on one line may not import each other.
LINES = [
    {"errors"},
    {"model", "privacy", "storage"},
    {"logs", "spans"},
    {"display", "settings", "tables"},
    {"synthetic"},
    {"rules", "ods", "sandbox"},
    {"sources"},  # asks a profile which tables it reads and which maps it brings
    {"validation", "planning"},
    {"ledger"},
    {"publishing"},
    {"review"},
    {"runs"},
    {"widgets", "batch"},
    {"cli"},
    {"__main__", "__init__"},
]
LEVEL = {module: level for level, line in enumerate(LINES) for module in line}
NARROWER = {"sandbox": {"errors", "model"}}  # it must not share a bug with the client it stands in for

# What shows itself in a notebook reaches its panel through the one function that imports the panels when it is called.
REACHES_PANELS = {"display"}

# Imported in one place only, so that it can be replaced in one place.
ONLY_IN = {
    "great_expectations": {"validation"},
    "papermill": {"batch"},
    "anywidget": {"widgets"},
    "ipywidgets": {"widgets"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
}
HEAVY = {
    "great_expectations",
    "papermill",
    "jsonschema",
    "matplotlib",
    "jupyter_core",
    "jupyterlab",
    "IPython",
}


@dataclass(frozen=True)
class Import:
    """One import statement: who, what (dotted), where, and whether it stands inside a function."""

    importer: str
    imported: str
    place: str
    inside_function: bool
    for_types: bool  # under `if TYPE_CHECKING`

    @property
    def top(self) -> str:
        """The module of the package that is imported, or its verb's home."""
        part = [*self.imported.split("."), "__init__"][1]
        return edfi_toolkit._HOMES.get(part, part)


def dotted_names(node: ast.AST, package: list[str]) -> Iterator[str]:
    """The absolute dotted names one statement imports; `package` is where it stands."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        yield from (f"{origin}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        yield from (
            arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        )


def imports_of(source: str, path: Path) -> list[Import]:
    """Every import in a file, wherever it stands."""
    parts = ["edfi_toolkit", *path.relative_to(PACKAGE).with_suffix("").parts]
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool, for_types: bool) -> None:
        for child in ast.iter_child_nodes(node):
            for name in dotted_names(child, parts[:-1]):
                place = f"{'/'.join(parts)}.py:{getattr(child, 'lineno', 0)}"
                found.append(Import(parts[1], name, place, inside, for_types))
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            visit(child, inside or function, for_types or types)

    visit(ast.parse(source), False, False)
    return found


def upward(statement: Import) -> str | None:
    """Why this import is not allowed, or None."""
    who, what = statement.importer, statement.top
    if not statement.imported.startswith("edfi_toolkit") or what == who:
        return None
    if what == "__version__":  # a constant of the package itself
        return None
    for module in (who, what):
        if module not in LEVEL:
            return f"{statement.place}: give {module!r} a line in LINES"
    if what == "widgets" and statement.inside_function and who in REACHES_PANELS:
        return None
    if who in NARROWER:
        return None if what in NARROWER[who] else f"{statement.place}: {who} must not import {what}"
    return None if LEVEL[what] < LEVEL[who] else f"{statement.place}: {who} may not import {what}"


def all_imports() -> list[Import]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [one for path in files for one in imports_of(path.read_text(encoding="utf-8"), path)]


def test_imports_go_down_only() -> None:
    wrong = [reason for one in all_imports() if (reason := upward(one))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("module", "source", "allowed"),
    [
        ("rules/common.py", "from edfi_toolkit.tables import Tables", True),
        ("tables/schema.py", "from edfi_toolkit.rules import build", False),
        ("tables/schema.py", "def f():\n    from edfi_toolkit import rules", False),
        ("rules/common.py", "from ..ods import Client", False),
        ("sandbox/app.py", "from edfi_toolkit.settings import Secret", False),
        ("ods/client.py", "from importlib import import_module\nimport_module('edfi_toolkit.ledger')", False),
        ("sources/files.py", "from edfi_toolkit import publish", False),
        ("display/panels.py", "def f():\n    from edfi_toolkit import widgets", True),
        ("runs/run.py", "def f():\n    from edfi_toolkit.widgets import Grid", False),
        ("runs.py", "from edfi_toolkit.widgets import Grid", False),
        ("ods/client.py", "from edfi_toolkit.utils import x", False),
        ("ods/client.py", "from edfi_toolkit import __version__", True),
    ],
)
def test_the_import_check_itself(module: str, source: str, allowed: bool) -> None:
    reasons = [reason for one in imports_of(source, PACKAGE / module) if (reason := upward(one))]
    assert (not reasons) is allowed


def cycles(modules: Mapping[str, str]) -> list[set[str]]:
    """Groups of modules that import each other at module level. modules: dotted name -> source."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, source in modules.items():
        path = PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        for one in imports_of(source, path):
            if not one.inside_function and not one.for_types:
                parts = one.imported.split(".")
                goals = (".".join(parts[:end]) for end in (len(parts), len(parts) - 1))
                sorter.add(name, *[goal for goal in goals if goal in modules and goal != name][:1])
    try:
        sorter.prepare()
    except CycleError as circle:
        return [set(circle.args[1])]
    return []


def test_no_two_modules_import_each_other() -> None:
    modules = {
        ".".join(["edfi_toolkit", *path.relative_to(PACKAGE).with_suffix("").parts]): path.read_text("utf-8")
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert cycles(modules) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (
            "from edfi_toolkit.ods.b import x",
            "from edfi_toolkit.ods.a import y",
            [{"edfi_toolkit.ods.a", "edfi_toolkit.ods.b"}],
        ),
        (
            "from edfi_toolkit.ods import b",
            "import edfi_toolkit.ods.a",
            [{"edfi_toolkit.ods.a", "edfi_toolkit.ods.b"}],
        ),
        ("from edfi_toolkit.ods.b import x", "def f():\n    from edfi_toolkit.ods.a import y", []),
        ("from edfi_toolkit.ods.b import x", "if TYPE_CHECKING:\n    from edfi_toolkit.ods.a import y", []),
    ],
)
def test_the_search_for_circles_itself(one: str, other: str, found: list[set[str]]) -> None:
    assert cycles({"edfi_toolkit.ods.a": one, "edfi_toolkit.ods.b": other}) == found


def test_each_big_library_is_imported_in_its_own_corner() -> None:
    wrong = [
        f"{one.place}: {library} belongs in {sorted(ONLY_IN[library])}"
        for one in all_imports()
        if (library := one.imported.split(".")[0]) in ONLY_IN and one.importer not in ONLY_IN[library]
    ]
    assert not wrong, "\n".join(wrong)


HELP = "import runpy; sys.argv[1:] = ['--help']; runpy.run_module('edfi_toolkit', run_name='__main__')"


@pytest.mark.parametrize("code", ["import edfi_toolkit", HELP], ids=["import", "help"])
def test_importing_the_package_and_asking_for_help_load_nothing_heavy(code: str) -> None:
    """Each of these costs seconds. Pinned by name here; the seconds are measured by bench/imports.py."""
    script = (
        "import sys\n"
        f"try:\n    exec({code!r})\nexcept SystemExit:\n    pass\n"
        f"print('loaded', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


SHADOWED = """
import importlib, pkgutil, types
import edfi_toolkit
walked = pkgutil.walk_packages(edfi_toolkit.__path__, "edfi_toolkit.")
for package in [edfi_toolkit, *(importlib.import_module(m.name) for m in walked if m.ispkg)]:
    submodules = {m.name for m in pkgutil.iter_modules(package.__path__)}
    for name in getattr(package, "__all__", ()):
        if name in submodules:
            importlib.import_module(f"{package.__name__}.{name}")
        if isinstance(vars(package).get(name), types.ModuleType):
            print(f"{package.__name__}.{name} is a module")
"""


def test_no_public_name_is_shadowed_by_the_module_it_comes_from() -> None:
    """Importing a submodule sets it as an attribute of its package; a lazy name spelled the same is then lost."""
    done = subprocess.run([sys.executable, "-c", SHADOWED], capture_output=True, text=True, check=True)
    assert done.stdout == ""
