"""The command line: each command calls one function. What a command needs is imported when it runs."""

from __future__ import annotations

import sys
import traceback

import typer

from edfi_toolkit.batch.exits import Exit, exit_of
from edfi_toolkit.cli import (
    batch,
    build,
    demo,
    doctor,
    explain,
    init,
    lab,
    ledger,
    plan,
    publish,
    rejections,
    resync,
    run,
    sandbox,
    synth,
    watch,
)
from edfi_toolkit.cli.output import say
from edfi_toolkit.errors import EdfiToolkitError

INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    name="edfi-toolkit",
    help="Keep an Ed-Fi ODS true to the student information system: student program associations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # tracebacks with values would show students
    rich_markup_mode=None,
)
COMMANDS = (
    build.build,
    explain.explain,
    plan.plan,
    publish.publish,
    resync.resync,
    run.run,
    batch.batch,
    watch.watch,
    rejections.rejections,
    sandbox.sandbox,
    synth.synth,
    lab.lab,
    demo.demo,
    init.init,
    doctor.doctor,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(ledger.ledger, name="ledger")


def main() -> None:
    """Run the command line and end the process with the exit code of what happened."""
    try:
        app()
    except EdfiToolkitError as error:
        say(f"{type(error).__name__}: {error}")
        sys.exit(exit_of(error))
    except SystemExit as ended:
        sys.exit(Exit.FAILED if ended.code == INTERRUPTED else ended.code)
    except Exception as error:
        # Where, but not what: the text of an unexpected error may quote a student's data.
        for frame in traceback.extract_tb(error.__traceback__):
            say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
        say(f"{type(error).__name__}: this is a fault of the toolkit. Please report it with the lines above.")
        sys.exit(Exit.FAILED)
