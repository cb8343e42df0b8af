"""The last run of a feed and school year that came to its end, found without looking through all runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.storage import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from edfi_toolkit.runs.run import Run

_FOLDER = ".last"


def last_run(run: Run) -> dict[str, Any]:
    """What `keep_last` kept; empty when there is nothing, or nothing that can be read, or its folder is gone."""
    try:
        kept = orjson.loads(_place(run).read_bytes())
    except (OSError, ValueError):
        return {}
    there = isinstance(kept, dict) and (run.installation.runs_dir / str(kept.get("run_id"))).is_dir()
    return kept if there else {}


def last_folder(run: Run) -> RunFolder | None:
    """The folder of the last run before this one; None when there is none, or it is gone."""
    if (run_id := _before(run)) is None:
        return None
    folder = RunFolder(run.installation.runs_dir, run_id)
    return folder if folder.path.is_dir() else None


def needed_later(runs_dir: Path) -> set[str]:
    """The ids of the runs that the next run of their feed compares itself with.

    Raises ConfigError where that cannot be read: then nothing may be removed.
    """
    needed: set[str] = set()
    for path in sorted((runs_dir / _FOLDER).glob("*.json")):
        try:
            kept = orjson.loads(path.read_bytes())
            needed |= {kept["run_id"], kept["before"] or kept["run_id"]}
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigError(
                f"{path} cannot be read, so it is not known which runs are still needed. Delete that file; the next "
                "run of its source then calls everything new."
            ) from None
    return needed


def keep_last(run: Run, **about: Any) -> None:
    """From now on this run is the last one."""
    write_private(_place(run), orjson.dumps({"run_id": run.id, "before": _before(run), **about}))


def _before(run: Run) -> str | None:
    """The id of the last run; where it is this one, which was taken up again, of the one before it."""
    kept = last_run(run)
    found: str | None = kept.get("before" if kept.get("run_id") == run.id else "run_id")
    return found


def _place(run: Run) -> Path:
    feed = (run.profile, run.school_year, run.source.name, run.target_name)
    name = hashlib.sha256(orjson.dumps(feed)).hexdigest()[:24]
    return run.installation.runs_dir / _FOLDER / f"{name}.json"
