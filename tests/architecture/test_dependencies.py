"""pyproject.toml, requirements.lock, environment.yml and what is installed agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
TEXT = (ROOT / "environment.yml").read_text(encoding="utf-8")
ENVIRONMENT = yaml.safe_load(TEXT)
CHOSEN_EXTRAS = ("fleet", "postgres", "remote")  # what the conda environment holds beyond the dependencies
TO_PIP = {"psycopg": "psycopg[binary]"}  # conda name -> pip name, where they differ

WANTED = {
    re.split(r"[ <>=!~;]", line)[0]: Requirement(line)
    for line in [
        *PROJECT["dependencies"],
        *(line for extra in CHOSEN_EXTRAS for line in PROJECT["optional-dependencies"][extra]),
    ]
}
CONDA = [line for line in ENVIRONMENT["dependencies"] if isinstance(line, str)]
PIP = [line for block in ENVIRONMENT["dependencies"] if isinstance(block, dict) for line in block["pip"]]


def listed() -> dict[str, SpecifierSet]:
    """Pip name -> range, from either list of environment.yml; without python, pip and the project itself."""
    found = {}
    for line in CONDA:
        name, _, spec = line.partition(" ")
        if name not in ("python", "pip"):
            found[TO_PIP.get(name, name)] = SpecifierSet(spec)
    for line in PIP:
        if not line.startswith("--editable"):
            requirement = Requirement(line)
            found[requirement.name] = requirement.specifier
    return found


def test_environment_yml_has_a_name_channels_and_dependencies() -> None:
    assert ENVIRONMENT["name"] == PROJECT["name"]
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert CONDA
    assert PIP[-1] == "--editable ."


@pytest.mark.parametrize("line", CONDA)
def test_conda_can_read_each_line(line: str) -> None:
    spec = MatchSpec(line, strict=True)
    assert line.split()[0] in str(spec)


@pytest.mark.parametrize("line", ["pandas>>3", "httpx[http2]", "psycopg[binary] >=3.3,<4"])
def test_conda_refuses_what_only_pip_understands(line: str) -> None:
    with pytest.raises(InvalidMatchSpecError):
        MatchSpec(line, strict=True)


def test_every_dependency_is_in_environment_yml_with_the_same_range_and_nothing_else_is() -> None:
    assert listed() == {name: requirement.specifier for name, requirement in WANTED.items()}


def test_python_is_the_same_range_everywhere() -> None:
    (python,) = (line for line in CONDA if line.split()[0] == "python")
    assert SpecifierSet(python.partition(" ")[2]) == SpecifierSet(PROJECT["requires-python"])
    assert sys.version.split()[0] in SpecifierSet(PROJECT["requires-python"])


def test_what_is_installed_satisfies_both_files() -> None:
    here = {name: one for name, one in WANTED.items() if one.marker is None or one.marker.evaluate()}
    wrong = {
        name: version(one.name) for name, one in here.items() if not one.specifier.contains(version(one.name))
    }
    assert wrong == {}


# Imported by the package, and part of what is named beside it.
COMES_WITH = {
    "ipython": "ipywidgets",
    "jupyter-client": "jupyterlab",
    "markupsafe": "jinja2",
    "nbclient": "papermill",
    "nbformat": "papermill",
    "traitlets": "ipywidgets",
}
STARTED_NOT_IMPORTED = {"jupyterlab", "httptools", "uvloop", "psycopg[binary]"}


def imported_distributions() -> set[str]:
    """The distributions that the package's import statements need."""
    homes = packages_distributions()
    found = set()
    for path in (ROOT / "edfi_toolkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            modules = {name.split(".")[0] for name in names} - {"edfi_toolkit"} - sys.stdlib_module_names
            found |= {canonicalize_name(homes[module][0]) for module in modules}
    return found


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    imported = {COMES_WITH.get(name, name) for name in imported_distributions()}
    assert imported | STARTED_NOT_IMPORTED == set(WANTED)


def test_every_range_has_a_floor_and_a_ceiling() -> None:
    """conda-forge may lag behind; a range finds what it has, and a new major version is ours to try first."""
    open_ended = [name for name, one in WANTED.items() if {">=", "<"} - {s.operator for s in one.specifier}]
    assert open_ended == []


def test_environment_yml_is_what_the_script_writes() -> None:
    script = [sys.executable, ROOT / "tools/environment.py", "--print"]
    written = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert written == TEXT, "run `make environment`"


def test_the_lock_pins_and_hashes_everything_and_names_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    loose = [entry.split()[0] for entry in entries if not re.match(r"\S+==\S+.*\\\n +--hash=sha256:", entry)]
    assert loose == []
    assert "://" not in text
    assert "-url" not in text


def test_the_lock_holds_every_dependency_in_its_range() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked: dict[str, list[str]] = {}
    for name, pinned in re.findall(r"^([\w.\-]+)(?:\[[\w,]+\])?==(\S+)", text, re.MULTILINE):
        locked.setdefault(canonicalize_name(name), []).append(pinned)
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    lines += PROJECT["optional-dependencies"]["postgres"]
    wrong = {
        one.name: locked.get(canonicalize_name(one.name))
        for one in map(Requirement, lines)
        if not all(map(one.specifier.contains, locked.get(canonicalize_name(one.name), ["none"])))
    }
    assert wrong == {}, "run `make lock`"
