"""lab: JupyterLab on a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.output import say


def lab(
    folder: Annotated[
        Path | None, typer.Argument(help="The workspace; data/lab/PROFILE when none is named.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of JupyterLab; the next free one when it is taken.")] = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Whose sample.")] = "certification",
    new: Annotated[
        bool, typer.Option("--new", help="Make another workspace next to the one that is there.")
    ] = False,
) -> None:
    """JupyterLab on a workspace: notebooks, sources, runs. What is in the folder stays; an empty one gets a sample.

    A sample has a sandbox ODS behind it. A folder with your own files gets the notebooks and a settings file.

    Example: edfi-toolkit lab --no-browser --port 8890
    """
    from edfi_toolkit.cli.jupyter import serve_lab
    from edfi_toolkit.cli.workspace import another, open_workspace, sandbox_of

    place = folder or Path("data/lab") / profile
    opened = open_workspace(another(place) if new else place, profile)
    if opened.sample not in (None, profile):
        say(f"{opened.folder} has the sample of {opened.sample}. For that of {profile}, add --new.")
    with sandbox_of(opened) as environ:
        say(f"Workspace: {opened.folder}   What you make there stays; open it again with the same command.")
        if opened.sample:
            say(
                f"Sandbox ODS: {environ['EDFI_TARGET_SANDBOX_URL']}   Sample district: {opened.folder / 'source'}"
            )
        say("JupyterLab follows; end all of it with Ctrl-C.")
        serve_lab(opened.folder, port=port, browser=browser, environ=environ)
