"""The sentences of the workshop on what came of a press. Plain texts of real data, masked where they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.links import file_link
from edfi_toolkit.review.causes import NOT_AS_REFUSED
from edfi_toolkit.runs.rejections.retry import SHARED
from edfi_toolkit.widgets.workshop_buttons import send_label

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_UNSURE = "The answer does not say which cell is wrong, if one is: none is chosen under Cell."
CHECK_FIRST = "Press Check again first: it shows what would be sent, and sends nothing."


def of_a_cause(refused: pd.DataFrame) -> str:
    """What is wrong and what to do, of the first refusal that is not fixed by now. refused: some, as of `refusals`."""
    left = refused[refused["fixed"].eq("")]
    first = (left if len(left) else refused).iloc[0]
    return f"{first['says']} {here(first['todo'])} Who can do it: {first['who']}."


def of_a_record(row: pd.Series, nearest: str, *, is_cell_known: bool) -> str:
    """What is wrong with a record, what to do, and the answer. nearest: what its cell may say, as a sentence.

    is_cell_known: whether it is known which cell is wrong, or that there is none.
    """
    said = " ".join(row["messages"])
    answered = f" The ODS: {said.rstrip('.')}." if said else ""
    who = f"Who can do it: {row['who']}."
    if row["fixed"]:
        todo = row["todo"]
        # Their first sentence says the same for all that are fixed.
        then = here(todo.partition(". ")[2] if todo in NOT_AS_REFUSED else todo)
        return f"{row['fixed']} {then} {who} It was refused for this: {row['cause']}.{answered}"
    cell = "" if is_cell_known else f" {_UNSURE}"
    return f"{row['cause']}. {nearest}{here(row['todo'])} {who}{cell}{answered}"


def here(todo: str) -> str:
    """What to do, for who is in notebook 50."""
    return todo.replace(", in notebook 50", "").replace(" in notebook 50", "").replace("In notebook 50 ", "")


def of_a_check(again: Run, now: pd.DataFrame, *, author: str) -> str:
    """What would become of the checked records, and how they are sent. now: as of `runs.rejections.retry.verdicts`.

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
