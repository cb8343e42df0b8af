"""Profile wi-infinite-campus: the edge cases of Wisconsin, the events, and the settings."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.rules import build
from tests.factories.builds import build_of
from tests.factories.participations import events_by_action
from tests.factories.together import Builds, Plans, one_of

PROFILE = "wi-infinite-campus"


def enrolled(row_id="20", **values):
    return {
        "enrollment_id": row_id, "student_id": "2", "school_id": "A", "calendar_id": "CA", "start_date": "2025-09-02",
        "end_date": "2026-06-05", **values,
    }  # fmt: skip


def a_504(row_id="f1", **values):
    return {"record_id": row_id, "student_id": "2", "start_date": "2024-03-01", **values}


def a_ceis(row_id="k1", **values):
    return {"record_id": row_id, "student_id": "2", "start_date": "2025-10-06", **values}


def a_mode(row_id="m1", **values):
    return {
        "record_id": row_id, "student_id": "2", "start_date": "2025-09-08", "school_number": "0040",
        "learning_modality": "Remote", **values,
    }  # fmt: skip


def tables(*enrollments, school=(), calendar=(), config=(), **more):
    """One student, two schools, and these enrollments (one by default)."""
    return {
        "edfi_config": [{"school_year": 2026, **dict(config)}],
        "schools": [
            {"school_id": "A", "school_number": "0040", "ed_fi_school_id": 301240, **dict(school)},
            {"school_id": "B", "school_number": "0060", "ed_fi_school_id": 301260},
        ],
        "calendars": [
            {"calendar_id": "CA", "school_id": "A", "school_year": 2026, **dict(calendar)},
            {"calendar_id": "CB", "school_id": "B", "school_year": 2026},
        ],
        "students": [{"student_id": "2", "student_unique_id": "7000000002"}],
        "enrollments": list(enrollments) or [enrolled()],
        **more,
    }


def built(*enrollments, settings=None, **more):
    return build_of(tables(*enrollments, **more), profile=PROFILE, settings=settings)


def skips(result):
    return dict(zip(result.skipped["id"], result.skipped["rule"], strict=True))


def spans(result):
    return [(each["beginDate"], each.get("endDate")) for each in result.records["body"]]


def programs(result):
    return sorted(result.records["program_name"])


def codes(result):
    return list(result.notices["code"])


def items(before, after, settings=None):
    first, second = (build_of(rows, profile=PROFILE, settings=settings) for rows in (before, after))
    return plan(second, identity_map=identity_map_of(first)).items


def actions(before, after, settings=None):
    return Counter(items(before, after, settings)["action"])


AT_ONCE, MOVES = Builds(PROFILE), Plans(PROFILE)


def together(*enrollments, **more):
    """As `built`, of all such cases at once."""
    return AT_ONCE.add(tables(*enrollments, **more))


def of(*enrollments, **more):
    """Give the test what is built from these enrollments and tables."""
    return one_of("result", together(*enrollments, **more))


def moves(before, after):
    """Give the test the plan from one state to the other."""
    return one_of("move", MOVES.add(before, after))


CESA = {"third_party_provider": "CESA"}
WITH_504 = {"section504_records": [a_504()]}
WITH_MODE = {"instruction_mode_records": [a_mode()]}
EL = {"wi.ell_in_spa": True, "wi.ell_program_name": "EL", "wi.ell_program_type": "Bilingual"}
EL_AT_ONCE = Builds(PROFILE, EL)
LENIENT = Builds(
    PROFILE,
    {
        "wi.ceis_before_enrollment": "use_enrollment_start",
        "wi.modality_before_enrollment": "earliest_overlap",
        "wi.modality_enrollment_rules": "block_only",
        "wi.split_overlaps": True,
    },
)
STRICT = Builds(PROFILE, {"wi.section504_requires_eligible": True, "wi.enrollment_type_scope": "all"})


NOT_QUALIFYING = [
    ("WI-ENR-1", {}, {"students": [{"student_id": "2"}]}),
    ("WI-ENR-2", {"start_date": None}, {}),
    ("WI-ENR-2", {"end_date": "2025-09-01"}, {}),
    ("WI-ENR-3", {"calendar_id": None}, {}),
    ("WI-ENR-3", {}, {"calendar": {"school_year": 2025}}),
    ("WI-ENR-3", {"start_date": "2026-07-01", "end_date": None}, {}),
    ("WI-ENR-4", {"state_exclude": True}, {}),
    ("WI-ENR-5", {"no_show": True}, {}),
    ("WI-ENR-6", {"wise_exclude": True}, {}),
    ("WI-ENR-7", {}, {"calendar": {"state_exclude": True}}),
    ("WI-ENR-8", {}, {"calendar": {"summer_school": True}}),
    ("WI-ENR-9", {}, {"school": {"state_exclude": True}}),
    ("WI-ENR-10", {}, {"school": {"ed_fi_school_id": None}}),
    ("WI-ENR-11", {"service_type": "S"}, {}),
]


@pytest.mark.parametrize(
    ("rule", "result"),
    [(rule, together(enrolled(**CESA, **enrollment), **more)) for rule, enrollment, more in NOT_QUALIFYING],
)
def test_wi_enr_an_enrollment_that_does_not_qualify_names_the_rule(rule, result):
    assert result.records.empty
    assert skips(result) == {"20": rule}


@of(enrolled(no_show=True))
def test_enrollments_without_a_trigger_are_not_applicable_and_not_reported(result):
    assert skips(result) == {}


@of(enrolled(state_exclude=True, no_show=True, **CESA))
def test_excluded_and_no_show_at_once_is_one_line(result):
    assert skips(result) == {"20": "WI-ENR-4"}


@moves(tables(enrolled(**CESA)), tables(enrolled(no_show=True, **CESA)))
def test_wi_evt_15_no_show_after_publish_deletes(move):
    assert move.actions == {"DELETE": 1}
    assert events_by_action(move.items) == {"DELETE": "WI-EVT-15"}


@moves(tables(enrolled(no_show=True, **CESA)), tables(enrolled(**CESA)))
def test_no_show_cleared_again_posts(move):
    assert move.actions == {"POST": 1}


@moves(
    tables(enrolled(**CESA), **WITH_504),
    tables(enrolled(**CESA), school={"state_exclude": True}, **WITH_504),
)
def test_wi_evt_18_an_excluded_school_deletes_all_its_records(move):
    assert move.actions == {"DELETE": 2}


OTHERWISE = Plans(
    PROFILE, {"wi.exclude_after_publish": "retain", "wi.modality_enrollment_rules": "block_only"}
)


@pytest.mark.parametrize(
    "move",
    [
        OTHERWISE.add(tables(enrolled(**CESA)), tables(enrolled(**CESA), **WITH_504, **excluded))
        for excluded in ({"school": {"state_exclude": True}}, {"calendar": {"state_exclude": True}})
    ],
)
def test_wi_evt_18_retain_keeps_what_was_sent_and_builds_nothing_new(move):
    assert move.actions == {}
    assert move.codes == ["RETAINED"]


@of(enrolled(override_ed_fi_school_id=399901, **CESA), school={"ed_fi_school_id": None})
def test_wi_enr_10_an_override_does_not_replace_the_entity_id(result):
    assert skips(result) == {"20": "WI-ENR-10"}


@of(enrolled(**CESA), calendar={"summer_school": True}, ceis_records=[a_ceis()], **WITH_504, **WITH_MODE)
def test_wi_enr_8_a_summer_calendar_gives_nothing_for_any_trigger(result):
    assert result.records.empty


@of(enrolled(service_type=None, **CESA))
def test_a_missing_service_type_counts_as_primary(result):
    assert len(result.records) == 1


@pytest.mark.parametrize(
    ("year", "begin"), [(2024, "2023-09-01"), (2025, "2024-09-03"), (2026, "2025-09-02")]
)
def test_wi_scp_3_a_504_of_three_years_begins_each_year_with_the_enrollment(year, begin):
    rows = tables(
        enrolled("1", calendar_id="C4", start_date="2023-09-01", end_date="2024-06-07"),
        enrolled("2", calendar_id="C5", start_date="2024-09-03", end_date="2025-06-06"),
        enrolled("3", calendar_id="CA"),
        section504_records=[a_504(start_date="2023-01-10")],
    )
    rows["calendars"] += [
        {"calendar_id": "C4", "school_id": "A", "school_year": 2024},
        {"calendar_id": "C5", "school_id": "A", "school_year": 2025},
    ]
    rows["edfi_config"] = [{"school_year": each} for each in (2024, 2025, 2026)]
    result = build_of(rows, profile=PROFILE, school_year=year)
    assert [each["beginDate"] for each in result.records["body"]] == [begin]


@of(enrolled(end_date="2025-12-19"), section504_records=[a_504(start_date="2026-01-05")])
def test_wi_504_3_a_504_after_the_enrollment_finds_none(result):
    assert skips(result) == {"f1": "WI-504-3"}


@of(enrolled(end_date="2025-12-19"), section504_records=[a_504(start_date="2025-12-19")])
def test_wi_504_3_one_shared_day_is_enough(result):
    assert spans(result) == [("2025-12-19", "2025-12-19")]


@of(enrolled(end_date=None), **WITH_504)
def test_wi_ele_7_open_ends_send_no_end(result):
    assert spans(result) == [("2025-09-02", None)]


@of(enrolled(end_date="2026-02-29", **CESA))
def test_com_nrm_3_a_day_that_does_not_exist_is_a_load_error(result):
    assert skips(result) == {"20": "COM-NRM-3"}
    assert result.records.empty


def test_com_nrm_3_a_leap_day_is_a_day():
    leap = tables(
        enrolled(start_date="2024-02-29", end_date="2024-06-07", **CESA),
        calendar={"school_year": 2024}, config={"school_year": 2024},
    )  # fmt: skip
    assert build(leap, profile=PROFILE).records["body"][0]["beginDate"] == "2024-02-29"


BACKWARDS = {"section504_records": [a_504(end_date="2024-02-28")]}


@of(**BACKWARDS)
@moves(tables(**WITH_504), tables(**BACKWARDS))
def test_com_val_1_an_end_before_the_begin_skips_and_holds_what_was_sent(result, move):
    assert skips(result) == {"f1": "WI-504-1"}
    (says,) = result.skipped["detail"]
    assert says.endswith("ends before it starts: start date 2024-03-01, end date 2024-02-28.")
    assert move.actions == {}


@of(enrolled(end_date="2025-09-02", **CESA))
def test_com_val_1_an_end_on_the_day_of_the_begin_is_sent(result):
    assert spans(result) == [("2025-09-02", "2025-09-02")]


@of(enrolled("20", **CESA), enrolled("21", service_type="N", end_date="2025-12-01", **CESA))
def test_wi_mul_2_primary_wins_over_special_services(result):
    assert spans(result) == [("2025-09-02", "2026-06-05")]
    assert codes(result) == ["DUP_KEY"]


@pytest.mark.parametrize(
    "result",
    [
        together(enrolled(high, end_date="2026-01-01", **CESA), enrolled(low, end_date="2026-02-02", **CESA))
        for low, high in (("20", "21"), ("9", "10"))
    ],
)
def test_wi_mul_2_the_higher_id_wins_as_a_number(result):
    assert spans(result) == [("2025-09-02", "2026-01-01")]


@of(enrolled("20"), enrolled("21", start_date="2025-10-01"), **WITH_504)
def test_wi_mul_3_overlapping_enrollments_with_an_older_504_give_two_records_and_a_warning(result):
    assert len(result.records) == 2
    assert codes(result) == ["OVERLAP"]


@of(
    enrolled("20"),
    enrolled("21", start_date="2025-10-01"),
    section504_records=[a_504(start_date="2025-11-03")],
)
def test_wi_mul_2_a_504_younger_than_both_gives_one_record(result):
    assert len(result.records) == 1


@of(enrolled("20"), enrolled("21", school_id="B", calendar_id="CB"), **WITH_504)
def test_wi_mul_1_overlaps_at_two_schools_are_no_warning(result):
    assert len(result.records) == 2
    assert codes(result) == []


@of(ceis_records=[a_ceis()])
def test_wi_ele_7_a_ceis_record_without_end_does_not_take_the_enrollments(result):
    assert spans(result) == [("2025-10-06", None)]


@pytest.mark.parametrize(
    ("result", "begins"),
    [
        (
            together(enrolled(coord_early_intervention=flag), ceis_records=[a_ceis(start_date="2025-09-01")]),
            begins,
        )
        for flag, begins in (("Y", ["2025-09-02"]), (None, []))
    ],
)
def test_wi_ceis_2_a_ceis_record_before_the_enrollment_is_not_attached(result, begins):
    assert [begin for begin, _ in spans(result)] == begins
    assert skips(result) == {"k1": "WI-CEIS-2"}


@one_of("result", LENIENT.add(tables(ceis_records=[a_ceis(start_date="2025-09-01")])))
def test_wi_ceis_2_may_use_the_start_of_the_enrollment(result):
    assert spans(result) == [("2025-09-02", None)]


@of(enrolled("20", end_date="2025-10-01"), enrolled("21", start_date="2025-11-01"), ceis_records=[a_ceis()])
def test_wi_ceis_2_a_start_in_a_gap_is_skipped(result):
    assert skips(result) == {"k1": "WI-CEIS-2"}


def test_wi_ceis_3_a_record_beats_the_flag():
    result = built(enrolled(coord_early_intervention="Y"), ceis_records=[a_ceis(start_date="2025-09-02")])
    assert result.records["source_refs"][0][0] == "ceis_records:k1"
    assert spans(result) == [("2025-09-02", None)]


@of(enrolled(third_party_provider=" cesa "))
def test_com_nrm_5_a_provider_is_read_without_case_and_blanks(result):
    assert programs(result) == ["Third Party - CESA"]


@pytest.mark.parametrize(
    "result", [together(enrolled(third_party_provider=each)) for each in ("NONE", "none", None)]
)
def test_wi_tp_1_no_provider_gives_no_record(result):
    assert result.records.empty


@moves(tables(enrolled(third_party_provider="X")), tables(enrolled(third_party_provider="Y1")))
def test_wi_evt_14_from_one_private_provider_to_another_changes_nothing(move):
    assert move.actions == {"NOOP": 1}


@of(enrolled(coord_early_intervention="Y", **CESA))
def test_wi_tp_1_ceis_and_a_provider_give_two_records(result):
    assert programs(result) == ["Coordinated Early Intervening Services", "Third Party - CESA"]


@of(enrolled(**CESA))
def test_wi_ele_3_program_names_have_an_ascii_hyphen(result):
    names = {*programs(result), *programs(built(enrolled(third_party_provider="X")))}
    assert names == {"Third Party - CESA", "Third Party - Other"}
    assert all(name.isascii() for name in names)


def two_schools(**second):
    return enrolled("30"), enrolled("31", school_id="B", calendar_id="CB", **second)


def two_modes(**second):
    return {"instruction_mode_records": [a_mode("m1"), a_mode("m2", school_number="0060", **second)]}


@of(*two_schools(), **two_modes())
def test_wi_mul_4_modality_at_two_schools_from_one_day_is_no_collision(result):
    assert len(result.records) == 2
    assert codes(result) == []


AWAY = {"override_ed_fi_school_id": 399901}


@of(enrolled("30", **AWAY), enrolled("31", school_id="B", calendar_id="CB", **AWAY), **two_modes())
def test_wi_mul_4_one_override_on_both_gives_one_record_and_a_warning(result):
    assert len(result.records) == 1
    assert codes(result) == ["DUP_KEY"]


@pytest.mark.parametrize(
    "result", [together(instruction_mode_records=[a_mode(school_number=each)]) for each in ("A", "40")]
)
def test_wi_mod_4_only_the_exact_school_number_matches(result):
    assert skips(result) == {"m1": "WI-MOD-4"}


EARLY = {"instruction_mode_records": [a_mode(start_date="2025-08-15")]}


@one_of("overlap", LENIENT.add(tables(**EARLY)))
@of(**EARLY)
def test_wi_mod_4_a_start_before_the_enrollment(result, overlap):
    assert skips(result) == {"m1": "WI-MOD-4"}
    assert spans(overlap) == [("2025-08-15", None)]


@pytest.mark.parametrize(
    ("result", "skipped"),
    [
        (together(instruction_mode_records=[a_mode(end_date=end)]), skipped)
        for end, skipped in (("2026-07-01", {"m1": "WI-MOD-2"}), ("2026-06-30", {}))
    ],
)
def test_wi_mod_2_wi_scp_2_the_end_lies_inside_the_year(result, skipped):
    assert skips(result) == skipped


@of(enrolled(state_enrollment_type="C"), **WITH_MODE, **WITH_504)
def test_wi_mod_4_a_coursework_enrollment_gives_no_modality_but_its_504(result):
    assert skips(result) == {"m1": "WI-MOD-4"}
    assert programs(result) == ["Section 504 Placement"]


@of(enrolled(state_enrollment_type="PPP"), **WITH_MODE)
def test_wi_mod_4_ppp_gives_modality(result):
    assert programs(result) == ["Remote"]


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        (together(instruction_mode_records=[a_mode(learning_modality=typed)]), sent)
        for typed, sent in (("HYBRID", "Hybrid"), ("In Person", "In-Person"), ("in-person", "In-Person"))
    ],
)
def test_the_modality_is_sent_in_its_own_spelling(result, sent):
    assert programs(result) == [sent]


@of(instruction_mode_records=[a_mode(learning_modality="Virtual")])
def test_wi_mod_3_an_unknown_modality_is_skipped(result):
    assert skips(result) == {"m1": "WI-MOD-3"}


@moves(tables(**WITH_MODE), tables(instruction_mode_records=[a_mode(learning_modality="Hybrid")]))
def test_wi_evt_7_another_modality_moves_the_record(move):
    assert move.actions == {"DELETE": 1, "POST": 1}
    assert events_by_action(move.items) == {"DELETE": "WI-EVT-7", "POST": "WI-EVT-7"}


@pytest.mark.parametrize("profile", ["choice_only", "choice_private_opt_in"])
def test_wi_cfg_1_a_choice_profile_sends_and_deletes_nothing(profile):
    after = tables(enrolled(**CESA), config={"profile": profile})
    assert skips(build_of(after, profile=PROFILE)) == {"2026": "WI-CFG-1"}
    assert actions(tables(enrolled(**CESA)), after) == {}


def test_wi_cfg_2_an_invalid_configuration_plans_nothing():
    after = tables(enrolled(**CESA), config={"valid": False})
    assert skips(build_of(after, profile=PROFILE)) == {"2026": "WI-CFG-2"}
    assert actions(tables(enrolled(**CESA)), after) == {}


OFF = {"resource_preferences": [{"resource": "studentProgramAssociations", "enabled": False}]}


def test_com_tog_1_a_resource_switched_off_plans_nothing():
    assert actions(tables(enrolled(**CESA)), tables(enrolled(no_show=True, **CESA), **OFF)) == {}


def test_com_tog_1_switched_on_again_sends_the_difference():
    assert actions(tables(enrolled(**CESA), **OFF), tables(enrolled(**CESA), **WITH_504))["POST"] == 1


@of(enrolled(start_date="2025-06-20", end_date="2025-07-10", **CESA), calendar={"school_year": 2025})
def test_wi_enr_3_wi_scp_1_an_enrollment_of_last_years_calendar_is_not_this_years(result):
    assert skips(result) == {"20": "WI-ENR-3"}


@one_of("last", together(enrolled(start_date="2026-06-30", end_date=None, **CESA)))
@one_of("first", together(enrolled(start_date="2025-06-20", end_date="2025-07-01", **CESA)))
@one_of("before", together(enrolled(start_date="2025-06-20", end_date="2025-06-30", **CESA)))
def test_wi_enr_3_one_day_of_the_year_is_enough(before, first, last):
    assert skips(before) == {"20": "WI-ENR-3"}
    assert spans(first) == [("2025-06-20", "2025-07-01")]
    assert spans(last) == [("2026-06-30", None)]


@of(enrolled(calendar_id=None, **CESA))
def test_wi_enr_3_an_enrollment_without_calendar_is_not_this_years(result):
    assert skips(result) == {"20": "WI-ENR-3"}


@moves(
    tables(enrolled(**CESA), **WITH_504),
    tables(enrolled(**CESA), **WITH_504, students=[{"student_id": "2", "student_unique_id": "7000000009"}]),
)
def test_com_key_1_a_corrected_state_id_moves_every_record(move):
    assert move.actions == {"DELETE": 2, "POST": 2}


@of(enrolled(student_id="9", **CESA))
def test_wi_enr_1_an_enrollment_of_an_unknown_student(result):
    assert skips(result) == {"20": "WI-ENR-1"}


def test_empty_tables_build_and_plan_nothing():
    empty = {"edfi_config": [{"school_year": 2026}]}
    assert build_of(empty, profile=PROFILE).records.empty
    assert actions(empty, empty) == {}


@of(
    enrolled("20", start_date="2025-11-02T00:30:00-05:00", **CESA),
    enrolled("21", start_date="2025-08-23T23:30:00Z", **CESA),
)
def test_com_nrm_3_a_timestamp_is_its_written_day(result):
    assert [begin for begin, _ in spans(result)] == ["2025-08-23", "2025-11-02"]


def test_names_never_reach_a_payload():
    names = [
        {"student_id": "2", "student_unique_id": "7000000002", "first_name": "Zoë", "last_name": 'O"Néill'}
    ]
    assert (
        built(enrolled(**CESA), students=names)
        .records["body"]
        .equals(built(enrolled(**CESA)).records["body"])
    )


EVENTS = [
    ("WI-EVT-1 or WI-EVT-4", {}, {"enrollment": {"coord_early_intervention": "Y"}}, {"POST": 1}),
    ("WI-EVT-1 or WI-EVT-4", {}, {"ceis_records": [a_ceis()]}, {"POST": 1}),
    ("WI-EVT-2 or WI-EVT-4", {}, {"enrollment": CESA}, {"POST": 1}),
    ("WI-EVT-3 or WI-EVT-4", {}, WITH_504, {"POST": 1}),
    (
        "WI-EVT-2 or WI-EVT-4",
        {"enrollment": CESA, "calendar": {"state_exclude": True}},
        {"enrollment": CESA},
        {"POST": 1},
    ),
    (
        "WI-EVT-2 or WI-EVT-4",
        {"enrollment": CESA, "school": {"state_exclude": True}},
        {"enrollment": CESA},
        {"POST": 1},
    ),
    ("WI-EVT-4 or WI-EVT-5", {}, WITH_MODE, {"POST": 1}),
    ("WI-EVT-6", WITH_MODE, {"instruction_mode_records": [a_mode(end_date="2025-11-14")]}, {"PUT": 1}),
    (
        "WI-EVT-7",
        WITH_MODE,
        {"instruction_mode_records": [a_mode(start_date="2025-09-09")]},
        {"DELETE": 1, "POST": 1},
    ),
    ("WI-EVT-8", WITH_MODE, {}, {"DELETE": 1}),
    ("WI-EVT-10", {"enrollment": CESA}, {"enrollment": {**CESA, "end_date": "2026-06-12"}}, {"PUT": 1}),
    ("WI-EVT-10", WITH_504, {"section504_records": [a_504(end_date="2026-01-09")]}, {"PUT": 1}),
    ("WI-EVT-11", {"ceis_records": [a_ceis()]}, {}, {"DELETE": 1}),
    (
        "WI-EVT-11",
        {"enrollment": {"coord_early_intervention": "Y"}},
        {"enrollment": {"coord_early_intervention": "N"}},
        {"DELETE": 1},
    ),
    (
        "WI-EVT-11",
        {"enrollment": {"coord_early_intervention": "Y"}, "ceis_records": [a_ceis()]},
        {"enrollment": {"coord_early_intervention": "Y"}},
        {"DELETE": 1, "POST": 1},
    ),
    (
        "WI-EVT-11",
        {
            "enrollment": {"coord_early_intervention": "Y"},
            "ceis_records": [a_ceis(start_date="2025-09-02")],
        },
        {"enrollment": {"coord_early_intervention": "Y"}},
        {"PUT": 1},
    ),
    (
        "WI-EVT-11",
        {
            "enrollment": {"coord_early_intervention": "Y"},
            "ceis_records": [a_ceis(start_date="2025-09-02", end_date="2026-06-05")],
        },
        {"enrollment": {"coord_early_intervention": "Y"}},
        {"NOOP": 1},
    ),
    ("WI-EVT-12", {"enrollment": CESA}, {"enrollment": {"third_party_provider": "NONE"}}, {"DELETE": 1}),
    (
        "WI-EVT-13",
        {"enrollment": CESA},
        {"enrollment": {"third_party_provider": "X"}},
        {"DELETE": 1, "POST": 1},
    ),
    ("WI-EVT-15", {"enrollment": CESA}, {"enrollment": {**CESA, "state_exclude": True}}, {"DELETE": 1}),
    ("WI-EVT-15", {"enrollment": CESA}, {"enrollment": {**CESA, "wise_exclude": True}}, {"DELETE": 1}),
    ("WI-EVT-16", {"enrollment": CESA}, {"enrollments": []}, {"DELETE": 1}),
    ("WI-EVT-17", {"enrollment": CESA}, {"enrollment": {**CESA, "service_type": "S"}}, {"DELETE": 1}),
    (
        "WI-EVT-18",
        {"enrollment": CESA},
        {"enrollment": CESA, "calendar": {"state_exclude": True}},
        {"DELETE": 1},
    ),
    (
        "WI-EVT-19",
        {"enrollment": CESA},
        {"enrollment": {**CESA, "override_ed_fi_school_id": 399902}},
        {"DELETE": 1, "POST": 1},
    ),
    (
        "WI-EVT-20",
        {"enrollment": CESA},
        {"enrollment": {**CESA, "start_date": "2025-09-03"}},
        {"DELETE": 1, "POST": 1},
    ),
    (
        "WI-EVT-20 and WI-EVT-23",
        {"ceis_records": [a_ceis()]},
        {"ceis_records": [a_ceis(start_date="2025-10-07")]},
        {"DELETE": 1, "POST": 1},
    ),
    ("WI-EVT-21", WITH_504, {}, {"DELETE": 1}),
]


def state(change):
    more = dict(change)
    return tables(enrolled(**more.pop("enrollment", {})), **more)


@pytest.mark.parametrize(
    ("event", "move", "expected"),
    [(event, MOVES.add(state(before), state(after)), expected) for event, before, after, expected in EVENTS],
    ids=[f"{each[0].replace(' ', '-')}-{at}" for at, each in enumerate(EVENTS)],
)
def test_wi_evt_a_change_of_state_gives_the_actions_of_the_table(event, move, expected):
    assert move.actions == expected
    assert set(events_by_action(move.items).values()) == {event}


@moves(
    *(
        tables(*two_schools(), instruction_mode_records=[a_mode(school_number=each)])
        for each in ("0040", "0060")
    )
)
def test_wi_evt_9_another_school_number_moves_the_record(move):
    assert move.actions == {"DELETE": 1, "POST": 1}
    assert events_by_action(move.items) == {"DELETE": "WI-EVT-9", "POST": "WI-EVT-9"}


def without_the_winner(low, high, **more):
    return MOVES.add(tables(low, high, **more), tables(low, **more))


@pytest.mark.parametrize(
    ("move", "action"),
    [
        (without_the_winner(enrolled("20", end_date=low_end, **CESA), enrolled("21", **CESA)), action)
        for low_end, action in (("2025-12-01", "PUT"), ("2026-06-05", "NOOP"))
    ],
)
def test_wi_evt_22_when_the_winner_goes_the_other_candidate_stays(move, action):
    assert events_by_action(move.items) == {action: "WI-EVT-22"}


@one_of(
    "move",
    without_the_winner(
        enrolled("20", end_date="2025-12-01"),
        enrolled("21", start_date="2025-10-01"),
        section504_records=[a_504(start_date="2025-11-03")],
    ),
)
def test_wi_evt_22_the_winner_may_be_another_enrollment_of_the_same_record(move):
    assert events_by_action(move.items) == {"PUT": "WI-EVT-22"}


@moves(
    *(
        tables(enrolled("20", end_date="2025-12-01", **CESA), enrolled("21", **rank, **CESA))
        for rank in ({}, {"service_type": "N"})
    )
)
def test_wi_evt_22_is_not_named_when_the_winner_only_lost_its_rank(move):
    assert events_by_action(move.items) == {"PUT": ""}


FLAGGED = enrolled(coord_early_intervention="Y")
BOTH = tables(FLAGGED, ceis_records=[a_ceis()])


@moves(BOTH, tables(FLAGGED))
@one_of("away", MOVES.add(BOTH, tables(FLAGGED, ceis_records=[a_ceis(start_date="2025-08-01")])))
def test_wi_evt_11_the_flag_takes_over_from_a_deleted_record_and_not_from_one_that_moved_away(move, away):
    assert events_by_action(move.items) == {"DELETE": "WI-EVT-11", "POST": "WI-EVT-11"}
    assert events_by_action(away.items) == {"DELETE": "", "POST": ""}


@moves(
    tables(enrolled(end_date="2026-01-09"), **WITH_504),
    tables(enrolled(end_date="2026-01-09"), enrolled("21", start_date="2026-01-12"), **WITH_504),
)
def test_wi_evt_3_is_not_named_for_another_enrollment_of_a_published_record(move):
    assert events_by_action(move.items) == {"NOOP": "", "POST": ""}


def where_b_is_excluded(*enrollments):
    rows = tables(*enrollments, **WITH_504)
    rows["schools"][1]["state_exclude"] = True
    return rows


@moves(where_b_is_excluded(), where_b_is_excluded(enrolled(school_id="B", calendar_id="CB")))
def test_wi_evt_18_is_not_named_for_an_enrollment_that_moved_to_an_excluded_place(move):
    assert events_by_action(move.items) == {"DELETE": ""}


def test_a_resync_names_no_event():
    first, second = built(enrolled(**CESA)), built(enrolled(no_show=True, **CESA))
    planned = plan(second, identity_map=identity_map_of(first), ods=pd.DataFrame(), mode="resync")
    assert planned.items["reason"].str.partition(":")[0].tolist() == ["REC-R8"]


TWO_STUDENTS = {
    "students": [
        {"student_id": "2", "student_unique_id": "7000000002"},
        {"student_id": "3", "student_unique_id": "7000000003"},
    ]
}


@moves(
    *(
        tables(
            enrolled("20"),
            enrolled("21", student_id="3"),
            section504_records=[first, a_504("f2", student_id="3", start_date="2025-09-10")],
            **TWO_STUDENTS,
        )
        for first in (a_504("f1"), a_504("f1", start_date="2025-09-15"))
    )
)
def test_wi_evt_23_only_the_changed_records_associations_move(move):
    events = "WI-EVT-20 and WI-EVT-23"
    assert move.actions == {"DELETE": 1, "POST": 1, "NOOP": 1}
    assert events_by_action(move.items) == {"DELETE": events, "POST": events, "NOOP": ""}


@pytest.mark.parametrize(
    "move",
    [
        MOVES.add(
            tables(**WITH_MODE, **WITH_504),
            tables(enrolled(state_enrollment_type=kind), **WITH_MODE, **WITH_504),
        )
        for kind in ("C", "M")
    ],
)
def test_wi_evt_24_another_enrollment_type_deletes_the_modality_alone(move):
    assert move.actions == {"DELETE": 1, "NOOP": 1}
    assert events_by_action(move.items) == {"DELETE": "WI-EVT-24", "NOOP": ""}


WHAT_IS_PROVED = [
    # A new record of a place that was reported before: nothing there was excluded.
    ([CESA], [{**CESA, "coord_early_intervention": "Y"}], {"POST": "WI-EVT-1", "NOOP": ""}),
    # With nothing sent before, a provider set and an exclusion lifted look alike.
    ([{}], [CESA], {"POST": "WI-EVT-2 or WI-EVT-4"}),
    # Two causes, and either would have been enough.
    ([CESA], [{"state_exclude": True, "coord_early_intervention": "Y"}], {"DELETE": "WI-EVT-12 and WI-EVT-15"}),
    ([{**CESA, "override_ed_fi_school_id": 7}, {}], [CESA, {}], {"DELETE": "", "POST": ""}),
    (
        [{**CESA, "override_ed_fi_school_id": 7}, CESA],
        [CESA, CESA],
        {"DELETE": "WI-EVT-19", "POST": "WI-EVT-19", "NOOP": ""},
    ),
]  # fmt: skip


def with_enrollments(changes):
    days = ("2025-09-02", "2025-10-01")
    rows = (enrolled(f"2{at}", **{"start_date": days[at], **each}) for at, each in enumerate(changes))
    return tables(*rows)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (MOVES.add(with_enrollments(before), with_enrollments(after)), expected)
        for before, after, expected in WHAT_IS_PROVED
    ],
)
def test_wi_evt_only_what_both_states_prove_is_named(move, expected):
    assert events_by_action(move.items) == expected


@pytest.mark.parametrize(
    "move",
    [
        MOVES.add(tables(enrolled(**CESA)), tables(enrolled(**CESA), **change))
        for change in (
            {"students": [{"student_id": "2", "student_unique_id": "7000000009"}]},
            {"calendar": {"summer_school": True}},
            {"calendar": {"school_year": 2025}},
        )
    ],
)
def test_wi_evt_what_no_row_of_the_table_covers_names_no_event(move):
    assert set(events_by_action(move.items).values()) == {""}


OUTSIDE = {"instruction_mode_records": [a_mode(start_date="2024-09-08")]}


@one_of("move", OTHERWISE.add(tables(**WITH_MODE), tables(enrolled(service_type="S"), **OUTSIDE)))
def test_wi_evt_17_block_only_keeps_partial_enrollments_so_they_are_no_cause(move):
    assert events_by_action(move.items) == {"DELETE": ""}


@moves(*(tables(enrolled(third_party_provider=each)) for each in ("X", "Y")))
def test_wi_evt_14_cannot_be_seen_because_the_code_is_not_sent(move):
    assert events_by_action(move.items) == {"NOOP": ""}


@of(instruction_mode_records=[a_mode("m1"), a_mode("m2", learning_modality="Hybrid")])
def test_wi_mul_4_two_modalities_at_one_school_and_day_conflict(result):
    assert codes(result).count("MODALITY_CONFLICT") == 2
    assert len(result.records) == 2


OVERLAPPING = tables(enrolled("20"), enrolled("21", start_date="2025-10-01"), **WITH_504)


@one_of("result", LENIENT.add(OVERLAPPING))
def test_wi_mul_3_overlaps_may_be_cut(result):
    assert spans(result) == [("2025-09-02", "2025-09-30"), ("2025-10-01", "2026-06-05")]
    assert codes(result) == []


@of(enrolled(end_date="2026-07-15", **CESA))
def test_wi_scp_3_an_end_after_the_year_is_warned_about(result):
    assert codes(result) == ["OUTSIDE_YEAR"]


@one_of("inside", together(enrolled(start_date="2025-07-01", end_date="2026-06-30", **CESA)))
@of(enrolled(start_date="2025-06-30", **CESA))
def test_wi_scp_3_a_begin_before_the_year_is_warned_about(result, inside):
    assert codes(result) == ["OUTSIDE_YEAR"]
    assert codes(inside) == []


@pytest.mark.parametrize(
    ("result", "named"),
    [
        (together(enrolled(third_party_provider=label)), named)
        for label, named in (
            ("CESA: Cooperative Educational Service Agency", ["Third Party - CESA"]),
            ("NONE: None", []),
            ("none", []),
        )
    ],
)
def test_wi_tp_1_a_label_stands_for_its_code(result, named):
    """COM-NRM-5: what is before the first colon is the code."""
    assert programs(result) == named


def test_wi_tp_1_other_providers_are_counted_in_one_notice():
    """OTHER_PROVIDER: with the codes, so that a code typed wrong is seen."""
    given = [enrolled("20", third_party_provider="PRIV"), enrolled("21", third_party_provider="CSEA")]
    given += [enrolled("22", third_party_provider="priv", start_date="2025-10-01")]
    notices = built(*given).notices
    (said,) = notices.loc[notices["code"].eq("OTHER_PROVIDER"), "detail"]
    assert (
        said
        == "Third party providers other than CESA, each reported as another provider: PRIV (2), CSEA (1)."
    )


MODE_AT_B = {"instruction_mode_records": [a_mode(school_number="0060")]}


@of(**MODE_AT_B)
def test_wi_mod_4_the_record_may_name_the_school_of_the_override(result):
    """WI-MOD-4: the School Number of the school that the School Override names."""
    assert skips(result) == {"m1": "WI-MOD-4"}
    (record,) = built(enrolled(override_ed_fi_school_id=301260), **MODE_AT_B).records.itertuples()
    assert record.education_organization_id == 301260


def test_wi_ele_9_section_504_may_go_to_its_own_resource():
    record = a_504(eligible=False, accommodation_plan=True, meeting_date="2025-08-20", disability="Dyslexia")
    settings = {
        "wi.section504_resource": "studentSection504ProgramAssociations",
        "wi.section504_requires_eligible": True,
    }
    result = built(section504_records=[record], settings=settings)
    assert list(result.records["resource"]) == ["studentSection504ProgramAssociations"]
    body = result.records["body"][0]
    assert body["section504Eligibility"] is False
    assert body["accommodationPlan"] is True
    assert body["section504MeetingDate"] == "2025-08-20"
    assert body["section504DisabilityDescriptor"] == "uri://ed-fi.org/Section504DisabilityDescriptor#Dyslexia"


NOT_ELIGIBLE = {"section504_records": [a_504(eligible=False)]}


@one_of("asked", STRICT.add(tables(**NOT_ELIGIBLE)))
@of(**NOT_ELIGIBLE)
def test_wi_504_2_eligibility_may_be_asked_for(result, asked):
    assert len(result.records) == 1
    assert skips(asked) == {"f1": "WI-504-2"}


PARTIAL = tables(enrolled(service_type="S"), **WITH_MODE)


@one_of("block_only", LENIENT.add(PARTIAL))
@one_of("result", AT_ONCE.add(PARTIAL))
def test_wi_enr_block_only_lets_summer_and_partial_enrollments_count_for_modality(result, block_only):
    assert result.records.empty
    assert programs(block_only) == ["Remote"]


COURSEWORK = tables(enrolled(state_enrollment_type="C", **CESA))


@one_of("restricted", STRICT.add(COURSEWORK))
@one_of("result", AT_ONCE.add(COURSEWORK))
def test_wi_enr_the_enrollment_type_may_restrict_all_triggers(result, restricted):
    assert len(result.records) == 1
    assert skips(restricted) == {"20": "WI-ENR-TYPE"}


def an_el(**values):
    return {
        "record_id": "l1",
        "student_id": "2",
        "program_status": "EL",
        "el_served": "S",
        "identified_date": "2025-10-01",
        **values,
    }


@of(lep_records=[an_el()])
def test_wi_ell_0_el_is_built_only_on_request_and_then_needs_a_program(result):
    assert result.records.empty
    with pytest.raises(ConfigError, match=r"wi\.ell_program_name"):
        built(settings={"wi.ell_in_spa": True})


NO_EL = [
    ("WI-ELL-1", {"program_status": "PENDING"}),
    ("WI-ELL-1", {"program_status": "NOT_EL"}),
    ("WI-ELL-1", {"program_status": None}),
    ("WI-ELL-2", {"el_served": "N"}),
    ("WI-ELL-2", {"el_served": None}),
    ("WI-ELL-3", {"identified_date": None}),
    ("WI-ELL-3", {"identified_date": "2026-07-01"}),
    ("WI-ELL-4", {"identified_date": "2025-08-01"}),
    ("COM-VAL-1", {"program_exit_date": "2025-09-30"}),
]


@pytest.mark.parametrize(
    ("rule", "result"),
    [(rule, EL_AT_ONCE.add(tables(lep_records=[an_el(**change)]))) for rule, change in NO_EL],
)
def test_wi_ell_rows_that_give_no_record(rule, result):
    assert skips(result) == {"l1": rule}
    (says,) = result.skipped["detail"]
    both = ": begin date 2025-10-01, program exit date 2025-09-30."
    assert says.endswith(both) == (rule == "COM-VAL-1")


@pytest.mark.parametrize(
    ("result", "begin"),
    [
        (EL_AT_ONCE.add(tables(enrolled(service_type="S"), lep_records=[an_el(identified_date=day)])), begin)
        for day, begin in (("2025-10-01", "2025-10-01"), ("2020-01-01", "2025-09-02"))
    ],
)
def test_wi_ele_6_el_begins_when_identified_or_with_the_earliest_enrollment(result, begin):
    assert spans(result) == [(begin, None)]


def test_wi_ele_4_the_states_own_descriptors():
    settings = {"descriptor_preset": "wi-dpi"}
    result = built(enrolled(**CESA), settings=settings, **WITH_504, **WITH_MODE)
    assert set(result.records["program_type_descriptor"]) == {
        "uri://dpi.wi.gov/ProgramTypeDescriptor#504",
        "uri://dpi.wi.gov/ProgramTypeDescriptor#Modality",
        "uri://ed-fi.org/ProgramTypeDescriptor#Regular Education",
    }


def test_com_fut_1_a_future_begin_may_wait():
    settings = {"future_dated": "suppress_future_begin", "as_of_date": "2025-09-01"}
    assert skips(built(enrolled(**CESA), settings=settings)) == {"20": "COM-FUT-1"}


@of(**WITH_504)
def test_explain_tells_how_the_begin_date_of_a_504_came_about(result):
    (element,) = result.explain().frame.query("outcome == 'beginDate'").to_dict("records")
    assert element["rule"] == "WI-ELE-6"
    assert "2025-09-02" in element["says"]


BACKWARD_OR_WITHOUT_START = [
    ("WI-CEIS-1", {"ceis_records": [a_ceis("r", start_date=None)]}, False),
    ("WI-CEIS-1", {"ceis_records": [a_ceis("r", end_date="2025-10-05")]}, True),
    ("WI-MOD-1", {"instruction_mode_records": [a_mode("r", start_date=None)]}, False),
    ("WI-MOD-1", {"instruction_mode_records": [a_mode("r", end_date="2025-09-07")]}, True),
    ("WI-504-1", {"section504_records": [a_504("r", start_date=None)]}, False),
]


@pytest.mark.parametrize(
    ("rule", "result", "both"),
    [(rule, together(**records), both) for rule, records, both in BACKWARD_OR_WITHOUT_START],
)
def test_a_record_without_a_start_or_ending_before_it_is_skipped_with_both_days(rule, result, both):
    assert skips(result) == {"r": rule}
    (says,) = result.skipped["detail"]
    assert (": start date 2025-" in says and ", end date 2025-" in says) == both


ELEMENTS = [
    ("WI-ELE-1", ("educationOrganizationReference", "educationOrganizationId"), 301240),
    ("WI-ELE-2", ("programReference", "educationOrganizationId"), 48856),
    ("WI-ELE-5", ("studentReference", "studentUniqueId"), "7000000002"),
]


@pytest.mark.parametrize(("element", "path", "value"), ELEMENTS, ids=[each[0] for each in ELEMENTS])
def test_each_element_of_a_record(element, path, value):
    found = built(enrolled(**CESA)).records["body"][0]
    for step in path:
        found = found[step]
    assert found == value


@of(enrolled(**CESA), **WITH_504, **WITH_MODE)
def test_wi_ele_8_nothing_but_the_key_and_the_end_is_sent(result):
    references = {"educationOrganizationReference", "programReference", "studentReference"}
    for body in result.records["body"]:
        assert set(body) <= references | {"beginDate", "endDate"}


def test_cases_that_are_built_at_once_are_built_as_alone():
    """Of several rows of a student: a record, a skipped row and a notice; another student has rows too."""
    rows = (
        enrolled("9", **CESA),
        enrolled("10", start_date="2025-10-01", end_date="2026-07-15", **CESA),
        enrolled("11", no_show=True, **CESA),
    )
    at_once = Builds(PROFILE)
    at_once.add(tables(enrolled(**CESA), **WITH_504))
    one, alone = at_once.add(tables(*rows)), built(*rows)
    assert (skips(one), codes(one), spans(one)) == (skips(alone), codes(alone), spans(alone))
    assert all((skips(one), codes(one), spans(one)))
