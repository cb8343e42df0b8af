"""watch: one district, again and again, until asked to stop."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from edfi_toolkit.cli.options import (
    AsJson,
    Given,
    ProfileName,
    SchoolYear,
    SourceLabel,
    SourceName,
    TargetName,
    named_source,
    settings_given,
)
from edfi_toolkit.cli.output import say, show_json, show_text


def watch(
    source: SourceName,
    profile: ProfileName,
    target: TargetName = "sandbox",
    school_year: SchoolYear = None,
    every: Annotated[str, typer.Option(help="Time between two checks, such as 30s, 5m or 1h.")] = "60s",
    quiet: Annotated[str, typer.Option(help="Files must have been still for this long.")] = "2s",
    approve: Annotated[str, typer.Option(help="auto; without it nothing is sent.")] = "",
    given: Given = None,
    source_name: SourceLabel = None,
    as_json: AsJson = False,
) -> None:
    """Check a source again and again and publish what changes, within the guardrails; one line a cycle.

    A source or target that is unavailable is waited for. Ctrl-C or SIGTERM ends it, when what is under way is done.

    Exit code, of the last cycle: 0: all is in the ODS. 2: no source. 3: held or refused. 4: a guardrail. 5: resume.

    Example: edfi-toolkit watch north --profile certification --school-year 2026 --every 60s --approve auto
    """
    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.batch.stopping import Stop
    from edfi_toolkit.batch.watch import Watch, seconds_of
    from edfi_toolkit.runs import open_run

    stop, code = Stop(), Exit.DONE

    def asked(*_: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt  # the second time at once: the next run finds out what arrived
        stop.asked = True

    like = open_run(
        profile=profile,
        school_year=school_year,
        source=named_source(source, source_name),
        target=target,
        run_id="new",
        settings=settings_given(given) or None,
    )
    watching = Watch(
        like,
        every_s=seconds_of(every),
        quiet_s=seconds_of(quiet, "--quiet"),
        approved=approve,
        stop=stop,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    say(f"Watching {like.source.name}, every {every}. Stop with Ctrl-C.")
    for cycle in watching.cycles():
        code = cycle.exit
        if as_json:
            show_json(cycle.facts)
        else:
            show_text(str(cycle))
    say("Stopped.")
    raise typer.Exit(code)
