"""Why a child is listed: the cell of the source that says so, for each profile and program."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.review.listed import listed_by
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.tables.schema import TABLES
from tests.factories.samples import sample, sample_build

NM, WI, CERTIFICATION = "nm-powerschool", "wi-infinite-campus", "certification"
CTE, CEIS = "Career and Technical Education", "Coordinated Early Intervening Services"


@cache
def of_sample(profile: str) -> dict[str, set[str]]:
    """Why students are listed, by program."""
    return because(sample_build(profile))


def because(build: edfi.Build) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for program, text in zip(
        build.records["program_name"], listed_by(build.records, build.tables), strict=True
    ):
        found.setdefault(program, set()).add(text)
    return found


@pytest.mark.parametrize(
    ("profile", "program", "text"),
    [
        (NM, CTE, "cte_records.csv, row 2, column program_enrolled says 1"),
        (WI, "Section 504 Placement", "section504_records.csv, row 2, column student_id names the student"),
        (WI, CEIS, "enrollments.csv, row 6, column coord_early_intervention says Y"),
        (WI, CEIS, "ceis_records.csv, row 2, column student_id names the student"),
        (WI, "Third Party - CESA", "enrollments.csv, row 4, column third_party_provider says CESA"),
        (WI, "Third Party - Other", "enrollments.csv, row 8, column third_party_provider says VIRT"),
        (WI, "Remote", "instruction_mode_records.csv, row 2, column learning_modality says Remote"),
        (CERTIFICATION, "Homeless", "program_participation.csv, row 9, column program_name says Homeless"),
    ],
)  # fmt: skip
def test_each_program_is_listed_by_the_cell_that_its_rule_reads(
    profile: str, program: str, text: str
) -> None:
    assert text in of_sample(profile)[program]


def nm(rows: list[dict[str, object]], **settings: object) -> edfi.Build:
    """A student at school 2 with these credential rows."""
    tables = {
        "students": [{"student_id": "7", "student_unique_id": "907", "student_published": "1"}],
        "schools": [{"school_id": "1", "school_number": "1"}, {"school_id": "2", "school_number": "2"}],
        "enrollments": [{"enrollment_id": "e1", "student_id": "7", "school_id": "2", "start_date": "2025-09-01"}],
        "preferences": [{"name": "DistrictNumber", "value": "1"}],
        "cte_records": [{"record_id": f"c{at}", "student_id": "7", **row} for at, row in enumerate(rows)],
    }  # fmt: skip
    return edfi.build(edfi.extract(tables, profile=NM), profile=NM, school_year=2026, settings=settings)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([{}], "cte_records, row 1, column student_id names the student"),
        ([{"program_enrolled": ""}], "cte_records, row 1, column student_id names the student"),
        ([{"program_enrolled": "0"}, {"program_enrolled": "Y"}], "cte_records, row 2, column program_enrolled says Y"),
        (
            [{"school_id": "1"}, {"school_id": "2"}, {"school_id": "1"}],
            "cte_records, row 2, column student_id names the student, as do 2 more rows",
        ),
    ],
)  # fmt: skip
def test_where_no_cell_says_yes_the_row_itself_lists_its_student(
    rows: list[dict[str, object]], text: str
) -> None:
    assert because(nm(rows)) == {CTE: {text}}


def test_a_row_that_says_no_lists_its_student_by_being_there() -> None:
    build = edfi.build(
        sample(WI),
        profile=WI,
        school_year=2026,
        settings={"wi.section504_requires_eligible": False},
    )
    of_504 = build.records[build.records["program_name"].eq("Section 504 Placement")]
    rows = build.tables["section504_records"].assign(eligible=False)
    written = {
        **build.tables.written,
        "section504_records": build.tables.written["section504_records"].assign(eligible="0"),
    }
    tables = build.tables.replacing({"section504_records": rows}, written=written)  # type: ignore[arg-type]
    assert listed_by(of_504, tables).str.endswith("column student_id names the student").all()


def test_what_people_corrected_is_not_called_what_the_source_says() -> None:
    build = nm([{"program_enrolled": "1"}])
    laid = pd.DataFrame(
        {
            "table": ["cte_records"],
            "column": ["program_enrolled"],
            "state": ["applied"],
            "rows": [["c0"]],
        }
    )
    tables = build.tables.replacing({}, corrections=laid)
    (text,) = listed_by(build.records, tables)
    assert text == "cte_records, row 1, column program_enrolled was corrected to 1"


def test_the_cell_by_which_a_rule_lists_is_one_that_can_be_found() -> None:
    listing = [rule for rule in RULES.values() if rule.lists]
    assert len(listing) >= 5
    for rule in listing:
        table, _, column = rule.lists.partition(".")
        assert column in TABLES[table].columns, rule.id
