"""What an id means, wherever it comes from: a rule, a notice, a check of validation, a finding of a plan."""

from __future__ import annotations

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
    from edfi_toolkit.validation.facts import FACTS

    known = FACTS.get(rule_id) or RULES.get(rule_id)
    return Meaning(known.says, known.hint) if known else None


def meanings_of(rule_ids: Iterable[str]) -> dict[str, str]:
    """Sentence and next step of each id that is known."""
    found = {each: meaning_of(each) for each in rule_ids}
    return {each: f"{known.says} {known.hint}" for each, known in found.items() if known}
