"""How long a notebook shows nothing while it works, with a district of 20,000 students, as in JupyterLab by hand.

Each notebook of the workspace runs in a kernel of its own, told that a person sits at it. What counts is what the
kernel sends to the screen: outputs, progress, a panel's changes. Goal: within a cell never more than SILENCE seconds
without any of them. Then a masked grid of ROWS rows about students: what Python does until it is shown, and until the
browser has the answer to a click, each first of its kind. Goal: PROMPT seconds of CPU each, in the best of some runs,
since other work on the machine makes each second of CPU do less. An argument is the number of students; `grid` measures
the grid alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
from jupyter_client.manager import KernelManager

from edfi_toolkit.cli.playground import target_environ
from edfi_toolkit.cli.workspace import bring_notebooks
from edfi_toolkit.privacy import Masker
from edfi_toolkit.sandbox import start
from edfi_toolkit.widgets.grids import Grid

STUDENTS, SILENCE = 20_000, 10
ROWS, PROMPT, TIMES = 100_000, 1.0, 5
CLICKS: dict[str, dict[str, Any]] = {
    "drawn": {"ready": True},
    "page": {"page": 3},
    "sort by number": {"sort": "education_organization_id"},
    "sort by student": {"sort": "student_unique_id"},
    "sort by text": {"sort": "says"},
    "filter all": {"filter": "homeless 999"},
    "filter a column": {"column": "says", "text": "no school"},
    "filter a choice": {"column": "program_name", "text": "Homeless"},
    "select": {"select": 99_900, "how": "only"},
}
PROFILE = "wi-infinite-campus"
NOTEBOOKS = [
    "00_start_here",
    "10_extract",
    "20_validate",
    "30_preview",
    "40_publish",
    "50_rejections",
    "60_resync",
]
SETTINGS = '[paths]\nledger = "ledger.db"\nruns = "runs"\n\n[sources.district]\npath = "district"\n'
PARAMETERS = f'profile, school_year, source, target = "{PROFILE}", 2026, "district", "sandbox"\n'
SHOWN = {"stream", "display_data", "update_display_data", "execute_result", "comm_open", "comm_msg", "error"}


@contextmanager
def kernel(folder: Path, environ: dict[str, str]):
    """A kernel as JupyterLab starts it, and a client that answers no question."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env={**os.environ, **environ}, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client, code: str) -> tuple[float, float, str]:
    """Seconds of a cell, its longest time without anything new on the screen, and its last text."""
    begun = seen = time.monotonic()
    silent, text = 0.0, ""
    asked = client.execute(code, allow_stdin=True)
    while True:
        message = client.get_iopub_msg(timeout=1_200)
        kind, content, now = message["header"]["msg_type"], message["content"], time.monotonic()
        data = content.get("data", {})
        if kind == "error" or 'role="alert"' in data.get("text/html", ""):
            raise SystemExit(f"FAILED: {content.get('evalue') or data['text/html']}\n{code}")
        ended = kind == "status" and content["execution_state"] == "idle"
        mine = message["parent_header"].get("msg_id") == asked
        if mine and (ended or kind in SHOWN):
            silent, seen = max(silent, now - seen), now
            text = data.get("text/plain", text)
        if mine and ended:
            return now - begun, silent, text


def walk(folder: Path, environ: dict[str, str]) -> list[str]:
    """Run the notebooks one after the other; print a line each, and return those that were silent too long."""
    approved, missed = "", []
    print(f"{'':<16}{'s':>7}{'longest silence':>17}  in the cell")
    for name in NOTEBOOKS:
        cells = nbformat.read(folder / f"{name}.ipynb", as_version=4).cells
        with kernel(folder, environ) as client:
            figures = []
            for cell in (cell for cell in cells if cell.cell_type == "code"):
                is_given = "parameters" in cell.metadata.get("tags", [])
                given = f"\n{PARAMETERS}approved = {approved!r}" if is_given else ""
                figures.append(
                    (*run_cell(client, cell.source + given)[:2], cell.source.strip().splitlines()[-1])
                )
            approved = run_cell(client, "plan.fingerprint")[2].strip("'") if name == "30_preview" else ""
        silent, where = max((silent, where) for _seconds, silent, where in figures)
        print(f"{name:<16}{sum(one[0] for one in figures):>7.1f}{silent:>17.1f}  {where}", flush=True)
        missed += [name] if silent > SILENCE else []
    return missed


def rows_about_students() -> pd.DataFrame:
    """Rows as the lists of the notebooks have them; each names a student in three columns."""
    any_of, numbers = np.random.default_rng(1), range(ROWS)
    days = pd.to_timedelta(any_of.integers(0, 200, ROWS), "D")
    return pd.DataFrame(
        {
            "student_unique_id": [f"9{number:06}" for number in numbers],
            "student_name": [f"Given{number % 701} Invented{number % 9001}" for number in numbers],
            "school": any_of.choice([f"School {number}" for number in range(40)], ROWS),
            "program_name": any_of.choice(["Homeless", "Section 504", "Title I"], ROWS),
            "begin_date": pd.Timestamp("2025-08-01") + days,
            "education_organization_id": any_of.integers(100, 140, ROWS),
            "severity": any_of.choice(["info", "warning", "critical"], ROWS),
            "says": [f"student 9{number:06} has no school in week {number % 40}" for number in numbers],
            "source_refs": [[f"students:9{number:06}", f"enrollments:{number}"] for number in numbers],
        }
    )


def grids() -> list[str]:
    """Show a grid and click on it, some times; print the best of each, and return what took too long."""
    frame, took = rows_about_students(), dict[str, list[float]]()

    def timed(name: str, act: Callable[[], Any]) -> Any:
        begun = time.process_time()
        done = act()
        took.setdefault(name, []).append(time.process_time() - begun)
        return done

    def painted() -> Grid:
        made = Grid(frame, masker=Masker(b"a key of this measurement"), title="All")
        with redirect_stdout(StringIO()):
            made._ipython_display_()
        return made

    for _time in range(TIMES):
        grid = timed("paint", painted)
        for name, message in CLICKS.items():
            timed(name, partial(grid._take_request, grid, message, []))
    seconds = {name: min(each) for name, each in took.items()}
    print(f"{f'a grid of {ROWS:,} rows':<27}{'CPU s':>7}")
    for name, each in seconds.items():
        print(f"  {name:<25}{each:>7.2f}", flush=True)
    return [name for name, each in seconds.items() if each > PROMPT]


def main(students: int) -> int:
    """Make the district and its ODS, walk through the notebooks; 1 when one misses the goal."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = ["synth", "district", "--profile", PROFILE, "--students", str(students), "--seed", "1"]
        subprocess.run(
            [sys.executable, "-m", "edfi_toolkit", *made], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        (folder / "edfi.toml").write_text(SETTINGS)
        bring_notebooks(folder)
        with start(seeds=sorted((folder / "district").glob("*seed*.jsonl"))) as running:
            missed = walk(folder, target_environ(running))
    return judge(missed, SILENCE)


def judge(missed: list[str], goal: float) -> int:
    """Say whether a goal is met; 1 when it is not."""
    print(f"Missed {goal:g} s: {', '.join(missed)}." if missed else f"The goal of {goal:g} s is met.")
    return int(bool(missed))


if __name__ == "__main__":
    asked = (sys.argv[1:] or [str(STUDENTS)])[0]
    by_grid = judge(grids(), PROMPT)
    sys.exit(by_grid if asked == "grid" else main(int(asked)) or by_grid)
