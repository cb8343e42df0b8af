"""The DAG of docs/recipes, carried out: by Airflow, in an environment made for it, and by papermill alone.

Airflow is no dependency of the tests. `make test` compares what the DAG gives with what the notebooks take
(`tests/architecture/test_recipes.py`); this is a long proof.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.sandbox import start
from tests.factories.recipes import DAG, HAS_AIRFLOW, operators
from tests.proofs import long_proof
from tests.warm import FRESH

pytestmark = [pytest.mark.process, long_proof, pytest.mark.filterwarnings("default")]
ROOT = Path(__file__).resolve().parents[2]
STEPS = ["10_extract", "20_validate", "30_preview", "40_publish", "50_rejections"]
Way = Callable[[Path, Mapping[str, str]], dict[str, str]]  # where the DAG is, environment -> state by task


def by_papermill(work: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Each task as the operator carries it out, up to the first that fails; none is tried again."""
    states = dict.fromkeys(STEPS, "upstream_failed")
    with pytest.MonkeyPatch.context() as patch, working_in(work, environ):
        for task in operators(patch, work / "dags" / DAG.name):
            given = {
                name: value.replace("{{ ts_nodash }}", "20260112T023000")
                for name, value in task["parameters"].items()
            }
            out = task["output_nb"].replace("{{ ts_nodash }}", "20260112T023000")
            try:
                papermill.execute_notebook(
                    task["input_nb"], out, given, kernel_name=task["kernel_name"], progress_bar=False
                )
            except PapermillExecutionError:
                states[task["task_id"]] = "failed"
                break
            states[task["task_id"]] = "success"
    return states


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program `airflow`: that of this environment, or of one made for it."""
    if HAS_AIRFLOW:
        return Path(FRESH).with_name("airflow")
    place, uv = tmp_path_factory.mktemp("airflow") / "venv", Path(FRESH).with_name("uv")
    packages = ("apache-airflow", "apache-airflow-providers-papermill")
    for command in (
        ["venv", place, "--python", FRESH],
        ["pip", "install", "--python", place, *packages],
    ):
        done = subprocess.run([uv, *command, "-q"], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("Airflow cannot be imported, and cannot be installed; papermill alone is tried")
    return place / "bin" / "airflow"


@pytest.fixture
def by_airflow(airflow: Path) -> Way:
    """The DAG by Airflow's own operator."""

    def carried_out(work: Path, environ: Mapping[str, str]) -> dict[str, str]:
        home = work / "airflow"
        settings = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(work / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        for words in (["db", "migrate"], ["dags", "test", "edfi_north"]):
            subprocess.run(
                [airflow, *words],
                env={**os.environ, **environ, **settings},
                cwd=work,
                capture_output=True,
                check=False,
            )
        with sqlite3.connect(home / "airflow.db") as database:
            return dict(database.execute("SELECT task_id, state FROM task_instance"))

    return carried_out


def district(work: Path, state: str) -> tuple[Playground, dict[str, str]]:
    """The sample as source north, the DAG with this machine's paths, and the kernel that it names."""
    made = make_playground(work, "certification")
    made.source_becomes(state)
    settings = work / "edfi.toml"
    settings.write_text(settings.read_text("utf-8").replace("[sources.sample]", "[sources.north]"), "utf-8")
    (work / "out").mkdir()
    (work / "dags").mkdir()
    dag = DAG.read_text("utf-8").replace("/srv/edfi/notebooks", str(ROOT / "notebooks"))
    (work / "dags" / DAG.name).write_text(dag.replace("/srv/edfi", str(work)), "utf-8")
    kernel = [FRESH, "-m", "ipykernel", "install", "--prefix", work / "jupyter", "--name", "edfi"]
    subprocess.run(kernel, check=True, capture_output=True)
    return made, {"JUPYTER_PATH": str(work / "jupyter" / "share" / "jupyter")}


@pytest.mark.parametrize("way", ["airflow", "papermill"])
@pytest.mark.parametrize(("state", "last"), [("after", "success"), ("before", "failed")])
def test_the_dag_is_green_and_its_last_task_red_where_the_ods_refused(
    tmp_path: Path, request: pytest.FixtureRequest, way: str, state: str, last: str
) -> None:
    carried_out: Way = by_papermill if way == "papermill" else request.getfixturevalue("by_airflow")
    made, environ = district(tmp_path / "work", state)
    with start(seeds=made.seeds) as running:
        as_state = {
            name.replace("SANDBOX", "STATE"): value for name, value in target_environ(running).items()
        }
        states = carried_out(made.folder, {**environ, **as_state})
    assert states == {**dict.fromkeys(STEPS, "success"), STEPS[-1]: last}
    assert len(list((made.folder / "runs").glob("*/manifest.json"))) == 1
    shutil.rmtree(made.folder)
