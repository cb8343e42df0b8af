"""The command line: each command calls one function. What a command needs is imported when it runs."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import cache
from typing import Annotated

import typer
from typer.main import get_command

from edfi_toolkit import __version__
from edfi_toolkit.batch.exits import Exit, exit_of
from edfi_toolkit.cli import (
    approve,
    batch,
    build,
    corrections,
    demo,
    dismissals,
    doctor,
    erase,
    explain,
    init,
    lab,
    ledger,
    login,
    output,
    plan,
    prune,
    publish,
    rejections,
    resync,
    retry,
    rollover,
    run,
    sandbox,
    synth,
    verify,
    watch,
)
from edfi_toolkit.cli.output import say
from edfi_toolkit.cli.reporting import none_yet, report_failure, reported, started
from edfi_toolkit.errors import EdfiToolkitError

_CTRL_C = 130  # what typer makes of Ctrl-C
_STOPPED = "The run was stopped. What arrived in the ODS is kept; run the same command again."

app = typer.Typer(
    name="edfi-toolkit",
    help="Keep an Ed-Fi ODS true to the student information system: student program associations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # tracebacks with values would show students
    rich_markup_mode=None,
)
COMMANDS = (
    build.build,
    explain.explain,
    reported(plan.plan),
    approve.approve,
    reported(publish.publish),
    reported(resync.resync),
    reported(run.run),
    reported(batch.batch),
    reported(watch.watch),
    rejections.rejections,
    retry.retry,
    sandbox.sandbox,
    synth.synth,
    lab.lab,
    demo.demo,
    init.init,
    login.login,
    doctor.doctor,
    rollover.rollover,
    verify.verify,
    prune.prune,
    erase.erase,
)


def _version(asked: bool) -> None:
    if asked:
        output.show_text(f"edfi-toolkit {__version__}")
        raise typer.Exit


@app.callback()
def toolkit(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and end.")
    ] = False,
) -> None:
    """Keep an Ed-Fi ODS true to the student information system: student program associations."""


for command in COMMANDS:
    app.command()(command)
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(corrections.corrections, name="corrections")
app.add_typer(dismissals.dismissals, name="dismissals")


@cache
def _commands() -> Callable[[], object]:
    """All commands and their options, which take longer to make than many a command runs: once in a process."""
    return get_command(app)


def main() -> None:
    """Run the command line and end the process with the exit code of what happened."""
    output.was_json = False
    none_yet()
    try:
        _commands()()
    except EdfiToolkitError as error:
        say(f"{type(error).__name__}: {error}")
        report_failure(exit_of(error), type(error).__name__, str(error))
        sys.exit(exit_of(error))
    except SystemExit as ended:
        if ended.code == _CTRL_C:
            say(_STOPPED)
            report_failure(Exit.UNAVAILABLE, "Interrupted", _STOPPED)
            sys.exit(Exit.UNAVAILABLE)
        if ended.code == Exit.SETTINGS and not started():
            report_failure(Exit.SETTINGS, "UsageError", "The command line is wrong. stderr says where.")
        sys.exit(ended.code)
    except Exception as error:
        # Where, but not what: the text of an unexpected error may quote a student's data.
        for frame in traceback.extract_tb(error.__traceback__):
            say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
        say(f"{type(error).__name__}: this is a fault of the toolkit. Please report it with the lines above.")
        says = "This is a fault of the toolkit. Please report it with the lines on stderr."
        report_failure(Exit.FAILED, type(error).__name__, says)
        sys.exit(Exit.FAILED)
