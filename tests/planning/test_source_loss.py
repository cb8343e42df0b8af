"""What stops a plan at any size of the feed, and what goes through (COM-GRD-1 to COM-GRD-4).

Each spoiling of a source is tried on feeds of 2 to 5,000 records. The table of `STOPS` is that of
docs/concepts.md#guardrails; the test of the page compares the two.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.planning import Plan, identity_map_of, plan
from edfi_toolkit.planning.comparison import source_side
from edfi_toolkit.planning.guardrails import guard, lost_sources, shrunk_sources
from edfi_toolkit.planning.source_loss import SourceLoss, source_loss
from edfi_toolkit.rules import Build, build, synthetic_of
from edfi_toolkit.settings.limits import DEFAULT_LIMITS
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import Sheet
from edfi_toolkit.tables.shapes import shapes_frame
from tests.factories.builds import Same, build_once, tables_once
from tests.factories.district import LEA, YEAR, a_participation
from tests.proofs import PROVE, long_proof

SIZES = (2, 10, 25, 26, 300, 5000)
MARKS_BY_SIZE = {25: long_proof, 300: long_proof, 5000: pytest.mark.volume}
GIFTED, CLUB = "Gifted and Talented", "Chess"
PARTICIPATIONS = "program_participation"
Source = Mapping[str, Any]


@cache
def a_source(records: int) -> dict[str, pd.DataFrame]:
    """So many students in the gifted program, every fifth of them in the club in its place. No test may change them."""
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


def a_build(source: Source, settings: dict[str, Any] | None = None) -> Build:
    return build_once(source, profile="certification", school_year=YEAR, settings=settings)


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
        records = len(source[PARTICIPATIONS])
        return {**source, PARTICIPATIONS: first_rows(records, records - max(1, round(records * share)))}

    return spoil


@cache
def first_rows(records: int, count: int) -> pd.DataFrame:
    """The first participations of `a_source`: of a small one several shares cut the same."""
    return a_source(records)[PARTICIPATIONS].iloc[:count]


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
WHOLE_WAY = (
    ("table gone", 10), ("column renamed", 10), ("last 20 % cut", 10), ("last 20 % cut", 26), ("last 1 % cut", 5000),
    ("one control value mistyped", 10), ("five students really gone", 10), ("a program really ended, by dates", 10),
)  # fmt: skip


def spoiled(case: str, records: int) -> Plan:
    """The plan from `a_source` to what the case makes of it, which no test may change."""
    spoil, _ = STOPS[case]
    return plan_to(Same(a_build(spoil(a_source(records)))), records)


@cache
def plan_to(build: Same, records: int) -> Plan:
    mapped, shapes = published(records)
    return plan(build.frame, identity_map=mapped, last_shapes=shapes)


def by_the_guards(case: str, records: int) -> tuple[str, ...]:
    """The breaches of that plan by the guards alone, from what the source lost and how many records it changes."""
    then, (spoil, _) = a_source(records), STOPS[case]
    now = spoil(then)
    rows = now.get(PARTICIPATIONS, first_rows(records, 0))
    gone, ended = records - len(rows), int(rows["end_date"].notna().sum())
    moved = 0 if now["descriptor_map"].equals(then["descriptor_map"]) else records
    losses = loss(then, now)
    found = [
        *lost_sources(losses.lost()),
        *shrunk_sources(losses.shrunk(a_build(then).records, DEFAULT_LIMITS.max_shrink_share)),
        *guard(
            deletes=gone + moved,
            removed=gone,
            moved=moved,
            updates=ended,
            mapped=records,
            source_is_empty=now["students"].empty,
            settings={},
            because={MOVE: lambda: "One value."},
        ),
    ]
    return tuple(breach.code for breach in found)


@pytest.mark.parametrize("records", [pytest.param(size, marks=MARKS_BY_SIZE.get(size, ())) for size in SIZES])
@pytest.mark.parametrize("case", STOPS)
def test_com_grd_1_2_2a_3_what_stops_and_what_goes_through_at_each_size(case, records):
    """By the guards alone; `WHOLE_WAY`, and all in `make prove`, by build and plan too, which say the same."""
    _, by_size = STOPS[case]
    breaches, expected = by_the_guards(case, records), by_size[SIZES.index(records)]
    assert set(expected) <= set(breaches)
    assert bool(expected) == bool(breaches)
    if PROVE or (case, records) in WHOLE_WAY:
        assert spoiled(case, records).breaches == breaches


def test_the_page_of_the_guardrails_shows_the_same_table():
    page = (Path(__file__).parents[2] / "docs/concepts.md").read_text("utf-8")
    for case, (_, by_size) in STOPS.items():
        cells = " | ".join("stops" if each else "goes" for each in by_size)
        assert f"| {case} | {cells} |" in page


def said(then: Source, now: Source) -> dict[str, str]:
    """The breaches of the plan from one source to the other, and what they say."""
    before, after = a_build(then), a_build(now)
    shapes = shapes_frame(before.tables.shapes)
    made = plan(after, identity_map=identity_map_of(before), last_shapes=shapes)
    rows = made.findings[made.findings["code"].isin(made.breaches)]
    return dict(zip(rows["code"], rows["says"], strict=True))


def loss(then: Source, now: Source, *, remembered: bool = True) -> SourceLoss:
    """What the plan from one source to the other asks, without the plan."""
    before = a_build(then)
    shapes = shapes_frame(before.tables.shapes) if remembered else None
    mapped = source_side(before.records)
    return source_loss(shapes, mapped, tables_once(now), "certification")


def lost(then: Source, now: Source, **how: bool) -> str:
    """What is said of tables and columns; no sentence is the empty text."""
    return "\n".join(loss(then, now, **how).lost())


def shrunk(then: Source, now: Source, share: float = DEFAULT_LIMITS.max_shrink_share, **how: bool) -> str:
    """What is said of rows, where each published record would change; no sentence is the empty text."""
    return "\n".join(loss(then, now, **how).shrunk(a_build(then).records, share))


def sheets(source: Source, **more) -> Source:
    """The same tables as a folder of files gives them."""
    return {name: _sheet(name, Same(rows), **more) for name, rows in source.items()}


@lru_cache(50)
def _sheet(name: str, same: Same, **more) -> Sheet:
    rows = same.frame
    return Sheet(frame=rows.reset_index(drop=True), file=f"{name}.csv", rows=np.arange(len(rows)) + 2, **more)


# COM-GRD-1: tables and columns


def test_com_grd_1_names_table_file_counts_and_the_records_that_rest_on_it():
    source = sheets(a_source(10))
    assert lost(source, table_gone(source)) == (
        "The table program_participation (program_participation.csv) is not in the source any more; it "
        "had 10 rows when it "
        "was last published, and 10 published records rest on it."
    )
    empty = sheets(header_only(a_source(10)))
    assert "has no row any more; it had 10 rows" in lost(source, empty)


def test_com_grd_1_a_renamed_column_is_named_with_the_new_header():
    source = a_source(10)
    assert lost(sheets(source), sheets(column_renamed(source))) == (
        "The column student_unique_id of students (students.csv) is not there any more; it had 10 "
        "values when it was last "
        "published, and 10 published records rest on it. There is a new header that nothing reads, "
        "state_id: was the column "
        "renamed?"
    )


@pytest.mark.parametrize(("filled", "stops"), [(2, False), (3, True)])
def test_com_grd_1_a_column_is_emptied_where_three_rows_that_are_there_had_a_value(filled, stops):
    source = a_source(12)
    rows = source[PARTICIPATIONS]
    before = {
        **source,
        PARTICIPATIONS: rows.assign(end_date=["2026-01-31"] * filled + [None] * (12 - filled)),
    }
    says = lost(before, source)
    assert bool(says) is stops
    if stops:
        assert "The column end_date of program_participation" in says
        assert not lost(before, without_students(source, [0]))  # then only two such rows are there


def test_com_grd_1_a_column_that_is_missing_needs_one_value_and_one_that_no_rule_reads_none():
    source = a_source(2)
    rows = source[PARTICIPATIONS]
    before = {**source, PARTICIPATIONS: rows.assign(end_date=["2026-01-31", None])}
    assert "end_date" in lost(before, {**source, PARTICIPATIONS: rows.drop(columns="end_date")})
    assert lost(source, {**source, PARTICIPATIONS: rows.drop(columns="end_date")}) == ""
    named = {**source, "students": source["students"].assign(first_name="Zoë")}
    assert lost(named, source) == ""


@pytest.mark.parametrize("table", ["edfi_config", "descriptor_map"])
def test_com_grd_1_a_table_of_settings_that_was_there_is_missed(table):
    """Without it a switch or a code falls back on its default, and more is sent than was meant."""
    source = a_source(3)
    uri = f"uri://ed-fi.org/ProgramTypeDescriptor#{GIFTED}"
    participations = source[PARTICIPATIONS].assign(program_type=uri)  # so that no code needs the map
    before = {**source, PARTICIPATIONS: participations}
    now = {name: rows for name, rows in before.items() if name != table}
    texts = said(before, now)
    assert list(texts) == [LOST]
    assert f"The table {table} is not in the source any more; it had 1 row" in texts[LOST]
    assert "3 published records rest on it." in texts[LOST]


def test_com_grd_1_a_file_of_a_table_that_two_files_make_is_missed():
    source = a_source(6)
    rows = source[PARTICIPATIONS]
    two = Sheet(frame=rows, file=["First.csv"] * 4 + ["Second.csv"] * 2, rows=np.arange(6) + 2)
    one = Sheet(frame=rows.iloc[:4], file=["First.csv"] * 4, rows=np.arange(4) + 2)
    assert lost({**source, PARTICIPATIONS: two}, {**source, PARTICIPATIONS: one}).startswith(
        "The table program_participation has no row of Second any more; it had 2 rows"
    )
    renamed = Sheet(frame=rows, file=["A.csv"] * 4 + ["B.csv"] * 2, rows=np.arange(6) + 2)
    sources = {**source, PARTICIPATIONS: two}, {**source, PARTICIPATIONS: renamed}
    assert lost(*sources) == shrunk(*sources) == ""


@pytest.mark.volume
def test_com_grd_1_a_program_with_a_table_of_its_own_stops_when_it_ends():
    tables = dict(synthetic_of("wi-infinite-campus").district(students=60))
    before = build_once(tables, profile="wi-infinite-campus", school_year=YEAR)
    ended = {**tables, "ceis_records": tables["ceis_records"].iloc[:0]}
    after = build_once(ended, profile="wi-infinite-campus", school_year=YEAR)
    shapes = shapes_frame(before.tables.shapes)
    made = plan(after, identity_map=identity_map_of(before), last_shapes=shapes)
    assert made.breaches == (LOST,)
    assert "The table ceis_records has no row any more" in made.findings["says"].iloc[0]


def test_com_grd_1_what_never_fed_a_record_may_go():
    """A table or a column that no published record rests on."""
    source = a_source(4)
    more = {**source, "schools": pd.DataFrame([{"school_id": "1", "ed_fi_school_id": 255901001}])}
    assert lost(more, source) == shrunk(more, source) == ""


# COM-GRD-3: rows


@pytest.mark.parametrize(
    ("gone", "stops"),
    [
        ({22, 23, 24}, True),
        ({3, 22, 23, 24}, True),  # others may be gone too
        ({22, 24}, False),
        ({21, 22, 23}, False),
    ],
)
def test_com_grd_3_the_last_three_rows_of_the_file(gone, stops):
    source = a_source(25)
    says = shrunk(sheets(source), sheets(without_rows(source, gone)))
    assert bool(says) is stops
    if stops:
        assert says == (
            f"The table program_participation (program_participation.csv) had 25 rows when it was last "
            f"published and has "
            f"{25 - len(gone)} now; {len(gone)} of them are gone, the first of them row {min(gone) + 1} and "
            f"the last row 25. "
            f"{len(gone)} published records rest on them. The end is gone: this looks like a file that was "
            f"cut off while it "
            "was written or copied."
        )


def test_com_grd_3_the_end_of_a_file_is_the_only_breach():
    source = a_source(25)
    for gone, breaches in (({22, 23, 24}, [SHRUNK]), ({22, 24}, [])):
        assert list(said(sheets(source), sheets(without_rows(source, gone)))) == breaches


def without_rows(source, positions):
    rows = source[PARTICIPATIONS]
    return {**source, PARTICIPATIONS: rows.drop(index=[rows.index[at] for at in positions])}


@pytest.mark.parametrize(
    ("records", "gone", "share", "stops"),
    [
        (100, 10, 0.1, False),
        (100, 11, 0.1, True),
        (50, 9, 0.1, False),
        (50, 10, 0.1, True),
        (100, 11, 0.2, False),
        (100, 10, 0.05, True),
    ],
)
def test_com_grd_3_a_share_of_the_rows_with_at_least_ten(records, gone, share, stops):
    source = a_source(records)
    says = shrunk(source, without_rows(source, range(gone)), share)
    assert ("This looks like an export that is filtered or incomplete." in says) is stops
    assert bool(says) is stops


@pytest.mark.parametrize(
    ("settings", "stops"), [({"max_shrink_share": 0.2}, False), ({"free_changes": 1000}, True)]
)
def test_com_grd_3_the_share_is_a_setting_and_free_changes_do_not_count(settings, stops):
    source = a_source(100)
    before = a_build(source)
    after = a_build(without_rows(source, range(11)), settings)
    made = plan(after, identity_map=identity_map_of(before), last_shapes=shapes_frame(before.tables.shapes))
    assert made.breaches == ((SHRUNK,) if stops else ())
    if stops:
        assert "This looks like an export that is filtered or incomplete." in made.findings["says"].iloc[0]


def test_com_grd_3_an_unreadable_row_is_not_lost():
    source = a_source(25)
    rows = source[PARTICIPATIONS]
    unreadable = rows.assign(begin_date=[*rows["begin_date"][:-3], "soon", "soon", "soon"])
    now = {**source, PARTICIPATIONS: unreadable}
    assert lost(sheets(source), sheets(now)) == shrunk(sheets(source), sheets(now)) == ""


def test_com_grd_3_lost_rows_that_change_nothing_are_no_breach():
    """Students of whom nothing was published."""
    source = a_source(25)
    strangers = pd.DataFrame(
        [{"student_id": f"9{each}", "student_unique_id": f"S-9{each}"} for each in range(20)]
    )
    before = {**source, "students": pd.concat([source["students"], strangers], ignore_index=True)}
    assert said(before, source) == {}
    deleted = a_build(before).records.query("student_unique_id == 'S-3'")
    losses = loss(before, without_rows(source, [3]))
    assert losses.gone
    assert not [*losses.shrunk(deleted, 0.1)]  # what is deleted does not rest on them
    assert list(said(before, without_students(source, [3]))) == [SHRUNK]  # and here it does


@pytest.mark.parametrize("ordered", [True, False])
def test_com_grd_3_without_an_order_only_the_share_counts(ordered):
    source = a_source(100)
    few, many = (without_rows(source, range(start, 100)) for start in (97, 80))
    assert bool(shrunk(sheets(source, ordered=ordered), sheets(few, ordered=ordered))) is ordered
    says = shrunk(sheets(source, ordered=ordered), sheets(many, ordered=ordered))
    assert ("The order of its rows is not known, so only their number counts." in says) is not ordered
    assert ("the last row 100" in says) is ordered


def test_com_grd_3_an_export_that_was_sorted_otherwise_has_no_order():
    source = a_source(100)
    few = without_rows(source, range(97, 100))
    reversed_ = {**few, PARTICIPATIONS: few[PARTICIPATIONS].iloc[::-1]}
    assert shrunk(source, reversed_) == ""
    moved = {
        **few,
        PARTICIPATIONS: few[PARTICIPATIONS].iloc[[96, *range(96)]],
    }  # one row alone stands elsewhere
    assert "The end is gone" in shrunk(source, moved)


def test_com_grd_3_the_end_of_each_file_that_makes_a_table_counts():
    source = a_source(12)
    rows = source[PARTICIPATIONS]
    files = ["First.csv"] * 6 + ["Second.csv"] * 6
    whole = Sheet(frame=rows, file=files, rows=np.arange(12) + 2)
    cut_off = Sheet(frame=rows.drop(index=[3, 4, 5]), file=files[:3] + files[6:], rows=np.arange(9) + 2)
    sources = {**source, PARTICIPATIONS: whole}, {**source, PARTICIPATIONS: cut_off}
    assert "The end is gone" in shrunk(*sources)
    assert lost(*sources) == ""


# What is remembered


def test_com_grd_3_where_nothing_is_remembered_the_rows_that_records_name_stand_in():
    source = a_source(100)
    assert shrunk(source, without_rows(source, range(80, 100)), remembered=False) == (
        "The table program_participation fed published records by 100 rows and has 80 now; 20 of "
        "them are gone. 20 published records rest on them. This looks like an export that is filtered "
        "or incomplete. The "
        "order of its rows is not known, so only their number counts."
    )
    assert shrunk(source, without_rows(source, range(97, 100)), remembered=False) == ""
    assert lost(source, table_gone(source), remembered=False).startswith(
        "The table program_participation is not in the source any more; 100 published records rest on it."
    )


def test_com_grd_3_a_plan_is_remembered_unless_it_is_of_some_schools_or_silent_about_lost_rows():
    source = a_source(10)
    mapped, shapes = published(10)
    stranger = pd.DataFrame([{"student_id": "99", "student_unique_id": "S-99"}])
    before = {**source, "students": pd.concat([source["students"], stranger], ignore_index=True)}
    known = shapes_frame(a_build(before).tables.shapes)

    def kept(now, last=shapes, **more):
        return plan(a_build(now), identity_map=mapped, last_shapes=last, **more).shapes

    pd.testing.assert_frame_equal(kept(source), shapes)
    assert kept(source, last=known).empty  # nothing is sent, and the stranger is gone
    assert len(kept(without_students(source, [3]), last=known)) == 4
    assert kept(source, schools=[LEA]).empty
    assert len(kept(table_gone(source))) == 3  # a person must have answered for it


# COM-GRD-2 and COM-GRD-2a


def test_com_grd_2a_names_the_value_then_and_now():
    made = spoiled("one control value mistyped", 10)
    assert made.breaches == (MOVE,)
    assert made.findings.loc[made.findings["code"].eq(MOVE), "says"].item() == (
        "One changed value moves 10 published records to another program type, from "
        "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented to "
        "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talentd."
    )


@pytest.mark.parametrize(("moved", "records"), [(2, 2), (4, 8)])
def test_com_grd_2a_two_of_two_or_four_that_are_half(moved, records):
    source = a_source(records)
    rows = source[PARTICIPATIONS]
    numbers = [LEA + 1 if each < moved else LEA for each in range(records)]
    texts = said(source, {**source, PARTICIPATIONS: rows.assign(education_organization_id=numbers)})
    assert list(texts) == [MOVE]
    assert f"to another organization, from {LEA} to {LEA + 1}." in texts[MOVE]


@pytest.mark.volume
def test_com_grd_2a_a_districts_number_moves_the_schools_by_one_difference():
    """New Mexico: the number of the district is part of the number of each school."""
    tables = dict(synthetic_of("nm-powerschool").district(students=60))
    preferences = tables["preferences"].copy()
    is_it = preferences["name"].str.lower().eq("districtnumber")
    right = preferences.loc[is_it, "value"].iloc[0]
    preferences.loc[is_it, "value"] = str(int(right) + 9)
    settings = {"nm.program_edorg": 255901}  # so that no key names the district itself
    before = build_once(tables, profile="nm-powerschool", school_year=YEAR, settings=settings)
    after = build_once(
        {**tables, "preferences": preferences}, profile="nm-powerschool", school_year=YEAR, settings=settings
    )
    shapes = shapes_frame(before.tables.shapes)
    made = plan(after, identity_map=identity_map_of(before), last_shapes=shapes)
    assert MOVE in made.breaches
    assert before.records["education_organization_id"].nunique() > 1


def test_com_grd_2a_moves_by_many_values_are_none():
    source = a_source(8)
    rows = source[PARTICIPATIONS]
    numbers = [LEA + each * each for each in range(1, 9)]
    assert said(source, {**source, PARTICIPATIONS: rows.assign(education_organization_id=numbers)}) == {}


def test_com_grd_2a_where_an_update_moves_the_key_in_place():
    """COM-KEY-3, `put_if_updatable`: there is no delete then, and the move is the same."""
    source = a_source(5)
    moved = source[PARTICIPATIONS].assign(education_organization_id=LEA + 1)
    before = a_build(source)
    after = a_build({**source, PARTICIPATIONS: moved}, {"key_change": "put_if_updatable"})
    updatable = set(before.records["resource"])
    made = plan(after, identity_map=identity_map_of(before), updatable=updatable)
    assert set(made.items["action"]) == {"UNMAP", "ADOPT", "PUT"}
    assert made.breaches == (MOVE,)


def read(folder: Path) -> Build:
    return build(extract(folder, profile="certification"), profile="certification", school_year=YEAR)


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> tuple[Path, Build]:
    """An export of two students as files, and what is built of it."""
    folder = tmp_path_factory.mktemp("export")
    for name in ("students", PARTICIPATIONS):
        a_source(2)[name].to_csv(folder / f"{name}.csv", index=False)
    return folder, read(folder)


@pytest.mark.parametrize("how", ["header only", "saved as .xls", "the file is gone"])
def test_com_grd_1_two_records_and_an_export_of_another_kind(export, tmp_path, how):
    """The smallest district: nothing is deleted, and the table is named."""
    folder, before = export
    now = shutil.copytree(folder, tmp_path / "export")
    file = now / f"{PARTICIPATIONS}.csv"
    if how == "header only":
        file.write_text(file.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    elif how == "saved as .xls":
        file.rename(file.with_suffix(".xls"))
    else:
        file.unlink()
    shapes = shapes_frame(before.tables.shapes)
    made = plan(read(now), identity_map=identity_map_of(before), last_shapes=shapes)
    assert made.breaches == (LOST, DELETE)
    says = made.findings.loc[made.findings["code"].eq(LOST), "says"].item()
    assert says.startswith("The table program_participation (program_participation.csv)")
    assert "it had 2 rows when it was last published, and 2 published records rest on it." in says
