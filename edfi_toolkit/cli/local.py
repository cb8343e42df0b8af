"""sandbox, lab, synth, init, doctor: what runs on this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.output import AsJson, ProfileName, as_records, say, show, show_json

Port = Annotated[int, typer.Option(help="0 takes a free one.")]
TEMPLATE = """\
# Settings of the Ed-Fi steward toolkit. No key, secret or password belongs in this file.
# What each line means: docs/settings.md.

[sources.north]                # one block for each extract; the name in brackets is yours to choose
path = "extracts/north"        # a folder or a workbook; path_env = "VARIABLE" for a database URL
mapping = "auto"               # canonical, powerschool, infinite-campus, or the path of a TOML file
# profile = "certification"    # what `edfi-toolkit batch` runs it with, and where to
# target = "state"

[targets.state]                # one block for each ODS
url = "https://ods.example.org"
school_year = 2026
# Key and secret come from EDFI_TARGET_STATE_KEY and EDFI_TARGET_STATE_SECRET, or from the system's keyring:
# keyring = "edfi-state"

[limits]                       # a plan above these is refused until a person overrides it by name
max_delete_share = 0.10
max_update_share = 0.50
free_changes = 25
"""


def sandbox(
    port: Port = 0,
    data: Annotated[Path | None, typer.Option(help="SQLite file that keeps the data.")] = None,
    seed: Annotated[
        list[Path] | None, typer.Option(help="JSONL file to load first; may be repeated.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Empty the data file before the seeds are loaded.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine only unless told otherwise.")
    ] = "127.0.0.1",
    tenant: Annotated[list[str] | None, typer.Option(help="Leading path segment; may be repeated.")] = None,
    school_year: Annotated[list[int] | None, typer.Option(help="Likewise, after the tenant.")] = None,
    errors: Annotated[
        str, typer.Option(help="problem-details (7.2 on), legacy (before) or dms.")
    ] = "problem-details",
    data_standard: Annotated[str, typer.Option(help="5.2, or 4.0 for New Mexico's older shape.")] = "5.2",
) -> None:
    """Serve an embedded Ed-Fi ODS until interrupted. Its first line is JSON: base_url, control_url, clients.

    Open control_url in a browser to see what is in it, and the last requests and refusals.

    Example: edfi-toolkit sandbox --port 8765 --seed data/samples/certification/ods-seed.jsonl
    """
    from edfi_toolkit.sandbox.server import serve

    serve(
        port,
        data,
        seed or [],
        host,
        tenants=tenant or [],
        school_years=school_year or [],
        errors=errors,
        data_standard=data_standard,
        reset=reset,
    )


def lab(
    port: Annotated[int, typer.Option(help="Port of JupyterLab; the next free one when it is taken.")] = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose sample.")] = "certification",
    folder: Annotated[Path, typer.Option(help="Made anew each time.")] = Path("data/lab"),
) -> None:
    """JupyterLab on a sample district, with a sandbox ODS behind it; asks nothing of the network.

    Example: edfi-toolkit lab --no-browser --port 8890
    """
    from edfi_toolkit.cli.jupyter import serve_lab
    from edfi_toolkit.cli.playground import make_playground, target_environ
    from edfi_toolkit.sandbox import start

    made = make_playground(folder, profile)
    with start(seeds=made.seeds) as running:
        say(f"Sandbox ODS: {running.base_url}   Sample district: {made.folder / 'source'}")
        say("JupyterLab follows; end both with Ctrl-C.")
        serve_lab(made.folder, profile=profile, port=port, browser=browser, environ=target_environ(running))


def synth(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    profile: ProfileName,
    students: Annotated[int, typer.Option(min=1, help="How many.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same number gives the same district.")] = 1,
    school_year: Annotated[int, typer.Option("--school-year", "-y", help="The year it ends in.")] = 2026,
    organization: Annotated[int | None, typer.Option(help="Ed-Fi id of the district.")] = None,
    dirty: Annotated[float, typer.Option(help="Share of rows that are dirty, up to 0.2.")] = 0.01,
    churn: Annotated[float, typer.Option(help="Share of rows that change in OUT/after, up to 0.2.")] = 0.02,
) -> None:
    """Write an invented district: tables, the same some months later, and what the ODS must hold first.

    Nobody in it exists. _dirty.csv and _changes.csv list what is wrong on purpose and what changed.

    Example: edfi-toolkit synth out/north --profile wi-infinite-campus --students 2000 --seed 1 --dirty 0.01
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.synthetic import district, write

    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} holds files already. Give a new folder.")
    tables = district(
        students=students, profile=profile, seed=seed, school_year=school_year, organization=organization
    )
    write(folder, tables, dirty=dirty, churn=churn, seed=seed)
    for path in sorted(folder.rglob("*.*")):
        typer.echo(str(path))
    say(f"\nNext, the ODS for it: edfi-toolkit sandbox --port 8765 --seed {folder / 'ods-seed.jsonl'}")
    say(f"and its records: edfi-toolkit build {folder} --profile {profile} --school-year {school_year}")


def init(
    folder: Annotated[Path, typer.Argument(help="Where edfi.toml is written.")] = Path("."),
    force: Annotated[bool, typer.Option("--force", help="Write over an edfi.toml that is there.")] = False,
) -> None:
    """Write a settings file to fill in.

    Example: edfi-toolkit init
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.storage import write_private

    path = folder / "edfi.toml"
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already. Edit it, or write over it with --force.")
    typer.echo(str(write_private(path, TEMPLATE)))
    say("Fill in source and target, then check with: edfi-toolkit doctor")


def doctor(as_json: AsJson = False) -> None:
    """Whether settings, sources, targets, logins and ledger are in place. Writes nothing.

    Exit code 0: all is in place. 2: something is not.

    Example: edfi-toolkit doctor
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.runs import check_setup

    view = check_setup()
    if as_json:
        show_json(as_records(view.frames["checks"], view.masker))
    else:
        show(view)
    raise typer.Exit(Exit.SETTINGS if view.tone == "bad" else Exit.DONE)
