"""What stops a plan at any size of the feed, and what goes through (COM-GRD-1 to COM-GRD-4).

Each spoiling of a source is tried on feeds of 2 to 5,000 records. The table of `STOPS` is that of
docs/concepts.md#guardrails; the test of the page compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pandas as pd
import pytest

from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.rules import Build, build
from edfi_toolkit.tables.shapes import shapes_frame
from tests.district import YEAR, a_participation

SIZES = (2, 10, 25, 26, 300, 5000)
GIFTED, CLUB = "Gifted and Talented", "Chess"
PARTICIPATIONS = "program_participation"


def a_source(records: int) -> dict[str, pd.DataFrame]:
    """So many students in the gifted program, every fifth of them in the club in place of it."""
    rows = [
        a_participation(each, program_type="GT", program_name=CLUB if each % 5 == 1 else GIFTED)
        for each in range(records)
    ]
    people = [
        {"student_id": row["student_id"], "student_unique_id": f"S-{row['student_id']}"} for row in rows
    ]
    uri = f"uri://ed-fi.org/ProgramTypeDescriptor#{GIFTED}"
    codes = [{"descriptor": "ProgramTypeDescriptor", "local_code": "GT", "ed_fi_uri": uri}]
    return {
        "edfi_config": pd.DataFrame([{"school_year": YEAR}]),
        "descriptor_map": pd.DataFrame(codes),
        "students": pd.DataFrame(people),
        PARTICIPATIONS: pd.DataFrame(rows),
    }


def a_build(source: Mapping[str, pd.DataFrame]) -> Build:
    return build(source, profile="certification", school_year=YEAR)


@cache
def published(records: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The identity map and the shapes after a complete publish of `a_source`."""
    done = a_build(a_source(records))
    return identity_map_of(done), shapes_frame(done.tables.shapes)


def without_students(source, numbers):
    """The source without these students: their rows are gone from each table."""
    ids = [str(number) for number in numbers]
    return {
        name: rows[~rows["student_id"].isin(ids)] if "student_id" in rows else rows
        for name, rows in source.items()
    }


def table_gone(source):
    return {name: rows for name, rows in source.items() if name != PARTICIPATIONS}


def header_only(source):
    return {**source, PARTICIPATIONS: source[PARTICIPATIONS].iloc[:0]}


def column_renamed(source):
    return {**source, "students": source["students"].rename(columns={"student_unique_id": "state_id"})}


def cut(share):
    def spoil(source):
        rows = source[PARTICIPATIONS]
        return {**source, PARTICIPATIONS: rows.iloc[: len(rows) - max(1, round(len(rows) * share))]}

    return spoil


def control_value(source):
    """One wrong letter in the mapping of one code."""
    codes = source["descriptor_map"]
    return {
        **source,
        "descriptor_map": codes.assign(ed_fi_uri=codes["ed_fi_uri"].str.replace("Talented", "Talentd")),
    }


def one_student(source):
    """The last one of the file, who looks most like a cut."""
    return without_students(source, [len(source["students"]) - 1])


def five_students(source):
    """From the begin to the end of the file, the last row among them."""
    last = len(source["students"]) - 1
    return without_students(source, {round(last * part / 4) for part in range(5)})


def program_ended(source):
    """The club ends, and its rows say so."""
    rows = source[PARTICIPATIONS]
    ends = rows["end_date"].where(rows["program_name"].ne(CLUB), "2026-01-31")
    return {**source, PARTICIPATIONS: rows.assign(end_date=ends)}


def program_gone(source):
    """A small program, whose rows are gone from all over the file."""
    rows = source[PARTICIPATIONS]
    return {**source, PARTICIPATIONS: rows.drop(index=rows.index[12 : len(rows) - 1 : 13])}


def fifth_gone(source):
    rows = source[PARTICIPATIONS]
    return {**source, PARTICIPATIONS: rows[rows["program_name"].ne(CLUB)]}


LOST, SHRUNK, DELETE, MOVE = "source-lost", "source-shrunk", "mass-delete", "mass-move"
GOES: tuple[str, ...] = ()
STOPS = {  # by the number of records: the breaches that must be there; where there is none, no other either
    "table gone": (table_gone, [(LOST, DELETE)] * 6),
    "header only": (header_only, [(LOST, DELETE)] * 6),
    "column renamed": (column_renamed, [(LOST,)] * 6),
    "last 1 % cut": (cut(0.01), [GOES, GOES, GOES, GOES, (SHRUNK,), (SHRUNK,)]),
    "last 5 % cut": (cut(0.05), [GOES, GOES, GOES, GOES, (SHRUNK,), (SHRUNK,)]),
    "last 8 % cut": (cut(0.08), [GOES, GOES, GOES, GOES, (SHRUNK,), (SHRUNK,)]),
    "last 20 % cut": (cut(0.20), [GOES, GOES, (SHRUNK,), (SHRUNK,), (SHRUNK,), (SHRUNK,)]),
    "one control value mistyped": (control_value, [(MOVE,)] * 6),
    "one student really gone": (one_student, [GOES] * 6),
    "five students really gone": (five_students, [(DELETE,), (DELETE,), GOES, GOES, GOES, GOES]),
    "a program really ended, by dates": (program_ended, [GOES] * 6),
    "a small program's rows really gone": (program_gone, [GOES] * 6),
    "a fifth of all rows really gone": (fifth_gone, [GOES, GOES, GOES, GOES, (SHRUNK,), (SHRUNK,)]),
}


@pytest.mark.parametrize("records", SIZES)
@pytest.mark.parametrize("case", STOPS)
def test_com_grd_1_2_2a_3_what_stops_and_what_goes_through_at_each_size(case, records):
    spoil, by_size = STOPS[case]
    mapped, shapes = published(records)
    made = plan(a_build(spoil(a_source(records))), identity_map=mapped, last_shapes=shapes)
    expected = by_size[SIZES.index(records)]
    assert set(expected) <= set(made.breaches)
    assert bool(expected) == bool(made.breaches)
