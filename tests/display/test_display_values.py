"""How names and values of every kind read, wherever they are shown."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.display.differences import Difference, changed_members, differences
from edfi_toolkit.display.labels import label
from edfi_toolkit.display.values import cell_text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("student_unique_id", "Student"),
        ("student_id", "SIS id"),  # no other list's student
        ("school_id", "School ID"),
        ("programTypeDescriptor", "Program type descriptor"),
        ("ed_fi_id", "Id in the ODS"),
        ("row id", "Row ID"),
        ("studentReference.studentUniqueId", "Student reference \u203a Student unique ID"),
        ("titleIPartAParticipantDescriptor", "Title I Part A participant descriptor"),
        ("privateCTEProgram", "Private CTE program"),
        ("ideaEligibility", "IDEA eligibility"),
        ("etag", "ETag"),
        (2025, "2025"),
        ("", ""),
    ],
)
def test_names_become_words(name: object, words: str) -> None:
    assert label(name) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a text", "a text"),
        (float("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        (True, "yes"),
        (np.False_, "no"),
        (7.0, "7"),
        (0.123456789, "0.123457"),
        (np.int64(255901), "255901"),
        (dt.date(2025, 8, 1), "2025-08-01"),
        (pd.Timestamp("2025-08-01"), "2025-08-01"),
        (pd.Timestamp("2025-08-01 14:05:06"), "2025-08-01 14:05"),
        (pd.Timestamp("2025-08-01 14:05:06", tz="UTC"), "2025-08-01 14:05 UTC"),
        ("uri://ed-fi.org/ProgramTypeDescriptor#Special Education", "Special Education"),
        (["a", 1, None], "a, 1, "),
        ([], ""),
        ({"a": [1]}, "A: 1"),
        (3, "3"),
        ({"beginDate": "2025-08-01", "_etag": "5"}, "Begin date: 2025-08-01"),
        ([{"a": 1, "b": 2}, {"a": 3}], "A: 1; B: 2; A: 3"),
    ],
)
def test_values_become_one_line(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_differences_name_every_member_and_which_changed() -> None:
    before = {"endDate": "2025-12-19", "old": 1, "_etag": "1"}
    after = {"endDate": "2026-01-30", "beginDate": "2025-09-02"}
    assert differences(before, after) == [
        Difference("End date", "2025-12-19", "2026-01-30", True),
        Difference("Begin date", "", "2025-09-02", True),
        Difference("Old", "1", "", True),
    ]
    assert not any(difference.changed for difference in differences(None, after))


def test_a_plans_diff_reads_as_its_changed_members() -> None:
    diff = {"endDate": [None, "2026-01-30"], "same": [1, 1.0]}
    assert changed_members(diff) == [Difference("End date", "", "2026-01-30", True)]
    assert changed_members(None) == []
