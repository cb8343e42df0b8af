"""One student, the answer first: what is in the ODS, what is missing, why, who does what; then all that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.meanings import owners_of, who_enters
from edfi_toolkit.review.steps import in_words
from edfi_toolkit.review.summaries import WHO, rows, texts_of
from edfi_toolkit.review.views import Block, View
from edfi_toolkit.rules.explain.story import parts_of

WHOSE = "whose"  # the frame that names the student
_MISSING = ["what", "state", "why", "todo", "who", "where", "rule", "sentence"]
_NOT_DONE = {"POST": "is missing", "PUT": "was not updated", "DELETE": "was not removed"}
_REFUSED, _HELD, _NO_RECORD = "refused by the ODS", "held back", "no record"


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
    missing = _missing(still, held, skipped)
    answer = [_in_the_ods(published), *missing["sentence"], facts["note"]]
    spans = facts["spans"].sort_values("begins", kind="stable")
    columns = ["program_name", "education_organization_id", "begin_date", "rests_on"]
    return View(
        title="One student",
        says=" ".join(f"{part.rstrip('.')}." for part in answer if part),
        tone="bad" if len(still) or len(held) else "check" if len(skipped) or facts["note"] else "good",
        blocks=[
            Block(
                "What is missing, why, and who does what",
                missing.drop(columns="sentence"),
                "Nothing: every row gave a record, or no rule asks for it.",
                tone="check",
            ),
            Block(
                "What the ODS holds, and the rows of the source that it rests on",
                published[[*columns, "now", "resource"]],
                "Nothing of this student was published.",
            ),
            Block("Over the year", spans, "No enrollment and no record."),
            *(Block(part, in_words(steps)) for part, steps in (parts_of(story) if len(story) else ())),
            Block(
                "Requests and answers",
                refused[["action", *WHO, "status", "cause", "messages", "open"]] if len(refused) else refused,
                "Nothing was refused.",
            ),
        ],
        next_step=_next_step(missing),
        masker=masker.knowing([student]),
        frames={
            "over the year": spans,
            "missing": missing,
            "story": story,
            WHOSE: pd.DataFrame({"student_id": [student]}),
        },
        value=story,
    )


def story_html(view: View, eyes: Masker) -> str:
    """A student's view as HTML for these eyes, with whose it is in the heading."""
    whose = TextTable.of(view.frames[WHOSE], eyes).rows[0][0]
    return replace(view, title=f"{view.title}: {whose}", masker=eyes).html()


def _in_the_ods(published: pd.DataFrame) -> str:
    if published.empty:
        return "Nothing of this student is in the ODS from us"
    states = published["now"].value_counts()
    programs = ", ".join(published["program_name"].astype("str").unique())
    sent = f"Sent: {rows(len(published), 'record')} ({programs})"
    if set(states.index) == {"as sent"}:
        return f"{sent}, all in the ODS as sent"
    return f"{sent}; {', '.join(f'{count:,} {state}' for state, count in states.items())}"


def _missing(refused: pd.DataFrame, held: pd.DataFrame, skipped: pd.DataFrame) -> pd.DataFrame:
    """What is not in the ODS: refused records, records that are held, then rows that gave none. Columns of _MISSING.

    sentence: without a value of the row, since it is shown unmasked.
    """
    found = []
    for row in refused.to_dict("records"):
        program, why = row["program_name"], f"{row['cause']}."
        sentence = f"{program} {_NOT_DONE[row['action']]}, refused by the ODS: {why}"
        found.append((program, _REFUSED, why, row["todo"], row["who"], "", "", sentence))
    for row in held.to_dict("records"):
        program, by = row["program_name"], ", ".join(row["held_by"])
        why, todo = texts_of(row["held_by"], "says"), texts_of(row["held_by"], "hint")
        who = owners_of(row["held_by"])
        sentence = f"{program} is missing, held back: {why.rstrip('.')} ({by})"
        found.append((program, _HELD, why, todo, who, "", by, sentence))
    for row in skipped.to_dict("records"):
        program, line = cell_text(row.get("program")), cell_text(row["row"])
        where = f"{row['file']}, row {line}" if line else f"{row['table']} {row['id']}"
        plain = texts_of([row["rule"]], "says").rstrip(".")
        first = f"{program} is missing" if program else f"A row of {row['table']} gave no record"
        found.append(
            (
                *(program or f"row of {row['table']}", _NO_RECORD, row["says"], row["todo"]),
                *(who_enters(row["table"]), where, row["rule"], f"{first}: {plain} ({row['rule']})"),
            )
        )
    return pd.DataFrame(found, columns=_MISSING, dtype="str")


def _next_step(missing: pd.DataFrame) -> str:
    """What to do about the first of them, and by whom."""
    if missing.empty:
        return ""
    first = missing.iloc[0]
    step = f"{first['todo']} Who can do it: {first['who']}."
    if first["state"] != _REFUSED and not first["todo"].startswith("Nothing to do"):
        step += " Then read the source again."
    return step + (" The list above has the others." if len(missing) > 1 else "")
