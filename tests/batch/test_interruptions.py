"""SIGTERM and Ctrl-C in every step: real processes, real signals, an ODS behind a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.factories.district import GENERAL, YEAR
from tests.factories.watched import PEOPLE, District
from tests.proofs import PROVE, long_proof
from tests.warm import FRESH

pytestmark = pytest.mark.process
OF = ("--profile", "certification", "--school-year", str(YEAR), "--approve", "auto", "--json")
BATCHED = """
[targets.sandbox]
school_year = 2026

[sources.north]
path = "north"
profile = "certification"
target = "sandbox"

[sources.south]
path = "south"
profile = "certification"
target = "sandbox"
"""
PAUSE_S = 120.0  # a kernel and its imports, on a busy machine
SLOW = [{"method": "POST", "resource": GENERAL, "after": 10, "latency_ms": 700}]
READ_SLOWLY = [
    {"method": "GET", "resource": GENERAL, "latency_ms": 2000}
]  # else the command may end before the signal


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("stopped"))
    made.write(range(PEOPLE))
    settings = made.folder / "edfi.toml"
    text = settings.read_text("utf-8").replace('[sources.north]\npath = "north"\n', BATCHED)
    settings.write_text(
        text.replace("school_year = 2026", f'url = "{made.ods.base_url}"\nschool_year = {YEAR}')
    )
    yield made
    made.ods_stops()


def stopped(
    north: District,
    *words: str,
    when: Callable[[], bool],
    by: signal.Signals = signal.SIGTERM,
    python: str = "",
) -> tuple[int, dict[str, Any]]:
    """A command that gets a signal as soon as it has come so far; its exit code and what it printed."""
    command = [python or sys.executable, "-m", "edfi_toolkit", *words]
    environ = {**os.environ, **north.environ}
    running = subprocess.Popen(
        command, cwd=north.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + PAUSE_S
    while not when() and running.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    assert running.poll() is None, running.communicate()[1]
    running.send_signal(by)
    out, _ = running.communicate(timeout=PAUSE_S)
    return running.returncode, json.loads(out)


def manifests(north: District) -> list[dict[str, Any]]:
    found = sorted((north.folder / "runs").glob("*/manifest.json"))
    return [json.loads(path.read_bytes()) for path in found]


def came_to(north: District, step: str) -> Callable[[], bool]:
    """Whether a new run has the step behind it."""
    known = len(manifests(north))
    return lambda: any(step in each["steps"] for each in manifests(north)[known:])


def says_that_nothing_was_sent(north: District, code: int, report: dict[str, Any]) -> None:
    assert (code, report["exit"], report["error"]["type"]) == (5, 5, "Interrupted")
    assert (report["counts"]["delivered"], "publish" in report["steps"]) == (0, False)
    assert json.loads((north.folder / report["folder"] / "report.json").read_bytes())["exit"] == 5
    assert north.writes() == {}


@long_proof
def test_a_run_that_is_stopped_after_its_first_step_sends_nothing_and_says_so(north: District) -> None:
    says_that_nothing_was_sent(north, *stopped(north, "run", "north", *OF, when=came_to(north, "extract")))


def test_a_run_stopped_before_it_publishes_sends_nothing_and_resumed_and_stopped_again_it_settles_what_is_under_way(
    north: District,
) -> None:
    code, report = stopped(north, "run", "north", *OF, when=came_to(north, "validate"))
    says_that_nothing_was_sent(north, code, report)

    resume = ("run", "north", *OF, "--resume", report["run_id"])
    httpx.put(f"{north.ods.control_url}/faults", json=SLOW).raise_for_status()
    code, report = stopped(north, *resume, when=lambda: bool(north.writes()), by=signal.SIGINT)
    httpx.put(f"{north.ods.control_url}/faults", json=[]).raise_for_status()
    assert (code, report["error"]["type"]) == (5, "Interrupted")
    sent = report["counts"]["delivered"]
    assert 0 < sent < PEOPLE
    assert sent == len(north.held()) == north.writes()["POST 201"]
    assert sent + report["counts"]["pending"] == PEOPLE

    resumed = subprocess.run(
        [sys.executable, "-m", "edfi_toolkit", *resume],
        cwd=north.folder, env={**os.environ, **north.environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = json.loads(resumed.stdout)
    assert (resumed.returncode, told["run_id"], told["counts"]["pending"]) == (0, report["run_id"], 0)
    assert (told["counts"]["delivered"], north.writes()) == (PEOPLE, {"POST 201": PEOPLE})
    assert "10_extract done" not in resumed.stderr


def test_a_batch_that_is_stopped_reports_every_district_and_failed_takes_them_up(north: District) -> None:
    code, told = stopped(
        north, "batch", "north", "south", "--workers", "1", "--approve", "auto", "--json",
        when=came_to(north, "extract"),
    )  # fmt: skip
    assert (code, told["exit"]) == (5, 5)
    assert [(each["source"], each["exit"]) for each in told["runs"]] == [("north", 5), ("south", 5)]
    last = (north.folder / told["file"]).read_text("utf-8").splitlines()[-1]
    assert json.loads(last)["ended"] is True


@pytest.mark.parametrize("command", ["resync", "publish"] if PROVE else ["resync"])
def test_a_command_without_notebooks_that_is_stopped_ends_with_5_and_its_report(
    north: District, command: str
) -> None:
    httpx.put(f"{north.ods.control_url}/faults", json=READ_SLOWLY).raise_for_status()
    code, report = stopped(north, command, "north", *OF, when=came_to(north, "extract"), python=FRESH)
    httpx.put(f"{north.ods.control_url}/faults", json=[]).raise_for_status()
    assert (code, report["exit"], report["error"]["type"]) == (5, 5, "Interrupted")
    assert report["source"] == "north"
