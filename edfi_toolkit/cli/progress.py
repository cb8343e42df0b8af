"""Progress on the terminal, and the stop that a person or a scheduler asks for."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from edfi_toolkit.cli.output import say
from edfi_toolkit.display.progress import NO_COUNTS, counts_text, progress_text, rate_text

if TYPE_CHECKING:
    from rich.progress import Progress

    from edfi_toolkit.display.progress import Progress as Reports

STOPS = (signal.SIGINT, signal.SIGTERM)


class TerminalProgress:
    """A bar with rate and time left on stderr; where that is no terminal, one line at the end.

    As a context manager it turns the first Ctrl-C, or a scheduler's SIGTERM, into a stop between two records; the
    second ends the program at once. steps: whether steps are counted, which have no rate, and not rows or records.
    """

    def __init__(self, label: str, *, steps: bool = False) -> None:
        self.label, self.stopped, self._steps = label, False, steps
        self._before: dict[int, Any] = {}
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._asked) for number in STOPS}
        if sys.stderr.isatty():
            self._bar = _bar(steps=self._steps)
            self._task = self._bar.add_task(self.label, total=None, counts="")
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: object) -> None:
        self.stopped = True
        signal.signal(number, self._before[number])
        say("Stopping: what is under way is finished and recorded. Press Ctrl-C again to leave at once.")

    def __call__(self, done: int, total: int | None = None, counts: Mapping[str, int] = NO_COUNTS) -> bool:
        """Show how far it is; False once a stop was asked for."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, counts=counts_text(counts))
        elif total is not None and done >= total:
            say(f"{self.label}: {progress_text(done, total, counts)}")
        return not self.stopped


def notebook_progress(notebook: str) -> Reports:
    """A line when all cells of a notebook have run."""

    def report(done: int, total: int | None, _counts: Mapping[str, int] = NO_COUNTS) -> None:
        if done == total:
            say(f"  {notebook} done")

    return report


def _bar(*, steps: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(TextColumn):
        """Records a second."""

        def render(self, task: Any) -> Text:
            return Text("" if steps else rate_text(task.speed), style=self.style)

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate("", style="progress.percentage"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[counts]}"),
        console=Console(stderr=True, highlight=False),
    )
