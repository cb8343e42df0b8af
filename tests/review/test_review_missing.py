"""Who is missing: one list of what is held, skipped and unreadable, told apart; and one school for one student."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.changes import change_rows
from edfi_toolkit.review.missing import missing
from edfi_toolkit.review.participation import participation
from edfi_toolkit.review.places import findings_at_places, schools_in_words, schools_of
from edfi_toolkit.review.plans import _by_school
from edfi_toolkit.review.steps import built_view, checked_view
from edfi_toolkit.review.summaries import skipped_rows
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import normalise
from edfi_toolkit.tables.tables import SKIPPED_COLUMNS
from edfi_toolkit.validation.findings import COLUMNS
from tests.factories.district import a_build, a_participation, checked
from tests.factories.samples import sample, sample_build, sample_checked

NM, WI = "nm-powerschool", "wi-infinite-campus"
SCHOOLS = [{"school_id": "1", "ed_fi_school_id": "255901001", "name": "Lincoln High"}]
ENROLLED = [
    {"enrollment_id": f"e{at}", "student_id": str(at), "school_id": "1", "start_date": "2025-08-01"}
    for at in (1, 2, 3)
]


def a_checked(*held: str) -> Any:
    """Student 1 and 2 with a record, 3 without one by a rule, 4 with a date that is none."""
    rows = [
        a_participation(1),
        a_participation(2, education_organization_id=255901001),
        a_participation(3, resource="students"),
        a_participation(4, begin_date="2025-02-30"),
    ]
    found = checked(a_build(*rows, schools=SCHOOLS, enrollments=ENROLLED), *held)
    found.findings = pd.DataFrame(columns=COLUMNS)
    return found


def test_what_to_do_is_what_this_cell_needs_and_who_is_who_can_do_it() -> None:
    [date] = missing(a_checked()).query("state == 'unreadable'").to_dict("records")
    assert date["todo"] == "Write the day that is meant, for example 2025-09-02."

    cells = {"start_date": "soon", "no_show": "maybe"}
    two = normalise({"enrollments": [{"enrollment_id": "1", "student_id": "7", "school_id": "A", **cells}]})
    assert skipped_rows(two.skipped, two, "certification")["todo"].item() == (
        "Write it as yyyy-mm-dd, for example 2025-09-02. no_show: Write 1 or 0, true or false, yes or no."
    )

    rows = skipped_rows(sample_build(NM).skipped, sample(NM), NM)
    [yes_or_no] = rows.query("rule == 'COM-NRM-4'").to_dict("records")
    assert yes_or_no["todo"] == "Write 1 or 0, true or false, yes or no."
    unpublished = rows.query("rule == 'NM-SEL-1'")
    assert set(unpublished["table"]) == {"cte_records", "students"}
    assert set(unpublished["who"]) == {"SIS publishing team"}


def test_a_row_whose_student_has_a_record_by_other_rows_says_so() -> None:
    bad = {"begin_date": "2025-02-30"}
    again = {**a_participation(1, **bad), "participation_id": "again"}
    judged = checked(a_build(a_participation(1), again, a_participation(2, **bad), schools=SCHOOLS))
    judged.findings = pd.DataFrame(columns=COLUMNS)
    found = missing(judged).set_index("student_id")["says"]

    assert found["1"].endswith(" Other rows of this student give a record: Gifted and Talented.")
    assert "record" not in found["2"]


def test_held_records_are_in_the_list_of_who_is_missing_and_told_apart() -> None:
    found = missing(a_checked("S-1"))

    assert found[["state", "student_id"]].values.tolist() == [
        ["held", "1"],
        ["skipped", "3"],
        ["unreadable", "4"],
    ]
    assert found["who"].tolist() == ["Program office"] * 3
    held = found.iloc[0]
    assert (held["rule"], held["school"], held["program"]) == (
        "COM-PAY-4",
        "Lincoln High",
        "Gifted and Talented",
    )
    assert (held["table"], held["id"]) == ("program_participation", "p1")
    assert held["says"]
    assert held["todo"]


def test_the_first_sentence_counts_what_the_list_of_who_is_missing_has_by_its_kinds() -> None:
    kinds = "5 rows that a rule skipped, 2 rows that could not be read"
    checked = sample_checked(NM)
    view = checked_view(checked, Masker(b"k"))
    held = (
        f"{len(checked.held)} held record{'s' if len(checked.held) > 1 else ''}, "
        if len(checked.held)
        else ""
    )
    assert f"The list of who is missing has {len(view.frames['missing'])}: {held}{kinds}." in view.says
    says = built_view(checked.build, Masker(b"k")).says
    assert "2 source rows could not be read. 5 source rows failed a rule and gave none." in says
    assert "6 students have such a row and no record." in says


def test_without_a_held_record_the_list_is_the_rows_that_gave_none() -> None:
    assert missing(a_checked())["state"].tolist() == ["skipped", "unreadable"]


def test_a_record_of_an_organization_that_is_no_school_is_at_the_school_of_its_student_in_every_list() -> (
    None
):
    of_checked = a_checked("S-1")
    build = of_checked.build
    items = build.records.assign(
        action="POST", pair=None, reason="REC-P1: new", diff=None, before=None, body=[{}] * len(build.records)
    )
    changes = change_rows(SimpleNamespace(items=items), build)  # type: ignore[arg-type]
    findings = build.records.head(1).assign(
        severity="critical", rule_id="COM-PAY-4", says="", hint="", field=None
    )
    findings = findings.assign(table="program_participation", row_id="p1").reindex(
        columns=[*dict.fromkeys([*COLUMNS, "resource", *KEY_COLUMNS])]
    )

    assert changes["school"].tolist() == ["Lincoln High"] * 2
    assert missing(of_checked)["school"].iloc[0] == "Lincoln High"
    assert findings_at_places(of_checked, findings)["school"].tolist() == ["Lincoln High"]
    assert participation(build)[1].index.tolist() == ["Lincoln High"]


def test_a_change_that_was_refused_before_says_so_with_its_cause() -> None:
    build = a_checked().build
    items = build.records.assign(
        action="POST", pair=None, reason="REC-P1: new", diff=None, before=None, body=[{}] * len(build.records)
    )
    items["key_hash"] = ["a", "b"]
    plan: Any = SimpleNamespace(items=items)
    refused = pd.DataFrame(
        {"resource": [items["resource"].iloc[1]], "key_hash": ["b"], "cause": ["A value is too long"]}
    )
    rows = change_rows(plan, build, refused)
    assert rows["refused_before"].tolist() == ["", "A value is too long"]
    assert list(rows.columns[4:8]) == ["values", "because", "refused_before", "begin_date"]
    assert "refused_before" not in change_rows(plan, build, refused.assign(key_hash="c"))
    assert "refused_before" not in change_rows(plan, build)


def test_where_neither_is_known_the_organization_is_named_as_it_is() -> None:
    build = a_checked().build
    unknown = pd.DataFrame(
        {
            "education_organization_id": pd.array([255999], "Int64"),
            "program_education_organization_id": pd.array([255999], "Int64"),
            "source_refs": [["enrollments:gone"]],
        }
    )
    names = schools_of(unknown, build.tables, build.profile)
    assert names.tolist() == ["255999 \u00b7 not in the list of schools"]


def test_a_record_is_at_the_organization_where_it_goes_though_its_student_is_enrolled_at_a_school() -> None:
    tables = normalise(
        {
            "schools": SCHOOLS,
            "enrollments": ENROLLED,
        }
    )
    records = pd.DataFrame(
        {
            "education_organization_id": pd.array([255901001, 255902, 255901, None], "Int64"),
            "program_education_organization_id": pd.array([255901] * 4, "Int64"),
            "source_refs": [["enrollments:e1"]] * 4,
        }
    )
    names = schools_of(records, tables, "certification").tolist()
    assert names == ["Lincoln High", "255902 \u00b7 not in the list of schools", *["Lincoln High"] * 2]
    found = schools_in_words(records, tables, "certification").tolist()
    there = "255902 \u00b7 not in the list of schools; student at Lincoln High"
    assert found == ["Lincoln High", there, *["Lincoln High"] * 2]


def test_a_record_that_goes_to_the_district_is_there_and_not_at_the_school_of_its_student() -> None:
    tables = sample(NM)
    period = tables["enrollments"].iloc[0]
    school = tables["schools"].set_index("school_id")["name"][period["school_id"]]
    records = pd.DataFrame(
        {
            "education_organization_id": pd.array([35089000, 35089410], "Int64"),
            "program_education_organization_id": pd.array([35089000] * 2, "Int64"),
            "source_refs": [[f"enrollments:{period['enrollment_id']}"]] * 2,
        }
    )
    district = "35089000 \u00b7 the district"
    assert schools_of(records, tables, "nm-powerschool").tolist() == [district, "Agave High"]
    found = schools_in_words(records, tables, "nm-powerschool").tolist()
    assert found == [f"{district}; student at {school}", "Agave High"]


def test_a_row_without_a_record_since_its_student_has_no_state_id_is_at_the_cell_of_that() -> None:
    tables = sample(WI)
    skipped = pd.DataFrame(
        {"table": "enrollments", "id": ["21", "21"], "rule": ["WI-ENR-1", "WI-ENR-2"], "detail": "-"}
    ).reindex(columns=list(SKIPPED_COLUMNS))
    found = skipped_rows(skipped.astype(SKIPPED_COLUMNS), tables, "wi-infinite-campus")

    places = found[["file", "row"]].to_numpy().tolist()
    assert places == [["students.csv", 12], ["enrollments.csv", 13]]
    assert found["column"].fillna("").tolist() == ["student_unique_id", ""]
    assert found["id"].tolist() == ["21", "21"]
    assert found["who"].tolist() == ["SIS clerk", "SIS clerk"]
    tables = extract({"enrollments": tables["enrollments"]}, profile="wi-infinite-campus")
    unknown = skipped_rows(skipped.astype(SKIPPED_COLUMNS), tables, "wi-infinite-campus")
    assert unknown["column"].isna().all()


def test_a_skipped_row_has_what_to_do_as_the_finding_about_it_says_it_with_its_days() -> None:
    rows = missing(sample_checked(WI)).query("rule == 'WI-CEIS-1' and state == 'skipped'")
    assert rows["todo"].str.contains("the end date to 2025-11-03 or later").any()


def test_an_organization_is_counted_once_wherever_its_students_are() -> None:
    there = "255902 \u00b7 not in the list of schools"
    schools = [f"{there}; student at Lincoln High", f"{there}; student at Oak Middle", "Lincoln High"]
    counted = _by_school(pd.DataFrame({"school": schools, "change": ["create"] * 3}))
    assert counted.to_numpy().tolist() == [[there, 2], ["Lincoln High", 1]]
