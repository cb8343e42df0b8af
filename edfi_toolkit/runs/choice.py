"""What a person chose for this workspace, once for all notebooks: profile, school year, source, target, run.

It is kept next to `edfi.toml`, without any secret, and counts where a person sits at the notebook and its first cell
says nothing, as it is shipped. What is given there counts before it. Under papermill the parameters alone count.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.settings import Settings
from edfi_toolkit.storage import write_private

# The parameters of every notebook as it is shipped. One that differs was written there by a person, and counts there.
SHIPPED: Mapping[str, Any] = dict.fromkeys(("profile", "school_year", "source", "target"), "")
# Where nothing was chosen yet. Notebooks of earlier versions say these four where no one has written anything.
SAMPLE: Mapping[str, Any] = {
    "profile": "certification",  # Whose sample `lab` makes where none is named
    "school_year": 2026,
    "source": "sample",
    "target": "sandbox",
}
_FILE = ".edfi/choice.json"


def remembered(installation: Settings) -> dict[str, Any]:
    """What was chosen; empty before the first choice, or when the file cannot be read."""
    try:
        content = orjson.loads((installation.root / _FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    names = (*SHIPPED, "run_id")
    return {name: content[name] for name in names if name in content} if isinstance(content, dict) else {}


def remember(installation: Settings, choice: Mapping[str, Any]) -> Path:
    """Keep a choice for all notebooks of the workspace."""
    return write_private(installation.root / _FILE, orjson.dumps(dict(choice), option=orjson.OPT_INDENT_2))


def in_use(given: Mapping[str, Any], chosen: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What counts in a notebook, and which parameters its first cell sets by itself.

    given: its parameters. chosen: what `remembered` gave. A notebook that starts a run (`run_id = "new"`) does so.
    """
    said = {name: given[name] for name, shipped in SHIPPED.items() if given[name] != shipped}
    here = [] if said == SAMPLE else [*said]
    used = {name: given[name] if name in here else chosen.get(name, SAMPLE[name]) for name in SHIPPED}
    older = chosen.get("run_id", "latest") if given["run_id"] == "latest" and not here else given["run_id"]
    return {**used, "run_id": older}, here
