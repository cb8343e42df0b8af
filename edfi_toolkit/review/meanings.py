"""What an id means, wherever it comes from: a rule, a notice, a check of validation, a finding of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from edfi_toolkit.rules.owners import PROGRAM_OFFICE, SIS_CLERK

_OF_THE_SCHOOL = ("students", "schools", "calendars", "enrollments")


class Meaning(NamedTuple):
    """The sentence a steward reads, the next step, and who can do it."""

    says: str
    hint: str
    who: str


def meaning_of(rule_id: str) -> Meaning | None:
    """None for an id that neither validation nor the catalogue knows.

    Validation goes first: of a key it says that two records share it, where the rule says what a key is.
    """
    from edfi_toolkit.rules.catalogue import RULES
    from edfi_toolkit.validation.check_texts import CHECK_TEXTS

    if check := CHECK_TEXTS.get(rule_id):
        return Meaning(check.says, check.hint, check.who)
    rule = RULES.get(rule_id)
    return Meaning(rule.says, rule.hint, rule.who or PROGRAM_OFFICE) if rule else None


def who_enters(table: str) -> str:
    """Who can correct a row of this table in the SIS."""
    return SIS_CLERK if table in _OF_THE_SCHOOL else PROGRAM_OFFICE


def who_by_rule(rule_id: str) -> str | None:
    """Who can do what a rule says, where the catalogue names another than who enters the row."""
    from edfi_toolkit.rules.catalogue import RULES

    return (RULES[rule_id].who or None) if rule_id in RULES else None


def says_how_it_is(rule_id: str, severity: str) -> bool:
    """Whether the sentence of a rule says how a record is made, so that only the finding itself says what is wrong."""
    from edfi_toolkit.rules.catalogue import RULES
    from edfi_toolkit.validation.check_texts import CHECK_TEXTS

    rule = RULES.get(rule_id)
    return rule is not None and rule_id not in CHECK_TEXTS and rule.severity == "info" != severity


def meanings_of(rule_ids: Iterable[str], findings: pd.DataFrame | None = None) -> dict[str, str]:
    """Sentence and next step of each id that is known; of a rule that says how it is, those of one of its findings."""
    found = {rule_id: meaning_of(rule_id) for rule_id in rule_ids}
    texts = {each: f"{known.says} {known.hint}" for each, known in found.items() if known}
    if findings is not None:
        for rule_id, row in findings.drop_duplicates("rule_id").set_index("rule_id").iterrows():
            if says_how_it_is(str(rule_id), row["severity"]):
                texts[str(rule_id)] = f"{row['says']} {row['hint']}"
    return texts


def owners_of(rule_ids: Iterable[str]) -> str:
    """Who can do something about what these rules hold, each once."""
    known = (meaning_of(rule_id) for rule_id in rule_ids)
    return ", ".join(dict.fromkeys(meaning.who for meaning in known if meaning))


def events_of(reason: str) -> str:
    """The events that the reason of a change names next to its rule: `ZZ-EVT-2 or ZZ-EVT-4`, or nothing.

    An event is a line of the rule book's event table: what changed in the source.
    """
    return reason.partition(": ")[0].partition(", ")[2]


def events_text(events: str) -> str:
    """What such events mean, in the catalogue's sentences."""
    known = [meaning_of(event) for event in re.split(" (?:and|or) ", events)]
    return ("One of: " if " or " in events else "") + " ".join(meaning.says for meaning in known if meaning)
