"""The first Ctrl-C or SIGTERM stops unattended work in order, the second at once; either way there is a report."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from edfi_toolkit.cli.output import say
from edfi_toolkit.cli.progress import STOPS

if TYPE_CHECKING:
    from edfi_toolkit.batch.stopping import Stop

_T = TypeVar("_T")


@contextmanager
def stopping() -> Iterator[Stop]:
    """Until the end of the block, a signal asks its Stop."""
    from edfi_toolkit.batch.stopping import SETTLE_S, Stop

    stop = Stop()

    def asked(*_: object) -> None:
        if not stop.asked:
            say(
                f"Stopping: what is under way is settled, within {SETTLE_S:.0f} s. Ctrl-C again leaves at once."
            )
        stop.ask()

    before = {number: signal.signal(number, asked) for number in STOPS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_a_thread(work: Callable[[], _T]) -> _T:
    """Do it in another thread: the notebook client takes signals for itself where it runs in the main one."""
    with ThreadPoolExecutor(1, thread_name_prefix="run") as pool:
        return pool.submit(work).result()
