"""What plain papermill gives a notebook: refused in its first step, before anything is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs import open_run

CANARY = "hunter2-canary"
# A notebook's cells as a kernel gets them, each case in a shell that was emptied.
SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell, said = InteractiveShell.instance(), []
for injected in json.loads(sys.argv[1]):
    shell.reset()
    for cell in (
        "source: str = 'x'\\nschool_year: int = 2026\\nrun_id: str = 'new'\\nsettings: dict = {}",
        injected,
    ):
        shell.run_cell(cell, store_history=True)
    shell.run_cell(
        "import edfi_toolkit as edfi\\n"
        "edfi.open_run(profile='certification', school_year=school_year, source=source, run_id=run_id,"
        "settings=settings)",
        store_history=True, silent=False,
    )
    said.append(f"{type(sys.last_value).__name__}: {sys.last_value}")
print("SAID" + json.dumps(said))
"""
CASES = {
    f"# Parameters\ndb_password = '{CANARY}'": "'db_password' looks like a credential",
    f"# Parameters\nsource = 'postgresql://sis:{CANARY}@db/sis'": "'source' looks like a credential",
    f"# Parameters\nsource = 'postgresql://db/sis?password={CANARY}'": "change the secret",
    "# Parameters\nshool_year = 2026": "'shool_year'. Did you mean 'school_year'?",
    "# Parameters\nsource = 255901": "-r source",
    "# Parameters\nschool_year = '2026'": "There is no source named 'x'",
    "# Parameters\nsource = '.'\nsettings = {'max_delete_shar': 1}": "Did you mean 'max_delete_share'?",
    f"# Parameters\nsettings = {{'api_key': '{CANARY}'}}": "'settings' looks like a credential",
    f'# Parameters\nsettings = \'{{"api_key": "{CANARY}"}}\'': "'settings' looks like a credential",
    "# Parameters\nsettings = 'max_delete_share'": "the text of a JSON object",
    "# Parameters\nsettings = [1]": "settings is a dict",
    "# Parameters\nschool_year = 2025-26": "what comes of 2025-26 without quotes",
    "# Parameters\nschool_year = '2025-27'": "it must end one year after it begins",
    "# Parameters\nschool_year = '2025-26'": "There is no source named 'x'",
    "# Parameters\nrun_id = 1e5": "run_id is a text",
    "# Parameters\nsource = 'x'": "There is no source named 'x'",
    "unknown = 1": "There is no source named 'x'",
    f"source = 'postgresql://sis:{CANARY}@db/sis'": "It stands in this notebook: delete that file",
}


def test_parameters_are_refused_by_the_notebook_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHELL, json.dumps(list(CASES))],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    said = json.loads(done.stdout.rpartition("SAID")[2])
    assert [part for part, told in zip(CASES.values(), said, strict=True) if part not in told] == []
    assert all(each.startswith("ConfigError: ") for each in said)
    assert CANARY not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("default")  # papermill, nbclient and zmq warn about themselves
def test_a_secret_given_to_plain_papermill_is_refused_with_what_to_delete(tmp_path: Path) -> None:
    output = tmp_path / "out.ipynb"
    with pytest.raises(PapermillExecutionError) as refused:
        papermill.execute_notebook(
            str(shipped("notebooks") / "10_extract.ipynb"),
            str(output),
            parameters={"client_secret": CANARY},
            cwd=str(tmp_path),
            progress_bar=False,
        )
    assert refused.value.ename == "ConfigError"
    assert "delete that file and its log, and change the secret" in refused.value.evalue
    assert CANARY not in refused.value.evalue
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("name", ["source", "target", "run_id"])
def test_a_number_where_a_name_belongs_says_how_to_write_it(name: str) -> None:
    with pytest.raises(ConfigError, match=rf'{name} = "\.\.\." in quotes.*-r {name} '):
        open_run(**{"profile": "certification", "school_year": 2026, "source": "x", name: 255901})
