"""lab: JupyterLab on a sample district."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.output import say


def lab(
    port: Annotated[int, typer.Option(help="Port of JupyterLab; the next free one when it is taken.")] = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose sample.")] = "certification",
    folder: Annotated[Path, typer.Option(help="Made again each time.")] = Path("data/lab"),
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
