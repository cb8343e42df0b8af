"""prune: remove runs that no rule keeps and no later run needs."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson
from edfi_toolkit.cli.output import say, show_json, show_text


def prune(
    keep_last: Annotated[int, typer.Option(min=0, help="Keep so many of the newest runs of each feed.")] = 0,
    keep_daily: Annotated[int, typer.Option(min=0, help="Keep the newest run of so many days.")] = 0,
    keep_monthly: Annotated[int, typer.Option(min=0, help="Keep the newest run of so many months.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove the folders of old runs, by feed and school year. The ledger keeps its history.

    What a later run needs is never removed: the newest run, the one it compares itself with, one that has not finished.

    Example: edfi-toolkit prune --keep-last 7 --keep-daily 30 --keep-monthly 12 --dry-run
    """
    from contextlib import nullcontext

    from edfi_toolkit.runs.last_run import needed_later
    from edfi_toolkit.runs.retention import Keep, chosen, remove, tidying
    from edfi_toolkit.settings import load_settings

    runs_dir = load_settings().runs_dir
    with nullcontext() if dry_run else tidying(runs_dir):
        reasons = chosen(runs_dir, Keep(keep_last, keep_daily, keep_monthly), needed_later(runs_dir))
        going = [run_id for run_id, why in reasons.items() if not why]
        if not dry_run:
            remove(runs_dir, going)
    if as_json:
        show_json(
            {
                "removed": going,
                "kept": {run_id: why for run_id, why in reasons.items() if why},
                "dry_run": dry_run,
            }
        )
        return
    for run_id, why in reasons.items():
        show_text(f"{run_id}  {f'kept: {why}' if why else 'would go' if dry_run else 'removed'}")
    say(f"{len(going)} of {len(reasons)} runs {'would be removed' if dry_run else 'were removed'}.")
