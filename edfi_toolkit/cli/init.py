"""init: a settings file to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edfi_toolkit.cli.output import say, show_text

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
    show_text(str(write_private(path, TEMPLATE)))
    say("Fill in source and target, then check with: edfi-toolkit doctor")
