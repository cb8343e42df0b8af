"""What a plan would change, one row a record: what happens, to whom, from what to what, and because of what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.review.meanings import events_text
from edfi_toolkit.review.places import schools_in_words
from edfi_toolkit.review.summaries import changes_of, quotes_a_person, rule_texts, sentences_of, value_texts

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.rules import Build
    from edfi_toolkit.validation import Checked

CHANGES = {  # in the order a steward should check them
    "remove": "remove from the ODS",
    "move": "removed and created again, as one step",
    "update": "change in the ODS",
    "create": "create in the ODS",
    "take over": "it is in the ODS already; only the ledger learns it",
    "forget": "it is no longer in the ODS; only the ledger learns it",
    "unchanged": "stays as it is",
}
_WORDS = {
    "DELETE": "remove",
    "PUT": "update",
    "POST": "create",
    "ADOPT": "take over",
    "UNMAP": "forget",
    "NOOP": "unchanged",
}
_SAME_RECORD = ["student_unique_id", "program_name", "begin_date", "resource"]


def in_words(action: pd.Series, pair: pd.Series | None = None) -> pd.Series:
    """Actions as a steward says them; the two halves of a pair are a move."""
    words = action.astype("str").map(_WORDS)
    return words if pair is None else words.mask(pair.notna(), "move")


def numbers_of(plan: Plan) -> dict[str, int]:
    """Records by what happens to them, a move once, with what is held."""
    items = plan.items
    words = in_words(items["action"], items["pair"])[~_first_halves(items)]
    counts = words.value_counts()
    found = {word: int(counts.get(word, 0)) for word in CHANGES}
    always = ("remove", "update", "create", "unchanged")
    held = int(plan.findings["code"].eq("HELD").sum())
    return {word: count for word, count in found.items() if count or word in always} | {"held": held}


def change_rows(
    plan: Plan, build: Build, refused: pd.DataFrame | None = None, again: pd.Series | None = None
) -> pd.DataFrame:
    """One row for each record that changes, removes first; a move is one row.

    refused: resource, key_hash and cause of the refusals that are open. again: for each item why it goes again, as a
    sentence, empty where it was not refused before. Returns change (ordered), student_unique_id,
    school, program_name, values (what changes, before and after), because, refused_before (the cause; no column where
    no record was), begin_date, rule, resource, and the bodies `before` and `body`.
    """
    known = dict[tuple[str, str], str]()
    if refused is not None:
        known = dict(
            zip(zip(refused["resource"], refused["key_hash"], strict=True), refused["cause"], strict=True)
        )
    further = ["program_education_organization_id", "source_refs", *(["key_hash"] if known else [])]
    changes = changes_of(plan, "body", "before", "event", *further, again=again)
    gone = changes[_first_halves(changes)].set_index("pair")["before"]
    rows = changes[~_first_halves(changes)].reset_index(drop=True)
    moved = rows["pair"].notna()
    if moved.any():
        rows["before"] = rows["before"].astype(object).mask(moved, rows["pair"].map(gone).astype(object))
    words = in_words(rows["action"], rows["pair"])
    found = pd.DataFrame(
        {
            "change": pd.Categorical(words, [word for word in CHANGES if word != "unchanged"], ordered=True),
            "student_unique_id": rows["student_unique_id"],
            "school": schools_in_words(rows, build.tables, build.profile),
            "program_name": rows["program_name"],
            "values": value_texts(rows),
            "because": [*map(because, rows["reason"], rows["event"], rows["again"])],
            "begin_date": rows["begin_date"],
            "rule": [_rule_in_words(reason) for reason in rows["reason"]],
            "resource": rows["resource"],
            "before": rows["before"],
            "body": rows["body"],
        }
    )
    if known:
        before = [known.get(key, "") for key in zip(rows["resource"], rows["key_hash"], strict=True)]
        if any(before):
            found.insert(found.columns.get_loc("begin_date"), "refused_before", before)
    return found.sort_values("change", kind="stable", ignore_index=True)


def because(reason: str, events: str, again: str = "") -> str:
    """Why a record changes: that it goes again, else what changed in the source where that is known, else what was
    found.
    """
    found = reason.partition(": ")[2] or reason
    return again or events_text(events) or found[:1].upper() + found[1:]


def _rule_in_words(reason: str) -> str:
    """The rule and what was found by it, without the events: `REC-P1: the source has it and it was never published.`"""
    lead, colon, found = reason.partition(": ")
    return f"{lead.partition(', ')[0]}{colon}{found}"


def warned_of(rows: pd.DataFrame, checked: Checked) -> pd.DataFrame:
    """The warnings of validation about records that change: its findings. rows: as of `change_rows`."""
    warnings = checked.findings[checked.findings["severity"].eq("warning")]
    return warnings.dropna(subset=_SAME_RECORD).merge(rows[_SAME_RECORD].drop_duplicates(), on=_SAME_RECORD)


def with_warnings(rows: pd.DataFrame, warned: pd.DataFrame) -> pd.DataFrame:
    """The rows with `worth_checking`, after `because`; no such column where nothing is. warned: as of `warned_of`.

    A warning about a value that can name a person, or that quotes one, has the general sentences of its rule.
    """
    if warned.empty:
        return rows
    parts = ["says", "hint"]
    general = {part: sentences_of(warned, part) for part in parts}
    each = warned[["rule_id", "field", *parts]].drop_duplicates()
    each["text"] = [
        " ".join(rule_texts([rule], part, general[part]) for part in parts)
        if quotes_a_person(field, f"{says} {hint}")
        else f"{says} {hint}"
        for rule, field, says, hint in each.itertuples(index=False)
    ]
    said = warned.merge(each, on=["rule_id", "field", *parts])
    texts = (
        said.groupby(_SAME_RECORD)["text"].agg(lambda own: " ".join(own.unique())).rename("worth_checking")
    )
    found = rows.merge(texts.reset_index(), on=_SAME_RECORD, how="left").fillna({"worth_checking": ""})
    return found[[*rows.columns[:6], "worth_checking", *rows.columns[6:]]]


def with_ods_now(rows: pd.DataFrame, plan: Plan, met: pd.DataFrame) -> pd.DataFrame:
    """The rows with what the ODS holds now next to each; met: findings of the live check."""
    said = (
        met.dropna(subset=_SAME_RECORD)
        .groupby(_SAME_RECORD)["says"]
        .agg(" ".join)
        .rename("in_the_ods_now")
        .reset_index()
    )
    found = rows.merge(said, on=_SAME_RECORD, how="left")
    found["in_the_ods_now"] = found["in_the_ods_now"].fillna("as expected")
    return found[[*rows.columns[:6], "in_the_ods_now", *rows.columns[6:]]]


def _first_halves(items: pd.DataFrame) -> pd.Series:
    """The removes that belong to a create: together they are one step."""
    return items["action"].eq("DELETE") & items["pair"].notna()
