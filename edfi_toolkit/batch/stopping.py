"""Asked to stop: what is under way is settled within a bound, and nothing more is begun.

The first request interrupts what each kernel is doing: a publish then begins no further record and settles those it has
begun, anything else ends at once. What has not ended when the bound is over, or at the second request, is killed, which
loses nothing either: the next run looks up what arrived.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

SETTLE_S = 60.0  # for what is under way
INTERRUPTED = "Interrupted"
INTERRUPTED_SAYS = "The run was stopped before its end. What arrived in the ODS is kept; run again to go on."
_SLICE_S = 0.2


class Stop:
    """Whether the work was asked to stop, and the kernels that must hear of it."""

    def __init__(self) -> None:
        self.asked = False  # a plain flag: a signal handler may set it at any instant
        self._kernels: list[int] = []
        self._then: list[Callable[[], object]] = []

    def then(self, work: Callable[[], object]) -> None:
        """To be done once it is asked, outside of a signal handler."""
        self._then.append(work)

    def wait(self, seconds: float) -> None:
        """Sleep, but not past being asked."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))

    def started(self, kernel: int) -> None:
        """A kernel by its process id."""
        self._kernels.append(kernel)

    def ended(self, kernel: int) -> None:
        """It is gone, and its process id may be another's from now on."""
        if kernel in self._kernels:
            self._kernels.remove(kernel)

    def ask(self, *_: object) -> None:
        """As a signal handler too: the first time in order, the second at once."""
        if self.asked:
            self._send(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            return
        self.asked = True
        self._send(signal.SIGINT)
        for work in self._then:
            threading.Thread(target=work, daemon=True).start()
        bound = threading.Timer(SETTLE_S, self.ask)
        bound.daemon = True
        bound.start()

    def _send(self, number: signal.Signals) -> None:
        for kernel in list(self._kernels):
            try:
                os.kill(kernel, number)
            except OSError:  # it has just ended
                continue


class Stopped(Exception):
    """No further cell is begun."""
