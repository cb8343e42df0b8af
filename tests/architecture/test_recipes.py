"""The recipes of docs/: units that systemd accepts, a DAG whose notebooks take what it gives, files that are there."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import papermill
import pytest

from edfi_toolkit.runs.parameters import refuse_credentials, refuse_unknown
from tests.factories.recipes import RECIPES, operators

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["edfi-batch.service", "edfi-batch.timer"])
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(RECIPES / name)
    assert {"Unit"} < set(unit.sections())
    if shutil.which("systemd-analyze"):  # with a program that is there
        for path in RECIPES.glob("edfi-batch.*"):
            text = path.read_text("utf-8").replace("/srv/edfi/.venv/bin/edfi-toolkit", "/bin/true")
            (tmp_path / path.name).write_text(text)
        command = ["systemd-analyze", "verify", str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "nknown" not in done.stderr, done.stderr


@pytest.mark.filterwarnings("default")  # papermill warns about itself
def test_the_dag_gives_each_notebook_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = operators(monkeypatch)
    assert [each["task_id"][:2] for each in found] == ["10", "20", "30", "40", "50"]
    for each in found:
        notebook = ROOT / "notebooks" / Path(each["input_nb"]).name
        refuse_unknown(each["parameters"], papermill.inspect_notebook(str(notebook)), "The notebook")
        refuse_credentials(each["parameters"])
    assert {each["parameters"]["run_id"] for each in found} == {"{{ ts_nodash }}"}


def test_the_image_copies_what_is_there() -> None:
    copied = [
        word
        for line in (RECIPES / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    ]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    wheel = {"edfi_toolkit", "expectations", "notebooks", "data/samples"}
    assert wheel <= set(copied)
