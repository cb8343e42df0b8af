"""Why the ODS refuses a record, in a steward's words.

`causes.json` is the knowledge base: a list in order of preference. An entry holds when one of its `when`
lines holds whole: `type` is a problem type without `urn:ed-fi:api:` and matches itself and everything below
it (new leaves do not break it), `status` is the HTTP status, `action` is what was sent, `phrase` is in the message
without regard to case (older servers send no type). The last entry holds always. The types are those of the Ed-Fi
ODS/API and the Data Management Service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
import pandas as pd

_SEND_IT = (
    "Press Check again, then Send what was checked, in notebook 50; or approve the plan in notebook 30 and publish it "
    "in notebook 40."
)
_SEE_WHY = "Check again in notebook 50 says why; the next publish closes the refusal."
# What to do about a refusal of which the source says something else by now; no one is asked to correct it again.
FIXED = f"It was fixed in the source since, and that is not sent yet. {_SEND_IT}"
CORRECTED = (
    f"A correction of it is kept, and that is not sent yet. {_SEND_IT} The SIS still has it as it was refused: have it "
    "corrected there too."
)
GIVES_NONE = f"The source gives no record for it any more, so nothing is to be sent. {_SEE_WHY}"
NOT_AS_REFUSED = (FIXED, CORRECTED, GIVES_NONE)
PREFIX = "urn:ed-fi:api:"
CAUSE_COLUMNS = ("cause_id", "cause", "says", "todo", "who", "again")


@dataclass(frozen=True)
class Cause:
    """One explanation: what is wrong, what to do, who can do it, and whether sending again helps.

    look: the end of `todo` that says where in the notebooks to look, for those who have them.
    """

    id: str
    cause: str
    says: str
    todo: str
    who: str
    again: str
    when: tuple[dict[str, Any], ...]
    look: str = ""


@cache
def causes() -> tuple[Cause, ...]:
    """The knowledge base in order of preference; the last entry holds always."""
    entries = orjson.loads(files(__package__).joinpath("causes.json").read_bytes())
    for entry in entries:
        entry["when"] = tuple(entry["when"])
        entry["todo"] = f"{entry['todo']} {entry.get('look', '')}".strip()
    return tuple(Cause(**entry) for entry in entries)


def without_notebooks(todo: pd.Series) -> pd.Series:
    """What to do, for who has a file alone: without where in the notebooks to look."""
    for look in (*(cause.look for cause in causes() if cause.look), _SEND_IT, _SEE_WHY):
        todo = todo.str.replace(f" {look}", "", regex=False)
    return todo


def cause_of(
    problem_type: str | None, status: int | None, messages: Sequence[str] = (), action: str | None = None
) -> Cause:
    """The first entry that explains an answer to an action (POST, PUT or DELETE); never raises."""
    kind = (problem_type or "").removeprefix(PREFIX)
    text = " ".join(messages).casefold()
    return next(
        cause for cause in causes() if any(_holds(line, kind, status, text, action) for line in cause.when)
    )


def _holds(line: dict[str, Any], kind: str, status: int | None, text: str, action: str | None) -> bool:
    if "type" in line and kind != line["type"] and not kind.startswith(line["type"] + ":"):
        return False
    if "status" in line and line["status"] != status:
        return False
    if "action" in line and line["action"] != action:
        return False
    return line.get("phrase", "") in text


def with_causes(rejections: pd.DataFrame) -> pd.DataFrame:
    """The same rejections with `cause_id`, `cause`, `says`, `todo`, `who`, `again` added, where they are not there."""
    if "cause_id" in rejections:
        return rejections
    known: dict[tuple[str | None, int | None, tuple[str, ...], str], Cause] = {}
    found = []
    names = ("problem_type", "status", "messages", "action")
    columns = (rejections[name].to_numpy(dtype=object) for name in names)  # row by row Arrow would take long
    for kind, status, messages, action in zip(*columns, strict=True):
        answer = (
            None if pd.isna(kind) else str(kind),
            None if pd.isna(status) else int(status),
            tuple(messages) if isinstance(messages, Sequence) and not isinstance(messages, str) else (),
            action,
        )
        if answer not in known:
            known[answer] = cause_of(*answer)
        found.append(known[answer])
    return rejections.assign(
        **{
            name: pd.Series(
                [getattr(cause, name.removeprefix("cause_")) for cause in found],
                rejections.index,
                dtype="str",
            )
            for name in CAUSE_COLUMNS
        }
    )


def by_cause(rejections: pd.DataFrame) -> pd.DataFrame:
    """One row a cause, most frequent first.

    Returns cause_id, cause, rejections, students, says, todo, who, again, and one message of the ODS as an
    example. todo: of the cause, where its records have several; who: everyone who has one.
    """
    explained = with_causes(rejections)
    explained = explained.assign(message=[_first(messages) for messages in explained["messages"]])
    grouped = explained.groupby("cause_id", sort=False).agg(
        cause=("cause", "first"),
        rejections=("cause", "size"),
        students=("student_unique_id", "nunique"),
        says=("says", "first"),
        todo=("todo", "unique"),
        who=("who", "unique"),
        again=("again", "first"),
        message=("message", "first"),
    )
    return with_one_step(grouped.sort_values("rejections", ascending=False, kind="stable").reset_index())


def with_one_step(grouped: pd.DataFrame) -> pd.DataFrame:
    """One row a cause with `todo` and `who` as texts: what to do of the cause where its records have several; everyone.

    Records that are fixed by now count only where there are no others.

    grouped: `cause_id`, and in `todo` and `who` the different ones of its records, as arrays.
    """
    general = {cause.id: cause.todo for cause in causes()}
    pairs = zip(grouped["cause_id"], grouped["todo"], strict=True)
    asked = (
        (id_, [step for step in steps if step not in NOT_AS_REFUSED] or steps[:1]) for id_, steps in pairs
    )
    todo = [steps[0] if len(steps) == 1 else general[id_] for id_, steps in asked]
    return grouped.assign(todo=pd.Series(todo, grouped.index, dtype="str"), who=grouped["who"].map(", ".join))


def _first(messages: object) -> str:
    return (
        str(messages[0])
        if isinstance(messages, Sequence) and not isinstance(messages, str) and messages
        else ""
    )
