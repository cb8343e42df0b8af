"""How long a notebook shows nothing while it works, with a district of 20,000 students, as in JupyterLab by hand.

Each notebook of the workspace runs in a kernel of its own, told that a person sits at it. What counts is what the
kernel sends to the screen: outputs, progress, a panel's changes. Goal: within a cell never more than SILENCE seconds
without any of them. An argument is the number of students.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import nbformat
from jupyter_client.manager import KernelManager

from edfi_toolkit.cli.playground import target_environ
from edfi_toolkit.cli.workspace import bring_notebooks
from edfi_toolkit.sandbox import start

STUDENTS, SILENCE = 20_000, 10
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
    print(f"Missed {SILENCE} s: {', '.join(missed)}." if missed else "The goal is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or [STUDENTS])[0])))
