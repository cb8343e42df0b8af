"""Which open refusals are of records that the source, as it was read since, gives otherwise or not at all: what is to
be sent by now is not what was refused, and no one is asked to correct it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from edfi_toolkit.display.differences import Difference, differences
from edfi_toolkit.errors import ConfigError, EdfiToolkitError
from edfi_toolkit.model.keys import key_hashes, record_keys
from edfi_toolkit.model.refs import first_ref
from edfi_toolkit.planning.holds import errors_of
from edfi_toolkit.review.causes import CORRECTED, FIXED, GIVES_NONE, causes
from edfi_toolkit.review.meanings import owners_of
from edfi_toolkit.review.places import CELL_COLUMNS
from edfi_toolkit.review.summaries import held_texts, rows_named, skipped_of
from edfi_toolkit.rules.owners import ODS_ADMINISTRATOR, SIS_PUBLISHING_TEAM
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.rejections.named_in_answer import code, is_named, members_named, values_of, words
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies
from edfi_toolkit.runs.rejections.source_cells import rows_referred_to
from edfi_toolkit.tables.corrections import APPLIED

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.validation import Checked

# Causes that are no mistake of a record, so that no change of it is a fix.
_NOT_OF_A_RECORD = {cause.id for cause in causes() if cause.who == ODS_ADMINISTRATOR}
_SHOWN = 3  # members that a sentence names
# What the member begins with that says whose a record is: no part of a sentence.
_STUDENT = "Student reference"
_NOT_SENT = "Not sent yet."
_IN_THE_SOURCE, _BY_CORRECTION = "Fixed in the source since: ", "A correction since: "
_NONE = "The source as it was read since gives no record for it any more."


class Reading(NamedTuple):
    """What a run built of its source. before: what was refused by then came before it. checked: None before it was."""

    build: Build
    before: pd.Timestamp
    checked: Checked | None = None


def reading_of(run: Run) -> Reading | None:
    """None before it has built, and where an earlier version has."""
    with suppress(ConfigError):
        checked = run.checked if run.folder.has("validate") else None
        return Reading(run.built, run.folder.surely_after("extract"), checked)
    return None


def with_fixed(refused: pd.DataFrame, reading: Reading | None, runs: Path) -> pd.DataFrame:
    """Refusals with `fixed`: what the source says otherwise since, or people who corrected it, as a sentence.

    It is empty where all is as it was refused.

    Of those that are fixed `todo` and `who` are of what is to be sent, and no cell is named; where a row of the record
    has an error by now, they are of that row, and where the record is held, of what holds it. refused: as of
    `runs.rejections.explained`. reading: the one to compare with; what was refused after it is not known to be
    fixed. runs: the folder of the runs.
    """
    found = refused.assign(fixed=pd.Series("", refused.index, dtype="str"))
    if reading is None:
        return found
    # What is to be removed is not in the source.
    since = refused["last_seen_at"].lt(reading.before)
    asked = refused[refused["open"].astype(bool) & refused["action"].ne("DELETE") & since]
    if asked.empty:
        return found
    asked = asked.assign(key_hash=key_hashes(asked))
    records, sent = reading.build.records, SentBodies(runs, asked)
    now = _now(asked, records)
    corrections = _Corrections(reading.build, runs)
    said = pd.Series(
        [
            _NONE if at is None else _of_a_change(row, sent.of(row), records.iloc[at], corrections)
            for row, at in zip(asked.to_dict("records"), now, strict=True)
        ],
        asked.index,
        dtype="str",
    )
    found.loc[said.index, "fixed"] = said
    is_fixed = found["fixed"].ne("")
    todo = found["fixed"].map(_todo)
    cells = {name: found[name].mask(is_fixed) for name in (*CELL_COLUMNS, "value")}
    found = found.assign(
        todo=found["todo"].mask(is_fixed, todo), who=found["who"].mask(is_fixed, SIS_PUBLISHING_TEAM), **cells
    )
    if reading.checked is not None and len(reading.checked.held):
        at = {row: at for row, at in zip(said.index, now, strict=True) if at is not None and said[row]}
        found = _with_holds(found, records.iloc[[*at.values()]].set_axis([*at]), reading.checked)
    return _with_errors(found, reading.build) if said.eq(_NONE).any() else found


def _todo(fixed: str) -> str:
    return GIVES_NONE if fixed == _NONE else CORRECTED if fixed.startswith(_BY_CORRECTION) else FIXED


class _Corrections:
    """Which source rows were read as people corrected them, and since when. runs: the folder of the runs."""

    def __init__(self, build: Build, runs: Path) -> None:
        laid = build.tables.corrections
        laid = laid[laid["state"].eq(APPLIED)].sort_values("given_at")
        each = zip(laid["table"], laid["rows"], laid["given_at"], strict=True)
        self._given = {(table, row_id): at for table, rows, at in each for row_id in rows}
        self._runs = runs

    def is_since(self, row: Mapping[str, Any], refs: Any) -> bool:
        """Whether one was made after what was refused had been read. refs: of the source rows of the record now."""
        given = [self._given[place] for place in rows_referred_to(refs) if place in self._given]
        return bool(given) and max(given) > self._read(row)

    def _read(self, row: Mapping[str, Any]) -> pd.Timestamp:
        with suppress(EdfiToolkitError, KeyError):  # published from Python, a run may have any name
            return RunFolder(self._runs, str(row["run_id"])).done_at("extract")
        return pd.Timestamp(row["last_seen_at"])


def _with_holds(found: pd.DataFrame, records: pd.DataFrame, checked: Checked) -> pd.DataFrame:
    """Of a refusal that is fixed and whose record is held by now: by what, what to do and who can.

    records: of each refusal that is fixed, on its index.
    """
    texts = held_texts(checked).assign(who=checked.held["held_by"].map(owners_of))
    held = dict(zip(record_keys(checked.held), texts.to_dict("records"), strict=True))
    for at, key in zip(records.index, record_keys(records), strict=True):
        if by := held.get(key):
            says = f"{found.at[at, 'fixed'].removesuffix(_NOT_SENT)}The record is held by now: {by['says']}"
            found.loc[at, ["fixed", "todo", "who"]] = [says, by["hint"], by["who"]]
    return found


def _with_errors(found: pd.DataFrame, build: Build) -> pd.DataFrame:
    """Of a record that the source gives no more since a row of it has an error: which, what to do and who can."""
    errors = errors_of(build)
    named = set(zip(errors["table"], errors["id"], strict=True))
    rows = skipped_of(build).drop_duplicates(["table", "id"]).set_index(["table", "id"], drop=False)
    for at in found.index[found["fixed"].eq(_NONE)]:
        wrong = [
            key for key in rows_referred_to(found.at[at, "source_refs"]) if key in named and key in rows.index
        ]
        if wrong:
            row = rows.loc[[wrong[0]]]
            says = f"The source as it was read since gives no record for it: {rows_named(row)} has an error."
            found.loc[at, ["fixed", "todo", "who"]] = [says, *row[["todo", "who"]].iloc[0]]
    return found


def _now(refused: pd.DataFrame, records: pd.DataFrame) -> list[int | None]:
    """The position of the record of each refusal among those that are built now; None where there is none."""
    students, rows = set(refused["student_unique_id"]), set(map(first_ref, refused["source_refs"]))
    own = records["student_unique_id"].isin(students) | records["source_refs"].map(first_ref).isin(rows)
    near, positions = records[own], np.flatnonzero(own).tolist()
    by_key = dict(zip(record_keys(near), positions, strict=True))
    # A key that was corrected moves the record; one row may give several, of which each has its program.
    by_place = dict[Any, int]()
    for place, position in zip(_places_of(near), positions, strict=True):
        by_place.setdefault(place, position)
    keys = zip(record_keys(refused), _places_of(refused), strict=True)
    return [by_key.get(key, by_place.get(place)) for key, place in keys]


def _places_of(records: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(
        zip(records["resource"], map(first_ref, records["source_refs"]), records["program_name"], strict=True)
    )


def _of_a_change(
    row: Mapping[str, Any], then: Mapping[str, Any] | None, record: pd.Series, corrections: _Corrections
) -> str:
    """What differs from what was sent; empty where nothing does, or nothing of what the answer is about."""
    now = record["body"]
    changed = [one for one in differences(then, now) if one.changed]
    if (
        row["cause_id"] in _NOT_OF_A_RECORD
        or not changed
        or then is None
        or not _is_about(row, then, now, changed)
    ):
        return ""
    more = f"; {len(changed) - _SHOWN} more members differ" if len(changed) > _SHOWN else ""
    since = _BY_CORRECTION if corrections.is_since(row, record["source_refs"]) else _IN_THE_SOURCE
    return f"{since}{'; '.join(map(_in_words, changed[:_SHOWN]))}{more}. {_NOT_SENT}"


def _is_about(
    row: Mapping[str, Any], then: Mapping[str, Any], now: Mapping[str, Any], changed: list[Difference]
) -> bool:
    """Whether the changed members are those that the answer names; true where it names none that was or is sent."""
    names, said = members_named(row["messages"]), words(" ".join(row["messages"]))
    were = differences(None, then)
    values = set(values_of(then, names))
    named = {one.member for one in were if one.after in values or is_named(code(one.after), said)}
    if sorted(values) != sorted(set(values_of(now, names))):
        return True
    return not named or bool(named.intersection(one.member for one in changed))


def _in_words(one: Difference) -> str:
    """For example `begin date is now 2025-08-01 (it was 2025-07-01 when it was refused)`."""
    if one.member.startswith(_STUDENT):
        return "the student's id is another one now"
    name = one.member.rpartition(" \u203a ")[2]
    member = name[:1].lower() + name[1:]
    before = f"it was {one.before}" if one.before else "nothing was sent for it"
    return f"{member} is now {one.after or 'empty'} ({before} when it was refused)"
