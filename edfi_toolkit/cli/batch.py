"""batch: many districts and school years, unattended."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    DryRun,
    FailOn,
    FailOnName,
    Force,
    Mode,
    ModeName,
    Notify,
    StepMinutes,
)
from edfi_toolkit.cli.output import say, show_json, show_text
from edfi_toolkit.cli.reporting import call_hook, seconds
from edfi_toolkit.cli.stopping import stopping

COLUMNS = (
    "source",
    "school_year",
    "target",
    "exit",
    "rows",
    "built",
    "held",
    "created",
    "updated",
    "deleted",
)
MORE_COLUMNS = ("refused", "pending", "seconds", "run_id")


def batch(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Sources named in the settings; all that name a profile."),
    ] = None,
    approve: Annotated[str, typer.Option(help="auto; without it nothing is sent.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Districts at a time.")] = 2,
    minutes: Annotated[int, typer.Option(min=1, help="One run may take this long.")] = 240,
    step_minutes: StepMinutes = 60,
    mode: ModeName = Mode.publish,
    dry_run: DryRun = False,
    force: Force = False,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only sources whose name matches, such as 'north-*'; may be repeated."),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed or was not come to in the last batch.")
    ] = False,
    scheduler: Annotated[
        str,
        typer.Option(help="The address of a Dask scheduler, such as tcp://host:8786; districts run there."),
    ] = "",
    dask_local: Annotated[int, typer.Option(min=0, help="Run on so many Dask workers here.")] = 0,
    shard: Annotated[
        str, typer.Option(help="Only the part I/N, such as 2/5, on the second of five machines.")
    ] = "",
    fail_on: FailOnName = FailOn.left_out,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Run many districts unattended, each school year to the target that holds it, and go on when one fails.

    What to run is under [sources.NAME] of the settings: profile, target and school_years.

    Exit code: the worst of all runs, from 0, 3, 5, 4, 2 to 1; each line has its own.

    Example: edfi-toolkit batch --approve auto --workers 4
    """
    import pandas as pd

    from edfi_toolkit.batch.batch_file import BatchFile, failed_of, totals
    from edfi_toolkit.batch.exits import worst
    from edfi_toolkit.batch.fleet import How, run_fleet
    from edfi_toolkit.batch.machines import run_on_dask, shard_of
    from edfi_toolkit.batch.notebooks import Timeouts
    from edfi_toolkit.batch.report import SCHEMA
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs import AUTO
    from edfi_toolkit.runs.folder import new_run_id
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    if approve not in ("", AUTO):
        raise ConfigError("A batch publishes many plans: give --approve auto, or leave it out.")
    names = list(dict.fromkeys(sources or [])) or [
        name for name, each in installation.sources.items() if each.profile
    ]
    if select:
        names = [name for name in names if any(fnmatchcase(name, pattern) for pattern in select)]
        if not names:
            raise ConfigError(f"--select {' '.join(select)}: no source that names a profile matches.")
    if failed:
        again = failed_of(installation.runs_dir)
        names = [name for name in names if name in again]
        if not names:
            say("Nothing failed in the last batch.")
    elif not names:
        raise ConfigError("No source names a profile. Write profile and target under [sources.NAME].")
    if shard:
        names = shard_of(names, shard)
    lines, others = [], []
    file = BatchFile(installation.runs_dir, new_run_id(installation.runs_dir))
    file.begin(names)
    with stopping() as stop:
        how = How(
            approved="" if dry_run else approve,
            fail_on=fail_on,
            mode=mode.value,
            force=force,
            timeouts=Timeouts(run_s=60 * minutes, cell_s=60 * step_minutes),
            stop=stop,
        )
        if scheduler or dask_local:
            districts = run_on_dask(
                installation, names, how, scheduler=scheduler, workers=dask_local or workers, note=say
            )
        else:
            districts = run_fleet(installation, names, how, workers=workers)
        for district in districts:
            for line in district.lines:
                say(str(line))
                file.add(line.facts)
            for other in district.other_years:
                say(
                    f"{district.source} {other['school_year']}: {other['rows']:,} enrollments belong to this year, "
                    f"and nothing is sent for it ({other['rule']}). Add it to school_years if it is to be sent."
                )
            lines += district.lines
            others += [{"source": district.source, **other} for other in district.other_years]
    code = worst(line.exit for line in lines)
    sums = {"exit": int(code), "other_years": others, "totals": totals(lines), "seconds": round(seconds(), 1)}
    file.end(sums)
    facts = [line.facts for line in lines]
    result = {"schema": SCHEMA, "file": str(file.path), "runs": facts, **sums}
    if as_json:
        show_json(result)
    else:
        flat = [{**fact, **fact["counts"]} for fact in facts]
        table = pd.DataFrame(flat).reindex(columns=[*COLUMNS, *MORE_COLUMNS])
        shown = table.sort_values(["source", "school_year"]).convert_dtypes().astype(object)
        show_text(shown.where(shown.notna(), "").to_string(index=False))
    call_hook(code, result)
    raise typer.Exit(code)
