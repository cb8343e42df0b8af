"""The served OpenAPI holds: whatever schemathesis makes of it, there is no 500 and no status that is not announced."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from edfi_toolkit.sandbox import start

pytestmark = pytest.mark.skipif(
    find_spec("schemathesis") is None, reason="schemathesis is not installed: pip install 'schemathesis>=4'"
)
SEED = Path(__file__).resolve().parents[2] / "data/samples/certification/ods-seed.jsonl"
CHECKS = "not_a_server_error,status_code_conformance"


@pytest.fixture(scope="module")
def running():
    """A sandbox with a sample district, in a process of its own."""
    with start(seeds=[SEED]) as process:
        yield process


def served(running, section: str, folder: Path, only: str = "") -> Path:
    """The document as it is served, in a file; `only`: of the paths that begin with one of these collections."""
    url = f"{running.base_url}/metadata/data/v3/{section}/swagger.json"
    document = httpx.get(url, trust_env=False).json()
    wanted = re.compile(rf"^/ed-fi/({only})(/|$)" if only else "")
    document["paths"] = {path: verbs for path, verbs in document["paths"].items() if wanted.match(path)}
    assert document["paths"]
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def explore(running, document: Path, *more: str, seed: int = 1) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on a document, as a client that nothing is forbidden to."""
    client = next(entry for entry in running.clients if entry["name"] == "unrestricted")
    form = {"grant_type": "client_credentials"}
    pair = (client["key"], client["secret"])
    answer = httpx.post(f"{running.base_url}/oauth/token", data=form, auth=pair, trust_env=False)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(document)]
    command += ["--url", f"{running.base_url}/data/v3"]
    command += ["--header", f"Authorization:Bearer {answer.json()['access_token']}", "--checks", CHECKS]
    command += ["--generation-database", "none", "--seed", str(seed), "--no-color", *more]
    return subprocess.run(command, capture_output=True, text=True, cwd=document.parent, check=False)


def generated(done: subprocess.CompletedProcess[str]) -> int:
    """How many requests schemathesis made up; 0 when it did not come to any."""
    return sum(map(int, re.findall(r"(\d+) generated", done.stdout)))


def test_a_bounded_run_finds_no_500_and_no_undocumented_status(running, tmp_path):
    document = served(running, "resources", tmp_path, "studentCTEProgramAssociations|students|programs")
    done = explore(running, document, "--phases", "fuzzing", "--max-examples", "3")
    assert (done.returncode, generated(done) > 0) == (0, True), done.stdout + done.stderr


def test_a_status_that_is_not_announced_would_be_found(running, tmp_path):
    document = served(running, "resources", tmp_path, "programs")
    faults = f"{running.control_url}/faults"
    httpx.put(faults, json=[{"resource": "programs", "status": 418}], trust_env=False)
    done = explore(running, document, "--phases", "fuzzing", "--max-examples", "1", "--max-failures", "1")
    httpx.put(faults, json=[], trust_env=False)
    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout


@pytest.mark.skipif(os.environ.get("EDFI_PROVE") != "1", reason="ten minutes; EDFI_PROVE=1 turns it on")
@pytest.mark.parametrize(
    ("section", "seed"), [("resources", 1), ("resources", 2), ("resources", 3), ("descriptors", 1)]
)
def test_ten_minutes_find_no_500_and_no_undocumented_status(running, tmp_path, section, seed):
    document = served(running, section, tmp_path)
    done = explore(running, document, "--max-time", "150", "--continue-on-failure", seed=seed)
    assert (done.returncode, generated(done) > 0) == (0, True), done.stdout + done.stderr
