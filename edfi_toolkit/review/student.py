"""One student, the answer first: what is in the ODS, what is missing, why, who does what; then all that led to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.texts import visible
from edfi_toolkit.display.values import cell_text, counted
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.meanings import owners_of, who_enters
from edfi_toolkit.review.requests import requests_table
from edfi_toolkit.review.steps import in_words
from edfi_toolkit.review.summaries import quotes_a_person, rule_texts
from edfi_toolkit.review.views import Block, View, block_html
from edfi_toolkit.rules.explain.story import parts_of
from edfi_toolkit.rules.owners import SIS_PUBLISHING_TEAM

WHOSE = "whose"  # the frame that names the student
_OTHERS = "other ids"  # the frame of the ids that the answer names
_MISSING = ["what", "state", "why", "todo", "who", "where", "rule", "sentence"]
_NOT_DONE = {"POST": "is missing", "PUT": "was not updated", "DELETE": "was not removed"}
_REFUSED, _HELD, _NO_RECORD = "refused by the ODS", "held back", "no record"
SENT_SINCE, REMOVED_SINCE = "as sent since this run read the source", "removed since by another run"
SOURCE_DIFFERS = "as sent before the source changed"
AS_SENT, CHANGED, GONE, UNKNOWN = "as sent", "changed since", "not there any more", "not asked"
ANOTHER_ID, ANOTHERS_ROWS, NOT_SENT = "under another id", "another student's rows", "not in the ODS yet"
OTHERS = "What else the ODS has of this student"
NOT_OURS = "not sent by us"
NO_OTHERS = "Nothing that this login may read. Ask the ODS administrator which record it is."
CORRECTED = "under the corrected id"  # where it belongs, until the SIS says the same
_IN_THE_SOURCE = (_HELD, _NO_RECORD, ANOTHER_ID, ANOTHERS_ROWS)  # solved there, and read again
_IN_THE_ANSWER = 3  # blocks: what is missing, what the ODS holds, why each record is listed
_SENTENCES = 3  # of why a record is listed; a student of more programs has them in the list alone
_NOT_UPDATED = "not updated yet"
_BEFORE = ", as this run read it, before another run sent or removed a record"


def student_view(student: str | None, facts: Mapping[str, Any], masker: Masker) -> View:
    """One student, the answer first. student: the SIS key; None asks for one. facts: of `runs.students.student`."""
    if student is None:
        says = "Type a state id, a local id, a pseudonym or a name below. What is typed is not saved."
        return View("One student", says, "good", [], "", masker)
    published, held, refused = facts["in_the_ods"], facts["held"], facts["refused"]
    still, skipped, story = (
        refused[refused["open"].astype(bool)] if len(refused) else refused,
        *(facts[name] for name in ("skipped", "story")),
    )
    in_place = published["whose"].isin(["", CORRECTED])
    misplaced, corrected = published[~in_place], published[published["whose"].eq(CORRECTED)]
    others = published.loc[published["whose"].ne(""), "student_unique_id"]
    gone = published[published["now"].eq(GONE) & in_place]
    listed, unsent, not_updated = facts["listed"], facts["unsent"], published["now"].eq(SOURCE_DIFFERS)
    name = _Names([published, listed, still, held, unsent])
    missing = pd.DataFrame(
        [
            *_misplaced(misplaced, masker),
            *_refused(still, facts.get("others"), name),
            *_held(held, name),
            *_gone(gone, name),
            *_skipped(skipped),
            *_unsent(unsent, name),
            *_not_updated(published[not_updated & in_place], [still, held], name),
        ],
        columns=_MISSING,
        dtype="str",
    )
    masker = masker.knowing([student, *others])
    by_another = facts.get("by_another", "")
    answer = [
        by_another,
        _in_the_ods(published[in_place], len(misplaced), name, is_said=bool(by_another)),
        *_why_listed(listed, name, masker),
        facts["unlisted"],
        *(
            f"The id is the corrected one, {masker.value(other)}"
            for other in corrected["student_unique_id"].unique()
        ),
        *missing["sentence"],
        facts.get("in_force", ""),
        facts["note"],
    ]
    requests, spans = facts["requests"], facts["spans"].sort_values("begins", kind="stable")
    columns = ["program_name", "school", "begin_date", "rests_on"]
    if len(others):
        columns = ["student_unique_id", *columns]
    is_sure = published["now"].eq(AS_SENT).all() and not (by_another or facts["note"] or facts["unlisted"])
    return View(
        title="One student",
        says=" ".join(f"{part.rstrip('.')}." for part in answer if part),
        tone="bad"
        if len(still) or len(held) or len(misplaced)
        else "check"
        if len(missing) or not is_sure
        else "good",
        blocks=[
            Block(
                "What is missing, why, and who does what",
                _to_read(missing),
                "Nothing: every row gave a record, or no rule asks for it."
                if is_sure
                else "Nothing that is known here; the first lines say what is not.",
                tone="check",
            ),
            Block(
                "What the ODS holds, and the rows of the source that it rests on",
                published[[*columns, "now"]],
                "Nothing of this student was published.",
            ),
            Block(
                "Why each record is listed: the cell of the source that says so",
                listed,
                "No record was made for this student.",
            ),
            *([Block(OTHERS, facts["others"], NO_OTHERS)] if facts.get("others") is not None else []),
            Block("Over the year", spans, "No enrollment and no record."),
            *(
                Block(part + (_BEFORE if by_another else ""), in_words(steps))
                for part, steps in (parts_of(story) if len(story) else ())
            ),
            Block(
                "Requests and answers, the first at the top",
                requests_table(requests, students=len({*others, *requests["student_unique_id"]}) > 1)
                if len(requests)
                else requests,
                "Nothing was asked of the ODS about this student.",
            ),
        ],
        next_step=_next_step(missing, is_read_again=bool(by_another)),
        masker=masker,
        frames={
            "over the year": spans,
            "missing": missing,
            "story": story,
            WHOSE: pd.DataFrame({"student_id": [student]}),
            _OTHERS: others.drop_duplicates().to_frame(),
        },
        value=story,
    )


def _to_read(missing: pd.DataFrame) -> pd.DataFrame:
    """What is missing in as few columns as a page has room for: the state and the rule are part of why."""
    by = (" (" + missing["rule"] + ")").where(missing["rule"].ne(""), "")
    state = missing["state"].str[:1].str.upper() + missing["state"].str[1:]
    return missing.assign(why=state + ": " + missing["why"] + by)[["what", "why", "todo", "who", "where"]]


def answer_html(view: View, eyes: Masker) -> str:
    """The first part of a student's view: the answer, what is missing, what the ODS holds, what to do next."""
    return story_html(replace(view, blocks=view.blocks[:_IN_THE_ANSWER]), eyes)


def rest_html(view: View, eyes: Masker) -> str:
    """The rest of it: all that led to the answer."""
    return visible("".join(block_html(block, eyes) for block in view.blocks[_IN_THE_ANSWER:]))


def story_html(view: View, eyes: Masker) -> str:
    """A student's view as HTML for these eyes, with whose it is in the heading."""
    whose = TextTable.of(view.frames[WHOSE], eyes).rows[0][0]
    others, says = view.frames[_OTHERS], view.says
    for other, (shown,) in zip(others["student_unique_id"], TextTable.of(others, eyes).rows, strict=True):
        says = says.replace(view.masker.value(other), shown)
    return replace(view, title=f"{view.title}: {whose}", says=says, masker=eyes).html()


def _in_the_ods(published: pd.DataFrame, misplaced: int, name: _Names, *, is_said: bool) -> str:
    """How many records were sent, and how they are. is_said: those that another run sent since were named before."""
    also = ""
    if is_said and published["now"].eq(SENT_SINCE).any():
        published, also = published[published["now"].ne(SENT_SINCE)], "Also sent"
        if published.empty:
            return ""
    if published.empty:
        where = "under the id that the source has" if misplaced else "from us"
        return f"Nothing of this student is in the ODS {where}"
    states = published["now"].value_counts()
    programs = ", ".join(dict.fromkeys(map(name.of, published.to_dict("records"))))
    sent = f"{also or 'Sent'}: {counted(len(published), 'record')} ({programs})"
    if set(states.index) == {AS_SENT}:
        return f"{sent}, all in the ODS as sent"
    return f"{sent}; {', '.join(f'{count:,} {state}' for state, count in states.items())}"


class _Names:
    """What a record is called: its program, and when it begins where the student has several of the program."""

    def __init__(self, every: Iterable[pd.DataFrame]) -> None:
        known = {(row["program_name"], _begins(row)) for frame in every for row in frame.to_dict("records")}
        programs = [program for program, _ in known]
        self._several = {program for program in programs if programs.count(program) > 1}

    def of(self, row: Mapping[str, Any]) -> str:
        return self.of_program(row["program_name"], [_begins(row)])

    def of_program(self, program: str, begins: Iterable[str]) -> str:
        """Its records that begin on these days, as one text."""
        days = " and ".join(sorted(filter(None, set(begins))))
        return f"{program} that begins {days}" if days and program in self._several else program


def _begins(row: Mapping[str, Any]) -> str:
    return cell_text(row.get("begin_date"))


def _why_listed(listed: pd.DataFrame, name: _Names, masker: Masker) -> Iterator[str]:
    """A sentence for each cell that lists the student in a program, where a few say it all."""
    by_cell = dict[tuple[str, str], list[str]]()
    for row in listed.to_dict("records"):
        by_cell.setdefault((row["program_name"], row["because"]), []).append(_begins(row))
    if len(by_cell) <= _SENTENCES:
        for (program, because), begins in by_cell.items():
            yield masker.text(f"Listed in {name.of_program(program, begins)} because {because}")


# What is not in the ODS as it should be, a row of the columns of _MISSING each. The sentence of each is shown
# unmasked, so it has no value of the row.
_Rows = Iterator[tuple[str, ...]]


def _misplaced(published: pd.DataFrame, masker: Masker) -> _Rows:
    """Records under an id that is not the student's, or from rows that are not."""
    for (whose, other), records in published.groupby(["whose", "student_unique_id"], sort=False):
        programs = ", ".join(records["program_name"].unique())
        if whose == ANOTHER_ID:
            hidden, there = masker.value(other), (~records["now"].isin([GONE, UNKNOWN])).any()
            sentence = (
                f"The ODS has {programs} under another id, {hidden}"
                if there
                else f"{programs} was sent under another id, {hidden}"
            )
            why = "The record was made from rows of this student, who has another id in the source now."
            todo = "Find out which id is right. If it is the one in the ODS, enter it in the SIS."
        else:
            sentence = f"{programs} was sent under the id of this student, but from rows of another student"
            why = "The record was made from rows of a student who has another id in the source now."
            todo = (
                "Find the row named under Where, and the id of its student: in the SIS, and among the corrections in "
                "notebook 50."
            )
        todo += " Notebook 30 shows what the next publish removes and sends."
        for row in records.to_dict("records"):
            where, who = cell_text(row.get("rests_on")), who_enters("students")
            yield row["program_name"], whose, why, todo, who, where, "", sentence
            sentence = ""  # said once


def _refused(refused: pd.DataFrame, others: pd.DataFrame | None, name: _Names) -> _Rows:
    for row in refused.to_dict("records"):
        program, why, todo = name.of(row), f"{row['cause']}.", row["todo"]
        said = " ".join(row["messages"])
        answered = f"{why} The ODS: {said}" if said else why
        sentence = f"{program} {_NOT_DONE[row['action']]}, refused by the ODS: {why}"
        if row["action"] == "POST" and (there := _there_already(row["program_name"], others)):
            sentence = f"{row['program_name']} is in the ODS, {there}; ours was refused: {why}"
            todo = f"Decide whether the one in the ODS, {there}, is right. {todo}"
        where = cell_text(row.get("cell")) or cell_text(row.get("rests_on"))
        yield program, _REFUSED, answered, todo, row["who"], where, "", sentence


def _there_already(program: str, others: pd.DataFrame | None) -> str:
    """Since when the ODS has this program of the student by another record, and from whom; empty where it has none."""
    if others is None or (same := others[others["program_name"].eq(program)]).empty:
        return ""
    begins, sent_from = same.iloc[0][["begin_date", "sent_from"]]
    return f"from {begins}, {sent_from if sent_from == NOT_OURS else f'sent from {sent_from}'}"


def _held(held: pd.DataFrame, name: _Names) -> _Rows:
    for row in held.to_dict("records"):
        program, by = name.of(row), ", ".join(row["held_by"])
        in_general = rule_texts(row["held_by"], "says")
        why, todo = row["says"], row["hint"]
        sentence = f"{program} is missing, held back: {in_general.rstrip('.')} ({by})"
        where = cell_text(row.get("rests_on"))
        yield program, _HELD, why, todo, owners_of(row["held_by"]), where, by, sentence


def _gone(published: pd.DataFrame, name: _Names) -> _Rows:
    for row in published.to_dict("records"):
        program, why = name.of(row), "It was sent, and the ODS has it no more: not by us."
        todo = "Compare with the ODS in notebook 60: it finds what was removed there, and sends it again."
        where = cell_text(row.get("rests_on"))
        yield program, GONE, why, todo, SIS_PUBLISHING_TEAM, where, "", f"{program} was sent, and is {GONE}"


def _unsent(built: pd.DataFrame, name: _Names) -> _Rows:
    every = built.to_dict("records")
    sentence = f"Not in the ODS yet: {', '.join(dict.fromkeys(map(name.of, every)))}" if every else ""
    for row in every:
        program, why = (
            name.of(row),
            "The record is ready to be sent, and the ODS does not have it from us.",
        )
        todo = "Look at the changes in notebook 30, approve and publish them."
        yield program, NOT_SENT, why, todo, SIS_PUBLISHING_TEAM, cell_text(row.get("rests_on")), "", sentence
        sentence = ""  # said once


def _not_updated(published: pd.DataFrame, elsewhere: Iterable[pd.DataFrame], name: _Names) -> _Rows:
    """Records with other values in the ODS than the source has now. elsewhere: records of which it is said why."""
    names = ["program_name", "begin_date"]
    known = {
        key for part in elsewhere for key in part.reindex(columns=names).itertuples(index=False, name=None)
    }
    for row in published.to_dict("records"):
        if (row["program_name"], row["begin_date"]) in known:
            continue
        program = name.of(row)
        why = "The source has other values than were sent, and the update is not sent yet."
        todo = "Look at the changes in notebook 30, approve and publish them."
        where = cell_text(row.get("rests_on"))
        sentence = f"{program} is in the ODS {SOURCE_DIFFERS}"
        yield program, _NOT_UPDATED, why, todo, SIS_PUBLISHING_TEAM, where, "", sentence


def _skipped(skipped: pd.DataFrame) -> _Rows:
    for row in skipped.to_dict("records"):
        program, line = cell_text(row.get("program")), cell_text(row["row"])
        column = cell_text(row.get("column"))
        where = f"{row['file']}, row {line}" if line else f"{row['table']} {row['id']}"
        where += f", {column}" if column else ""
        own = "" if quotes_a_person(column, row["says"]) else row["says"]
        first = own.partition(" Also column ")[0]  # of several cells; its last sentence says what to do
        plain = (first.rpartition(". ")[0] or first or rule_texts([row["rule"]], "says")).rstrip(".")
        lacks = f"{program} is missing" if program else f"A row of {row['table']} gave no record"
        sentence = f"{lacks}: {plain} ({row['rule']})"
        what, who = program or f"row of {row['table']}", row["who"]
        yield what, _NO_RECORD, row["says"], row["todo"], who, where, row["rule"], sentence


def _next_step(missing: pd.DataFrame, *, is_read_again: bool) -> str:
    """What to do about the first of them, and by whom. is_read_again: that is first, as another run did something."""
    if is_read_again:
        return "Press Read again" + (", then do what is still missing." if len(missing) else ".")
    if missing.empty:
        return ""
    first = missing.iloc[0]
    step = f"{first['todo']} Who can do it: {first['who']}."
    if first["state"] in _IN_THE_SOURCE and not first["todo"].startswith("Nothing to do"):
        step += " Then read the source again."
    return step + (" The list above has the others." if len(missing) > 1 else "")
