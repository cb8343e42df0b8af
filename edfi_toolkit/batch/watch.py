"""Near real time: check a source again and again, and publish what has changed, within the guardrails.

1. One cycle after the other, each a run of its own; a source that has not changed costs a check and no run.
2. Files are read when they have been still for a moment, and what was read while they changed is not used.
3. What cannot be done now (source or target unavailable, ledger in use) is reported, and tried again after a wait that
   doubles; so is what the ODS has refused, since what it lacked may have arrived there.
4. Asked to stop, it begins no further record and finishes those under way.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from edfi_toolkit.batch.exits import Exit, exit_of, exit_of_steps
from edfi_toolkit.batch.report import Report, report_of
from edfi_toolkit.batch.stopping import Stop
from edfi_toolkit.errors import ConfigError, EdfiToolkitError, SourceUnavailable
from edfi_toolkit.runs import AUTO, Run, open_another
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.runs.folder import now_text
from edfi_toolkit.runs.workbook import leave_one
from edfi_toolkit.sources.addresses import is_database, is_remote
from edfi_toolkit.sources.folder import stamps
from edfi_toolkit.sources.remote import stamps_at

_LONGEST_WAIT_S = 900.0  # between two tries of what could not be done
_STILL = {
    Exit.ATTENTION: "Some records are held or were refused, as before.",
    Exit.GUARDED: "A guardrail refuses the plan, as before.",
}
Stamps = Mapping[str, tuple[object, ...]]
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class Cycle(Report):
    """One check of the source and what came of it; it names no student.

    state: `unchanged`, `planned` (not approved), `published`, `guarded` (a guardrail refuses the plan),
        `waiting` (something is unavailable, `says` names it), or `stopped` before anything was sent.
    exit: what a scheduler may conclude if the watch ended here. wait_s: seconds until the next check.
    """

    state: str
    wait_s: float
    at: str = field(default_factory=now_text)

    def __str__(self) -> str:
        again = f"Next try in {self.wait_s:,.0f} s." if self.state == "waiting" else ""
        return self.line(f"{self.at} {self.state}", again)


class Watch:
    """Cycles of one feed until asked to stop.

    like: a run with the profile, source and target to use. every_s: between two cycles. quiet_s: how long files
        must have been still before they are read.
    """

    def __init__(self, like: Run, *, every_s: float, quiet_s: float, approved: str, stop: Stop) -> None:
        if approved not in ("", AUTO):
            raise ConfigError(
                "A watch publishes plans that no one has seen yet: give --approve auto, or leave it out."
            )
        if approved:
            like.target.credentials()
        self._like, self._approved, self._stop = like, approved, stop
        self._every_s, self._quiet_s = every_s, quiet_s
        self._stamps: Stamps = {}
        self._hashes: dict[str, str] = {}
        self._exit = Exit.DONE  # of the last cycle that was carried out
        self._failures = 0  # cycles in a row that could not be
        self._leftovers, self._again_at = 0, float("inf")  # cycles in a row that left records out

    def cycles(self) -> Iterator[Cycle]:
        """Each cycle when it is over; none begins before the last one has ended."""
        while not self._stop.asked:
            cycle = self._cycle()
            yield cycle
            self._stop.wait(cycle.wait_s)

    def _cycle(self) -> Cycle:
        began, run = time.monotonic(), open_another(self._like)
        try:
            cycle = self._check_source(run)
            self._failures = 0
        except _BeingWritten as writing:
            cycle = self._waiting(writing, self._every_s)
        except EdfiToolkitError as error:
            self._failures += 1
            cycle = self._waiting(error, self._patience(self._failures))
        if not cycle.run_id and not run.published:
            shutil.rmtree(run.path, ignore_errors=True)
        return replace(
            cycle,
            source=run.source.name,
            target=run.target_name,
            profile=run.profile,
            school_year=run.school_year,
            seconds=round(time.monotonic() - began, 1),
        )

    def _check_source(self, run: Run) -> Cycle:
        place, again = run.source.path, time.monotonic() >= self._again_at
        seen = _stamps_of(place)
        # Not every store says reliably that a file was written, so what is at an address is read each time
        if seen and seen == self._stamps and not again and not is_remote(place):
            return self._unchanged()
        if seen and seen != self._stamps:
            self._stop.wait(self._quiet_s)
            self._must_be_still(run, seen)
        run.extract()
        self._must_be_still(run, seen)
        hashes = hashes_of(str(run.path / "tables"))
        if hashes == self._hashes and not again:
            self._stamps = seen
            return self._unchanged()
        cycle = self._carry_out(run, repeats=hashes == self._hashes)
        if cycle.state != "stopped":
            self._stamps, self._hashes = seen, hashes
        return cycle

    def _must_be_still(self, run: Run, seen: Stamps) -> None:
        if _stamps_of(run.source.path) != seen:
            raise _BeingWritten(f"The files of source {run.source.name} are being written.")

    def _carry_out(self, run: Run, *, repeats: bool) -> Cycle:
        """The steps of a run, as far as they may go. repeats: the source is as it was when records were left out."""
        from edfi_toolkit.ods import Client, RetryPolicy

        with Client(run.target, retry=RetryPolicy(attempts=2, rounds=1)) as client:
            client.token_info()  # not there: nothing is built against half of what it reports
        for step in (run.build, run.validate, run.preview):
            if self._stop.asked:
                return Cycle(state="stopped", exit=Exit.UNAVAILABLE, wait_s=0.0)
            step()
        state, says = "planned" if not self._approved else "published", ""
        if run.plan.breaches:
            found = run.plan.findings
            state, says = "guarded", " ".join(found.loc[found["code"].isin(run.plan.breaches), "says"])
        elif repeats and run.plan.items["action"].eq("NOOP").all():
            return self._left(self._unchanged())
        elif self._approved:
            run.publish(approved=AUTO, progress=lambda *_: not self._stop.asked)
        leave_one(run)
        self._exit = exit_of_steps(run.folder.manifest["steps"])
        if not repeats:
            self._leftovers = 0
        report = report_of(run, self._exit, seconds=0.0, says=says)
        return self._left(Cycle(**{**vars(report), "state": state, "wait_s": self._every_s}))

    def _left(self, cycle: Cycle) -> Cycle:
        """The cycle, with the time set at which what it left out is tried again."""
        self._leftovers += 1
        nothing_to_retry = cycle.exit in (Exit.DONE, Exit.GUARDED)
        wait_s = float("inf") if nothing_to_retry else self._patience(self._leftovers)
        self._again_at = time.monotonic() + wait_s
        return cycle

    def _patience(self, times: int) -> float:
        """Seconds to wait after so many times in a row: the interval, doubled each time, up to a limit."""
        return min(self._every_s * 2.0 ** min(times - 1, 30), max(self._every_s, _LONGEST_WAIT_S))

    def _unchanged(self) -> Cycle:
        says = _STILL.get(self._exit, "")
        return Cycle(state="unchanged", exit=self._exit, wait_s=self._every_s, says=says)

    def _waiting(self, error: EdfiToolkitError, wait_s: float) -> Cycle:
        kind = "" if isinstance(error, _BeingWritten) else type(error).__name__
        return Cycle(state="waiting", exit=exit_of(error), wait_s=wait_s, says=str(error), error=kind)


def _stamps_of(source: str) -> Stamps:
    """What changes about each file of a source when it is written; empty for a database."""
    if is_database(source):
        return {}
    return stamps_at(source) if is_remote(source) else stamps(source)


class _BeingWritten(SourceUnavailable):
    """The files are not still yet."""


def seconds_of(text: str, option: str = "--every") -> float:
    """`90`, `90s`, `5m` or `1h` in seconds. Raises ConfigError for anything else, and for less than one."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds < 1:
        raise ConfigError(
            f"{option} {text}: write a number of seconds, minutes or hours, such as 30s, 5m or 1h."
        )
    return seconds
