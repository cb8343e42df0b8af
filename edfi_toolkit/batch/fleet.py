"""Many districts: every source of the settings, each school year to the target that holds it.

1. Districts run side by side, the years of one district one after the other: they are one feed to an ODS of
   several years, and one extract.
2. What ends one run ends no other; each has its line, and the exit code is the worst of all.
3. Rows of a school year that nothing was sent for are reported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from edfi_toolkit.batch.exits import Exit, exit_of, worst
from edfi_toolkit.batch.kernels import Kernel
from edfi_toolkit.batch.notebooks import DEFAULT_TIMEOUTS, Timeouts, unattended_kernel
from edfi_toolkit.batch.report import Report
from edfi_toolkit.batch.stopping import INTERRUPTED, INTERRUPTED_SAYS, Stop
from edfi_toolkit.batch.unattended import Unattended, run_unattended
from edfi_toolkit.errors import ConfigError, EdfiToolkitError
from edfi_toolkit.runs import Run
from edfi_toolkit.settings import Settings, Source


@dataclass(frozen=True)
class DistrictYear:
    """One school year of one district, and the target that holds it; an empty one when none does."""

    source: str
    profile: str
    school_year: int
    target: str


@dataclass(frozen=True, kw_only=True)
class Line(Report):
    """How one school year of one district went; it names no student."""

    def __str__(self) -> str:
        where = f"{self.source} {self.school_year or ''}".strip()
        return self.line(f"{where}: exit {int(self.exit)}")


@dataclass(frozen=True)
class District:
    """All lines of one source, and the rows of years that none of them is about: `rule, school_year, rows`."""

    source: str
    lines: list[Line]
    other_years: list[dict[str, Any]]


def years_of(installation: Settings, source: Source) -> list[DistrictYear]:
    """The school years of a source, each with its target: the one of that year, else one that holds any year.

    Without `school_years` they are those of its targets. Raises ConfigError when the source does not say what
    a batch needs to know.
    """
    if not (source.profile and source.targets):
        raise ConfigError(
            f"A batch needs to know the profile and the target of source '{source.name}'. Write profile and "
            f"target under [sources.{source.name}]."
        )
    targets = [installation.target(name) for name in source.targets]
    by_year = {target.school_year: target.name for target in targets}
    if len(by_year) < len(targets):
        raise ConfigError(
            f"[sources.{source.name}] target: two of them are of one school year. Leave one out."
        )
    years = source.school_years or tuple(year for year in by_year if year is not None)
    if not years:
        raise ConfigError(
            f"A batch needs to know the years of source '{source.name}'. Write school_years under "
            f"[sources.{source.name}], or school_year under its targets."
        )
    any_year = by_year.get(None, "")
    return [
        DistrictYear(source.name, source.profile, year, by_year.get(year, any_year)) for year in sorted(years)
    ]


@dataclass(frozen=True)
class How:
    """What all runs of a batch have in common."""

    approved: str = ""
    fail_on: str = "left-out"
    mode: str = "publish"
    force: bool = False
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    stop: Stop = field(default_factory=Stop, compare=False)


def run_fleet(
    installation: Settings, names: Sequence[str], how: How, *, workers: int = 2
) -> Iterator[District]:
    """Run the districts of these names and yield each when it has ended; `workers` of them at a time.

    Asked to stop, it begins no other; each that it did not come to is yielded as interrupted.
    """
    waiting, ended = iter(names), SimpleQueue[District | BaseException]()
    stopped = threading.Event()

    def work() -> None:
        """One district after the other, in one kernel."""
        try:
            with unattended_kernel(Path.cwd(), start_s=how.timeouts.start_s, stop=how.stop) as kernel:
                while not stopped.is_set() and (name := next(waiting, None)) is not None:
                    ended.put(run_district(installation, name, how, kernel))
        except BaseException as error:
            ended.put(error)  # raised where the districts are awaited

    pool = ThreadPoolExecutor(workers, thread_name_prefix="district")
    for _ in range(min(workers, len(names))):
        pool.submit(work)
    try:
        for _ in names:
            one = ended.get()
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        stopped.set()
        pool.shutdown(wait=False)


def run_district(installation: Settings, name: str, how: How, kernel: Kernel) -> District:
    """All school years of one district, one after the other, in one kernel."""
    try:
        years = years_of(installation, installation.source(name))
    except ConfigError as error:
        failed = Line(source=name, exit=exit_of(error), says=str(error), error=type(error).__name__)
        return District(name, [failed], [])
    ended = [_run_year(year, how, kernel) for year in years]
    built = [run for _, run in ended if run is not None and run.folder.has("build")]
    sent = {year.school_year for year in years}
    return District(name, [line for line, _ in ended], _others(built[-1], sent) if built else [])


def _run_year(year: DistrictYear, how: How, kernel: Kernel) -> tuple[Line, Run | None]:
    began, begun = time.monotonic(), list[Run]()
    failed: dict[str, Any]
    line = partial(
        Line, source=year.source, school_year=year.school_year, target=year.target, profile=year.profile
    )
    if how.stop.asked:
        return line(exit=Exit.UNAVAILABLE, says=INTERRUPTED_SAYS, error=INTERRUPTED), None
    try:
        if not year.target:
            raise ConfigError(
                f"No target of source '{year.source}' is of the school year {year.school_year}. Add one to target "
                f"under [sources.{year.source}], or take the year out of school_years."
            )
        done = run_unattended(
            profile=year.profile,
            school_year=year.school_year,
            source=year.source,
            target=year.target,
            approved=how.approved,
            mode=how.mode,
            force=how.force,
            timeouts=how.timeouts,
            kernel=kernel,
            begun=begun.append,
        )
        return _line_of(done, time.monotonic() - began, how), done.run
    except EdfiToolkitError as error:
        failed = {"exit": exit_of(error), "says": str(error), "error": type(error).__name__}
    except Exception as error:  # the other districts go on; its text may quote a student
        says = "This is a fault of the toolkit. Please report it."
        failed = {"exit": Exit.FAILED, "says": says, "error": type(error).__name__}
    if begun:
        failed |= {"run_id": begun[0].id, "folder": str(begun[0].path)}
    return line(**failed), None


def _line_of(done: Unattended, seconds: float, how: How) -> Line:
    report = done.report(seconds).failing_on(how.fail_on)
    if notice := configuration_notice(done.run):
        says = f"{report.says} {notice}".strip()
        report = replace(report, exit=worst([report.exit, Exit.ATTENTION]), says=says)
    return Line(**vars(report.keep(done.run)))


def configuration_notice(run: Run) -> str:
    """What is reported when the year has no valid configuration: it was asked for, and nothing is sent."""
    from edfi_toolkit.rules.catalogue import rule

    if not run.folder.has("build") or run.built.config.valid:
        return ""
    skipped = run.built.skipped
    rules = skipped.loc[skipped["table"].eq("edfi_config"), "rule"]
    return "; ".join(f"{name}: {rule(name).says} {rule(name).hint}" for name in rules)


def _others(run: Run, sent: set[int]) -> list[dict[str, Any]]:
    from edfi_toolkit.rules.years import other_years

    found = other_years(run.built)
    records: list[dict[str, Any]] = found[~found["school_year"].isin(sent)].to_dict("records")
    return records
