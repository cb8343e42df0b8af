"""ledger: what was done when, and which record is which resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edfi_toolkit.cli.options import AsJson, OnlyRun, ProfileName, SourceOption, TargetName
from edfi_toolkit.cli.output import say, show_rows, show_text

if TYPE_CHECKING:
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.ledger import Feed

ledger = typer.Typer(invoke_without_command=True, add_completion=False, rich_markup_mode=None)


@ledger.callback()
def runs(context: typer.Context, run: OnlyRun = None, as_json: AsJson = False) -> None:
    """The runs of this installation, newest first, with what became of their requests; with --run, each request.

    Example: edfi-toolkit ledger --run 20251124-093015-3f9c21
    """
    if context.invoked_subcommand is not None:
        return
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    with Ledger(installation.ledger) as opened:
        found = opened.runs().iloc[::-1] if run is None else opened.attempts(run)
        say(f"Ledger: {opened.shown}")
    show_rows(found, Masker(installation.mask_key), "Nothing has been published yet.", as_json=as_json)
    unsettled = int(found["unsettled"].sum() if run is None else found["settled_at"].isna().sum())
    if unsettled:
        say(
            f"{unsettled} requests were begun and never finished. The next plan of their source looks them up in the "
            "ODS, and publishing sends again what did not arrive."
        )


@ledger.command()
def export_map(
    file: Annotated[Path, typer.Argument(help="The CSV file to write; it holds real students, mode 0600.")],
    source: SourceOption,
    profile: ProfileName,
    target: TargetName = "sandbox",
) -> None:
    """Write which record of a source is which resource in the ODS (the identity map) as CSV.

    Example: edfi-toolkit ledger export-map map.csv --source north --profile certification --target state
    """
    from edfi_toolkit.ledger.identity_csv import export_map as export

    with _feed(source, profile, target) as (opened, feed):
        show_text(f"{export(opened, feed, file)} records written to {file}")


@ledger.command()
def import_map(
    file: Annotated[Path, typer.Argument(help="The CSV file, in the form that export-map writes.")],
    source: SourceOption,
    profile: ProfileName,
    target: TargetName = "sandbox",
) -> None:
    """Take over from another tool: learn from a CSV file which resources of the ODS are this source's.

    Nothing is sent. All mistakes are listed by row and column, and then nothing is imported. Without last_body it
    is not known what was sent last: the next plan updates those records, or a resync reads them.

    Example: edfi-toolkit ledger import-map map.csv --source north --profile certification --target state
    """
    from edfi_toolkit.ledger.identity_csv import import_map as take_over

    with _feed(source, profile, target) as (opened, feed):
        show_text(f"{take_over(opened, feed, file)} records taken over from {file}")


BackupFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="An SQLite file; it holds real students, mode 0600.")
]


@ledger.command()
def backup(file: BackupFile) -> None:
    """Write the whole ledger, with its history, into a new file, and check it. Runs may go on meanwhile.

    Example: edfi-toolkit ledger backup backups/ledger-20260112.db
    """
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.copying import backup as write
    from edfi_toolkit.settings import load_settings

    with Ledger(load_settings().ledger) as opened:
        show_text(f"{_rows_text(write(opened, file))} written to {file}, and checked.")


@ledger.command()
def restore(file: BackupFile) -> None:
    """Bring a backup back into the ledger of the settings, which must be new; and check it.

    What was sent after the backup is not in it: compare with the ODS by 'edfi-toolkit resync' before you publish.

    Example: edfi-toolkit ledger restore backups/ledger-20260112.db
    """
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.copying import restore as bring_back
    from edfi_toolkit.settings import load_settings

    with Ledger(load_settings().ledger) as opened:
        show_text(f"{_rows_text(bring_back(file, opened))} restored into {opened.shown}, and checked.")
    say("Now run 'edfi-toolkit resync' for each source: what was sent since the backup is not in it.")


@ledger.command()
def move(
    variable: Annotated[
        str,
        typer.Argument(metavar="VARIABLE", help="The environment variable with the new ledger's address."),
    ],
) -> None:
    """Copy the ledger, with its history, into an empty one, such as from SQLite to PostgreSQL; and check it.

    No run may be at work. The old ledger stays as it is; the settings decide which one is used.

    Example: edfi-toolkit ledger move EDFI_LEDGER
    """
    import os

    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.copying import move as copy
    from edfi_toolkit.settings import load_settings

    if not (address := os.environ.get(variable, "").strip()):
        raise ConfigError(
            f"The environment variable {variable} is not set. Put the new ledger's address there."
        )
    with Ledger(load_settings().ledger) as old, Ledger(address) as new:
        show_text(f"{_rows_text(copy(old, new))} copied from {old.shown} to {new.shown}, and checked.")
    say(f'Write ledger_env = "{variable}" under [paths] of the settings, and put the old ledger out of use.')


def _rows_text(counts: dict[str, int]) -> str:
    return f"{sum(counts.values()):,} rows of {len(counts)} tables"


@contextmanager
def _feed(source: str, profile: str, target: str) -> Iterator[tuple[Ledger, Feed]]:
    """The ledger of this installation, and the feed of a source there."""
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.rules import profile as profile_of
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    profile_of(profile)
    with Ledger(installation.ledger) as opened:
        name = installation.source(source).name
        yield opened, opened.feed(installation.target(target).identity, profile, name)
