"""Corrections and dismissals as one list: what, by whom, why, how old, and how each ended."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from edfi_toolkit.display.values import cell_text, counted
from edfi_toolkit.privacy import Masker, is_personal
from edfi_toolkit.review.causes import causes
from edfi_toolkit.review.meanings import meaning_of
from edfi_toolkit.review.views import Block, View

CORRECTION = "correction"
# personal: whether the corrected cell is a student's own value
COLUMNS = [
    "number",
    "kind",
    "about",
    "student_unique_id",
    "was",
    "value",
    "author",
    "reason",
    "age",
    "closed",
    "personal",
]


def in_one_list(
    corrections: pd.DataFrame, dismissals: pd.DataFrame, places: pd.DataFrame, *, now: pd.Timestamp
) -> pd.DataFrame:
    """COLUMNS, newest first. corrections, dismissals: as of `ledger.decisions.Decisions`, with those that ended.

    places: of the corrections as of `places.row_places`.
    """
    where = corrections["table"] + "." + corrections["column"]
    where += ("." + corrections["member"]).mask(corrections["member"].map(cell_text).eq(""), "")
    row = corrections["row_id"].map(cell_text)
    at = (" in " + places["file"] + ", row " + places["row"].astype("str")).fillna(
        " of the row with id " + row
    )
    one = corrections.assign(
        kind=CORRECTION,
        about=where + at.mask(row.eq(""), ", wherever it is written so"),
        student_unique_id=corrections["student_id"],
        personal=_personal(corrections),
    )
    other = dismissals.assign(
        kind=dismissals["kind"].astype("str") + " dismissed",
        about=[_says(rule) for rule in dismissals["rule_id"]],
        was="",
        value="",
        personal=False,
    )
    every = pd.concat([one, other], ignore_index=True).sort_values("given_at", ascending=False, kind="stable")
    every["age"] = [_age((now - given).days) for given in every["given_at"]]
    every["closed"] = every["closed_how"].map(cell_text)
    return every[COLUMNS].reset_index(drop=True)


def decided_view(every: pd.DataFrame, masker: Masker, more: Sequence[Block] = ()) -> View:
    """Which decisions count, and which have ended and how. more: what else is known of them, after those that count."""
    every = shown(every, masker)
    closed = every["closed"].ne("")
    still, ended = every[~closed].drop(columns="closed"), every[closed]
    counts = still["kind"].value_counts()
    says = ", ".join(counted(int(count), *_plural(str(kind))) for kind, count in counts.items())
    return View(
        title="Decided by hand",
        says=f"{says[:1].upper()}{says[1:]}." if says else "Nothing is corrected or dismissed.",
        tone="check" if len(still) else "good",
        blocks=[
            Block("Counts now", still, "Every cell counts as it is written, and nothing is hidden."),
            *more,
            Block("Ended, and how", ended.drop(columns=["number", "age"]), "None has ended yet."),
        ],
        next_step="A correction ends by itself once the source says the same; a dismissal once its record changes."
        if len(still)
        else "",
        masker=masker,
        frames={"open": still, "ended": ended},
    )


def shown(every: pd.DataFrame, masker: Masker) -> pd.DataFrame:
    """The list as it may be seen: a student's own value as its pseudonym."""
    return _hidden(every, every["personal"], masker).drop(columns="personal")


def with_masked_values(corrections: pd.DataFrame, masker: Masker) -> pd.DataFrame:
    """Corrections as of `ledger.decisions.Decisions`, a student's own value as its pseudonym."""
    return _hidden(corrections, _personal(corrections), masker)


def _personal(corrections: pd.DataFrame) -> pd.Series:
    cells = zip(corrections["column"], corrections["member"].map(cell_text), strict=True)
    return pd.Series(
        [is_personal(member or column) for column, member in cells], corrections.index, dtype=bool
    )


def _hidden(frame: pd.DataFrame, personal: pd.Series, masker: Masker) -> pd.DataFrame:
    own = personal.astype(bool)
    texts = {name: [masker.value(text) if text else "" for text in frame[name]] for name in ("was", "value")}
    return frame.assign(
        **{name: frame[name].where(~own, pd.Series(texts[name], frame.index)) for name in texts}
    )


def _plural(kind: str) -> tuple[str, str]:
    noun, _, rest = kind.partition(" ")
    return kind, f"{noun}s {rest}".strip()


def _says(rule: str) -> str:
    """A cause of refusals, or a rule with its sentence."""
    known = next((cause.cause for cause in causes() if cause.id == rule), "")
    meaning = meaning_of(rule)
    return known or (f"{rule}: {meaning.says}" if meaning else rule)


def _age(days: int) -> str:
    return "today" if days < 1 else counted(days, "day")
