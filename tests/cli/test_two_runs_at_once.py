"""A scheduler that starts a district twice: both runs end, and every record is sent once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import associations
from edfi_toolkit.sandbox import start
from tests.factories.watched import PEOPLE, District
from tests.proofs import long_proof

NORTH = ["north", "--profile", "certification", "--school-year", "2026", "--approve", "auto"]
# A held record; refused by the ledger while the other run publishes; a plan that no longer holds.
HELD, BUSY, STALE = 3, 5, 4


@pytest.mark.filterwarnings("default")  # the notebook stack warns about itself
@pytest.mark.parametrize(
    "command", ["publish", pytest.param("run", marks=long_proof)]
)  # the same, by notebooks
def test_the_same_district_run_twice_at_once_sends_nothing_twice(command: str, tmp_path: Path) -> None:
    with start() as sandbox:
        made = District.beside(tmp_path / "work", sandbox)
        made.write([*range(20), PEOPLE])  # the last is not in the ODS, and his record is held
        environ = {**os.environ, **made.environ}
        program = [sys.executable, "-m", "edfi_toolkit", command, *NORTH]
        both = [
            subprocess.Popen(program, cwd=made.folder, env=environ, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [each.communicate()[1] for each in both]
        counted = httpx.get(f"{sandbox.control_url}/counters", trust_env=False).json()["requests"]
    codes = sorted(each.returncode for each in both)
    assert HELD in codes
    assert set(codes) <= {HELD, BUSY, STALE}
    if BUSY in codes:
        assert "Another run of this feed is at work" in said[[each.returncode for each in both].index(BUSY)]
    answers: Counter[int] = Counter()
    for row in counted:
        if row["method"] == "POST" and row["resource"] in associations():
            answers[row["status"]] += row["count"]
    with Ledger(made.folder / "ledger.db") as ledger:
        (feed,) = {*ledger.runs()["feed"]}
        target, profile, source = feed.rsplit("|", 2)
        mapped = ledger.identity_map(ledger.feed(target, profile, source))
        delivered = ledger.runs()["delivered"].sum()
    assert answers == {201: len(mapped)}
    assert delivered == len(mapped) > 0
