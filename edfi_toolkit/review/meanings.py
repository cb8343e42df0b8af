"""What an id means, wherever it comes from: a rule, a notice, a check of validation, a finding of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Meaning(NamedTuple):
    """The sentence a steward reads, and the next step."""

    says: str
    hint: str


def meaning_of(rule_id: str) -> Meaning | None:
    """None for an id that neither validation nor the catalogue knows.

    Validation goes first: of a key it says that two records share it, where the rule says what a key is.
    """
    from edfi_toolkit.rules.catalogue import RULES
    from edfi_toolkit.validation.check_texts import CHECK_TEXTS

    known = CHECK_TEXTS.get(rule_id) or RULES.get(rule_id)
    return Meaning(known.says, known.hint) if known else None


def meanings_of(rule_ids: Iterable[str]) -> dict[str, str]:
    """Sentence and next step of each id that is known."""
    found = {rule_id: meaning_of(rule_id) for rule_id in rule_ids}
    return {each: f"{known.says} {known.hint}" for each, known in found.items() if known}


def events_of(reason: str) -> str:
    """The events that the reason of a change names next to its rule: `ZZ-EVT-2 or ZZ-EVT-4`, or nothing.

    An event is a line of the rule book's event table: what changed in the source.
    """
    return reason.partition(": ")[0].partition(", ")[2]


def events_text(events: str) -> str:
    """What such events mean, in the catalogue's sentences."""
    known = [meaning_of(event) for event in re.split(" (?:and|or) ", events)]
    return (" Or: " if " or " in events else " ").join(meaning.says for meaning in known if meaning)
