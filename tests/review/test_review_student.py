"""One student: what is in the ODS, what is missing, why, and who does what."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.student import student_view

NONE = pd.DataFrame()
SPANS = pd.DataFrame(columns=["what", "begins", "ends"])
PUBLISHED = pd.DataFrame(
    columns=["program_name", "education_organization_id", "begin_date", "resource", "rests_on", "now"]
)
REFUSED = {
    "action": "DELETE",
    "student_unique_id": "1",
    "begin_date": "2025-09-02",
    "education_organization_id": 1,
    "status": 409,
    "messages": ["no"],
    "open": True,
    "program_name": "Bilingual",
    "cause": "Other records depend on it",
    "todo": "Remove those first.",
    "who": "SIS publishing team",
}
SKIPPED = {
    "rule": "COM-NRM-3",
    "says": "'2026-02-30' is not a date.",
    "todo": "Write it as yyyy-mm-dd, for example 2025-09-02.",
    "table": "enrollments",
    "id": "28",
    "file": "enrollments.csv",
    "row": 20,
    "program": None,
}


def view_of(**facts: Any) -> Any:
    known = {"in_the_ods": PUBLISHED, "held": NONE, "refused": NONE, "skipped": NONE, "spans": SPANS}
    known |= {"story": NONE, "note": "", **facts}
    return student_view("K1", known, Masker(b"a key of these tests"))


def test_each_cause_is_a_sentence_and_has_a_next_step_with_its_owner() -> None:
    held = pd.DataFrame({"program_name": ["CTE"], "held_by": [["REF-STUDENT"]]})
    rows = pd.DataFrame([SKIPPED, {**SKIPPED, "table": "section504_records", "program": "Section 504"}])

    view = view_of(refused=pd.DataFrame([REFUSED]), held=held, skipped=rows)

    assert view.says == (
        "Nothing of this student is in the ODS from us. "
        "Bilingual was not removed, refused by the ODS: Other records depend on it. "
        "CTE is missing, held back: The student does not exist in the target, or this login may not see it "
        "(REF-STUDENT). "
        "A row of enrollments gave no record: A date is not a day of the calendar in a form we know (COM-NRM-3). "
        "Section 504 is missing: A date is not a day of the calendar in a form we know (COM-NRM-3)."
    )
    missing = view.blocks[0].frame
    assert missing["what"].tolist() == ["Bilingual", "CTE", "row of enrollments", "Section 504"]
    assert missing["who"].tolist() == [
        "SIS publishing team",
        "SIS publishing team",
        "SIS clerk",
        "Program office",
    ]
    assert missing["where"].tolist()[2:] == ["enrollments.csv, row 20"] * 2
    assert view.next_step == (
        "Remove those first. Who can do it: SIS publishing team. The list above has the others."
    )


def test_of_whom_nothing_is_missing_nothing_is_to_be_done() -> None:
    sent = pd.DataFrame(
        {
            "program_name": ["CTE", "CTE"],
            "education_organization_id": ["7 · Lincoln"] * 2,
            "begin_date": [None] * 2,
            "resource": ["r"] * 2,
            "rests_on": ["e.csv, row 3"] * 2,
            "now": ["as sent"] * 2,
        }
    )
    view = view_of(in_the_ods=sent)
    assert (view.says, view.next_step) == ("Sent: 2 records (CTE), all in the ODS as sent.", "")
    assert view_of(skipped=pd.DataFrame([SKIPPED])).next_step == (
        "Write it as yyyy-mm-dd, for example 2025-09-02. Who can do it: SIS clerk. Then read the source again."
    )
