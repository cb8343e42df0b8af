"""The plan of a resync: REC-R1 to REC-R10 and its reach."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfi_toolkit.errors import PlanError
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.planning.truth_tables import PUBLISH, PUBLISH_READS, RESYNC, RESYNC_READS
from tests.factories.builds import build_of
from tests.factories.district import CTE, GENERAL, a_build, a_participation, checked, codes
from tests.proofs import bounded
from tests.rules.worked_examples import EXAMPLES


def swept(result, ids, *, etag="9", **members):
    """What a snapshot of the ODS is when it holds these records."""
    records = result.records
    return pd.DataFrame(
        {
            "resource": records["resource"],
            "id": ids,
            "etag": etag,
            "body": [
                {"id": at, "_etag": etag, **body, **members}
                for at, body in zip(ids, records["body"], strict=True)
            ],
        }
    )


def actions(made):
    return list(zip(made.items["action"], made.items["ed_fi_id"].fillna(""), strict=True))


CHANGED = {"endDate": "2026-03-03"}


def one():
    return a_build(a_participation(1))


def mapped_one():
    return identity_map_of(one(), ids=["m"])


def nothing():
    return a_build()


def swept_one(at, **members):
    return swept(one(), [at], **members)


CELLS = [  # rule; whether source and map have the record; the id and the changes that the ODS has it with; actions
    ("REC-R1", True, True, ("m", {}), [("NOOP", "m")]),
    ("REC-R1", True, True, ("o", {}), [("ADOPT", "o")]),
    ("REC-R2", True, True, ("m", CHANGED), [("PUT", "m")]),
    ("REC-R2", True, True, ("o", CHANGED), [("ADOPT", "o"), ("PUT", "o")]),
    ("REC-R3", True, True, None, [("UNMAP", "m"), ("POST", "")]),
    ("REC-R4", True, False, ("o", {}), [("ADOPT", "o")]),
    ("REC-R5", True, False, ("o", CHANGED), [("ADOPT", "o"), ("PUT", "o")]),
    ("REC-R6", True, False, None, [("POST", "")]),
    ("REC-R7", False, True, ("o", {}), [("DELETE", "o")]),
    ("REC-R8", False, True, None, [("UNMAP", "m")]),
    ("REC-R9", False, False, ("o", {}), []),
    ("REC-R10", False, False, None, []),
]


@pytest.fixture(scope="module")
def all_cells():
    """One resync, in which each cell is a student with the number of the cell; ids begin with that number."""

    def having(side):
        """The records of a side, and their cells."""
        result = a_build(*(a_participation(number) for number, cell in enumerate(CELLS) if cell[side]))
        return result, result.records["student_unique_id"].str.removeprefix("S-").astype(int)

    (source, _), (published, mapped), (known, there) = having(1), having(2), having(3)
    ods = swept(known, [f"{number}{CELLS[number][3][0]}" for number in there])
    ods["body"] = [body | CELLS[number][3][1] for body, number in zip(ods["body"], there, strict=True)]
    identities = identity_map_of(published, ids=[f"{number}m" for number in mapped])
    return plan(source, identity_map=identities, ods=ods, mode="resync").items


@pytest.mark.parametrize(
    "number", range(len(CELLS)), ids=[f"{at}-{cell[0]}" for at, cell in enumerate(CELLS)]
)
def test_each_cell_of_the_truth_table(all_cells, number):
    rule, *_, expected = CELLS[number]
    own = all_cells[all_cells["student_unique_id"].eq(f"S-{number}")]
    ids = own["ed_fi_id"].fillna("").str.removeprefix(str(number))
    assert list(zip(own["action"], ids, strict=True)) == expected, rule
    assert all(rules[0] == rule for rules in own["rules"])


def test_a_resync_without_what_the_ods_holds_is_refused():
    """It would forget what is published, and leave it in the ODS."""
    with pytest.raises(PlanError, match=r"A resync compares with what the ODS holds; .* pass its ods"):
        plan(nothing(), identity_map=mapped_one(), mode="resync")


def test_rec_r9_certification_never_deletes_orphans_and_tells_them():
    made = plan(nothing(), ods=swept_one("o"), mode="resync")
    assert codes(made) == ["FOREIGN"]
    assert made.findings["student_unique_id"].tolist() == ["S-1"]


def resync_example(settings=None):
    example = EXAMPLES["REC-X1"]
    tables = EXAMPLES[example["tables_of"]]["tables"]
    result = build_of(tables, profile=example["profile"], settings=settings)
    mapped = pd.DataFrame(example["identity_map"]).rename(columns={"body": "last_body"})
    return plan(result, identity_map=mapped, ods=pd.DataFrame(example["ods"]), mode="resync")


def test_the_worked_resync_gives_its_actions():
    """REC-X1: R3, R9 in scope, R9 foreign, R4."""
    made = resync_example()
    assert actions(made) == [("UNMAP", "a1"), ("ADOPT", "o2"), ("POST", ""), ("DELETE", "o3")]
    assert codes(made).count("FOREIGN") == 1


@pytest.mark.parametrize(
    ("orphans", "taken_over", "stops"),
    [(1, False, False), (2, False, True), (2, True, False), (4, True, True)],
)
def test_com_grd_2_what_a_resync_finds_in_the_ods_alone_counts_as_published(orphans, taken_over, stops):
    """After a lost ledger: the two records of the source are taken over, and what no source has is deleted."""
    example = EXAMPLES["REC-X1"]
    result = build_of(EXAMPLES[example["tables_of"]]["tables"], profile=example["profile"])
    stray = next(row for row in example["ods"] if row["id"] == "o3")
    strays = [
        {**stray, "id": f"stray {day}", "body": {**stray["body"], "beginDate": f"2025-10-{day}"}}
        for day in range(10, 10 + orphans)
    ]
    known = swept(result, ["a1", "a2"]) if taken_over else None
    made = plan(result, ods=pd.concat([pd.DataFrame(strays), known]), mode="resync")
    assert made.items["action"].tolist().count("DELETE") == orphans
    assert made.breaches == (("mass-delete",) if stops else ())


def test_settings_decide_on_orphans_and_reposts():
    assert ("DELETE", "o4") in actions(resync_example({"resync_orphans": "all"}))
    assert codes(resync_example({"resync_orphans": "report"})).count("FOREIGN") == 2
    assert "POST" not in dict(actions(resync_example({"resync_repost": False})))


def test_a_resync_knows_key_changes_too():
    """COM-SRC-1 in section C.2."""
    moved = a_build(a_participation(1, begin_date="2025-09-30"))
    made = plan(moved, identity_map=mapped_one(), ods=swept_one("m"), mode="resync")
    assert made.items["action"].tolist() == ["DELETE", "POST"]
    assert made.items["pair"].tolist() == [1, 1]


def test_a_resource_switched_off_is_neither_deleted_nor_unmapped():
    off = a_build(resource_preferences=[{"resource": GENERAL, "enabled": False}])
    made = plan(off, identity_map=mapped_one(), ods=swept_one("o"), mode="resync")
    assert made.items.empty


def test_a_choice_district_deletes_in_a_resync_only_when_told_to():
    """WI-CFG-1, `wi.choice_resync`."""
    example = EXAMPLES["WI-X1"]
    before = build_of(example["tables"], profile=example["profile"])
    tables = {**example["tables"], "edfi_config": [{"school_year": 2026, "profile": "choice_only"}]}
    mapped = identity_map_of(before)
    ods = swept(before, mapped["ed_fi_id"].tolist())
    for setting, expected in (("nothing", 0), ("delete", 2)):
        result = build_of(tables, profile=example["profile"], settings={"wi.choice_resync": setting})
        made = plan(result, identity_map=mapped, ods=ods, mode="resync")
        assert made.items["action"].tolist() == ["DELETE"] * expected
        assert ("mass-delete" in made.breaches) is (expected > 0)  # COM-GRD-2
        assert plan(result, identity_map=mapped).items.empty


def test_a_body_without_its_key_is_refused_by_name_of_the_member():
    broken = pd.DataFrame(
        [{"resource": GENERAL, "id": "o", "etag": None, "body": {"beginDate": "2025-09-01"}}]
    )
    with pytest.raises(PlanError, match="programReference"):
        plan(one(), ods=broken, mode="resync")


def in_both():
    """One participation, built as two resources under one key."""
    return a_build(a_participation(1), a_participation(1, participation_id="again", resource=CTE))


def test_com_one_1_a_key_that_another_resource_has_in_the_ods_is_told():
    elsewhere = swept_one("o").assign(resource=CTE)
    made = plan(in_both(), ods=elsewhere, mode="resync")
    told = made.findings[made.findings["code"].eq("COM-ONE-1")]
    assert told["resource"].tolist() == [GENERAL]
    moved = plan(one(), ods=elsewhere, mode="resync")
    assert codes(moved).count("COM-ONE-1") == 1, "it is foreign here, and so it stays"


def test_com_one_1_a_key_twice_in_the_build_is_told_of_the_second_and_a_moved_one_is_not():
    told = plan(in_both()).findings
    assert told["code"].tolist().count("COM-ONE-1") == 1
    mapped = identity_map_of(one(), ids=["m"]).assign(resource=CTE)
    moved = plan(one(), identity_map=mapped, ods=swept_one("m").assign(resource=CTE), mode="resync")
    assert moved.items["action"].tolist() == ["DELETE", "POST"]
    assert "COM-ONE-1" not in codes(moved)


@pytest.mark.parametrize(("table", "reads"), [(PUBLISH, PUBLISH_READS), (RESYNC, RESYNC_READS)])
def test_every_combination_of_facts_has_exactly_one_cell(table, reads):
    for facts in product([True, False], repeat=len(reads)):
        cells = [
            rule
            for cell, (rule, _) in table.items()
            if all(wanted in (None, fact) for wanted, fact in zip(cell, facts, strict=True))
        ]
        assert len(cells) == 1, (facts, cells)


def orphan_of(student):
    """One record in the scope of REC-X1's district that nobody here knows."""
    example = next(each for each in EXAMPLES["REC-X1"]["ods"] if each["id"] == "o3")
    body = example["body"] | {"studentReference": {"studentUniqueId": student}}
    return pd.DataFrame([example | {"body": body}])


@pytest.mark.parametrize(
    ("table", "row", "student", "held"),
    [
        (None, {}, "7000000001", False),
        ("section504_records", {"record_id": "x", "start_date": "2025-13-01"}, "7000000001", True),
        ("section504_records", {"record_id": "x", "start_date": "2025-13-01"}, "7999999999", False),
        ("students", {"student_id": "new", "state_exclude": "perhaps"}, "7000000001", False),
        ("students", {"student_id": "new", "state_exclude": "perhaps"}, "7999999999", True),
        ("schools", {"school_id": "x", "state_exclude": "perhaps"}, "7000000001", True),
    ],
)
def test_errors_hold_records_that_nobody_here_has_published(table, row, student, held):
    """REC-R9 after a lost ledger: the row of such a record may be the one that could not be read."""
    example = EXAMPLES[EXAMPLES["REC-X1"]["tables_of"]]
    tables = {name: list(rows) for name, rows in example["tables"].items()}
    if table == "section504_records":
        row = row | {"student_id": tables["students"][0]["student_id"]}
    if table:
        tables[table] = [*tables.get(table, []), row]
    result = build_of(tables, profile=example["profile"])
    made = plan(result, ods=orphan_of(student), mode="resync")
    assert ("DELETE", "o3") in actions(made) or held
    assert codes(made).count("HELD") == held


def test_a_held_record_that_the_ods_has_is_left_alone_also_after_a_lost_ledger():
    """REC-R9 with `resync_orphans` all: the source has it and validation holds it, so it is not foreign either."""
    result = a_build(a_participation(1), a_participation(2), settings={"resync_orphans": "all"})
    made = plan(checked(result, "S-1"), ods=swept(result, ["held", "ready"]), mode="resync")
    assert actions(made) == [("ADOPT", "ready")]
    assert sorted(set(codes(made))) == ["CERT_MISSING", "HELD"]


# Any state to any other: source, map and ODS hold each key or not, with one of two bodies, under one of two ids

sides_of_a_key = st.tuples(
    st.sampled_from([None, "05", "06"]),
    st.sampled_from([None, ("a", "05"), ("a", "06")]),
    st.sampled_from([None, ("a", "05"), ("a", "06"), ("b", "05"), ("b", "06")]),
)


def all_that_end():
    """By the month of their end, the records of all students."""
    return {
        end: a_build(*(a_participation(n, end_date=f"2026-{end}-01") for n in range(6))).records
        for end in ("05", "06")
    }


def records_of(state, side):
    """A build and the ids of the keys that one side holds."""
    held = {number: sides[side] for number, sides in state.items() if sides[side] is not None}
    ends = {f"S-{number}": each if side == 0 else each[1] for number, each in held.items()}
    parts = [rows[rows["student_unique_id"].map(ends).eq(end)] for end, rows in all_that_end().items()]
    records = pd.concat(parts, ignore_index=True)
    order = records["student_unique_id"].str.removeprefix("S-").astype(int)
    return replace(nothing(), records=records), [f"{held[n][0]}{n}" if side else "" for n in order]


def applied(made, mapped, ods):
    """Map and ODS, by student, after a publish of the plan."""
    for row in made.items.itertuples():
        student, new = row.student_unique_id, f"new {row.Index}"
        match row.action:
            case "UNMAP":
                assert mapped.pop(student)[0] == row.ed_fi_id
            case "ADOPT" | "NOOP":
                assert ods[student][0] == row.ed_fi_id
                mapped[student] = ods[student]
            case "POST":
                assert student not in ods
                assert student not in mapped
                mapped[student] = ods[student] = (new, row.body)
            case "PUT":
                assert ods[student] == (row.ed_fi_id, row.before)
                mapped[student] = ods[student] = (row.ed_fi_id, row.body)
            case "DELETE":
                assert ods.pop(student)[0] == row.ed_fi_id
                mapped.pop(student)
    return mapped, ods


def by_student(result, ids):
    students, bodies = result.records["student_unique_id"], result.records["body"]
    return {who: (at, dict(body)) for who, at, body in zip(students, ids, bodies, strict=True)}


def frame_of(side, body):
    """A side as `plan` takes it."""
    rows = [(GENERAL, at, None, held) for at, held in side.values()]
    return pd.DataFrame(rows, columns=["resource", "ed_fi_id" if body == "last_body" else "id", "etag", body])


@pytest.mark.volume
@bounded(5)
@given(state=st.dictionaries(st.integers(0, 5), sides_of_a_key))
def test_an_applied_resync_ends_as_the_table_promises_and_the_next_is_all_noop(state):
    """REC-R1 to REC-R10 for any source, map and ODS."""
    source, _ = records_of(state, 0)
    mapped, ods = (by_student(*records_of(state, side)) for side in (1, 2))
    strangers = {who: each for who, each in ods.items() if who not in mapped}

    made = plan(source, identity_map=frame_of(mapped, "last_body"), ods=frame_of(ods, "body"), mode="resync")
    mapped, ods = applied(made, mapped, ods)

    wanted = {row.student_unique_id: dict(row.body) for row in source.records.itertuples()}
    left = {who: body for who, (_, body) in strangers.items() if who not in wanted}
    assert {who: body for who, (_, body) in ods.items()} == wanted | left
    assert mapped == {who: ods[who] for who in wanted}
    assert codes(made).count("FOREIGN") == len(left)
    for mode in ("resync", "publish"):
        again = plan(source, identity_map=frame_of(mapped, "last_body"), ods=frame_of(ods, "body"), mode=mode)
        assert set(again.items["action"]) <= {"NOOP"}
        assert len(again.items) == len(wanted)
