"""How one run went: a line for people, one object for machines. The same for every command; no student in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from edfi_toolkit.batch.counts import DONE, LEFT_OUT, breaches_of, counts_of, new_since, planned_of
from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.errors import UnsafePlan
from edfi_toolkit.runs import Run
from edfi_toolkit.runs.folder import REPORT
from edfi_toolkit.runs.last_run import keep_last, last_folder
from edfi_toolkit.settings import without_credentials

SCHEMA = 1  # of the object; a name that changes or goes makes it one higher
_WORDS = {"set_aside": "unreadable"}  # where the name for machines is not the one for people
TO_DO = {"created": "to create", "updated": "to update", "deleted": "to delete"}
_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) (?=[\"'A-Z])")


@dataclass(frozen=True, kw_only=True)
class Report:
    """How one run went.

    says: what a person should know, first what ended the run early. error: the class of that error. counts: what the
        run itself did, None where the ledger could not say; new: of these, since the last run. planned: what would
        be done, while nothing was sent. last_report: of an unchanged source, the report that holds again.
    """

    exit: Exit
    source: str | None = None
    target: str | None = None
    profile: str | None = None
    school_year: int | None = None
    run_id: str = ""
    folder: str = ""
    state: str = ""
    says: str = ""
    error: str = ""
    counts: Mapping[str, int | None] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    planned: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    last_report: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The object for machines."""
        *before, last = _END_OF_SENTENCE.split(self.says)  # a message ends with the next step
        says, next_step = (" ".join(before), last) if before else (last, "")
        error = {"type": self.error, "says": says, "next_step": next_step} if self.error else None
        done = [self.counts.get(name) for name in DONE.values()]
        known = [count for count in done if count is not None]
        delivered = {"delivered": sum(known) if len(known) == len(done) else None} if self.counts else {}
        return {
            "schema": SCHEMA,
            **vars(self),
            "exit": int(self.exit),
            "error": error,
            "counts": {**self.counts, **delivered},
            "cpu_seconds": round(sum(step.get("cpu_seconds", 0.0) for step in self.steps.values()), 3),
        }

    def line(self, head: str, *tail: str) -> str:
        """Counts, time and the message, after a head."""
        shown = [
            f"{count:,} {_WORDS.get(name, name)}{self._of_it_new(name)}"
            for name, count in self.counts.items()
            if count is not None and not (self.planned and name in self.planned)
        ]
        shown += [f"{count:,} {TO_DO[name]}" for name, count in self.planned.items()]
        return "  ".join(
            part for part in (head, ", ".join(shown), f"{self.seconds:.1f} s", self.says, *tail) if part
        )

    def _of_it_new(self, name: str) -> str:
        return f" ({self.new[name]:,} new)" if name in LEFT_OUT and self.new.get(name) else ""

    def failing_on(self, fail_on: str) -> Report:
        """The report, with exit 0 where it is to fail on news only and all that is left out was left out last time."""
        only_old = self.exit is Exit.ATTENTION and fail_on == "new" and not self._news
        return replace(self, exit=Exit.DONE) if only_old else self

    @property
    def _news(self) -> bool:
        return not self.new or any(self.new.get(name) for name in LEFT_OUT)

    def keep(self, run: Run) -> Report:
        """Write it into the run's folder; an unchanged source has none."""
        if self.last_report:
            return self
        run.folder.write(REPORT, orjson.dumps(self.facts, option=orjson.OPT_INDENT_2, default=str))
        if run.folder.manifest:
            run.folder.seal(REPORT)
        return self


def report_of(
    run: Run,
    code: Exit,
    *,
    seconds: float,
    says: str = "",
    error: str = "",
    kept: Mapping[str, Any] | None = None,
) -> Report:
    """The report of a run as it is now. It becomes the last run of its feed when it came to its end.

    kept: what to keep of it for the next run besides.
    """
    steps: dict[str, Any] = run.folder.manifest.get("steps", {})
    ended = not error and "preview" in steps and code is not Exit.GUARDED
    if code is Exit.GUARDED and not error:
        error, says = UnsafePlan.__name__, breaches_of(run.folder)
    new = new_since(run, last_folder(run)) if "extract" in steps else {}
    if ended:
        keep_last(run, exit=int(code), **(kept or {}))
    return Report(
        exit=code,
        source=without_credentials(run.source.name),
        target=run.target_name,
        profile=run.profile,
        school_year=run.school_year,
        run_id=run.id,
        folder=str(run.path),
        says=says,
        error=error,
        counts=counts_of(run),
        new=new,
        planned=planned_of(steps),
        steps=steps,
        seconds=round(seconds, 1),
    )
