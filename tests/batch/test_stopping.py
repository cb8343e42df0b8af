"""What does not end when it is asked to is killed when the bound is over."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from edfi_toolkit.batch import stopping
from edfi_toolkit.batch.stopping import Stop

pytestmark = pytest.mark.process
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print("asked", flush=True))
print("up", flush=True)
while True: time.sleep(60)
"""


def test_what_does_not_end_within_the_bound_is_killed_and_what_has_ended_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "SETTLE_S", 0.5)
    command = [sys.executable, "-S", "-c", STUBBORN]
    stop = Stop()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "up\n"
        stop.started(kernel.pid)
        stop.started(2**22 + 1)  # no process has this id: it is gone
        stop.ask()
        assert kernel.stdout.readline() == "asked\n"  # it is asked first
        assert kernel.wait(60) == -signal.SIGKILL
