"""The options that several commands have, and what `--set` gives."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from edfi_toolkit.errors import ConfigError


class Mode(StrEnum):
    """What a plan compares with."""

    publish = "publish"
    resync = "resync"


def without_password(address: str | None) -> str | None:
    """A source as it was typed. Raises ConfigError for an address with a password: others can read a command line."""
    from edfi_toolkit.settings.credentials import holds_credentials  # quick help reads no settings

    if address is not None and holds_credentials(address):
        raise ConfigError(
            "The address holds a password, which others can read on a command line and in its history. Change the "
            'password, put the whole address into an environment variable, and path_env = "ITS_NAME" under '
            "[sources.NAME] in edfi.toml; then give that name."
        )
    return address


class FailOn(StrEnum):
    """What makes a finished run exit 3."""

    left_out = "left-out"
    new = "new"


AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
FailOnName = Annotated[
    FailOn,
    typer.Option("--fail-on", help="new: exit 0 when the same records are left out as in the last run."),
]


def _checked_hooks(pairs: list[str] | None) -> list[str] | None:
    """Before anything runs: a hook that could not be called would be missed when it matters."""
    from edfi_toolkit.settings.hooks import hooks_given

    hooks_given(pairs)
    return pairs


Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="OUTCOME=COMMAND",
        callback=_checked_hooks,
        help="Give the report to a command by outcome: done, attention, unavailable, guarded, settings, failed, any.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Send nothing, whatever is approved.")]
Force = Annotated[
    bool, typer.Option("--force", help="Run also where nothing has changed since the last run.")
]
StepMinutes = Annotated[int, typer.Option(min=1, help="One step of a notebook may take this long.")]


class Workbook(StrEnum):
    """What is in the workbook of a run."""

    changes = "changes"
    all = "all"


WorkbookName = Annotated[
    Workbook, typer.Option("--workbook", help="all: also a sheet of all records, unchanged ones too.")
]


class LogLevel(StrEnum):
    """From which level on."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


class LogFormat(StrEnum):
    """How it looks on stderr."""

    text = "text"
    json = "json"


LogLevelName = Annotated[
    LogLevel | None, typer.Option("--log-level", help="Show the log on stderr, from this level on.")
]
LogFormatName = Annotated[
    LogFormat | None, typer.Option("--log-format", help="Show the log on stderr, as text or JSON lines.")
]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show real student ids instead of pseudonyms.")]
ProfileName = Annotated[str, typer.Option("--profile", "-p", help="Whose rules, such as certification.")]


def _school_year(text: str | int) -> int:
    from edfi_toolkit.model.years import read_school_year

    return read_school_year(text, "--school-year")


SchoolYear = Annotated[
    int | None,
    typer.Option(
        "--school-year",
        "-y",
        parser=_school_year,
        metavar="YEAR",
        help="The year it ends in, or both: 2026, 2025-26.",
    ),
]
TargetName = Annotated[str, typer.Option("--target", "-t", help="A target named in the settings.")]
AskedTarget = Annotated[
    str | None,
    typer.Option(
        "--target", "-t", help="A target named in the settings; its data standard is asked, nothing else."
    ),
]
SourceName = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A source named in the settings, a folder, an address such as s3://..., or a database URL.",
        callback=without_password,
    ),
]
SourceOption = Annotated[
    str, typer.Option("--source", "-s", help="A source named in the settings, or a folder.")
]
SourceLabel = Annotated[
    str | None,
    typer.Option(
        "--source-name",
        help="What SOURCE is called, for a folder that has another name each time: what was published under this "
        "name is updated and deleted by it.",
    ),
]
OnlyRun = Annotated[str | None, typer.Option("--run", help="Only this run.")]
EndedToo = Annotated[bool, typer.Option("--closed", help="Those that ended too, with how.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", help="A limit that is meant, limit:person; may be repeated."),
]
Schools = Annotated[
    list[int] | None,
    typer.Option("--school", help="Only this school's records, by its Ed-Fi id; may be repeated."),
]
Incremental = Annotated[
    bool | None,
    typer.Option(
        "--incremental/--whole", help="Read only what changed since the last resync, or everything."
    ),
]
ModeName = Annotated[
    Mode,
    typer.Option("--mode", help="Compare with what was published before, or with what the ODS holds."),
]
Given = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the profile, name=value; may be repeated.")
]


def named_source(source: str, name: str | None) -> str:
    """A source as it is opened: under its own name, or under the one of `--source-name` (COM-SRC-2)."""
    return source if name is None else f"{name}={source}"


def settings_given(pairs: list[str] | None) -> dict[str, str]:
    """`["nm.begin_date_mode=latest_only"]` as a mapping. Raises ConfigError for one without `=`."""
    given = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(
                f"--set {pair}: write name=value, such as --set nm.begin_date_mode=latest_only."
            )
        given[name.strip()] = value.strip()
    return given
