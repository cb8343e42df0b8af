"""Rows of other school years are counted by the year they belong to."""

from __future__ import annotations

from edfi_toolkit.rules import build
from edfi_toolkit.rules.years import other_years


def counted(**given):
    profile = given.pop("profile")
    return other_years(build(given, profile=profile, school_year=2026)).to_dict("records")


def an_enrollment(number, **values):
    return {"enrollment_id": f"e{number}", "student_id": "1", "school_id": "A", **values}


def test_wisconsins_rows_have_the_year_of_their_calendar():
    """WI-SCP-1: only rows a record might rest on, and none of the year itself."""
    calendars = [
        {"calendar_id": f"C{year}", "school_id": "A", "school_year": year} for year in (2023, 2025, 2026)
    ]
    enrollments = [
        an_enrollment(1, calendar_id="C2026", start_date="2025-09-02"),
        an_enrollment(2, calendar_id="C2025", start_date="2024-09-03"),
        an_enrollment(3, calendar_id="C2025", start_date="2025-01-07"),
        an_enrollment(4, calendar_id="C2023", start_date="2022-09-05"),
        an_enrollment(5, calendar_id="C2026", start_date="2024-09-02", end_date="2025-06-01"),
        an_enrollment(6, calendar_id="C2025", start_date="2024-09-03", student_id="2"),  # without a trigger
    ]
    found = counted(
        profile="wi-infinite-campus",
        edfi_config=[{"school_year": 2026}],
        schools=[{"school_id": "A", "school_number": "0040", "ed_fi_school_id": 301240}],
        calendars=calendars,
        students=[{"student_id": each, "student_unique_id": f"700000000{each}"} for each in "12"],
        enrollments=enrollments,
        section504_records=[{"record_id": "f1", "student_id": "1", "start_date": "2022-03-01"}],
    )
    assert found == [
        {"rule": "WI-SCP-1", "school_year": 2023, "rows": 1},
        {"rule": "WI-SCP-1", "school_year": 2025, "rows": 2},
    ]


def test_new_mexicos_rows_have_the_year_their_first_day_lies_in():
    """NM-SEL-3; June 30 ends a year, July 1 begins the next."""
    days = ("2025-07-01", "2026-06-30", "2025-06-30", "2024-07-01", "2026-07-01")
    found = counted(
        profile="nm-powerschool",
        edfi_config=[{"school_year": 2026}],
        preferences=[{"name": "DistrictNumber", "value": "89"}],
        schools=[{"school_id": "A", "school_number": "410"}],
        students=[
            {
                "student_id": "1",
                "student_unique_id": "900111222",
                "student_published": True,
                "enroll_status": 0,
                "current_school_id": "A",
                "enrollment_school_id": "A",
            }
        ],
        enrollments=[an_enrollment(number, start_date=day) for number, day in enumerate(days)],
        cte_records=[{"record_id": "c1", "student_id": "1"}],
    )
    assert found == [
        {"rule": "NM-SEL-3", "school_year": 2025, "rows": 2},
        {"rule": "NM-SEL-3", "school_year": 2027, "rows": 1},
    ]


def test_a_profile_without_years_in_its_rows_has_none():
    assert counted(profile="certification", edfi_config=[{"school_year": 2026}], students=[]) == []
