"""A source of which no row of the driving table can be read: nothing is built, and everything says why."""

from __future__ import annotations

import pytest

from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.extracts import extracted_view
from edfi_toolkit.review.plans import plan_view
from edfi_toolkit.review.steps import built_view, checked_view, held_view
from edfi_toolkit.rules import build
from edfi_toolkit.sources import extract
from edfi_toolkit.validation import validate

CERTIFICATION = {
    "students": "student_id,student_unique_id\n7,222222\n",
    "program_participation": "participation_id,student_id,resource,education_organization_id,"
    "program_education_organization_id,program_name,program_type,begin_date\n"
    "p1,7,studentProgramAssociations,255901,255901,Gifted and Talented,Gifted and Talented,{day}\n",
}
WISCONSIN = {
    "person": "personID,edFiID\n1,7000000001\n",
    "school": "schoolID,number,entityID\n10,0040,301240\n",
    "calendar": "calendarID,schoolID,endYear\n900,10,2026\n",
    "enrollment": "enrollmentID,personID,calendarID,startDate,endDate\n300,1,900,2025-09-02,\n",
    "section504": "recordID,personID,startDate\nf1,1,{day}\n",
}
MASKER = Masker(b"0" * 32)


@pytest.mark.parametrize(
    ("profile", "files", "file"),
    [
        ("certification", CERTIFICATION, "program_participation.csv"),
        ("wi-infinite-campus", WISCONSIN, "section504.csv"),
    ],
)
def test_nothing_is_built_and_what_was_published_stays(tmp_path, profile, files, file):
    """COM-NRM-3: two-digit years make all rows unreadable, with file, row, column and the fix."""

    def read(day):
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text.format(day=day), encoding="utf-8")
        return extract(tmp_path, profile=profile)

    before = build(read("8/23/2025"), profile=profile, school_year=2026)
    tables = read("8/23/25")
    made = build(tables, profile=profile, school_year=2026)
    view = built_view(made, MASKER)
    assert (
        view.says
        == "Built no record. 1 source row could not be read. 1 student has such a row and no record."
    )
    (named,) = (block.frame for block in view.blocks if block.caption == "Rows that could not be read")
    assert [(row.file, row.row, row.rule) for row in named.itertuples()] == [(file, 2, "COM-NRM-3")]
    (aside,) = made.skipped.itertuples()
    assert (aside.rule, aside.file, aside.row) == ("COM-NRM-3", file, 2)
    assert aside.detail.startswith(f"{file}, row 2, column ")
    checked = validate(made)
    for view in (extracted_view(tables, MASKER), checked_view(checked, MASKER)):
        assert view.says
    planned = plan(checked, identity_map=identity_map_of(before))
    assert planned.items.empty
    assert planned.findings["code"].eq("HELD").sum() == len(before.records) == 1
    assert plan_view(planned, checked, MASKER).next_step.startswith(
        f"1 row of the source could not be read, and nothing of that is sent: {file}, row 2, column "
    )
    assert plan_view(plan(checked), checked, MASKER).tone == "check"  # although it changes nothing
    held = held_view(checked, planned, MASKER)
    assert held.says == "1 row could not be read; 1 record held by the source row."
