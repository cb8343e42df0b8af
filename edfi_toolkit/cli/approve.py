"""approve: a person's yes to the plan of a run, for scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson
from edfi_toolkit.cli.output import show


def approve(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The name of the run whose plan is approved.")],
    by: Annotated[str, typer.Option(help="Who approves: first and last name.")],
    answer: Annotated[
        list[str] | None,
        typer.Option(help="Why a limit that is reached is meant, limit:reason; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Approve the plan of a run, as the button in notebook 30 does; `publish` of that run then carries it out.

    The ledger keeps who, when, and the fingerprint of the plan. Nothing is sent.

    Exit code 0: approved. 4: a limit has no answer, or none opens it.

    Example: edfi-toolkit approve 20251124-093015-3f9c21 --by "Ann Example"
    """
    from edfi_toolkit.errors import ConfigError
    from edfi_toolkit.runs import open_run
    from edfi_toolkit.runs.folder import RunFolder
    from edfi_toolkit.settings import load_settings

    about = RunFolder(load_settings().runs_dir, run).manifest
    if not about:
        raise ConfigError(f"There is no run {run}. edfi-toolkit plan makes one and names it.")
    answers = {}
    for given in answer or []:
        limit, colon, reason = given.partition(":")
        if not colon:
            raise ConfigError(
                f"--answer {given}: write limit:reason, such as --answer 'mass-delete:a school closed'."
            )
        answers[limit.strip()] = reason
    names = ("profile", "school_year", "source", "target")
    opened = open_run(run_id=run, **{name: about[name] for name in names})
    view = opened.approve(by=by, answers=answers)
    show(view, as_json=as_json, facts={"run_id": run, "fingerprint": opened.plan.fingerprint, "by": by})
