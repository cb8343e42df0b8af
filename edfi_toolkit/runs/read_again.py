"""From the source to the preview in one go, in a run of its own."""

from __future__ import annotations

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.runs.opening import open_another
from edfi_toolkit.runs.run import Run

_STEPS = ("extract", "build", "validate", "preview")


def read_again(run: Run, *, progress: Progress) -> Run:
    """A new run of the same feed, read, built, validated and previewed; nothing is sent.

    progress: called after each step with the counts so far; False stops, and the new run ends there.
    """
    again = open_another(run)
    counts: dict[str, int] = {}
    progress(0, len(_STEPS), counts)
    again.is_seen = False
    try:
        for done, name in enumerate(_STEPS, 1):
            getattr(again, name)()
            counts |= _counts(again, name)
            if progress(done, len(_STEPS), counts) is False:
                break
    finally:
        again.is_seen = True
    return again


def _counts(run: Run, step: str) -> dict[str, int]:
    found = run.folder.manifest["steps"][step]
    names = {"extract": ("rows", "rows"), "build": ("records", "records"), "validate": ("held", "held")}
    if step not in names:
        return {}
    name, label = names[step]
    return {label: int(found[name])}
