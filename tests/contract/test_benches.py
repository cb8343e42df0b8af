"""The measurements of the wire measure: every way, ours and the rivals', does all it is to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.proofs import long_proof

BENCH = Path(__file__).parents[2] / "bench"


@long_proof
def test_every_way_of_the_transport_bench_does_all_it_is_to_do() -> None:
    """Whether the goals are met is for a quiet machine to say; it says so below all ways."""
    command = [sys.executable, str(BENCH / "transport.py"), "--posts", "300", "--rows", "2000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert "\nGoals\n" in done.stdout, done.stdout[-600:] + done.stderr[-600:]
