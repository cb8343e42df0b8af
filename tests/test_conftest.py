"""The test set-up itself: what it must refuse, it refuses."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
    """Run the probes under this repository's conftest in a process of their own: name -> how it ended."""
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (folder / "test_probes.py").write_text(PROBES)
    (folder / "pytest.ini").write_text("[pytest]\n")  # or one in a folder above would be taken
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junit-xml=ended.xml"],
        cwd=folder,
        env={
            **os.environ,
            "EDFI_REQUIRE_ALL": "1" if require_all else "",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        check=False,
    )
    cases = ElementTree.parse(folder / "ended.xml").iter("testcase")  # noqa: S314  pytest wrote it
    return {case.attrib["name"]: case[-1].tag if len(case) else "passed" for case in cases}


def test_what_must_fail_fails_and_a_choice_stays_a_skip(tmp_path: Path) -> None:
    relaxed = outcomes_of_the_probes(tmp_path, require_all=False)
    strict = outcomes_of_the_probes(tmp_path, require_all=True)
    assert relaxed == {
        "test_missing_tool": "skipped",
        "test_missing_module": "skipped",
        "test_choice_not_made": "skipped",
        "test_swallowed_call": "error",  # its body passes; the guard at its end does not let that stand
    }
    assert strict == relaxed | {"test_missing_tool": "failure", "test_missing_module": "failure"}


def test_loopback_is_open_and_a_reserved_name_is_simply_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with pytest.raises(socket.gaierror):
        socket.create_connection(("ods.invalid", 443), timeout=1)
