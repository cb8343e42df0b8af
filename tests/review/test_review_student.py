"""One student: what is in the ODS, what is missing, why, and who does what."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.steps import in_words
from edfi_toolkit.review.student import story_html, student_view

NONE = pd.DataFrame()
LISTED = pd.DataFrame(columns=["program_name", "school", "begin_date", "because"])
SPANS = pd.DataFrame(columns=["what", "begins", "ends", "in_the_ods"])
PUBLISHED = pd.DataFrame(
    columns=[
        *("student_unique_id", "program_name", "education_organization_id", "begin_date", "resource"),
        *("rests_on", "now", "whose", "school"),
    ]
)
REFUSED = {
    "action": "DELETE",
    "student_unique_id": "1",
    "begin_date": "2025-09-02",
    "education_organization_id": 1,
    "status": 409,
    "messages": ["$.endDate: EndDate is required"],
    "rests_on": "enrollments.csv, row 3",
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
    "who": "SIS clerk",
    "table": "enrollments",
    "id": "28",
    "file": "enrollments.csv",
    "row": 20,
    "program": None,
}


def view_of(**facts: Any) -> Any:
    known = {"in_the_ods": PUBLISHED, "held": NONE, "refused": NONE, "skipped": NONE, "spans": SPANS}
    known |= {"story": NONE, "note": "", "unsent": NONE, "listed": LISTED, "unlisted": ""}
    known |= {"requests": NONE, **facts}
    return student_view("K1", known, Masker(b"a key of these tests"))


def test_each_cause_is_a_sentence_and_has_a_next_step_with_its_owner() -> None:
    said = {"says": ["The target has no student 7."], "hint": ["Send the student first."]}
    held = pd.DataFrame({"program_name": ["CTE"], "held_by": [["REF-STUDENT"]], **said})
    rows = pd.DataFrame(
        [
            SKIPPED,
            {**SKIPPED, "table": "section504_records", "program": "Section 504", "who": "Program office"},
        ]
    )

    asked = {**REFUSED, "begun_at": pd.Timestamp("2025-12-03 07:31", tz="UTC"), "outcome": "refused"}
    requests = pd.DataFrame([{**asked, "retried": False}])

    view = view_of(refused=pd.DataFrame([REFUSED]), held=held, skipped=rows, requests=requests)

    assert view.says == (
        "Nothing of this student is in the ODS from us. "
        "Bilingual was not removed, refused by the ODS: Other records depend on it. "
        "CTE is missing, held back: The student does not exist in the target, or this login may not see it "
        "(REF-STUDENT). "
        "A row of enrollments gave no record: '2026-02-30' is not a date (COM-NRM-3). "
        "Section 504 is missing: '2026-02-30' is not a date (COM-NRM-3)."
    )
    missing = view.blocks[0].frame
    # Five columns, the long ones wrapped, are in view at 1280 pixels; more are not.
    assert missing.columns.tolist() == ["what", "why", "todo", "who", "where"]
    assert missing["what"].tolist() == ["Bilingual", "CTE", "row of enrollments", "Section 504"]
    assert missing["who"].tolist() == [
        "SIS publishing team",
        "SIS publishing team",
        "SIS clerk",
        "Program office",
    ]
    assert missing["where"].tolist()[0] == "enrollments.csv, row 3"
    assert missing["why"].tolist()[1] == "Held back: The target has no student 7. (REF-STUDENT)"
    assert missing["todo"].tolist()[1] == "Send the student first."
    assert view.blocks[-1].frame["action"].tolist() == ["remove"]
    assert view.blocks[-1].frame["answer"].tolist() == [
        "409, the ODS refused it: Other records depend on it. $.endDate: EndDate is required"
    ]
    assert missing["why"].tolist()[0] == (
        "Refused by the ODS: Other records depend on it. The ODS: $.endDate: EndDate is required"
    )
    assert missing["why"].tolist()[2] == "No record: '2026-02-30' is not a date. (COM-NRM-3)"
    assert missing["where"].tolist()[2:] == ["enrollments.csv, row 20"] * 2
    assert view.next_step == (
        "Remove those first. Who can do it: SIS publishing team. The list above has the others."
    )


def test_of_whom_nothing_is_missing_nothing_is_to_be_done() -> None:
    sent = pd.DataFrame(
        {
            "student_unique_id": ["1", "1"],
            "whose": ["", ""],
            "program_name": ["CTE", "CTE"],
            "education_organization_id": ["7 · Lincoln"] * 2,
            "school": ["Lincoln"] * 2,
            "begin_date": [None] * 2,
            "resource": ["r"] * 2,
            "rests_on": ["e.csv, row 3"] * 2,
            "now": ["as sent"] * 2,
        }
    )
    view = view_of(in_the_ods=sent)
    assert (view.says, view.next_step) == ("Sent: 2 records (CTE), all in the ODS as sent.", "")
    assert view.tone == "good"
    assert view_of(skipped=pd.DataFrame([SKIPPED])).next_step == (
        "Write it as yyyy-mm-dd, for example 2025-09-02. Who can do it: SIS clerk. Then read the source again."
    )


def published(**differs: Any) -> pd.DataFrame:
    """One record that was published, as it should be but for what differs."""
    row = {
        "student_unique_id": "1",
        "program_name": "CTE",
        "education_organization_id": "7 · Lincoln",
        "school": "Lincoln",
        "begin_date": None,
        "resource": "r",
        "rests_on": "e.csv, row 3",
        "now": "as sent",
        "whose": "",
    }
    return pd.DataFrame([{**row, **differs}])


def test_what_is_under_another_id_or_from_others_rows_is_said_and_never_good() -> None:
    masker = Masker(b"a key of these tests")
    other = view_of(in_the_ods=published(whose="under another id", student_unique_id="8300641018"))
    hidden = masker.value("8300641018")
    assert other.says == (
        "Nothing of this student is in the ODS under the id that the source has. "
        f"The ODS has CTE under another id, {hidden}."
    )
    assert other.tone == "bad"
    assert other.next_step.startswith(
        "Find out which id is right. If it is the one in the ODS, enter it in the SIS."
    )
    assert "8300641018" not in story_html(other, masker)
    assert "under another id, 8300641018." in story_html(other, masker.revealed())

    foreign = view_of(in_the_ods=published(whose="another student's rows"))
    assert "CTE was sent under the id of this student, but from rows of another student." in foreign.says
    assert (foreign.tone, foreign.blocks[0].frame["where"].tolist()) == ("bad", ["e.csv, row 3"])


def test_nothing_is_missing_only_where_all_is_known_and_there() -> None:
    unsent = published().drop(columns=["now", "whose"])
    for facts, says in (
        ({"in_the_ods": published(now="not there any more")}, "CTE was sent, and is not there any more."),
        ({"unsent": unsent}, "Not in the ODS yet: CTE."),
        ({"in_the_ods": published(now="not asked")}, "1 not asked."),
        ({"note": "The records have not been checked yet."}, "The records have not been checked yet."),
    ):
        view = view_of(**facts)
        assert view.tone == "check"
        assert says in view.says
        assert len(view.blocks[0].frame) or view.blocks[0].empty.startswith("Nothing that is known")
    assert view_of(in_the_ods=published()).blocks[0].empty.startswith("Nothing: every row gave a record")


def test_what_the_ods_has_by_another_record_is_not_called_missing() -> None:
    refused = pd.DataFrame([{**REFUSED, "action": "POST"}])
    others = pd.DataFrame(
        {
            "kind": ["studentProgramAssociations"] * 2,
            "program_name": ["CTE", "Bilingual"],
            "education_organization_id": ["1", "1"],
            "begin_date": ["2025-01-07", "2025-09-08"],
            "same_key": ["", ""],
            "sent_from": ["not sent by us", "not sent by us"],
        }
    )

    assert "Bilingual is missing, refused by the ODS" in view_of(refused=refused).says
    view = view_of(refused=refused, others=others)
    assert "Bilingual is in the ODS, from 2025-09-08, not sent by us; ours was refused:" in view.says
    assert view.next_step.startswith(
        "Decide whether the one in the ODS, from 2025-09-08, not sent by us, is right."
    )
    assert "Bilingual is missing" in view_of(refused=refused, others=others.iloc[:1]).says


def test_of_several_records_of_a_program_each_is_named_by_its_begin_date() -> None:
    listed = pd.DataFrame({"program_name": ["CTE"] * 2, "begin_date": ["2025-07-01", "2025-08-11"]})
    refused = {**REFUSED, "action": "POST", "program_name": "CTE", "begin_date": "2025-07-01"}
    refused |= {"cell": "enrollments.csv, row 21, start_date"}
    view = view_of(
        in_the_ods=published(begin_date="2025-08-11"),
        listed=listed.assign(school="Agave", because="cte.csv, row 5, column enrolled says 1"),
        refused=pd.DataFrame([refused]),
    )
    assert view.says == (
        "Sent: 1 record (CTE that begins 2025-08-11), all in the ODS as sent. "
        "Listed in CTE that begins 2025-07-01 and 2025-08-11 because cte.csv, row 5, column enrolled says 1. "
        "CTE that begins 2025-07-01 is missing, refused by the ODS: Other records depend on it."
    )
    assert view.blocks[0].frame["what"].tolist() == ["CTE that begins 2025-07-01"]
    # The cell that the answer is about, not every row that the record rests on.
    assert view.blocks[0].frame["where"].tolist() == ["enrollments.csv, row 21, start_date"]


def test_why_a_child_is_listed_is_said_at_once_where_a_few_cells_say_it_all() -> None:
    rows = [
        ("CTE", "Agave", "2025-08-11"),
        ("CTE", "Bosque", "2026-01-05"),
        ("Remote", "Agave", "2025-08-11"),
    ]
    listed = pd.DataFrame(rows, columns=["program_name", "school", "begin_date"])
    because = [
        *["cte.csv, row 9, column enrolled says 1"] * 2,
        "students:K1, column student_id names the student",
    ]
    view = view_of(in_the_ods=published(), listed=listed.assign(because=because))
    hidden = Masker(b"a key of these tests").value("K1")
    assert view.says == (
        "Sent: 1 record (CTE), all in the ODS as sent. "
        "Listed in CTE that begins 2025-08-11 and 2026-01-05 because cte.csv, row 9, column enrolled says 1. "
        f"Listed in Remote because students:{hidden}, column student_id names the student."
    )
    assert view.tone == "good"
    assert view.blocks[2].frame["because"].tolist() == because
    many = listed.assign(because=["a", "b", "c"], program_name=["1", "2", "3"])
    assert "Listed in 3" in view_of(listed=many).says
    assert "Listed in" not in view_of(listed=pd.concat([many, listed.assign(because="d")])).says
    unlisted = view_of(in_the_ods=published(), unlisted="No row lists CTE now")
    assert (unlisted.tone, "No row lists CTE now." in unlisted.says) == ("check", True)


def test_a_story_names_what_a_record_has_in_words() -> None:
    steps = pd.DataFrame(
        {
            "step": [1, 2],
            "outcome": ["kept", "educationOrganizationId"],
            "rule": ["COM-KEY-1"] * 2,
            "says": "So.",
        }
    ).assign(source="rules")
    assert in_words(steps)["outcome"].tolist() == ["kept", "Education organization ID"]


def test_what_a_row_quotes_of_a_person_is_not_in_the_first_sentence() -> None:
    row = {**SKIPPED, "says": "'Jasperine' is not a date. Write it as yyyy-mm-dd."}

    view = view_of(skipped=pd.DataFrame([row]))

    assert "Jasperine" not in view.says
    assert "A date is not a day of the calendar" in view.says
