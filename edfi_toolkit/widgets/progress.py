"""How far a long step is: counts, rate, time left, and a way to stop it between two records."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from edfi_toolkit.display.progress import NO_COUNTS, progress_text, rate_text
from edfi_toolkit.widgets.busy import heard_while_busy

_REDRAW_S = 0.2
_REFUSALS_S = 1.0


class ProgressBar:
    """Call it with what is done; it returns False once Stop was pressed: end before the next record then.

    `stopped` may be set from outside; interrupting the kernel once sets it too. Without a panel one line is written
    at the end.
    panel: whether to show a bar; True only inside a notebook. interruptible: without a bar, an interrupt is a stop
    all the same. clock: seconds, always growing. refusals: the newest ones as masked HTML. steps: whether steps are
    counted, which have no rate, and not rows or records.
    """

    def __init__(
        self,
        label: str,
        *,
        panel: bool,
        interruptible: bool = False,
        clock: Callable[[], float] = time.monotonic,
        refusals: Callable[[], str] | None = None,
        steps: bool = False,
    ) -> None:
        self.label, self.stopped, self._clock, self._steps = label, False, clock, steps
        self._started = self._drawn_at = clock()
        self._ended = False
        self._refusals, self._refused_shown, self._refusals_at = refusals, 0, self._started
        self._panel = _Panel(label, self.stop) if panel else None
        self._interrupt: Any = self._take_interrupts() if panel or interruptible else None

    def __call__(self, done: int, total: int | None = None, counts: Mapping[str, int] = NO_COUNTS) -> bool:
        """Show how many of how many are done, by outcome; returns whether to go on."""
        now = self._clock()
        ended = self.stopped or (total is not None and done >= total)
        if self._panel and (ended or done == 0 or now - self._drawn_at >= _REDRAW_S):
            self._drawn_at = now
            less = self.stopped or counts.get("refused", 0) > 0  # green would say that nothing is left
            self._panel.draw(done, total, self.line(done, total, counts), ended=ended, less=less)
            if self.stopped:
                self._panel.stopped()
            self._show_refusals(counts.get("refused", 0), now, ended=ended)
        elif ended and not self._ended and not self._panel:
            _write(f"{self.label}: {self.line(done, total, counts)}")
        self._ended = ended
        return not self.stopped

    def _show_refusals(self, refused: int, now: float, *, ended: bool) -> None:
        """The newest refusals, when there are more than are shown; at most once a second, and at the end."""
        if not (self._panel and self._refusals) or refused <= self._refused_shown:
            return
        if ended or now - self._refusals_at >= _REFUSALS_S:
            self._refusals_at = now
            if shown := self._refusals():  # the ledger writes an answer down a moment after it was counted
                self._refused_shown, self._panel.refused.value = refused, shown

    def stop(self) -> None:
        """Ask for a stop; the records under way are finished first."""
        self.stopped = True
        if self._panel:
            self._panel.stopping()

    def _take_interrupts(self) -> Any:
        """Let the notebook's own stop button stop between two records; pressed again, it interrupts as usual.

        The kernel puts its own handling back when the cell ends.
        """
        if threading.current_thread() is not threading.main_thread():
            return None
        return signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, number: int, frame: Any) -> None:
        if not self.stopped:
            self.stop()
        elif callable(self._interrupt):
            self._interrupt(number, frame)

    def line(self, done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS) -> str:
        """For example `812 of 1,203 (delivered 810, refused 2), 96 a second, 0:04 left`."""
        took = max(self._clock() - self._started, 1e-9)
        parts = [progress_text(done, total, counts)]
        if self.stopped:
            return f"{parts[0]}, stopped after {_clock_text(took)}"
        if total is not None and done >= total:
            return f"{parts[0]} in {_clock_text(took)}"
        if done:
            parts.append("" if self._steps else rate_text(done / took))
            if total is not None:
                parts.append(f"{_clock_text((total - done) * took / done)} left")
        return ", ".join(filter(None, parts))


class _Panel:
    """The bar, the line and the button; shows itself when made."""

    def __init__(self, label: str, stop: Callable[[], None]) -> None:
        import ipywidgets as w
        from IPython.display import display

        self._bar = w.FloatProgress(max=1.0, description=label, layout=w.Layout(width="45%"))
        self._bar.style = {"description_width": "initial"}
        self._line = w.HTML(layout=w.Layout(margin="0 8px"))
        self._stop = w.Button(
            description="Stop", icon="stop", tooltip="Finish the records under way, then stop"
        )
        self._stop.layout.width = "110px"
        self._stop.on_click(lambda _button: stop())
        self.refused = w.HTML()
        line = w.HBox([self._bar, self._stop, self._line], layout=w.Layout(align_items="center"))
        self.box = w.VBox([line, self.refused])
        display(self.box)
        heard_while_busy(self._stop)

    def draw(self, done: int, total: int | None, line: str, *, ended: bool, less: bool) -> None:
        self._bar.value = done / total if total else float(ended)
        self._bar.bar_style = "info" if not ended else "warning" if less else "success"
        self._line.value = f"<span>{escape(line)}</span>"
        self._stop.disabled = ended

    def stopped(self) -> None:
        self._stop.description = "Stopped"

    def stopping(self) -> None:
        self._stop.disabled = True
        self._stop.description = "Stopping"


def _clock_text(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _write(line: str) -> None:
    stream: Any = (
        sys.stdout if "ipykernel" in sys.modules else sys.stderr
    )  # a program's stdout is for results
    stream.write(f"{line}\n")
    stream.flush()
