"""A stop is heard wherever in the program it arrives."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from edfi_toolkit.cli.reporting import reported

pytestmark = pytest.mark.unit
PAUSE_S = 60.0


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class StoppedWhileClearedAway:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_stop_that_arrives_while_an_object_is_cleared_away_is_not_lost() -> None:
    left: list[str] = []

    @reported
    def command() -> None:
        StoppedWhileClearedAway()
        left.append("the clearing away")
        until = time.monotonic() + PAUSE_S
        while time.monotonic() < until:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        command(log_level=None, log_format=None)
    assert left == ["the clearing away"]
