"""An error that a notebook keeps: where it happened, and what it says only when it is one of ours.

What another library says may quote a student; a notebook that is saved is read by others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb

WITHHELD = "the message is withheld, because it may quote student data"
_FRAME = re.compile(r"(File \S+?:\d+|File \"[^\"]+\", line \d+|Cell In\[\d+\], line \d+)")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def error_text(name: str, text: str, traceback: Sequence[str]) -> str:
    """One line about an error; its text only when it is one of ours: they never quote a student's data.

    Ours are known by how they show themselves; others have classes of the same name.
    """
    ours = [_COLOUR.sub("", line).strip() for line in traceback] == [f"{name}: {text}".strip()]
    return f"{name}: {text if ours else WITHHELD}"


def steps_of(traceback: Sequence[str]) -> list[str]:
    """File and line of each step, and nothing that an error chained before it quotes."""
    return [found[0] for line in traceback for found in _FRAME.finditer(_COLOUR.sub("", line))]


def fault_text(error: BaseException) -> str:
    """What a panel says of an error that is not one of ours: where it was raised, the last step first; what next."""
    steps = [f"{Path(step.filename).name}:{step.lineno}" for step in extract_tb(error.__traceback__)]
    return (
        f"This failed in a way that was not foreseen: {type(error).__name__} in {' < '.join(steps[:-5:-1])}; "
        f"{WITHHELD}. What was sent until then is in the ledger. Run all cells of this notebook again; if it fails "
        "again, give this sentence to whoever looks after the toolkit."
    )
