"""One student, the answer first: what is in the ODS, what is missing and why; then all that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.steps import in_words
from edfi_toolkit.review.summaries import WHO, rows
from edfi_toolkit.review.views import Block, View
from edfi_toolkit.rules.explain.story import parts_of


def student_view(student: str | None, facts: Mapping[str, Any], masker: Masker) -> View:
    """One student, the answer first. student: the SIS key; None asks for one. facts: as `runs.student` gathers them."""
    if student is None:
        says = "Type a state id, a local id, a pseudonym or a name below. What is typed is not saved."
        return View("One student", says, "good", [], "", masker)
    published, held, refused = facts["in_the_ods"], facts["held"], facts["refused"]
    still, skipped, story = (
        refused[refused["open"].astype(bool)] if len(refused) else refused,
        *(facts[name] for name in ("skipped", "story")),
    )
    answer = [_in_the_ods(published)]
    answer += [
        f"{name} is held back ({', '.join(by)})"
        for name, by in zip(held["program_name"], held["held_by"], strict=True)
    ]
    answer += [
        f"{name} was refused: {cause}"
        for name, cause in zip(still.get("program_name", ()), still.get("cause", ()), strict=True)
    ]
    if len(skipped):
        first = skipped.iloc[0]
        answer.append(
            f"{rows(len(skipped), 'row').capitalize()} gave no record, the first of "
            f"{first['table']} by {first['rule']}: {first['says']}"
        )
    spans = facts["spans"].sort_values("begins", kind="stable")
    columns = ["program_name", "begin_date", "resource"]
    return View(
        title="One student",
        says=" ".join(f"{part.rstrip('.')}." for part in [*answer, facts["note"]] if part),
        tone="bad" if len(still) or len(held) else "check" if len(skipped) or facts["note"] else "good",
        blocks=[
            Block(
                "What the ODS holds", published[[*columns, "now"]], "Nothing of this student was published."
            ),
            Block("Over the year", spans, "No enrollment and no record."),
            Block(
                "Rows that gave no record",
                skipped,
                "Every row gave a record, or no rule asks for it.",
                tone="check",
            ),
            *(Block(part, in_words(steps)) for part, steps in (parts_of(story) if len(story) else ())),
            Block(
                "Requests and answers",
                refused[["action", *WHO, "status", "cause", "messages", "open"]] if len(refused) else refused,
                "Nothing was refused.",
            ),
        ],
        next_step="Correct what the first line names, in the SIS or in notebook 50; then read the source again."
        if len(answer) > 1
        else "",
        masker=masker.knowing([student]),
        frames={"over the year": spans, "story": story},
        value=story,
    )


def _in_the_ods(published: pd.DataFrame) -> str:
    if published.empty:
        return "Nothing of this student is in the ODS from us"
    states = published["now"].value_counts()
    if set(states.index) == {"as sent"}:
        return f"Sent: {rows(len(published), 'record')}, all in the ODS as sent"
    counts = ", ".join(f"{count:,} {state}" for state, count in states.items())
    return f"Sent: {rows(len(published), 'record')}; {counts}"
