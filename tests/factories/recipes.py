"""The recipes of docs/, and what the DAG of Airflow gives its operator."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"
DAG = RECIPES / "airflow_north.py"
HAS_AIRFLOW = find_spec("airflow") is not None  # it lives in an environment of its own


def operators(monkeypatch: pytest.MonkeyPatch, dag: Path = DAG) -> list[dict[str, Any]]:
    """What a DAG gives Airflow's operator; where Airflow is missing, to something that only notes it."""
    noted: list[dict[str, Any]] = []
    if HAS_AIRFLOW:
        made = runpy.run_path(str(dag))
        return [vars(task) for dag in made.values() if hasattr(dag, "tasks") for task in dag.tasks]

    class Noted:
        def __init__(self, *_: Any, **given: Any) -> None:
            if "task_id" in given:
                noted.append(given)

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    for name in (
        "airflow",
        "airflow.sdk",
        "airflow.providers",
        "airflow.providers.papermill",
        "airflow.providers.papermill.operators",
        "airflow.providers.papermill.operators.papermill",
    ):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    vars(sys.modules["airflow.sdk"]).update(DAG=Noted, chain=lambda *_: None)
    vars(sys.modules["airflow.providers.papermill.operators.papermill"])["PapermillOperator"] = Noted
    runpy.run_path(str(dag))
    return noted
