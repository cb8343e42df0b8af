"""What was asked of the ODS about one student, and what it answered, in the order of time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.display.values import cell_text, moment
from edfi_toolkit.review.answers import came_of_it
from edfi_toolkit.review.changes import in_words

_UNSETTLED = "no answer yet"


def requests_table(requests: pd.DataFrame, *, students: bool) -> pd.DataFrame:
    """A row a request: when, what was asked, of which record, the answer; few columns, as a page has no room for more.

    requests: as of `runs.students.requests`, oldest first. students: whether they are under several ids, so that
    each is named.
    """
    actions = in_words(requests["action"])
    retried = requests["retried"].map({True: ", again", False: ""})
    came = came_of_it(requests.assign(since=""))
    every = list(zip(requests.to_dict("records"), came, strict=True))
    table = {
        "when": [moment(row["begun_at"].to_pydatetime()) for row, _ in every],
        "student_unique_id": requests["student_unique_id"],
        "action": actions + retried,
        "record": [_record(row) for row, _ in every],
        "answer": [_answer(row, one) for row, one in every],
    }
    found = pd.DataFrame(table, requests.index)
    return found if students else found.drop(columns="student_unique_id")


def _record(row: dict[str, Any]) -> str:
    begins = cell_text(row["begin_date"])
    parts = [row["program_name"], f"begins {begins}" if begins else "", row["education_organization_id"]]
    return ", ".join(filter(None, map(cell_text, parts)))


def _answer(row: dict[str, Any], came: Any) -> str:
    """`201, created in the ODS`; of a refusal `403, the ODS refused it: ` with its cause and the messages."""
    status, outcome = cell_text(row["status"]), cell_text(came) or _UNSETTLED
    cause, messages = cell_text(row["cause"]), row["messages"] if isinstance(row["messages"], list) else []
    said = " ".join([f"{cause}." if cause else "", *messages]).strip()
    return ", ".join(filter(None, [status, outcome])) + (f": {said}" if said else "")
