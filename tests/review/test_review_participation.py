"""Students by program over the year and by school: a student counts once, on the days of a record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from edfi_toolkit.review.participation import participation
from edfi_toolkit.tables import normalise

SCHOOLS = {"schools": [{"school_id": "1", "ed_fi_school_id": "255901", "name": "Lincoln High"}]}


def test_a_student_counts_once_from_the_begin_to_the_end_of_a_record() -> None:
    records = pd.DataFrame(
        {
            "student_unique_id": ["1", "1", "2", "3"],
            "program_name": ["CTE", "CTE", "CTE", "Bilingual"],
            "education_organization_id": pd.array([255901, 255901, 255902, 255901], "Int64"),
            "program_education_organization_id": pd.array([255901] * 4, "Int64"),
            "source_refs": [[]] * 4,
            "begin_date": pd.to_datetime(["2025-08-23", "2025-09-15", "2025-09-01", "2025-09-01"]),
            "body": [{}, {}, {"endDate": "2025-10-01"}, {"endDate": "2025-09-01"}],
        }
    )
    config = {"config_start": "2025-07-01", "config_end": "2025-11-30"}
    build: Any = SimpleNamespace(
        records=records, tables=normalise(SCHOOLS), config=config, profile="certification"
    )

    by_day, by_school = participation(build)

    assert {f"{day:%m}": row.tolist() for day, row in by_day.iterrows()} == {
        "07": [0, 0],
        "08": [0, 0],
        "09": [1 + 1, 1],
        "10": [2, 0],
        "11": [1, 0],
    }
    assert by_day.columns.tolist() == ["CTE", "Bilingual"]
    assert by_school.T.to_dict("list") == {
        "Lincoln High": [1, 1],
        "255902 \u00b7 not in the list of schools": [1, 0],
    }
