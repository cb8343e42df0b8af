"""What the ODS answered: the changes that were sent, and the refusals by cause."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from edfi_toolkit.display.values import counted
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.privacy import Masker, is_missing
from edfi_toolkit.review.causes import by_cause, with_causes, with_one_step
from edfi_toolkit.review.changes import CHANGES, in_words
from edfi_toolkit.review.summaries import ACTIONS, WHO, closed_resources, counted_students
from edfi_toolkit.review.views import Block, Lists, View, block_html

GONE = "gone from the ODS"  # of a remove that was delivered
OUTCOMES = {
    "delivered": "the ODS has it",
    "refused": "the ODS refused it",
    "pending": "not sent yet; publishing again sends it",
    "unsure": "sent, no answer; publishing again finds out",
}


_DONE = {"create": "created in the ODS", "update": "updated in the ODS", "remove": GONE}
_OF_THE_LEDGER = {
    "take over": "it was in the ODS already; the ledger knows it now",
    "forget": "it was gone from the ODS already; the ledger knows that now",
}
_NOT_DELIVERED = [
    "student_unique_id",
    "program_name",
    "action",
    "outcome",
    "cause",
    "todo",
    "who",
    "messages",
]
_NOT_DELIVERED += ["begin_date", "school", "education_organization_id", "status", "correlation_id"]
*_WHOSE, _ORGANIZATION = WHO
_SENT = ["change", "came_of_it", *_WHOSE, "school", _ORGANIZATION, "status", "ed_fi_id", "correlation_id"]
_SENT += ["attempts", "resource"]


def answers_to(result: pd.DataFrame, refused: pd.DataFrame) -> pd.DataFrame:
    """What the ODS answered to each refused row of a result: cause_id, cause, todo, who, messages; else missing.

    refused: the refusals of its feed, with their causes or as of `runs.rejections.explained`, of which the last
    one of a record counts.
    """
    columns = ["cause_id", "cause", "todo", "who", "messages"]
    explained = with_causes(refused)
    keys = zip(explained["resource"], key_hashes(explained), strict=True)
    known = dict(zip(keys, explained[columns].itertuples(index=False, name=None), strict=True))
    asked = result[result["outcome"].eq("refused")]
    found = [
        known.get(key, (None,) * len(columns))
        for key in zip(asked["resource"], key_hashes(asked), strict=True)
    ]
    return pd.DataFrame(found, asked.index, columns, dtype=object).reindex(result.index)


def published_view(
    result: pd.DataFrame,
    masker: Masker,
    *,
    named: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    since: pd.Series | None = None,
    answers: pd.DataFrame | None = None,
    schools: pd.Series | None = None,
) -> View:
    """What the ODS said to each change that was sent, and what only the ledger had to learn.

    named: the frame with its organizations by name. since: for each row of the result when a refused one was delivered
    later, or NaT. answers: as of `answers_to`. schools: of each row, as the preview shows it.
    """
    given, texts = result, since_texts(since).reindex(result.index, fill_value="")
    result = result.assign(since=texts, school=schools)
    changed = result[result["action"].ne("NOOP")]
    summary = changed.groupby(["action", "outcome"], as_index=False, observed=True).size()
    summary = summary.rename(columns={"size": "records"})
    unsendable = summary["action"].map({action: ACTIONS[action] for action in ("ADOPT", "UNMAP")})
    meaning = unsendable.fillna(summary["outcome"].map(OUTCOMES)).fillna("")
    summary["meaning"] = meaning.mask(
        summary["action"].eq("DELETE") & summary["outcome"].eq("delivered"), GONE
    )
    summary["action"] = in_words(summary["action"])
    noted = int(result["action"].isin(["ADOPT", "UNMAP"]).sum())
    sent = result[result["action"].isin(SENT)]
    counts = sent["outcome"].value_counts()
    bad = sent[sent["outcome"].ne("delivered") & sent["since"].eq("")]
    bad = named(bad.assign(action=in_words(bad["action"])))
    if answers is not None:
        bad = bad.join(answers)
    listed = bad[[name for name in _NOT_DELIVERED if name in bad]]
    delivered, refused = int(counts.get("delivered", 0)), int(counts.get("refused", 0))
    unsent = int((sent["outcome"].eq("pending") & sent["attempts"].eq(0)).sum())
    later = int(sent["since"].ne("").sum())
    # The new record of a moved key, refused after the old one was removed; 429 is no answer about a record.
    is_answered = sent["outcome"].eq("pending") & sent["status"].between(400, 499) & sent["status"].ne(429)
    answered = sent.loc[is_answered, "status"].value_counts(sort=False)
    waiting = len(sent) - delivered - refused - unsent - int(is_answered.sum())
    closed = closed_resources(sent)
    nothing = "What was refused has been delivered since." if later else "Everything was delivered."
    says = (
        f"{delivered:,} of {counted(len(sent), 'change')} reached the ODS"
        if len(sent)
        else "There was nothing to send"
    )
    says += f"; {refused:,} refused" if refused else ""
    says += f", of which {later:,} delivered since" if later else ""
    says += "".join(f"; {count:,} pending, answered {status}" for status, count in answered.items())
    says += f"; {waiting:,} without an answer" if waiting else ""
    says += f"; {unsent:,} not sent yet" if unsent else ""
    says += f"; {counted(noted, 'entry', 'entries')} of the ledger corrected" if noted else ""
    return View(
        title="Publish",
        says=f"{says}. {closed}".strip(),
        tone="bad" if refused > later or len(answered) or waiting else "check" if unsent else "good",
        blocks=[
            Block("Every change of the plan", summary, "Nothing had to be sent."),
            Block("Not delivered", listed if answers is None else _by_answer(bad), nothing),
        ],
        next_step=(
            "Open notebook 50: it groups the refusals by cause and says what to do about each."
            if refused > later or len(answered)
            else "Publish again: it checks the changes without an answer and sends what is missing."
            if waiting or unsent
            else "Nothing is left to send. What is held back is in the validation."
        ),
        masker=masker,
        frames=Lists(
            {
                "not delivered": lambda: listed,
                "sent": lambda: named(sent_records(result)),
                "result": lambda: given,
            }
        ),
        bars=counts.rename(index=OUTCOMES),
        empty={
            "not delivered": nothing if len(sent) else "Nothing had to be sent.",
            "sent": "Nothing had to be sent.",
        },
        value=given,
    )


def _by_answer(bad: pd.DataFrame) -> pd.DataFrame:
    """How many changes did not arrive, and why: by outcome and cause, most first; the list has each of them."""
    by, said = ["outcome", "cause_id"], ["cause", "todo", "who"]
    if bad.empty:
        return pd.DataFrame(columns=["records", "outcome", *said])
    known = bad.fillna(dict.fromkeys(["cause_id", *said], ""))
    grouped = known.groupby(by, as_index=False, observed=True, sort=False).agg(
        records=("cause", "size"), cause=("cause", "first"), todo=("todo", "unique"), who=("who", "unique")
    )
    counts = with_one_step(grouped).sort_values("records", ascending=False, kind="stable")
    return counts[["records", "outcome", *said]]


def sent_records(result: pd.DataFrame) -> pd.DataFrame:
    """One row for each record that was to change, removes first: the columns of _SENT."""
    changed = result[result["action"].ne("NOOP")]
    words = in_words(changed["action"])
    found = changed.assign(
        change=pd.Categorical(words, list(CHANGES), ordered=True), came_of_it=came_of_it(changed)
    )
    return found.sort_values("change", kind="stable", ignore_index=True)[_SENT]


def came_of_it(changed: pd.DataFrame) -> pd.Series:
    """What came of each change until now, in words. changed: action, outcome, and since as of `since_texts`."""
    words, late = in_words(changed["action"]), changed["since"].ne("")
    done = words.map(_DONE).where(changed["outcome"].eq("delivered")).fillna(words.map(_OF_THE_LEDGER))
    return done.fillna(changed["outcome"].map(OUTCOMES)) + ("; " + changed["since"]).where(late, "")


def since_texts(instants: pd.Series | None) -> pd.Series:
    """When refused records were delivered, as words in local time; empty where they were not."""
    if instants is None:
        return pd.Series(dtype="str")
    return pd.Series(
        [
            "" if is_missing(at) else f"delivered since, {at.to_pydatetime().astimezone():%Y-%m-%d %H:%M}"
            for at in instants
        ],
        instants.index,
        dtype="str",
    )


def refusals_block(newest: pd.DataFrame, masker: Masker, *, count: int) -> str:
    """The newest refusals as HTML while more may come: who, and what the ODS says is wrong. newest: with causes.

    count: how many there are so far.
    """
    shown = newest[["student_unique_id", "program_name", "begin_date", "cause", "todo"]]
    return block_html(
        Block(f"Refused so far: {count:,}", shown, tone="bad"), masker, rows=len(shown), more=""
    )


def nothing_published_view(masker: Masker) -> View:
    """In place of results while nothing was published."""
    return View(
        title="Publish",
        says="Nothing has been published in this run yet.",
        tone="good",
        blocks=[],
        next_step="Approve the plan and press Publish, then run this cell again.",
        masker=masker,
        frames={
            "not delivered": pd.DataFrame(columns=["action", *WHO, "outcome", "status"]),
            "sent": pd.DataFrame(columns=_SENT),
        },
        empty=dict.fromkeys(("not delivered", "sent"), "Nothing has been sent yet."),
    )


def rejections_view(
    rejections: pd.DataFrame,
    masker: Masker,
    *,
    placed: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> View:
    """Refused records by cause: what is wrong, what to do, who can do it; with `placed`, what each was answered too.

    placed: refusals with organizations by name, and with file and row where that is known.
    """
    explained = with_causes(rejections)
    still = explained[explained["open"].astype(bool)]
    causes = by_cause(still)
    says = (
        f"{counted(len(still), 'record').capitalize()} of {counted_students(still)} refused"
        if len(still)
        else "No refusal is open"
    )
    settled = len(explained) - len(still)
    says += f"; {counted(settled, 'earlier refusal')} settled since." if settled else "."
    return View(
        title="Rejections",
        says=says,
        tone="bad" if len(still) else "good",
        blocks=[
            Block(
                "By cause, most frequent first",
                causes[["rejections", "students", "cause", "says", "todo", "who", "again"]],
                "Nothing to do.",
                tone="bad",
            ),
            *([_refused_records(placed(still))] if placed and len(still) else []),
        ],
        next_step=(
            "Take the first cause. Correct and retry its records in notebook 50, or have them corrected in the SIS and "
            "read again; nothing is sent twice."
            if len(still)
            else ""
        ),
        masker=masker,
        frames={"open": still, "all": explained, "causes": causes},
        empty={"open": "No refusal is open.", "all": "Nothing was ever refused."},
        meanings={row["cause"]: f"{row['says']} {row['todo']}" for row in causes.to_dict("records")},
        bars=pd.Series(causes["rejections"].to_list(), causes["cause"].to_list(), dtype="int64"),
        value=explained,
    )


def _refused_records(refused: pd.DataFrame) -> Block:
    """Each refused record, where it is in the source, and the message of the ODS."""
    columns = ["cause", *WHO, "file", "row", "column", "messages", "refused_in"]
    return Block(
        "Records, and the message of the ODS", refused[[name for name in columns if name in refused]]
    )


def refusals_to_work_on(
    refused: pd.DataFrame, masker: Masker, named: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
) -> View:
    """The open refusals by cause with owner and next step, and the records. refused: with causes and `state`.

    named: as in `published_view`.
    """
    still, ended = refused[refused["state"].eq("open")], refused[refused["state"].eq("closed")]
    hidden = int(refused["state"].eq("dismissed").sum())
    causes = by_cause(still)
    says = f"{counted(len(causes), 'cause').capitalize()}, {counted(len(still), 'record')}."
    says += f" {counted(hidden, 'refusal').capitalize()} dismissed." if hidden else ""
    says += f" {counted(len(ended), 'refusal').capitalize()} closed." if len(ended) else ""
    closing = ["student_unique_id", "program_name", "cause", "closed_how", "closed_at"]
    return View(
        title="Workshop",
        says=says,
        tone="bad" if len(still) else "good",
        blocks=[
            Block("Causes", causes[["cause", "rejections", "todo", "who"]], "No refusal is open."),
            Block("Records", named(still[["cause", *WHO, "messages"]]), "No refusal is open."),
            Block("Closed, and how", ended[closing], "None has been closed yet."),
        ],
        next_step="Choose a cause, then a record: its source rows, what was sent, the ODS now, its story."
        if len(still)
        else "",
        masker=masker,
        frames={"open": still, "closed": ended},
    )
