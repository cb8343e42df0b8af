"""One student: found by any id, pseudonym or name; what of them is in the ODS, what is missing, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import cell_text, counted
from edfi_toolkit.errors import ConfigError, EdfiToolkitError, nearest
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.model.keys import record_keys
from edfi_toolkit.model.refs import first_ref
from edfi_toolkit.review.listed import listed_by
from edfi_toolkit.review.places import (
    CELL_COLUMNS,
    columns_in_the_source,
    rests_on,
    row_places,
    schools_of,
    with_organizations,
)
from edfi_toolkit.review.student import (
    ANOTHER_ID,
    ANOTHERS_ROWS,
    AS_SENT,
    CHANGED,
    CORRECTED,
    GONE,
    NOT_SENT,
    REMOVED_SINCE,
    SENT_SINCE,
    SOURCE_DIFFERS,
    UNKNOWN,
    student_view,
)
from edfi_toolkit.review.summaries import held_texts, rows_named, rule_texts, skipped_of, skipped_rows
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.runs.decisions.student_corrections import (
    corrections_in_force,
    corrections_since,
    ids_corrected_since,
)
from edfi_toolkit.runs.ledger_now import identity_map, rejection_rows
from edfi_toolkit.runs.rejections.explained import refusals
from edfi_toolkit.runs.rejections.in_the_way import others_in_the_ods
from edfi_toolkit.runs.rejections.source_cells import IN_THE_WAY
from edfi_toolkit.runs.students.requests import requests_of
from edfi_toolkit.runs.students.sent_since import as_sent, sent_since
from edfi_toolkit.runs.students.source_rows import resting_on, rows_of_student, student_behind

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_ALIKE = 0.75  # how like a text an id or name is that is offered instead; 1: equal
_THERE = {AS_SENT: "yes", CHANGED: "yes, changed since", GONE: "no", UNKNOWN: "sent, not asked"}
_THERE |= {SENT_SINCE: "in the ODS as sent since", SOURCE_DIFFERS: "in the ODS with other values"}
_NOTHING_BUILT = pd.DataFrame(columns=["resource", *KEY_COLUMNS, "source_refs"])


def found(run: Run, typed: str) -> str:
    """The SIS key of the one student that a text names: state id, local id, pseudonym, or name in any order.

    An id is also one that a record of the student's rows was sent under, as before or after a correction.
    Raises ConfigError where it names no student of the source, or several; the text is not repeated.
    """
    students, wanted = run.tables["students"], " ".join(typed.casefold().replace(",", " ").split())
    masker = run.masker().masked()
    full = (students["first_name"].fillna("") + " " + students["last_name"].fillna("")).str.casefold()
    words = set(wanted.split())
    matching = pd.Series(
        [
            wanted in {str(local).casefold(), str(state).casefold(), masker.value(local).casefold()}
            or bool(words and words <= set(name.split()))
            for local, state, name in zip(
                students["student_id"], students["student_unique_id"], full, strict=True
            )
        ],
        index=students.index,
        dtype=bool,
    )
    ids = students.loc[matching, "student_id"].unique().tolist()
    if len(ids) > 1:
        raise ConfigError(f"{len(ids)} students have that name. Type a state id or local id.")
    return str(ids[0]) if ids else _found_by_records(run, wanted)


def _found_by_records(run: Run, wanted: str) -> str:
    """The SIS key of the student on whose rows the records rest that were sent under an id, or its pseudonym.

    Raises ConfigError where there are none, or they rest on rows of several.
    """
    behind, left = set[str](), 0
    if run.target_name in run.installation.targets:
        masker, delivered, refused = run.masker().masked(), identity_map(run), rejection_rows(run)
        for known in (delivered, refused):
            sent_under = known["student_unique_id"].dropna().unique()
            named = [one for one in sent_under if wanted in (one.casefold(), masker.value(one).casefold())]
            own = known[known["student_unique_id"].isin(named)]
            behind |= {
                student for refs in own["source_refs"] if (student := student_behind(run.tables, refs))
            }
            left += len(own) if known is delivered else 0
    if len(unread := _unreadable(run, {wanted, *behind})):
        says = rule_texts(unread["rule"].unique(), "says")
        raise ConfigError(
            f"The row of that student is in the source and cannot be read: {rows_named(unread)}. {says} Correct it in "
            "the SIS, then read the source again."
        )
    behind &= set(run.tables["students"]["student_id"])  # other rows may name one who has none of their own
    if len(behind) == 1:
        return behind.pop()
    if behind:
        raise ConfigError(
            f"Records under that id rest on rows of {len(behind)} students of the source. Look up each of them by name "
            "or local id."
        )
    if left:
        raise ConfigError(
            f"No student of the source has that id any more, but {counted(left, 'record')} under it may still be in "
            "the ODS from us. Notebook 30 shows what the next publish does with them."
        )
    raise ConfigError(
        "No student of the source has that id or name. Type a state id, a local id, a pseudonym as S-..., or the whole "
        f"first or last name.{_nearest(run, wanted)}{ids_corrected_since(run)}{_may_be_unreadable(run)}"
    )


def _unreadable(run: Run, wanted: set[str]) -> pd.DataFrame:
    """The unreadable rows of `students` with one of these ids, or its pseudonym, as their key or in the bad cell."""
    wanted, aside, masker = {text.casefold() for text in wanted}, run.tables.skipped, run.masker().masked()
    aside = aside[aside["table"].eq("students")]
    cells = aside[["id", "student_id", "value"]].map(cell_text).to_numpy(dtype=object).tolist()
    known = (
        {part.casefold() for cell in row if cell for part in (cell, masker.value(cell))} for row in cells
    )
    return aside[[not wanted.isdisjoint(texts) for texts in known]]


def _may_be_unreadable(run: Run) -> str:
    """That rows of students could not be read, where some could not: of them no name and no state id is known."""
    aside = run.tables.skipped
    if not len(unread := aside[aside["table"].eq("students")]):
        return ""
    are = "row of a student is" if len(unread) == 1 else "rows of students are"
    return f" Or it is one that cannot be read: {len(unread):,} {are} in the source and cannot ({rows_named(unread)})."


def _nearest(run: Run, wanted: str) -> str:
    """Whose id or name is nearest to a text, by pseudonym alone: a message has no name; empty where none is like it."""
    students, masker = run.tables["students"], run.masker().masked()
    likes = dict[str, str]()
    for local, *names in students[["student_id", "student_unique_id", "first_name", "last_name"]].itertuples(
        index=False
    ):
        state, first, last = map(cell_text, names)
        likes |= dict.fromkeys(filter(None, [str(local), state, first, last, f"{first} {last}"]), str(local))
    near = nearest(wanted, likes, cutoff=_ALIKE)
    if near is None:
        return ""
    return f" Nearest to it is the id or name of {masker.value(likes[near])}: type that to see whether it is theirs."


def student_of_row(run: Run, row: Mapping[str, Any] | pd.Series) -> str:
    """The id of the student that a row of a list is about. Raises ConfigError where it is about none."""
    for name in ("student_id", "student_unique_id"):
        if text := cell_text(row.get(name)):
            return text
    table, key = cell_text(row.get("table")), cell_text(row.get("row_id")) or cell_text(row.get("id"))
    for refs in (row.get("source_refs"), [f"{table}:{key}"] if table and key else None):
        if student := student_behind(run.tables, refs):
            return student
    raise ConfigError("This row names no student that was read. Choose another, or open notebook 70_student.")


def student(run: Run, typed: str = "") -> View:
    """The story of one student, the answer first; without a text a field to type one into."""
    if not typed.strip():
        empty = student_view(None, {}, run.masker())
        return PanelView(**vars(empty), panel=lambda: panels().student(run))
    local = found(run, typed)
    students = run.tables["students"].set_index("student_id")
    state = students.loc[[local], "student_unique_id"].iloc[0]
    own_rows = rows_of_student(run.tables, local)
    since = corrections_since(run, own_rows)
    published, note = _published(run, state, own_rows, since.corrected_ids)
    is_built, is_checked = run.folder.has("build"), run.folder.has("validate")
    skipped = skipped_of(run.built) if is_built else skipped_rows(run.tables.skipped, run.tables, run.profile)
    built = run.built.records if is_built else _NOTHING_BUILT
    built = built[built["student_unique_id"].eq(state)]
    held = built[:0].assign(held_by=None)
    if is_checked:
        held = run.checked.held.join(held_texts(run.checked))
    held = held[held["student_unique_id"].eq(state)]
    has_target = run.target_name in run.installation.targets
    refused = refusals(run) if has_target else held[:0].assign(open=False, fixed="")
    refused = refused[refused["student_unique_id"].eq(state) | resting_on(refused, own_rows)]
    fixed = refused["fixed"].ne("") | _under_another_key(refused, built)
    refused = refused.assign(open=refused["open"].astype(bool) & ~fixed)
    unchecked = "" if is_checked else "The records have not been checked yet: run notebook 20."
    by_another, removed = "", pd.Series(False, built.index)
    if is_built and has_target:
        other = sent_since(run, built, published)
        is_sent, removed = other.sent.notna() & published["now"].ne(GONE), other.removed.notna()
        by_another = other.says(
            published.loc[is_sent & published["whose"].isin(["", CORRECTED]), "program_name"],
            built.loc[removed, "program_name"],
            corrected=bool(len(since.made)),
            asked=published["now"].ne(UNKNOWN).all(),
        )
        now = published["now"].mask(is_sent, SENT_SINCE)
        published = published.assign(now=now.mask(other.differs & now.eq(AS_SENT), SOURCE_DIFFERS))
    standing = _standing(built, published, refused, held, moved=bool(since))
    standing = standing.mask(removed, REMOVED_SINCE)
    in_the_ods, listed = _at_places(run, published), _listed(run, built)
    if by_another:
        sent = in_the_ods[in_the_ods["now"].eq(SENT_SINCE)]
        listed = as_sent(listed.assign(now=standing), built, sent)
    requests = pd.DataFrame()
    if has_target:
        requests = requests_of(run, state, (built, published), refused)
        requests = with_organizations(requests, run.tables, run.profile)
    facts = {
        "by_another": by_another,
        "in_the_ods": in_the_ods,
        "note": " ".join(filter(None, [since.says(again=not by_another), note, unchecked])),
        "in_force": corrections_in_force(run, own_rows),
        "held": _at_places(run, held),
        "refused": _at_places(run, refused).assign(cell=_cells(run, refused)),
        "others": _others(run, refused),
        "unsent": _at_places(run, built[standing.eq(NOT_SENT)]),
        "skipped": skipped[skipped["student_id"].eq(local)],
        "listed": listed,
        "requests": requests,
        "unlisted": _unlisted(published, built) if is_built else "",
        "spans": _spans(run, local, built, standing),
        "story": run.built.explain(student_id=local).frame if is_built else pd.DataFrame(),
    }
    return student_view(local, facts, run.masker(published, refused, requests))


def _others(run: Run, refused: pd.DataFrame) -> pd.DataFrame | None:
    """What else the ODS has of a student of whom a record is refused since another is in its way; else None."""
    if (
        not len(refused)
        or (in_the_way := refused[refused["open"] & refused["cause_id"].isin(IN_THE_WAY)]).empty
    ):
        return None
    try:
        return others_in_the_ods(run, in_the_way.iloc[-1])
    except EdfiToolkitError:
        return None  # what the ODS holds now is a note then


def _at_places(run: Run, records: pd.DataFrame) -> pd.DataFrame:
    """Records with their organizations by name, the school, and where the rows are that they rest on."""
    named = with_organizations(records, run.tables, run.profile)
    school = schools_of(records, run.tables, run.profile)
    return named.assign(school=school, rests_on=rests_on(records, run.tables))


def _cells(run: Run, refused: pd.DataFrame) -> pd.Series:
    """Where the cell is that each refusal is about, as `enrollments.csv, row 21, start_date`; missing where unknown."""
    cells = refused.reindex(columns=list(CELL_COLUMNS))
    at = row_places(cells, run.tables, id_column="row_id")
    columns = pd.Series(columns_in_the_source(cells, run.tables), cells.index, dtype="str")
    return at["file"] + ", row " + at["row"].astype("str") + ", " + columns


def _listed(run: Run, built: pd.DataFrame) -> pd.DataFrame:
    """program_name, begin_date and school of each record that was built, and because of which cell it is there."""
    if built.empty:
        return pd.DataFrame(columns=["program_name", "school", "begin_date", "because"])
    found = built[["program_name", "begin_date"]].assign(because=listed_by(built, run.tables))
    found.insert(1, "school", schools_of(built, run.tables, run.profile))
    return found


def _unlisted(published: pd.DataFrame, built: pd.DataFrame) -> str:
    """A sentence on the programs of which the ODS has a record, and the source as it was read none."""
    own = published.loc[published["whose"].eq(""), "program_name"].unique()
    if not (gone := [program for program in own if program not in set(built["program_name"])]):
        return ""
    return (
        f"No row that could be read lists {', '.join(gone)} now: notebook 30 shows what becomes of the record"
    )


def _under_another_key(refused: pd.DataFrame, built: pd.DataFrame) -> pd.Series:
    """Which refusals are of a source row that gives a record under another key by now: that one is to be sent."""
    keys, own = set(record_keys(built)), {first_ref(refs) for refs in built["source_refs"]}
    pairs = zip(record_keys(refused), refused["source_refs"], strict=True)
    moved = [key not in keys and first_ref(refs) in own for key, refs in pairs]
    return pd.Series(moved, refused.index, dtype=bool)


def _standing(
    built: pd.DataFrame, published: pd.DataFrame, refused: pd.DataFrame, held: pd.DataFrame, *, moved: bool
) -> pd.Series:
    """Of each record that was built for a student, whether the ODS has it: a text for people.

    moved: whether cells of the student were corrected since, so that what was sent from a row may have another key.
    """
    states = pd.Series(NOT_SENT, built.index, dtype="str")
    if built.empty:
        return states
    another = published[published["whose"].eq(ANOTHER_ID)]
    parts = {"held back": held, "refused": refused[refused["open"].astype(bool)], ANOTHER_ID: another}
    parts |= {_THERE[now]: published[published["now"].eq(now)] for now in _THERE}
    keys = record_keys(built)
    triggers = [first_ref(refs) for refs in built["source_refs"]]
    for state, part in parts.items():
        there = set(record_keys(part))
        by_row = state in (ANOTHER_ID, _THERE[SENT_SINCE]) or (moved and state in _THERE.values())
        sent = {first_ref(refs) for refs in part["source_refs"]} if by_row else set()
        states[[key in there or own in sent for key, own in zip(keys, triggers, strict=True)]] = state
    return states


def _published(
    run: Run, state: Any, own_rows: set[str], corrected_ids: Collection[str]
) -> tuple[pd.DataFrame, str]:
    """What was published under a student's id or from their rows, and a note where that is not known.

    Each record with `now`: whether the ODS holds it as it was sent; and `whose`: ANOTHER_ID where it is under an id
    that the source does not have for the student, CORRECTED where that is one of `corrected_ids`, ANOTHERS_ROWS where
    it is under theirs but from rows of another student, else empty.
    """

    try:
        known = identity_map(run)
    except ConfigError as error:  # the settings no longer have this target
        return pd.DataFrame(columns=[*_NOTHING_BUILT, "now", "whose"]), str(error)
    under_id, of_rows = known["student_unique_id"].eq(state), resting_on(known, own_rows)
    own = known[under_id | of_rows]
    state_ids = run.tables["students"].set_index("student_id")["student_unique_id"]
    now, whose, note = [UNKNOWN] * len(own), [""] * len(own), ""
    for at, (is_own_id, is_own_row, refs) in enumerate(
        zip(under_id[own.index], of_rows[own.index], own["source_refs"], strict=True)
    ):
        other = None if is_own_row else student_behind(run.tables, refs)
        if not is_own_id:
            whose[at] = CORRECTED if own["student_unique_id"].iloc[at] in corrected_ids else ANOTHER_ID
        elif other is not None and not state_ids[[other]].eq(state).any():
            whose[at] = ANOTHERS_ROWS
    try:
        with client_of(run) as client:
            for at, row in enumerate(own.to_dict("records")):
                there = client.get(row["resource"], row["ed_fi_id"])
                same = there is not None and body_hash(there.body) == body_hash(row["last_body"])
                now[at] = GONE if there is None else AS_SENT if same else CHANGED
    except EdfiToolkitError as error:
        note = f"What the ODS holds now is not known: {error}"
    return own.assign(
        now=pd.Series(now, own.index, dtype="str"), whose=pd.Series(whose, own.index, dtype="str")
    ), note


def _spans(run: Run, local: str, built: pd.DataFrame, standing: pd.Series) -> pd.DataFrame:
    """Enrollments and built records as spans: what, begins, ends (missing while it goes on), in_the_ods.

    in_the_ods: of a record, its `standing`; empty of an enrollment, which others send.
    """
    enrolled = run.tables["enrollments"]
    enrolled = enrolled[enrolled["student_id"].eq(local)]
    names = run.tables["schools"].drop_duplicates("school_id").set_index("school_id")["name"]
    school = enrolled["school_id"].map(names).fillna(enrolled["school_id"])
    ends = [body.get("endDate") for body in built.get("body", ())]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "what": "enrolled: " + school.astype("str"),
                    "begins": enrolled["start_date"],
                    "ends": enrolled["end_date"],
                    "in_the_ods": "",
                }
            ),
            pd.DataFrame(
                {
                    "what": "record: " + built["program_name"].astype("str"),
                    "begins": pd.to_datetime(built.get("begin_date", pd.Series(dtype="object"))),
                    "ends": pd.to_datetime(pd.Series(ends, built.index, dtype="object")),
                    "in_the_ods": standing,
                }
            ),
        ],
        ignore_index=True,
    )
