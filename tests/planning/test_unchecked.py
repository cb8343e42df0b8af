"""COM-KEY-3: a key moves only where it is known that the target takes the new record; else all stays as it is."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.planning import Plan, identity_map_of, plan
from edfi_toolkit.rules import Build
from edfi_toolkit.validation import Checked
from tests.factories.builds import build_of
from tests.factories.participations import a_participation, certification_tables

pytestmark = pytest.mark.unit


def moved(
    *unread: str, settings: dict[str, Any] | None = None, how: dict[str, Any] | None = None, **change: Any
) -> Plan:
    """The plan after a change of one of two published records; `unread` could not be looked into."""
    before, after = (
        build_of(
            certification_tables(a_participation("p1", **one), a_participation("p2", program_name="Reading")),
            profile="certification",
            settings=settings or {},
        )
        for one in ({}, change)
    )
    return plan(without(after, *unread), identity_map=identity_map_of(before), **(how or {}))


def without(build: Build, *unread: str) -> Checked:
    """A build that was checked, but for what these resources hold."""
    found = pd.DataFrame({"rule_id": "REF-UNREADABLE", "field": list(unread)}, dtype="str")
    return Checked(build, build.records, build.records[:0], found)


def outcome(made: Plan, student: str | None = None) -> tuple[list[str], int]:
    """What goes, and how many records are held, of all students or of one."""
    sent, held = made.items[made.sends], made.findings[made.findings["code"].eq("HELD")]
    if student:
        sent, held = (rows[rows["student_unique_id"].eq(student)] for rows in (sent, held))
    return sent["action"].tolist(), len(held)


GOES, HELD = (["DELETE", "POST"], 0), ([], 2)  # held: the record that is published, and the new one


def test_no_key_moves_while_the_target_cannot_be_asked():
    made = moved(begin_date="2025-09-30", how={"unasked": True})
    assert outcome(made) == HELD
    assert made.items["action"].tolist() == ["NOOP"]
    held = made.findings[made.findings["code"].eq("HELD")]
    assert set(held["says"]) == {
        "Its key moved, and the target was not asked if it takes the new record; all stays as it is."
    }
    assert held["hint"].str.endswith("when the target can be asked, then preview again.").all()
    assert outcome(moved(begin_date="2025-09-30")) == GOES


def test_an_update_and_an_update_of_the_key_lose_nothing_and_go():
    assert outcome(moved(end_date="2026-05-01", how={"unasked": True})) == (["PUT"], 0)
    how = {"unasked": True, "updatable": ["studentProgramAssociations"]}
    made = moved(begin_date="2025-09-30", settings={"key_change": "put_if_updatable"}, how=how)
    assert outcome(made) == (["PUT"], 0)


CASES = [
    ("programs", {"program_name": "Gifted"}, HELD),
    (
        "programs",
        {"program_name": "Reading", "begin_date": "2025-09-30"},
        GOES,
    ),  # as the other record has it
    ("programs", {"program_type": "GIFTED AND TALENTED", "begin_date": "2025-09-30"}, GOES),
    ("programs", {"begin_date": "2025-09-30"}, GOES),
    ("students", {"program_name": "Gifted"}, GOES),
    ("schools", {"education_organization_id": 255902}, HELD),
    ("schools", {"program_name": "Gifted"}, GOES),
    ("programTypeDescriptors", {"program_type": "Bilingual"}, HELD),
    ("programTypeDescriptors", {"begin_date": "2025-09-30"}, GOES),
    ("reasonExitedDescriptors", {"begin_date": "2025-09-30", "reason_exited": "Withdrawn"}, HELD),
    ("reasonExitedDescriptors", {"program_type": "Bilingual"}, GOES),
    ("studentCTEProgramAssociations", {"begin_date": "2025-09-30"}, GOES),
]


@cache
def of_all_cases(*, changed: bool) -> Build:
    """Each case is a student with two records, of which the first may be changed."""
    rows, people = [], []
    for number, (_, change, _) in enumerate(CASES):
        own = {"student_id": str(number)}
        people.append({**own, "student_unique_id": f"S-{number}"})
        rows.append(a_participation(f"p{number}", **own, **(change if changed else {})))
        rows.append(a_participation(f"q{number}", **own, program_name="Reading"))
    return build_of(certification_tables(*rows, students=people), profile="certification", settings={})


@cache
def plan_without(unread: str) -> Plan:
    """The plan of all cases, of which a test looks at one."""
    before, after = of_all_cases(changed=False), of_all_cases(changed=True)
    return plan(without(after, unread), identity_map=identity_map_of(before))


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{at}-{case[0]}" for at, case in enumerate(CASES)]
)
def test_what_this_login_may_not_read_holds_what_needs_something_new_of_it(number):
    unread, _, expected = CASES[number]
    made = plan_without(unread)
    assert outcome(made, f"S-{number}") == expected
    if expected is HELD:
        held = made.findings[
            made.findings["code"].eq("HELD") & made.findings["student_unique_id"].eq(f"S-{number}")
        ]
        assert held["says"].str.contains(f"in the target ({unread});", regex=False).all()
        assert held["hint"].str.startswith("Have the host let this login read it").all()


def test_another_student_is_something_new_of_students():
    tables = certification_tables(a_participation("p1"))
    other = {**tables, "students": [{"student_id": "7", "student_unique_id": "333333"}]}
    before, after = (build_of(rows, profile="certification", settings={}) for rows in (tables, other))
    checked = without(after, "studentSchoolAssociations", "students")
    made = plan(checked, identity_map=identity_map_of(before))
    assert outcome(made) == HELD
    assert made.findings["says"].str.contains("(studentSchoolAssociations, students)", regex=False).sum() == 2
