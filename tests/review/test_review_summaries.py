"""Summaries read as a steward reads: no value twice, no empty row, reasons instead of codes."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.planning.findings import HELD_BECAUSE
from edfi_toolkit.review.changes import because
from edfi_toolkit.review.missing import missing
from edfi_toolkit.review.places import places_of, row_places, school_names, with_organizations
from edfi_toolkit.review.summaries import (
    by_event,
    changes_of,
    held_texts,
    left_alone,
    rows_aside,
    skipped_rows,
    value_texts,
    values_of,
)
from edfi_toolkit.tables import normalise
from edfi_toolkit.tables.load_errors import Sheet
from edfi_toolkit.validation import validate
from tests.factories.district import a_build, a_participation

PARTICIPATION = {
    "resource": "studentProgramAssociations",
    "education_organization_id": "255901",
    "program_education_organization_id": "255901",
    "program_name": "Gifted",
    "program_type": "Gifted and Talented",
    "begin_date": "2025-08-23",
}
GIFTED = {"resource": "studentProgramAssociations", "student_unique_id": "604822", "program_name": "Gifted"}


def a_change(action: str, **given: Any) -> dict[str, Any]:
    nothing = dict.fromkeys([*KEY_COLUMNS, "pair", "reason", "diff", "body", "before"])
    return {**nothing, **GIFTED, "action": action, **given}


def a_plan(*changes: dict[str, Any]) -> Any:
    return SimpleNamespace(items=pd.DataFrame(changes))


def a_body(**values: Any) -> dict[str, Any]:
    return {"studentReference": {"studentUniqueId": "604822"}, "beginDate": "2025-08-23", **values}


def values(*changes: dict[str, Any]) -> list[list[Any]]:
    return values_of(a_plan(*changes))[["action", "member", "before", "after"]].values.tolist()


def test_a_new_record_is_one_row_with_all_its_values_but_those_of_its_key() -> None:
    body = a_body(endDate="2026-05-29", services=[{"d": "uri://x#Tutoring", "primaryIndicator": True}])

    assert values(a_change("POST", body=body)) == [
        [
            "POST",
            "(new record)",
            "",
            "End date: 2026-05-29; Services 1 \u203a D: Tutoring; Services 1 \u203a Primary indicator: yes",
        ]
    ]


def test_a_record_without_further_values_says_so() -> None:
    assert values(a_change("POST", body=a_body()))[0][-1] == "no further values"
    new = a_plan(a_change("POST", body=a_body()), a_change("POST", body=a_body(endDate="2026-05-29")))
    assert value_texts(changes_of(new, "body", "before")).tolist() == [
        "(new record)",
        "(new record) End date: 2026-05-29",
    ]


def test_a_deleted_record_comes_first_and_shows_what_is_lost() -> None:
    changed = a_change("PUT", diff={"endDate": ["2026-06-05", "2026-05-29"]})
    deleted = a_change("DELETE", before=a_body(endDate="2026-01-09"))

    assert values(changed, deleted) == [
        ["DELETE", "(whole record)", "End date: 2026-01-09", ""],
        ["PUT", "End date", "2026-06-05", "2026-05-29"],
    ]


def test_the_created_one_of_a_pair_shows_what_differs() -> None:
    diff = {"beginDate": ["2025-08-23", "2025-09-30"]}

    assert values(a_change("POST", pair=1, body=a_body(), diff=diff)) == [
        ["POST", "Begin date", "2025-08-23", "2025-09-30"]
    ]


def test_the_events_behind_changes_are_counted_and_told_in_words() -> None:
    pair = "REC-P6, WI-EVT-7: its key moved (program name), so the old record is deleted and then the new one created."
    several = "REC-P3, WI-EVT-2 or WI-EVT-4: changed: services."
    new = "REC-P1, WI-EVT-2 or WI-EVT-4: the source has it and it was never published."
    counted = by_event(
        a_plan(
            a_change("DELETE", reason=pair),
            a_change("POST", reason=pair),
            a_change("PUT", reason=several),
            a_change("POST", reason=new),
            a_change("PUT", reason="REC-P3: changed: services."),
            a_change("NOOP", reason="REC-P2, CERT-EVT-5: unchanged since it was last sent."),
        )
    )

    assert counted.values.tolist() == [
        [
            2,
            "WI-EVT-7",
            "The start or modality of an Instruction Mode record changed; both are parts of the key.",
        ],
        [
            1,
            "WI-EVT-2 or WI-EVT-4",
            "One of: A third party provider was set. A calendar or school is no longer excluded.",
        ],
    ]


def test_no_event_is_claimed_of_a_record_where_nothing_was_published_before_or_several_fit() -> None:
    never = "the source has it and it was never published."
    one, two = f"REC-P1, WI-EVT-2: {never}", f"REC-P1, WI-EVT-2 or WI-EVT-4: {never}"
    first = a_plan(a_change("POST", reason=one), a_change("POST", reason=two))
    assert by_event(first).empty
    assert changes_of(first, "event")["event"].tolist() == ["", ""]
    assert because(two, "") == "The source has it and it was never published."

    later = a_plan(
        a_change("POST", reason=one), a_change("POST", reason=two), a_change("NOOP", reason="REC-P2: same.")
    )
    assert changes_of(later, "event")["event"].tolist() == ["WI-EVT-2", ""]
    assert because(one, "WI-EVT-2") == "A third party provider was set."


def test_of_what_was_refused_before_it_is_said_that_it_goes_again_and_no_event() -> None:
    one = "REC-P1, WI-EVT-2: the source has it and it was never published."
    plan = a_plan(*(a_change("POST", reason=one) for _ in range(3)), a_change("NOOP", reason="REC-P2: same."))
    again = pd.Series(["", "It goes again.", "It goes again.", ""])
    assert by_event(plan, again).values.tolist() == [
        [1, "WI-EVT-2", "A third party provider was set."],
        [2, "", "It goes again."],
    ]
    told = changes_of(plan, "event", again=again)
    assert told["event"].tolist() == ["WI-EVT-2", "", ""]
    assert because(one, "", told["again"].iloc[1]) == "It goes again."


def aside(**given: Any) -> pd.DataFrame:
    bad = {
        "table": "program_participation",
        "id": "p-9002",
        "rule": "COM-NRM-3",
        "detail": "p.csv, row 34, column begin_date: '2026-02-30' is not a date.",
        "file": "p.csv",
        "row": 34,
        "column": "begin_date",
        "value": "2026-02-30",
    }
    return pd.DataFrame([{**bad, **given}])


def test_a_bad_cell_is_told_without_the_place_that_has_columns_of_its_own() -> None:
    shown = rows_aside(aside())

    assert shown.columns[:5].tolist() == ["file", "row", "column", "says", "rule"]
    assert shown["says"].tolist() == ["'2026-02-30' is not a date."]


def test_a_column_of_another_name_in_the_file_stays_in_the_sentence() -> None:
    shown = rows_aside(aside(detail="p.csv, row 34, column Begin: '2026-02-30' is not a date."))

    assert shown["says"].tolist() == ["Column Begin: '2026-02-30' is not a date."]


def test_two_rows_with_one_key_are_told_without_naming_the_key_twice() -> None:
    detail = "p.csv, row 3, column a and b: 2 rows (3, 4) have the same a and b."

    assert rows_aside(aside(row=3, column="a, b", detail=detail))["says"].tolist() == [
        "2 rows (3, 4) have the same a and b."
    ]


def test_rows_that_a_rule_skipped_come_before_those_that_could_not_be_read() -> None:
    by_rule = aside(rule="CERT-SEL-3", detail="ends too early", file=None, row=None, column=None, value=None)

    shown = rows_aside(pd.concat([aside(row=34.0), by_rule], ignore_index=True))

    assert shown[["rule", "says"]].values.tolist() == [
        ["CERT-SEL-3", "ends too early"],
        ["COM-NRM-3", "'2026-02-30' is not a date."],
    ]


def test_what_is_left_alone_says_which_rule_holds_it() -> None:
    keys = {**dict.fromkeys(KEY_COLUMNS), **GIFTED}
    findings = [
        {**keys, "code": "HELD", "says": "Held back by validation.", "hint": "Correct it."},
        {
            **keys,
            "student_unique_id": "2",
            "code": "HELD",
            "says": "Its row cannot be read.",
            "hint": "Mend it.",
        },
        {
            **keys,
            "student_unique_id": "3",
            "code": "HELD",
            **dict(zip(("says", "hint"), HELD_BECAUSE["unasked key change"], strict=True)),
        },
        {
            **keys,
            "student_unique_id": "4",
            "code": "HELD",
            **dict(zip(("says", "hint"), HELD_BECAUSE["held orphan"], strict=True)),
        },
        {**keys, "code": "NOTE", "says": "", "hint": ""},
    ]
    held = pd.DataFrame([{**keys, "held_by": ["COM-PAY-4", "OWN-1"], "source_refs": ["enrollments:1"]}])
    own = pd.DataFrame([{"rule_id": "OWN-1", "says": "It is none of ours.", "hint": "Ask."}])

    alone = left_alone(
        SimpleNamespace(findings=pd.DataFrame(findings)),  # type: ignore[arg-type]
        SimpleNamespace(held=held, findings=own),  # type: ignore[arg-type]
    )

    assert alone[["says", "hint", "by_validation"]].values.tolist() == [
        [
            "A text is longer than the data standard allows. It is none of ours.",
            "Shorten it in the SIS. The toolkit never cuts a text. Ask.",
            True,
        ],
        ["Its row cannot be read.", "Mend it.", False],
        [*HELD_BECAUSE["unasked key change"], False],
        [*HELD_BECAUSE["held orphan"], False],
    ]
    in_words = ["the source row", "the target", "an error of a student"]
    assert alone["held_by"].tolist() == [["COM-PAY-4", "OWN-1"], *in_words]


def test_a_skipped_row_names_its_student() -> None:
    by_rule = aside(rule="CERT-SEL-3", detail="ends too early", file=None, row=None, column=None, value=None)
    tables = normalise(
        {
            "program_participation": [
                {**PARTICIPATION, "participation_id": "p-9001", "student_id": "K1"},
                {**PARTICIPATION, "participation_id": "p-9002", "student_id": "K2", "program_name": "Chess"},
            ],
            "schools": [{"school_id": "1", "ed_fi_school_id": "255901", "name": "Lincoln High"}],
        }
    )
    shown = skipped_rows(by_rule, tables, "certification")

    first = ["rule", "says", "todo", "who", "student_id", "school", "program", "file", "row"]
    assert shown.columns[:9].tolist() == first
    assert shown[["student_id", "school", "program"]].values.tolist() == [["K2", "Lincoln High", "Chess"]]
    assert shown[["file", "row"]].values.tolist() == [["program_participation", 2]]


def test_a_row_that_names_no_school_is_where_its_student_was_enrolled_last() -> None:
    tables = normalise(
        {
            "section504_records": [{"record_id": "f1", "student_id": "K1", "start_date": "2025-09-02"}],
            "enrollments": [
                {"enrollment_id": "e2", "student_id": "K1", "school_id": "2", "start_date": "2025-10-01"},
                {"enrollment_id": "e1", "student_id": "K1", "school_id": "1", "start_date": "2025-08-01"},
            ],
            "schools": [{"school_id": "1", "name": "Lincoln"}, {"school_id": "2", "name": "Adams"}],
        }
    )
    rows = pd.DataFrame(
        {
            "table": ["section504_records", "enrollments", "preferences", "studentProgramAssociations"],
            "id": ["f1", "e1", "x", "y"],
        }
    )

    found = places_of(rows, tables, "wi-infinite-campus", id_column="id")

    assert found["student_id"].tolist()[:2] == ["K1", "K1"]
    assert found["school"].tolist()[:2] == ["Adams", "Lincoln"]
    assert found.iloc[2:].isna().all(axis=None)


def test_lists_name_a_school_by_the_id_that_the_profile_forms_and_a_program_that_the_row_alone_asks_for() -> (
    None
):
    tables = normalise(
        {
            "schools": [{"school_id": "410", "school_number": "410", "name": "Agave High"}],
            "preferences": [{"name": "DistrictNumber", "value": "89"}],
        }
    )
    ids = pd.Series([35089410, 35089999, None], dtype="Int64")
    names = school_names(ids, tables, "nm-powerschool")
    assert school_names(ids.mask(ids.eq(35089999), 35089000), tables, "nm-powerschool").iloc[1] == (
        "35089000 \u00b7 the district"
    )
    assert names.iloc[:2].tolist() == ["Agave High", "35089999 \u00b7 not in the list of schools"]
    assert names.isna().tolist() == [False, False, True]

    unread = pd.DataFrame(
        {"table": ["section504_records", "enrollments"], "id": ["505", "1"], "student_id": ["K1", "K1"]}
    )
    places = places_of(unread, normalise({}), "wi-infinite-campus", id_column="id")
    assert places["program"].tolist()[0] == "Section 504 Placement"
    assert places["program"].isna().tolist() == [False, True]


def test_an_organization_that_owns_the_programs_is_no_school_that_was_forgotten() -> None:
    row = {**PARTICIPATION, "participation_id": "p-1", "student_id": "K1"}
    tables = normalise(
        {
            "program_participation": [row],
            "schools": [{"school_id": "1", "ed_fi_school_id": "255901001", "name": "Lincoln"}],
        }
    )
    names = school_names(pd.Series([255901, 255901001]), tables, "certification")
    assert names.tolist() == ["255901 \u00b7 owner of the programs", "Lincoln"]

    keys = pd.DataFrame(
        {"education_organization_id": [255901001, 255902], "program_education_organization_id": 255901},
        dtype="Int64",
    )
    assert with_organizations(keys, tables, "certification").values.tolist() == [
        ["255901001 \u00b7 Lincoln", "255901 \u00b7 owner of the programs"],
        ["255902 \u00b7 not in the list of schools", "255901 \u00b7 owner of the programs"],
    ]


@pytest.mark.parametrize(
    ("profile", "owner", "called"),
    [
        ("nm-powerschool", 35089000, "the district"),  # NM-ELE-2
        ("nm-powerschool", 35000000, "owner of the programs"),  # by a setting
        ("wi-infinite-campus", 48856, "the state agency"),  # WI-ELE-2
        ("certification", 255901, "owner of the programs"),
    ],
)
def test_who_owns_the_program_of_a_record_is_no_school_that_was_forgotten(
    profile: str, owner: int, called: str
) -> None:
    tables = normalise(
        {
            "schools": [
                {"school_id": "410", "school_number": "410", "ed_fi_school_id": "410", "name": "Agave"}
            ],
            "preferences": [{"name": "DistrictNumber", "value": "89"}],
        }
    )
    keys = pd.DataFrame(
        {"education_organization_id": [7, 8], "program_education_organization_id": [owner, 8]}, dtype="Int64"
    )
    named = with_organizations(keys, tables, profile)
    assert named["program_education_organization_id"].iloc[0] == f"{owner} \u00b7 {called}"
    # One that owns its own record's program alone may well be a school that is missing in the list.
    assert set(named["education_organization_id"].str[4:]) == {"not in the list of schools"}


def test_a_row_of_a_list_says_in_which_file_and_row_to_correct_it() -> None:
    first, second = (
        [
            {"enrollment_id": f"{name}{at}", "student_id": "K1", "school_id": "1", "start_date": "2025-09-02"}
            for at in range(3)
        ]
        for name in "ab"
    )
    tables = normalise(
        {
            "enrollments": Sheet(
                frame=pd.DataFrame([*first, *second]),
                file=["a.csv"] * 3 + ["b.csv"] * 3,
                rows=np.array([2, 3, 4, 2, 3, 4]),
            ),
            "descriptor_map": [{"descriptor": "D", "local_code": "x", "ed_fi_uri": "uri://n/D#x"}],
        }
    )
    rows = pd.DataFrame(
        {
            "table": ["enrollments", "enrollments", "descriptor_map", "students", None],
            "id": ["b1", "no", "D|x", "1", None],
        }
    )

    assert row_places(rows, tables, id_column="id").fillna({"file": "", "row": 0}).values.tolist() == [
        ["b.csv", 3],
        ["", 0],
        ["descriptor_map", 1],
        ["", 0],
        ["", 0],
    ]


def test_a_held_record_is_said_with_the_values_that_are_wrong_and_what_is_right() -> None:
    rows = [a_participation(1), a_participation(2)]
    made = a_build(*rows)
    records = made.records.assign(
        body=[{**body, "endDate": "2025-08-01"} for body in made.records["body"]],
    )
    checked = validate(dataclasses.replace(made, records=records.iloc[:1]))
    texts = held_texts(checked)
    assert checked.held["held_by"].tolist() == [["COM-VAL-1"]]
    begins = records["begin_date"].iloc[0].date().isoformat()
    assert texts["says"].tolist() == [
        f"The end date lies before the begin date: begin date {begins}, end date 2025-08-01."
    ]
    assert f"the end date to {begins} or later" in texts["hint"].iloc[0]
    assert missing(checked)["says"].tolist()[0] == texts["says"].iloc[0]

    long_id = a_build(a_participation(3), students=[{"student_id": "3", "student_unique_id": "9" * 40}])
    (says,) = held_texts(validate(long_id))["says"]
    assert says.startswith("A text is longer than the data standard allows.")

    findings = checked.findings.assign(says="There is no code 'Wrongcell'.", hint="Choose one.")
    (says,) = held_texts(dataclasses.replace(checked, findings=findings))["says"]
    assert "Wrongcell" not in says  # anything may be typed where a code belongs, a name too
