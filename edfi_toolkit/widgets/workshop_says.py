"""The sentences of the workshop on what came of a press. Plain texts of real data, masked where they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.links import file_link
from edfi_toolkit.runs.retry import SHARED
from edfi_toolkit.widgets.workshop_buttons import send_label

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

CHECK_FIRST = "Press Check again first: it shows what would be sent, and sends nothing."


def of_a_check(again: Run, now: pd.DataFrame, *, author: str) -> str:
    """What would become of the checked records, and how they are sent. now: as of `runs.retry.verdicts`.

    author: as it stands under Your name.
    """
    counts = ", ".join(f"{count:,} {what}" for what, count in now["now"].value_counts().items())
    limits = f" Stopped by {', '.join(again.plan.breaches)}." if again.plan.breaches else ""
    if now["now"].eq(SHARED).any():
        then = "Correct the wrong one of the two ids, or remove the correction, then check again."
    else:
        press = "Press" if author.strip() else "Give your name under Your name, then press"
        approves = f"it approves this plan, {again.plan.fingerprint}, and sends it."
        then = f"{press} '{send_label(len(now))}': {approves}"
    return f"Nothing was sent. {counts}.{limits} {then}"


def of_a_file(path: Path, count: int, *, reveal: bool) -> tuple[str, tuple[dict[str, Any], ...]]:
    """What was handed on, and the link to it as the outputs of a cell. count: of refusals. reveal: with real ids."""
    many = "refusal" if count == 1 else "refusals"
    whom = "with real student ids: give it only to who is to correct them" if reveal else "students masked"
    link = {"text/html": file_link(path), "text/plain": str(path)}
    shown = ({"output_type": "display_data", "data": link, "metadata": {}},)
    return f"{count:,} {many}, a sheet for each owner, {whom}:", shown
