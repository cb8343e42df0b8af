"""What a command reports however it ends: with `--json` always one object, also when nothing could start."""

from __future__ import annotations

import _thread
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from edfi_toolkit.cli import output
from edfi_toolkit.cli.options import LogFormat, LogFormatName, LogLevel, LogLevelName

if TYPE_CHECKING:
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.runs.run import Run

JSON = "--json"
_AGAIN_S = 0.05


@dataclass
class _Underway:
    """The command that runs in this process, as far as it has come."""

    given: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None
    began: float = field(default_factory=time.monotonic)
    notified: bool = False
    started: bool = False


_underway = _Underway()


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """A command that is stopped by SIGTERM as by Ctrl-C, that logs, and whose failures name what it was given."""
    signature = inspect.signature(command, eval_str=True)
    names = signature.parameters

    @wraps(command)
    def run(*, log_level: LogLevel | None, log_format: LogFormat | None, **given: Any) -> None:
        global _underway
        _log(log_level, log_format)
        _underway = _Underway({name: given[name] for name in names if name in given}, started=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            sys.unraisablehook = _ask_again
        command(**given)

    more = {"log_level": LogLevelName, "log_format": LogFormatName}
    run.__annotations__ = {name: each.annotation for name, each in names.items()} | more
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            *names.values(),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
                for name, kind in more.items()
            ),
        ]
    )
    return run


def _ask_again(lost: sys.UnraisableHookArgs) -> None:
    """A stop that came while Python removed an object, where what is raised is lost, comes again soon after."""
    if lost.exc_type is KeyboardInterrupt:
        threading.Timer(_AGAIN_S, _thread.interrupt_main, [signal.SIGTERM]).start()
    else:
        sys.__unraisablehook__(lost)


def _log(level: LogLevel | None, form: LogFormat | None) -> None:
    """Show the log as it was asked for; kernels and workers see it too."""
    from edfi_toolkit import logs

    for name, given in ((logs.LEVEL, level), (logs.FORMAT, form)):
        if given is not None:
            os.environ[name] = given.value
    logs.to_stderr()


def about_run(run: Run) -> None:
    """From now on a failure is one of this run."""
    _underway.run = run


def none_yet() -> None:
    """Forget the command before, in a process that runs several."""
    global _underway
    _underway = _Underway()


def started() -> bool:
    """Whether the command line was understood, so that the command itself reports how it ended."""
    return _underway.started


def seconds() -> float:
    """Since the command began."""
    return time.monotonic() - _underway.began


def report_failure(code: Exit, error: str, says: str) -> None:
    """Write the report of a command that failed into the run's folder, and with `--json` to stdout."""
    from edfi_toolkit.batch.report import Report, report_of
    from edfi_toolkit.errors import EdfiToolkitError
    from edfi_toolkit.runs.workbook import leave_one
    from edfi_toolkit.settings import without_credentials

    run, given = _underway.run, _underway.given
    source = given.get("source") or given.get("source_or_plan")
    report = Report(
        exit=code,
        source=without_credentials(source) if source else None,
        target=given.get("target"),
        profile=given.get("profile"),
        school_year=given.get("school_year"),
        seconds=round(seconds(), 1),
        says=says,
        error=error,
    )
    if run is not None:
        with suppress(
            EdfiToolkitError
        ):  # what made the command fail may keep its run from being read or written
            leave_one(run)
            report = report_of(run, code, seconds=seconds(), says=says, error=error).keep(run)
        if not report.run_id and run.path.is_dir():  # a folder that could not even be made is named to no one
            report = replace(report, run_id=run.id, folder=str(run.path))
    if JSON in sys.argv and not output.was_json:
        output.show_json(report.facts)
    call_hook(code, report.facts)


def call_hook(code: Exit, facts: Mapping[str, Any]) -> None:
    """Give the report to the command that is set for the outcome, once, where the command takes `--notify`."""
    if _underway.notified or "notify" not in _underway.given:
        return
    from edfi_toolkit.batch.notify import hook_for, notify
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.settings.hooks import Hooks, hooks_given

    _underway.notified = True
    settings: Hooks = {}
    with suppress(ConfigError):  # they may be what the report is about
        settings = load_settings().notify
    command = hook_for(code, hooks_given(_underway.given["notify"]), settings)
    if command and (failed := notify(command, facts)):
        output.say(failed)
