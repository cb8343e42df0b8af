"""A committed notebook asks one question, holds no logic and carries no trace of a run."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.runs.choice import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CODE_CELLS, LINES = 12, 6
LOGIC = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.Try,
    ast.Lambda,
    ast.comprehension,
)
SECRET = re.compile(r"secret|password|token|credential|api_?key|(^|_)key($|_)", re.IGNORECASE)
RUN_METADATA = {"widgets", "papermill"}
RUN_CELL_METADATA = {"papermill", "execution", "ExecuteTime"}

Cell = dict[str, Any]


def text(cell: Cell) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def tags(cell: Cell) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def traces_of_a_run(notebook: dict[str, Any]) -> Iterator[str]:
    """What papermill and Jupyter leave behind; it can hold parameters and people."""
    yield from (f"metadata.{name}" for name in RUN_METADATA & set(notebook["metadata"]))
    for number, cell in enumerate(notebook["cells"]):
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"cell {number} has outputs or a count"
        if "injected-parameters" in tags(cell):
            yield f"cell {number} was injected by papermill"
        if RUN_CELL_METADATA & set(cell["metadata"]):
            yield f"cell {number} carries run metadata"


def logic(cell: Cell) -> Iterator[str]:
    """What belongs in a function with a test; the parameters are declarations, a line each."""
    if (
        "parameters" not in tags(cell)
        and len([line for line in text(cell).splitlines() if line.strip()]) > LINES
    ):
        yield f"more than {LINES} lines"
    for node in ast.walk(ast.parse(text(cell))):
        if isinstance(node, LOGIC):
            yield f"`{type(node).__name__}`"
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (f"import {name}" for name in modules if name.split(".")[0] != "edfi_toolkit")


def shape(notebook: dict[str, Any]) -> Iterator[str]:
    """A question first, parameters next, words before every cell but setup."""
    cells = notebook["cells"]
    if (
        cells[0]["cell_type"] != "markdown"
        or not text(cells[0]).startswith("# ")
        or "?" not in text(cells[0])
    ):
        yield "the first cell is not a title and a question"
    parameters = [cell for cell in cells if "parameters" in tags(cell)]
    if len(parameters) != 1:
        yield f"{len(parameters)} cells are tagged parameters"
    code = [number for number, cell in enumerate(cells) if cell["cell_type"] == "code"]
    if len(code) > CODE_CELLS:
        yield f"{len(code)} code cells, more than {CODE_CELLS}"
    for number in code[2:]:  # the first two are parameters and setup
        if cells[number - 1]["cell_type"] != "markdown":
            yield f"no words before cell {number}"
    for cell in parameters:
        names = [n.id for n in ast.walk(ast.parse(text(cell))) if isinstance(n, ast.Name)]
        yield from (f"parameter {name} looks like a credential" for name in names if SECRET.search(name))


def faults(notebook: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a notebook."""
    code = [(n, cell) for n, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    found = [*traces_of_a_run(notebook), *shape(notebook)]
    return found + [f"cell {number}: {what}" for number, cell in code for what in logic(cell)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin_and_clean(path: Path) -> None:
    assert faults(json.loads(path.read_text(encoding="utf-8"))) == []


def test_the_notebooks_are_there() -> None:
    assert [path.stem[:2] for path in NOTEBOOKS][:7] == ["00", "10", "20", "30", "40", "50", "60"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_form_stands_over_the_parameters_as_they_are_shipped(path: Path) -> None:
    """What a person chose counts where a parameter is as shipped, so that must be known (`runs/choice.py`)."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (parameters,) = [cell for cell in cells if "parameters" in tags(cell)]
    names: dict[str, Any] = {}
    exec(text(parameters), names)  # noqa: S102 - ours, a few lines of plain values
    assert {name: names[name] for name in SHIPPED} == SHIPPED
    assert names["run_id"] in ("latest", "new")
    assert sum("edfi.desk(" in text(cell) for cell in cells) == 1


def words(name: str) -> str:
    """What a notebook tells its reader, on one line."""
    (path,) = (path for path in NOTEBOOKS if path.stem == name)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return " ".join(" ".join(text(cell) for cell in cells if cell["cell_type"] == "markdown").split())


def test_who_is_missing_leads_to_who_is_held_and_back() -> None:
    said = words("20_validate")
    links = re.findall(r"\]\(#([^)]*)\)", said)
    assert links == ["What-is-wrong?", "Who-is-missing,-and-why?"]
    assert all(f"## {link.replace('-', ' ')} " in said for link in links)


@pytest.mark.parametrize("name", ["10_extract", "20_validate", "70_student"])
def test_where_rows_are_named_it_is_said_how_they_are_counted(name: str) -> None:
    assert re.search(r"Row 1 (of a file )?is (the|its) header, as a spreadsheet counts", words(name))


def a_notebook() -> dict[str, Any]:
    """The smallest notebook without a fault."""

    def code(source: str, *cell_tags: str) -> Cell:
        metadata = {"tags": list(cell_tags)} if cell_tags else {}
        return {
            "cell_type": "code",
            "source": source,
            "metadata": metadata,
            "outputs": [],
            "execution_count": None,
        }

    def words(source: str) -> Cell:
        return {"cell_type": "markdown", "source": source, "metadata": {}}

    cells = [
        words("# Plan\nWhat would change?"),
        code('run_id = "latest"', "parameters"),
        code("import edfi_toolkit as edfi"),
        words("## Look"),
        code("edfi"),
    ]
    return {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}}


SPOILT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an output": lambda n: n["cells"][4].update(outputs=[{"output_type": "stream"}]),
    "a count": lambda n: n["cells"][4].update(execution_count=1),
    "widget state": lambda n: n["metadata"].update(widgets={}),
    "papermill's record": lambda n: n["metadata"].update(papermill={}),
    "papermill's cell": lambda n: n["cells"][1]["metadata"]["tags"].append("injected-parameters"),
    "timing": lambda n: n["cells"][4]["metadata"].update(execution={}),
    "a loop": lambda n: n["cells"][4].update(source="for x in y:\n    x"),
    "a comprehension": lambda n: n["cells"][4].update(source="[x for x in y]"),
    "a lambda": lambda n: n["cells"][4].update(source="f = lambda: 1"),
    "a function": lambda n: n["cells"][4].update(source="def f(): ..."),
    "pandas": lambda n: n["cells"][4].update(source="import pandas as pd"),
    "seven lines": lambda n: n["cells"][4].update(source="a\n" * 7),
    "no words": lambda n: n["cells"].append(copy.deepcopy(n["cells"][4])),
    "no question": lambda n: n["cells"][0].update(source="# Plan"),
    "no parameters": lambda n: n["cells"][1].update(metadata={}),
    "a key as parameter": lambda n: n["cells"][1].update(source='client_key = "x"'),
    "thirteen cells": lambda n: n["cells"].extend(copy.deepcopy(n["cells"][3:5]) * 10),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_the_notebook_check_itself(spoil: Callable[[dict[str, Any]], Any]) -> None:
    notebook = a_notebook()
    assert faults(notebook) == []
    spoil(notebook)
    assert len(faults(notebook)) == 1
