"""The test set-up itself: what it must refuse, it refuses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROBES = """
import socket
import pytest

def test_missing_tool():
    pytest.skip("chromium is not installed")

def test_missing_module():
    pytest.importorskip("no_such_module")

def test_choice_not_made():
    pytest.skip("set EDFI_PROVE=1 for the long proofs")

def test_swallowed_call():
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError:
        pass  # as a retry would
"""


def outcomes_of_the_probes(folder: Path, *, require_all: bool) -> dict[str, str]:
    """Run the probes under this repository's conftest in a process of their own: name -> last outcome."""
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (folder / "test_probes.py").write_text(PROBES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", "--rootdir", folder],
        cwd=folder,
        env={**os.environ, "EDFI_REQUIRE_ALL": "1" if require_all else ""},
        capture_output=True,
        text=True,
        check=False,
    )
    reported = [line.split() for line in done.stdout.splitlines() if line.startswith("test_probes.py::")]
    return {words[0].split("::")[1]: words[1] for words in reported}


def test_what_must_fail_fails_and_a_choice_stays_a_skip(tmp_path: Path) -> None:
    relaxed = outcomes_of_the_probes(tmp_path, require_all=False)
    strict = outcomes_of_the_probes(tmp_path, require_all=True)
    assert relaxed == {
        "test_missing_tool": "SKIPPED",
        "test_missing_module": "SKIPPED",
        "test_choice_not_made": "SKIPPED",
        "test_swallowed_call": "ERROR",  # its body passes; the guard at its end does not let that stand
    }
    assert strict == relaxed | {"test_missing_tool": "FAILED", "test_missing_module": "FAILED"}


def test_loopback_is_open_and_a_reserved_name_is_simply_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with pytest.raises(socket.gaierror):
        socket.create_connection(("ods.invalid", 443), timeout=1)
