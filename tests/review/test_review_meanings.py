"""Every id a steward meets has a sentence: rules, notices, checks of validation, findings of a plan."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.planning.guardrails import BREACHES
from edfi_toolkit.planning.truth_tables import RESYNC
from edfi_toolkit.review.meanings import meaning_of, meanings_of
from edfi_toolkit.review.summaries import by_rule
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.validation.check_texts import CHECK_TEXTS


def test_rules_and_checks_are_answered_in_one_place() -> None:
    told = meanings_of(["COM-NRM-3", "DS-REQUIRED", "REF-STUDENT", "nobody knows it"])
    assert list(told) == ["COM-NRM-3", "DS-REQUIRED", "REF-STUDENT"]
    assert all(told.values())
    assert all(meaning_of(each) for each in [*RULES, *CHECK_TEXTS])


def test_two_equal_keys_are_told_as_what_validation_found() -> None:
    """COM-KEY-1."""
    told = meaning_of("COM-KEY-1")
    assert told is not None
    assert told.says.startswith("Two records of this build have one key")


def test_every_finding_of_a_plan_and_every_notice_of_a_source_is_in_the_catalogue() -> None:
    """REC-R1 to REC-R10 among them."""
    codes = {"HELD", "FOREIGN", "RESYNC_RECOMMENDED", "LIVE_CHANGED", *BREACHES}
    resync = {rule for rule, _ in RESYNC.values()}
    assert len(resync) == 10
    assert codes | resync | {"UNKNOWN_TABLE", "NO_COLUMN"} <= set(RULES)
    assert (RULES["UNKNOWN_TABLE"].severity, RULES["NO_COLUMN"].severity) == ("warning", "info")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("DS-REQUIRED", "A property that the data standard requires is missing."),
        ("mass-delete", "30 of 40 would go."),
        ("BRAND_NEW", "30 of 40 would go."),
    ],
)
def test_counts_by_rule_have_a_sentence_for_every_id(code: str, says: str) -> None:
    frame = pd.DataFrame({"rule_id": [code], "says": ["30 of 40 would go."], "hint": ["Look."]})
    assert by_rule(frame, "rule_id")["says"].tolist() == [says]
    assert by_rule(frame, "rule_id")["todo"].tolist()[0]


def test_a_rule_that_says_how_a_record_is_made_is_described_by_what_was_found_against_it() -> None:
    found = {
        "rule_id": "WI-ELE-5",
        "severity": "warning",
        "says": "The id is not ten digits.",
        "hint": "Ask.",
    }
    finding = pd.DataFrame([found])
    assert RULES["WI-ELE-5"].says == "The student's id is the WISEid."  # no fault
    assert by_rule(finding, "rule_id")["says"].tolist() == ["The id is not ten digits."]
    assert meanings_of(["WI-ELE-5"], finding) == {"WI-ELE-5": "The id is not ten digits. Ask."}
    assert meanings_of(["WI-ELE-5"])["WI-ELE-5"].startswith("The student's id")
    missing = pd.DataFrame([{**found, "rule_id": "WI-CEIS-1"}])
    assert by_rule(missing, "rule_id")["says"].tolist() == [RULES["WI-CEIS-1"].says]
