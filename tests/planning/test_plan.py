"""The plan of an ordinary publish: REC-P*, COM-KEY-2, COM-EQ-1, COM-SRC-1, COM-TOG-1, what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfi_toolkit.errors import ConfigError, PlanError
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import JSON, LIST
from edfi_toolkit.planning import Plan, identity_map_of, plan
from edfi_toolkit.planning.plan import FINDINGS, ITEMS
from edfi_toolkit.rules import Build
from tests.factories.builds import plan_once
from tests.factories.district import (
    CTE,
    GENERAL,
    LEA,
    SCHOOL,
    a_build,
    a_participation,
    checked,
    codes,
    plan_frame,
)
from tests.proofs import bounded

BEFORE = [
    a_participation(1),
    a_participation(2, served_outside_of_regular_session=False),
    *(a_participation(number) for number in range(3, 8)),
]
AFTER = [
    a_participation(1),
    a_participation(2, end_date="2026-01-31"),
    a_participation(3, begin_date="2025-09-30"),
    a_participation(5, begin_date="2025-09-29"),
    a_participation(6, participation_id="x", resource=CTE),
    a_participation(7),
    a_participation(9),
]
PEOPLE = [{"student_id": str(n), "student_unique_id": f"S-{n}"} for n in (1, 2, 3, 5, 6, 9)]
PEOPLE.append({"student_id": "7", "student_unique_id": "S-SEVEN"})


def published() -> pd.DataFrame:
    """The identity map of `BEFORE`."""
    before = a_build(*BEFORE)
    ids = before.records["student_unique_id"].str.replace("S", "id")
    return identity_map_of(before, ids=ids).assign(etag="7")


@cache
def each_kind() -> Plan:
    """A plan with a student for each kind of change, which no test may change."""
    return plan(a_build(*AFTER, students=PEOPLE), identity_map=published())


def items_of(student: str) -> pd.DataFrame:
    """The items of a student in `each_kind`."""
    items = each_kind().items
    return items[items["student_unique_id"].eq(student)]


def the_item(student: str) -> pd.Series:
    (row,) = [row for _, row in items_of(student).iterrows()]
    return row


def first_plan() -> Plan:
    """Of one record that was not published yet."""
    return plan_once(a_build(a_participation(1)))


def empty_plan() -> Plan:
    """Of nothing."""
    return plan_once(a_build())


# REC-P1 to REC-P6


def test_rec_p1_an_unpublished_record_is_posted():
    item = the_item("S-9")
    assert (item["action"], item["resource"]) == ("POST", GENERAL)
    assert item["body"]["studentReference"] == {"studentUniqueId": "S-9"}
    assert pd.isna(item["ed_fi_id"])
    assert pd.isna(item["pair"])
    assert item["before"] is None
    assert item["diff"] is None
    assert item["rules"][0] == "REC-P1"
    assert item["source_refs"] == ["program_participation:p9", "students:9"]


def test_rec_p2_an_equal_record_is_left_as_it_is():
    item = the_item("S-1")
    assert (item["action"], item["ed_fi_id"], item["body"]) == ("NOOP", "id-1", None)


def test_rec_p3_a_changed_record_is_put_under_its_id_with_the_difference_shown():
    item = the_item("S-2")
    assert (item["action"], item["ed_fi_id"], item["etag"]) == ("PUT", "id-2", "7")
    assert item["diff"] == {"endDate": [None, "2026-01-31"], "servedOutsideOfRegularSession": [False, None]}
    assert item["before"]["servedOutsideOfRegularSession"] is False
    assert item["reason"] == "REC-P3, CERT-EVT-2: changed: endDate, servedOutsideOfRegularSession."


def test_rec_p4_a_record_the_source_lost_is_deleted_and_the_reason_says_why():
    deleted = the_item("S-4")
    assert deleted["action"] == "DELETE"
    assert (
        deleted["reason"] == "REC-P4, CERT-EVT-4: its program_participation row is no longer in the source."
    )
    assert deleted["body"] is None
    assert deleted["before"]["studentReference"] == {"studentUniqueId": "S-4"}
    future = {"future_dated": "suppress_future_begin", "as_of_date": "2025-10-01"}
    skipped = plan(
        a_build(a_participation(1, begin_date="2025-11-01"), settings=future),
        identity_map=identity_map_of(a_build(a_participation(1))),
    ).items
    assert skipped["reason"].iloc[0] == "REC-P4: COM-FUT-1 skips its program_participation row."


def test_rec_p5_what_neither_side_knows_is_no_item():
    assert empty_plan().items.empty


def test_rec_p6_a_moved_key_is_one_linked_pair_delete_first():
    """COM-KEY-3, COM-SRC-1."""
    items = items_of("S-3")
    assert items["action"].tolist() == ["DELETE", "POST"]
    assert items["pair"].tolist() == [1, 1]
    assert items["ed_fi_id"].iloc[0] == "id-3"
    assert items["rules"].iloc[0] == ["REC-P6", "COM-KEY-3"]
    assert items["rules"].iloc[1][:2] == ["REC-P6", "COM-KEY-3"]
    assert "its key moved (begin date)" in items["reason"].iloc[1]
    assert items["diff"].iloc[1] == {"beginDate": ["2025-08-23", "2025-09-30"]}


def test_the_order_is_pairs_then_creates_updates_deletes_and_noops():
    """Order and items of a plan (docs/concepts.md)."""
    assert plan_frame(each_kind()) == [
        ("DELETE", "S-3"),
        ("POST", "S-3"),
        ("DELETE", "S-5"),
        ("POST", "S-5"),
        ("DELETE", "S-6"),
        ("POST", "S-6"),
        ("DELETE", "S-7"),
        ("POST", "S-SEVEN"),
        ("POST", "S-9"),
        ("PUT", "S-2"),
        ("DELETE", "S-4"),
        ("NOOP", "S-1"),
    ]


# Keys and equality


def test_com_key_2_descriptors_compare_without_case_and_program_names_exactly():
    result = a_build(a_participation(1), a_participation(2))
    mapped = identity_map_of(result).set_index("student_unique_id")
    for student, name in (("S-1", "program_type_descriptor"), ("S-2", "program_name")):
        mapped.loc[student, name] = mapped.loc[student, name].upper()
    made = plan(result, identity_map=mapped.reset_index())
    assert plan_frame(made) == [("DELETE", "S-2"), ("POST", "S-2"), ("NOOP", "S-1")]


def test_com_eq_1_order_and_nulls_do_not_count():
    result = a_build(*(a_participation(number, end_date="2026-01-31") for number in (1, 2)))
    mapped = identity_map_of(result)
    value, text = (
        dict(reversed(body.items()), reasonExitedDescriptor=None, services=[]) for body in mapped["last_body"]
    )
    again = mapped.assign(last_body=pd.Series([value, json.dumps(text)], dtype=object))
    assert plan(result, identity_map=again).items["action"].tolist() == ["NOOP", "NOOP"]


def test_an_identity_map_may_hold_text_dates_and_lack_what_is_not_needed():
    """A.7."""
    result = a_build(a_participation(1))
    mapped = identity_map_of(result)
    spare = mapped.drop(columns=["etag", "feed", "source_refs", "school_year", "last_status"])
    spare = spare.assign(begin_date="2025-08-23", last_body=[json.dumps(body) for body in spare["last_body"]])
    assert plan(result, identity_map=spare).items["action"].tolist() == ["NOOP"]
    assert plan(result, identity_map=mapped.drop(columns=list(KEY_COLUMNS))).items["action"].tolist() == [
        "NOOP"
    ]
    assert plan(result, identity_map=pd.DataFrame()).items["action"].tolist() == ["POST"]


def test_rows_of_other_feeds_years_and_resources_are_never_looked_at():
    """A.7."""
    result = a_build(a_participation(1))
    mapped = identity_map_of(result)
    others = (
        mapped.assign(school_year=2025),
        mapped.assign(resource="staffProgramAssociations"),
        mapped.assign(feed="https://ods|certification|another district"),
    )
    made = plan(result, identity_map=pd.concat(others, ignore_index=True))
    assert made.items["action"].tolist() == ["POST"]
    named = mapped.assign(feed="https://ods|certification|north")
    assert plan(result, identity_map=named, source_name="north").items["action"].tolist() == ["NOOP"]
    two = pd.concat([named, named.assign(feed="https://other|certification|north")])
    with pytest.raises(PlanError, match="several targets"):
        plan(result, identity_map=two, source_name="north")


# COM-SRC-1


def test_com_src_1_the_same_key_under_another_resource_is_a_pair():
    items = items_of("S-6")
    assert list(zip(items["action"], items["resource"], items["pair"], strict=True)) == [
        ("DELETE", GENERAL, 3),
        ("POST", CTE, 3),
    ]


def test_com_src_1_empty_references_never_match():
    before, after = a_build(a_participation(1)), a_build(a_participation(1, begin_date="2025-09-30"))
    mapped = identity_map_of(before).assign(source_refs=pd.Series([[]], dtype=object))
    items = plan(after, identity_map=mapped).items
    assert items["action"].tolist() == ["POST", "DELETE"]
    assert items["pair"].isna().all()


def test_com_src_1_ties_go_by_organization_then_begin_date():
    def moved(*facts):
        result = a_build(*(a_participation(number) for number in range(len(facts))))
        rows = pd.DataFrame(
            {
                "resource": GENERAL,
                "begin_date": pd.to_datetime([begin for begin, _ in facts]).astype("datetime64[us]"),
                "education_organization_id": pd.array([org for _, org in facts], dtype="Int64"),
                "program_name": [f"{begin}{org}" for begin, org in facts],
            }
        )
        records = result.records.assign(**{name: rows[name] for name in rows})
        records["source_refs"] = pd.Series([["cte_records:c1", "students:1"]] * len(facts), dtype=object)
        bodies = [
            {**body, "programReference": {**body["programReference"], "programName": name}}
            for body, name in zip(records["body"], rows["program_name"], strict=True)
        ]
        records["body"] = pd.Series(bodies, dtype=object)
        return type(result)(**{**vars(result), "records": records})

    before = moved(("2025-09-01", LEA), ("2025-10-01", SCHOOL), ("2025-11-01", LEA))
    after = moved(("2025-09-02", SCHOOL), ("2025-10-02", LEA), ("2025-11-02", 7))
    items = plan(after, identity_map=identity_map_of(before)).items
    old = items[items["action"].eq("DELETE")].set_index("pair")["program_name"]
    new = items[items["action"].eq("POST")].set_index("pair")["program_name"]
    assert {old[pair]: new[pair] for pair in old.index} == {
        f"2025-09-01{LEA}": f"2025-10-02{LEA}",
        f"2025-10-01{SCHOOL}": f"2025-09-02{SCHOOL}",
        f"2025-11-01{LEA}": "2025-11-027",
    }


def test_a_corrected_student_id_moves_the_record():
    (old,), (new,) = (items_of(student).to_dict("records") for student in ("S-7", "S-SEVEN"))
    assert [(each["action"], each["pair"]) for each in (old, new)] == [("DELETE", 4), ("POST", 4)]
    assert "(student unique id)" in old["reason"]


# What is not planned


def test_com_tog_1_a_resource_switched_off_has_no_items_and_keeps_its_identities():
    before = a_build(a_participation(1), a_participation(2, resource=CTE))
    off = [{"resource": GENERAL, "enabled": False}]
    after = a_build(a_participation(2, resource=CTE, end_date="2026-01-31"), resource_preferences=off)
    made = plan(after, identity_map=identity_map_of(before))
    assert plan_frame(made) == [("PUT", "S-2")]
    assert "RESOURCE_OFF" in codes(made)
    assert GENERAL not in made.scope.resources


@pytest.mark.parametrize("mode", ["publish", "resync"])
def test_an_invalid_configuration_plans_nothing(mode):
    before = a_build(a_participation(1))
    after = a_build(edfi_config=[{"school_year": 2026, "valid": False}])
    made = plan(after, identity_map=identity_map_of(before), ods=pd.DataFrame(), mode=mode)
    assert made.items.empty
    assert codes(made) == ["CONFIG_INVALID"]


@pytest.mark.parametrize("mode", ["publish", "resync"])
def test_wi_cfg_1_a_build_that_publishes_nothing_plans_nothing(mode):
    before = a_build(a_participation(1))
    silent = type(before)(**{**vars(a_build()), "publishes": False})
    made = plan(silent, identity_map=identity_map_of(before), ods=pd.DataFrame(), mode=mode)
    assert made.items.empty
    assert codes(made) == ["NOT_PUBLISHED", "not-published"]
    assert made.breaches == ("not-published",)


def test_an_unknown_mode_is_refused_with_the_known_ones():
    with pytest.raises(PlanError, match="publish, resync"):
        plan(a_build(), mode="sync")


# Errors hold


@cache
def with_held() -> Plan:
    """A plan whose records S-1, S-3 and S-4 validation holds; no test may change it."""
    before = a_build(a_participation(1), a_participation(2), a_participation(4))
    after = a_build(
        a_participation(1, end_date="2026-01-31"),
        a_participation(2),
        a_participation(3),
        a_participation(4, begin_date="2025-09-30"),
    )
    return plan(checked(after, "S-1", "S-3", "S-4"), identity_map=identity_map_of(before))


def test_a_held_record_is_left_alone_published_or_not():
    assert plan_frame(with_held()) == [("NOOP", "S-2")]
    held = with_held().findings[with_held().findings["code"].eq("HELD")]
    assert sorted(set(held["student_unique_id"])) == ["S-1", "S-3", "S-4"]
    assert held["student_unique_id"].isin(["S-1", "S-3"]).sum() == 2
    assert set(held["severity"]) == {"warning"}


def test_a_held_record_keeps_the_key_it_moved_from():
    found = with_held().findings
    held = found[found["code"].eq("HELD") & found["student_unique_id"].eq("S-4")]
    assert sorted(held["begin_date"].dt.day) == [23, 30]


def test_a_record_whose_row_is_a_load_error_is_held_not_deleted():
    before = a_build(a_participation(1), a_participation(2), a_participation(3))
    people = [
        {"student_id": "1", "student_unique_id": "S-1"},
        {"student_id": "2", "student_unique_id": "S-2"},
        {"student_id": "3", "student_unique_id": "S-3", "state_exclude": "perhaps"},
    ]
    after = a_build(
        a_participation(1, begin_date="2025-02-30"), a_participation(2), a_participation(3), students=people
    )
    made = plan(after, identity_map=identity_map_of(before))
    assert plan_frame(made) == [("NOOP", "S-2")]
    held = made.findings[made.findings["code"].eq("HELD")]
    assert sorted(held["student_unique_id"]) == ["S-1", "S-3"]


def test_a_load_error_that_lost_its_id_holds_every_vanished_row_of_its_table():
    before = a_build(a_participation(1), a_participation(2))
    nameless = a_participation(1, participation_id=None)
    made = plan(a_build(nameless, a_participation(2)), identity_map=identity_map_of(before))
    assert plan_frame(made) == [("NOOP", "S-2")]
    assert codes(made).count("HELD") == 1


def test_notices_become_findings_and_never_critical():
    made = plan(a_build(a_participation(1, end_date="2026-01-31")))
    notice = made.findings[made.findings["code"].eq("END_WITHOUT_REASON")].iloc[0]
    assert notice["severity"] == "info"
    assert notice["hint"]


# The value


def test_a_plan_has_its_columns_and_types_even_when_it_is_empty():
    for made in (empty_plan(), each_kind()):
        for frame, schema in ((made.items, ITEMS), (made.findings, FINDINGS)):
            assert list(frame.columns) == list(schema)
            kinds = {name: "object" if kind in (LIST, JSON) else kind for name, kind in schema.items()}
            assert frame.dtypes.astype(str).to_dict() == kinds
        assert made.items["begin_date"].dtype == "datetime64[us]"
        assert made.items["pair"].dtype == "Int64"
        assert list(made.summary().columns) == ["action", "resource", "items", "pairs"]


def test_the_same_input_gives_the_same_plan_whatever_the_order_of_rows():
    first = each_kind()
    other = a_build(*reversed(AFTER), students=PEOPLE[::-1])
    second = plan(other, identity_map=published().iloc[::-1])
    pd.testing.assert_frame_equal(first.items, second.items)
    assert first.fingerprint == second.fingerprint


def test_the_fingerprint_is_the_same_whatever_stands_for_an_empty_cell():
    made = first_plan()
    for name in ("ed_fi_id", "pair"):
        emptied = Plan(made.items.assign(**{name: None}), made.findings, made.scope, made.mode)
        assert emptied.fingerprint == made.fingerprint


def test_the_fingerprint_names_feed_ids_and_bodies():
    result = a_build(a_participation(1))
    changed = a_build(a_participation(1, end_date="2026-01-31"))
    prints = {
        first_plan().fingerprint,
        plan(changed).fingerprint,
        plan(result, source_name="other").fingerprint,
        plan(changed, identity_map=identity_map_of(result, ids=["a"])).fingerprint,
        plan(changed, identity_map=identity_map_of(result, ids=["b"])).fingerprint,
    }
    assert len(prints) == 5
    assert all(len(each) == 16 for each in prints)


def test_a_saved_plan_comes_back_exactly_and_is_readable_by_its_owner_only(tmp_path):
    for made in (each_kind(), empty_plan()):
        folder = made.save(tmp_path / "run")
        loaded = Plan.load(folder)
        pd.testing.assert_frame_equal(loaded.items, made.items)
        pd.testing.assert_frame_equal(loaded.findings, made.findings)
        pd.testing.assert_frame_equal(loaded.shapes, made.shapes)
        pd.testing.assert_series_equal(loaded.items["body_hash"], made.items["body_hash"])
        assert (loaded.fingerprint, loaded.scope, loaded.mode) == (made.fingerprint, made.scope, made.mode)
        assert loaded.breaches == made.breaches
        assert {path.name for path in folder.iterdir()} == {"plan.parquet", "plan.json", "shapes.parquet"}
        assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])


def test_a_plan_saved_before_sources_had_shapes_is_read(tmp_path):
    made = first_plan()
    folder = made.save(tmp_path)
    about = json.loads((folder / "plan.json").read_text()) | {"format": 3}
    (folder / "plan.json").write_text(json.dumps(about))
    (folder / "shapes.parquet").unlink()
    loaded = Plan.load(folder)
    assert (loaded.fingerprint, len(loaded.shapes)) == (made.fingerprint, 0)


def test_a_plan_changed_on_disk_is_refused(tmp_path):
    folder = first_plan().save(tmp_path)
    rows = pd.read_parquet(folder / "plan.parquet")
    rows["body"] = rows["body"].str.replace("S-1", "S-2")
    rows.to_parquet(folder / "plan.parquet")
    with pytest.raises(ConfigError, match="changed after it was saved"):
        Plan.load(folder)
    with pytest.raises(ConfigError, match=r"nowhere/plan\.json cannot be read"):
        Plan.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "was", "becomes"),
    [
        ("plan.json", b'"format"', b'"formbt"'),
        ("plan.json", b'"source"', b'"sovrce"'),
        ("plan.parquet", b"PAR1", b""),
        ("shapes.parquet", b"PAR1", b""),
    ],
)
def test_a_damaged_plan_is_refused_with_its_file_and_what_to_do(tmp_path, name, was, becomes):
    folder = first_plan().save(tmp_path)
    content = (folder / name).read_bytes()
    assert was in content
    (folder / name).write_bytes(content.replace(was, becomes, 1))
    with pytest.raises(ConfigError, match=rf"{name} cannot be read .* Preview again: .*'edfi-toolkit plan'"):
        Plan.load(folder)


def test_a_plan_shows_itself_without_students():
    made = first_plan()
    assert repr(made) == f"<Plan {made.fingerprint}: 1 POST>"
    assert "S-1" not in " ".join(made.items["reason"])


records = st.dictionaries(
    st.integers(0, 7), st.tuples(st.sampled_from([1, 2]), st.sampled_from([None, 10, 20]))
)


@cache
def all_that_end(end: int | None) -> Build:
    """Each student with either begin."""
    return a_build(
        *(
            a_participation(
                number,
                participation_id=f"p{number} {begin}",
                begin_date=f"2025-09-0{begin}",
                end_date=end and f"2026-01-{end}",
            )
            for number in range(8)
            for begin in (1, 2)
        )
    )


def build_in(state: dict[int, tuple[int, int | None]]) -> Build:
    """A build of the records of a state, begin and end by student."""
    chosen = {(f"S-{number}", begin): end for number, (begin, end) in state.items()}
    parts = []
    for end in (None, 10, 20):
        records = all_that_end(end).records
        keys = zip(records["student_unique_id"], records["begin_date"].dt.day, strict=True)
        parts.append(records[[chosen.get(key, "") == end for key in keys]])
    return replace(all_that_end(None), records=pd.concat(parts, ignore_index=True))


@pytest.mark.volume
@bounded(6)
@given(before=records, after=records)
def test_applying_a_plan_ends_in_exactly_what_the_source_says(before, after):
    """From any state to any other, by key and body."""

    def bodies(result):
        return {(row.begin_date, row.student_unique_id): row.body for row in result.records.itertuples()}

    old, new = build_in(before), build_in(after)
    state = dict(zip(identity_map_of(old)["ed_fi_id"], old.records["body"], strict=True))
    for row in plan(new, identity_map=identity_map_of(old)).items.itertuples():
        if row.action == "DELETE":
            del state[row.ed_fi_id]
        elif row.action == "PUT":
            assert state[row.ed_fi_id] == row.before
            state[row.ed_fi_id] = row.body
        elif row.action == "POST":
            state[f"new {row.Index}"] = row.body
    assert sorted(state.values(), key=str) == sorted(bodies(new).values(), key=str)
