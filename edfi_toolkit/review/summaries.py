"""Counts by rule, the changes of a plan in reading order: frames from frames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edfi_toolkit.display.differences import changed_members
from edfi_toolkit.display.values import cell_text, counted
from edfi_toolkit.model import KEY_COLUMNS, RECORD_KEY
from edfi_toolkit.privacy import is_personal, may_name
from edfi_toolkit.review.cached import cached_by_argument
from edfi_toolkit.review.meanings import (
    events_of,
    events_text,
    meaning_of,
    says_how_it_is,
    who_by_rule,
    who_enters,
)
from edfi_toolkit.review.wrong_cells import skipped_at, skipped_places
from edfi_toolkit.tables.load_errors import is_load_error

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.rules import Build
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked

NEVER_PUBLISHED = "REC-P1"
_ROWS_IN_A_SENTENCE = 3
_QUOTES = re.compile(r"'([^']+)'")
ACTIONS = {  # in the order a steward should check them
    "DELETE": "delete from the ODS",
    "PUT": "update in the ODS",
    "POST": "create in the ODS",
    "ADOPT": "take over, it is in the ODS already",
    "UNMAP": "forget, it is no longer in the ODS",
    "NOOP": "leave as it is",
}
_CHANGE = ["action", "pair", "student_unique_id", "program_name", "begin_date"]
_VALUE = ["member", "before", "after"]
_NOTHING_MORE = "no further values"
_WHOLE = {"POST": "(new record)", "DELETE": "(whole record)"}
_IN_COLUMNS = frozenset(
    {"studentReference", "programReference", "educationOrganizationReference", "beginDate"}
)
WHO = ["student_unique_id", "program_name", "begin_date", "education_organization_id"]


def of_skipped(count: int) -> str:
    """How many rows a rule skipped, and where they are listed; empty where none was."""
    if not count:
        return ""
    are = "row is" if count == 1 else "rows are"
    where = "'Who is missing, and why?' in notebook 20 lists"
    return f"{count:,} {are} skipped by a rule, which can be right: {where} {'it' if count == 1 else 'them'}."


def counted_students(frame: pd.DataFrame) -> str:
    """How many students the rows are about, as text."""
    return counted(frame["student_unique_id"].nunique(), "student")


def rule_texts(rule_ids: Iterable[str], part: str, found: Mapping[str, str] = MappingProxyType({})) -> str:
    """What is wrong (`says`) or what to do (`hint`) by some rules, each sentence once.

    found: the sentences of findings by rule, for a check that no catalogue knows.
    """
    known = {rule_id: meaning_of(rule_id) for rule_id in rule_ids}
    texts = [getattr(meaning, part) if meaning else found.get(each, "") for each, meaning in known.items()]
    return " ".join(dict.fromkeys(text for text in texts if text))


def sentences_of(findings: pd.DataFrame, part: str) -> dict[str, str]:
    """One of the sentences of each rule in the findings."""
    first = findings.loc[~findings["rule_id"].duplicated(), ["rule_id", part]]
    return dict(zip(first["rule_id"], first[part], strict=True))


@cached_by_argument
def held_texts(checked: Checked) -> pd.DataFrame:
    """says and hint of each held record by what was found in it, on the index of `checked.held`.

    The general sentences of a rule whose finding is about, or quotes, a value that can name a person.
    """
    held, findings = checked.held, checked.findings
    general = {part: sentences_of(findings, part) for part in ("says", "hint")}
    found = _found_in(checked)
    texts = []
    for at, rules in enumerate(held["held_by"]):
        each = {
            part: [found[part].get((at, rule)) or rule_texts([rule], part, known) for rule in rules]
            for part, known in general.items()
        }
        texts.append({part: " ".join(filter(None, dict.fromkeys(said))) for part, said in each.items()})
    return pd.DataFrame(texts, held.index, list(general), dtype="str")


def _found_in(checked: Checked) -> dict[str, dict[tuple[int, str], str]]:
    """For says and hint the sentences by the position of a held record and the rule."""
    found = dict[str, dict[tuple[int, str], dict[str, None]]](says={}, hint={})
    every = checked.findings.reindex(columns=["rule_id", "field", "says", "hint", "severity"])
    critical = every[every["severity"].eq("critical")].drop(columns="severity")
    plain = {
        at: (rule, {"says": says, "hint": hint})
        for at, rule, field, says, hint in critical.itertuples(name=None)
        if not quotes_a_person(field, says) and not _quotes_a_name(hint)
    }
    for position, at in checked.holding.itertuples(index=False, name=None) if plain else ():
        rule, texts = plain.get(at, ("", {}))
        for part, text in texts.items():
            found[part].setdefault((position, rule), {})[text] = None
    return {part: {key: " ".join(texts) for key, texts in own.items()} for part, own in found.items()}


def quotes_a_person(field: Any, sentence: Any) -> bool:
    """Whether a finding is about a value that names a person, or its sentence quotes one that may."""
    return any(map(is_personal, cell_text(field).split(", "))) or _quotes_a_name(sentence)


def _quotes_a_name(sentence: Any) -> bool:
    return any(map(may_name, _QUOTES.findall(cell_text(sentence))))


def held_by_rule(checked: Checked) -> pd.DataFrame:
    """Held records by the rule that holds them, with the sentence of the catalogue, else that of a finding."""
    held = checked.held.explode("held_by")[["held_by"]].rename(columns={"held_by": "rule_id"})
    messages = checked.findings.drop_duplicates("rule_id")[["rule_id", "says", "hint"]]
    return by_rule(held.merge(messages, on="rule_id", how="left"), "rule_id")


def by_rule(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Counts by rule or code with the catalogue's sentence and next step, most frequent first.

    An unknown id, a guardrail, which counts, and a rule that only says how a record is made are described by the
    frame's own `says` and `hint`, where it has them.
    """
    from edfi_toolkit.planning.guardrails import BREACHES

    counts, first = frame[column].value_counts(sort=True), frame[~frame[column].duplicated()]
    own = {
        name: dict(zip(first[column], first[name], strict=True))
        for name in ("severity", "says", "hint")
        if name in first
    }

    def text_of(name: str, rule_id: Any) -> str:
        severity = str(own["severity"][rule_id]) if "severity" in own else "info"
        is_own = rule_id in BREACHES or says_how_it_is(str(rule_id), severity)
        known = None if is_own and name in own else meaning_of(str(rule_id))
        if known:
            return str(getattr(known, name))
        return str(own[name][rule_id]) if name in own else ""

    return pd.DataFrame(
        {
            "rows": counts.to_numpy(dtype="int64"),
            "rule_id": list(counts.index),
            "says": [text_of("says", rule_id) for rule_id in counts.index],
            "todo": [text_of("hint", rule_id) for rule_id in counts.index],
        }
    )


def changes_of(plan: Plan, *further: str, again: pd.Series | None = None) -> pd.DataFrame:
    """The items that change something, deletes first, with what a person reads of each.

    further: more columns of the items; `event`, as of `_events`, and with it `again`. again: as of `_events`.
    """
    items = plan.items[plan.items["action"].ne("NOOP")]
    if "event" in further:
        items = items.assign(event=_events(plan, again)[items.index])
        items = items.assign(again="" if again is None else again[items.index])
        further = (*further, "again")
    order = items["action"].map({action: place for place, action in enumerate(ACTIONS)})
    chosen = ["action", "pair", *WHO, "reason", "resource", "diff", *further]
    return items.assign(order=order).sort_values("order", kind="stable")[chosen].reset_index(drop=True)


def _events(plan: Plan, again: pd.Series | None) -> pd.Series:
    """What changed in the source behind each item, as of `events_of`.

    Of a record that was never published that is known only where one event alone fits, and where something was
    published before: else no change has to be behind it. Nor has one of a record that goes again; again: for each
    item why it does, as a sentence, else empty.
    """
    reasons = plan.items["reason"]
    events = reasons.map({reason: events_of(reason) for reason in reasons.unique()}).astype("str")
    new = reasons.str.startswith(f"{NEVER_PUBLISHED}, ") | reasons.str.startswith(f"{NEVER_PUBLISHED}: ")
    unknown = new & (new.all() | events.str.contains(" or ", regex=False))
    return events.mask(unknown if again is None else unknown | again.ne(""), "")


def by_event(plan: Plan, again: pd.Series | None = None) -> pd.DataFrame:
    """How many changes each event of the source is behind, with what it means: records, event, says.

    Below them, without an event, how many go again and why. again: as of `_events`.
    """
    counts = _events(plan, again)[plan.items["action"].ne("NOOP")].value_counts().drop("", errors="ignore")
    repeated = pd.Series(dtype="int64") if again is None else again.value_counts().drop("", errors="ignore")
    return pd.DataFrame(
        {
            "records": [*counts, *repeated],
            "event": [*counts.index, *[""] * len(repeated)],
            "says": [*map(events_text, counts.index), *repeated.index],
        }
    )


def rows_aside(skipped: pd.DataFrame) -> pd.DataFrame:
    """Skipped rows to read: where, what is wrong, by which rule. Rows that a rule skipped first.

    The sentence of a cell that could not be read begins with its file, row and column; they have columns of
    their own, so it is shown without them. A column of another name in the file stays in the sentence.
    """
    return _aside(skipped).reset_index(drop=True)


def _aside(skipped: pd.DataFrame) -> pd.DataFrame:
    """As of `rows_aside`, each with its index."""
    places = zip(skipped["file"], skipped["row"], skipped["column"], skipped["detail"], strict=True)
    says = [_without_place(*place) for place in places]
    shown = skipped.assign(says=pd.Series(says, skipped.index, dtype="str"))
    at_load = is_load_error(shown["rule"])
    columns = ["file", "row", "column", "says", "rule", "id", "value", "table"]
    columns += ["student_id"] if "student_id" in shown else []
    return shown[columns].iloc[np.argsort(at_load.to_numpy(), kind="stable")]


def rows_named(aside: pd.DataFrame) -> str:
    """The first unreadable rows as part of a sentence, `students.csv, row 3, column student_unique_id; 2 more`."""
    first = aside.head(_ROWS_IN_A_SENTENCE)
    places = [
        f"{cell_text(file) or table}, row {cell_text(row)}"
        + (f", column {column}" if cell_text(column) else "")
        for file, table, row, column in first[["file", "table", "row", "column"]].itertuples(index=False)
    ]
    more = [f"{len(aside) - len(first):,} more"] if len(aside) > len(first) else []
    return "; ".join([*places, *more])


def _todo_of_cells(says: str) -> str:
    """What to do about the cells of a row that could not be read: the last sentence about each."""
    first, *others = says.split(" Also column ")
    also = [f"{other.partition(':')[0]}: {other.rpartition('. ')[2]}" for other in others]
    return " ".join([first.rpartition(". ")[2], *also])


def skipped_rows(
    skipped: pd.DataFrame, tables: Tables, profile: str, at: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Rows without a record as in `rows_aside`, with what to do and who can, student (SIS id), school and program.

    Then the place in the source; where a rule names the cell to be corrected that of the cell. Without any known
    program no column. at: their `skipped_places`, where these are known.
    """
    skipped = _aside(skipped)
    at = skipped_places(skipped, tables, profile) if at is None else at
    rules = skipped["rule"].unique()
    todo = skipped["rule"].map({rule: rule_texts([rule], "hint") for rule in rules})
    unread = (
        is_load_error(skipped["rule"])
        & skipped["column"].notna()
        & skipped["says"].str.contains(". ", regex=False)
    )
    todo = todo.mask(unread, skipped["says"].map(_todo_of_cells, na_action="ignore"))
    who = at["table"].map({table: who_enters(table) for table in at["table"].unique()}).astype("str")
    of_rules = skipped["rule"].map({rule: who_by_rule(rule) for rule in rules}).astype("str")
    skipped = skipped.assign(**at.drop(columns="table"), todo=todo, who=of_rules.fillna(who))
    if skipped["program"].isna().all():
        skipped = skipped.drop(columns="program")
    first = [
        name
        for name in ("rule", "says", "todo", "who", "student_id", "school", "program", "file", "row")
        if name in skipped
    ]
    return skipped[[*first, *skipped.columns.drop(first)]].reset_index(drop=True)


@cached_by_argument
def skipped_of(build: Build) -> pd.DataFrame:
    """`skipped_rows` of a build."""
    return skipped_rows(build.skipped, build.tables, build.profile, skipped_at(build))


def _without_place(file: Any, row: Any, column: Any, detail: Any) -> Any:
    if pd.isna(detail) or pd.isna(row):
        return detail
    said = str(detail).removeprefix(f"{file}, row {int(row)}, ")
    for name in (str(column), str(column).replace(", ", " and ")):  # of a key: all its columns
        said = said.removeprefix(f"column {name}: ")
    return said[:1].upper() + said[1:]


def left_alone(plan: Plan, checked: Checked) -> pd.DataFrame:
    """What the plan holds, with the rules and the sentences of whatever holds each record.

    Returns held_by (list of rules; where validation does not hold it, in words what does), says, hint, the columns of
    WHO, source_refs (missing where it does not hold it), by_validation (bool), and in_general and todo_in_general, the
    sentences without the values of the record.
    """
    from edfi_toolkit.planning.findings import HELD_BY

    held = plan.findings[plan.findings["code"].eq("HELD")]
    keys = RECORD_KEY
    known = checked.held[[*keys, "held_by", "source_refs"]].join(held_texts(checked).add_prefix("own_"))
    found = held.merge(known.drop_duplicates(keys), on=keys, how="left")
    found["by_validation"] = found["held_by"].notna()
    found["held_by"] = found["held_by"].fillna(found["hint"].map(HELD_BY).fillna("the source row"))
    for name, in_general in (("says", "in_general"), ("hint", "todo_in_general")):
        sentences = sentences_of(checked.findings, name)
        found[in_general] = [
            rule_texts(rules, name, sentences) if known else own
            for rules, known, own in zip(found["held_by"], found["by_validation"], found[name], strict=True)
        ]
        found[name] = found[f"own_{name}"].fillna(found[name])
    columns = ["held_by", "says", "hint", *WHO, "source_refs", "by_validation"]
    return found[[*columns, "in_general", "todo_in_general"]]


def keys_in(frame: pd.DataFrame) -> list[str]:
    return [name for name in ("resource", *KEY_COLUMNS, "source_refs") if name in frame]


def values_of(plan: Plan) -> pd.DataFrame:
    """One row for each value that a change makes different, before and after, deletes first.

    A record that is created or deleted is one row with all its values, but those of its key; the created one
    of a pair shows what differs from the deleted one.
    """
    table = [
        [*(change[name] for name in _CHANGE), *leaf]
        for change in changes_of(plan, "body", "before").to_dict("records")
        for leaf in _values(change) or [("", "", "")]
    ]
    return pd.DataFrame(table, columns=[*_CHANGE, *_VALUE]).astype({"pair": "Int64"})


def value_texts(changes: pd.DataFrame) -> pd.Series:
    """What each change makes different, before and after in one text. changes: as `changes_of`, with its bodies."""
    words = ["; ".join(map(_value_text, _values(change))) for change in changes.to_dict("records")]
    return pd.Series(words, changes.index, dtype="str")


def _value_text(value: tuple[str, str, str]) -> str:
    member, before, after = value
    if member in _WHOLE.values():
        return f"{member} {before or after}".removesuffix(_NOTHING_MORE).strip()
    return f"{member}: {before or 'nothing'} \u2192 {after or 'nothing'}"


def _values(change: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Member, before and after of all that a change makes different; of a whole record in one text."""
    action = change["action"]
    changed = [
        (difference.member, difference.before, difference.after)
        for difference in changed_members(change["diff"])
    ]
    if changed or action not in _WHOLE:
        return changed
    return [(_WHOLE[action], in_one_text(change["before"]), in_one_text(change["body"]))]


def in_one_text(body: Any) -> str:
    """The values of a body that no column of their own shows."""
    if not isinstance(body, Mapping):
        return ""
    shown = {name: value for name, value in body.items() if name not in _IN_COLUMNS}
    return cell_text(shown) or _NOTHING_MORE


def closed_resources(result: pd.DataFrame) -> str:
    """What to say when the ODS met one record after another with the same answer and the rest was not sent."""
    spared = result[result["outcome"].eq("pending") & result["attempts"].eq(0) & result["status"].notna()]
    counts = spared.groupby(["resource", "action", "status"], as_index=False).size()
    return " ".join(
        f"The ODS answered {status} to one {action} of {resource} after another, so {count:,} more were not sent. "
        + ("Ask the host what this login may write." if status == 403 else "Tell the host.")
        for resource, action, status, count in counts.itertuples(index=False)
    )
