"""synth: an invented district."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.options import ProfileName
from edfi_toolkit.cli.output import say, show_text


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

    No person in it exists. _dirty.csv and _changes.csv list what is wrong on purpose and what changed.

    Example: edfi-toolkit synth out/north --profile wi-infinite-campus --students 2000 --seed 1 --dirty 0.01
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.rules import synthetic_of

    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} holds files already. Give a new folder.")
    synthetic = synthetic_of(profile)
    tables = synthetic.district(
        students=students, seed=seed, school_year=school_year, organization=organization
    )
    synthetic.write(folder, tables, dirty=dirty, churn=churn, seed=seed)
    for path in sorted(folder.rglob("*.*")):
        show_text(str(path))
    say(f"\nNext, the ODS for it: edfi-toolkit sandbox --port 8765 --seed {folder / 'ods-seed.jsonl'}")
    say(f"and its records: edfi-toolkit build {folder} --profile {profile} --school-year {school_year}")
