"""Profile nm-powerschool: the edge cases of New Mexico, and the settings."""

from __future__ import annotations

from collections import Counter

import pytest

from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.rules import build
from edfi_toolkit.rules.common import with_published
from edfi_toolkit.tables import normalise
from tests.factories.builds import build_of
from tests.factories.participations import events_by_action
from tests.factories.together import Builds, Plans, one_of
from tests.rules.worked_examples import patched

FOURTH = {"data_standard": "4.0"}
PROFILE = "nm-powerschool"
AT_ONCE, MOVES = Builds(PROFILE), Plans(PROFILE)
AT_ONCE_4 = Builds(PROFILE, FOURTH)
ASKED = Builds(
    PROFILE,
    {
        "nm.require_exit_after_entry": True,
        "nm.emit_end_date": True,
        "nm.cte_ds5": "omit",
        "nm.year_window": "calendar",
    },
)


def tables(student=(), school=(), enrollment=(), cte=(), district="89", **more):
    """One student in one period at one school, with overrides; `None` in place of a row leaves it out."""
    rows = {
        "edfi_config": [{"school_year": 2026}],
        "preferences": [{"name": "DistrictNumber", "value": district}],
        "schools": [{"school_id": "410", "school_number": "410", **dict(school)}],
        "students": [
            {
                "student_id": "11",
                "student_unique_id": "900111222",
                "student_published": True,
                "enroll_status": 0,
                "current_school_id": "410",
                "enrollment_school_id": "410",
                **dict(student),
            }
        ],
        "enrollments": [
            {
                "enrollment_id": "S11",
                "student_id": "11",
                "school_id": "410",
                "start_date": "2025-08-11",
                "is_current": True,
                **dict(enrollment),
            }
        ],
        "cte_records": [{"record_id": "c1", "student_id": "11", **dict(cte)}],
    }
    for name, extra in more.items():
        rows[name] = rows.get(name, []) + extra
    return rows


def built(*args, settings=None, **kwargs):
    return build_of(tables(*args, **kwargs), profile=PROFILE, settings=settings)


def together(*args, **kwargs):
    """As `built`, of all such cases at once."""
    return AT_ONCE.add(tables(*args, **kwargs))


def of(*args, **kwargs):
    """Give the test what is built from this student."""
    return one_of("result", together(*args, **kwargs))


def moves(before, after):
    """Give the test the plan from one state to the other."""
    return one_of("move", MOVES.add(before, after))


def skips(result):
    return dict(zip(result.skipped["id"], result.skipped["rule"], strict=True))


def buildings(result):
    return [
        each["educationOrganizationReference"]["educationOrganizationId"] for each in result.records["body"]
    ]


def items(before, after, settings=None):
    first, second = (build_of(rows, profile=PROFILE, settings=settings) for rows in (before, after))
    return plan(second, identity_map=identity_map_of(first)).items


@of({"student_unique_id": None})
def test_nm_sel_4_without_a_state_number(result):
    assert skips(result) == {"11": "NM-SEL-4"}


@of({"student_unique_id": " "})
def test_nm_sel_4_a_blank_state_number_is_none(result):
    assert skips(result) == {"11": "NM-SEL-4"}


def test_a_state_number_keeps_its_zeros():
    assert built({"student_unique_id": "0012345"}).records["student_unique_id"][0] == "0012345"


def test_com_nrm_2_a_state_number_read_as_a_decimal_is_a_load_error_naming_the_column():
    result = built({"student_unique_id": "900111222.0"})
    assert skips(result) == {"11": "COM-NRM-2"} or "COM-NRM-2" in set(result.skipped["rule"])
    assert "student_unique_id" in result.skipped.query("rule == 'COM-NRM-2'")["detail"].iloc[0]
    assert result.records.empty


@pytest.mark.parametrize(
    "result", [together(enrollment={"start_date": day}) for day in ("2025-07-01", "2026-06-30")]
)
def test_nm_sel_3_both_ends_of_the_year_are_in(result):
    assert len(result.records) == 1


@of(enrollment={"start_date": "2025-06-30"})
def test_nm_sel_3_the_day_before_the_year_is_out(result):
    assert skips(result) == {"S11": "NM-SEL-3"}


BUILDINGS = [
    (8, {}, {"school_number": "5", "alt_school_number": "0"}, 35089005),
    (9, {}, {"school_number": "5", "alt_school_number": "-1"}, 35089005),
    (10, {}, {"school_number": "5", "alt_school_number": "022"}, 35089022),
    (11, {"location_code": ""}, {"school_number": "5"}, 35089005),
    (12, {"location_code": "000"}, {}, 35089000),
    (13, {"location_code": "7"}, {}, 35089007),
]


@pytest.mark.parametrize(
    ("edge", "result", "organization"),
    [(edge, together(student, school), number) for edge, student, school, number in BUILDINGS],
)
def test_nm_ele_1_the_building(edge, result, organization):
    assert buildings(result) == [organization]
    said = result.notices.loc[result.notices["code"].eq("SUSPECT_LOCATION"), "detail"].tolist()
    assert len(said) == (edge == 12)
    assert all("the record goes to 35089000, the district, and to no school." in says for says in said)


@pytest.mark.parametrize(
    "result", [together({"location_code": "4100"}), together({}, {"school_number": "4100"})]
)
def test_nm_ele_1b_four_digits_are_never_cut(result):
    assert skips(result) == {"S11": "NM-ERR-2"}


@of({"location_code": "4100"})
def test_nm_err_2_a_row_is_not_kept_by_the_rule_that_skips_it(result):
    story = result.explain().frame
    assert set(story.loc[story["rule"].str.contains("NM-ERR-2"), "outcome"]) == {"skipped", "nothing built"}
    assert "kept" in set(story.loc[story["rule"].str.contains("NM-SEL-6"), "outcome"])


@pytest.mark.parametrize("district", [None, "89A"])
def test_nm_err_1_without_a_district_nothing_is_built_and_the_summary_has_one_line(district):
    result = built(district=district)
    assert skips(result) == {"S11": "NM-ERR-1"}
    assert list(result.summary()["rule"]) == ["NM-ERR-1"]


def test_the_preference_is_found_whatever_its_case():
    rows = tables()
    rows["preferences"] = [{"name": "districtnumber", "value": "89"}]
    assert len(build(rows, profile=PROFILE).records) == 1


OTHER_SCHOOL = {"schools": [{"school_id": "7", "school_number": "7"}]}


@of({"enroll_status": 2})
def test_nm_ele_1a_status_2_with_equal_schools_is_an_ordinary_school(result):
    assert buildings(result) == [35089410]


@of({"enrollment_school_id": "7"}, **OTHER_SCHOOL)
def test_nm_ele_1a_different_schools_with_status_0_is_an_ordinary_school(result):
    assert buildings(result) == [35089410]


def mid_transfer(**student):
    return {"enroll_status": 2, "current_school_id": "410", "enrollment_school_id": "7", **student}


@of(mid_transfer(), schools=[{"school_id": "7", "school_number": "7", "state_exclude": True}])
def test_nm_sel_6_a_mid_transfer_tests_the_school_of_the_enrollment(result):
    assert skips(result) == {"S11": "NM-SEL-6"}


@of(mid_transfer(location_code="300"), **OTHER_SCHOOL)
def test_nm_ele_1a_the_location_code_wins_over_a_mid_transfer(result):
    assert buildings(result) == [35089300]


@one_of("unknown", together(mid_transfer(enrollment_school_id=None), **OTHER_SCHOOL))
@of(mid_transfer(), **OTHER_SCHOOL)
def test_nm_ele_1a_a_mid_transfer_uses_the_enrollments_school_and_a_null_never_differs(result, unknown):
    assert buildings(result) == [35089007]
    assert buildings(unknown) == [35089410]


@of(mid_transfer(), enrollment={"is_current": False}, **OTHER_SCHOOL)
def test_nm_ele_1a_a_former_period_of_a_mid_transfer_stays_at_its_own_school(result):
    assert buildings(result) == [35089410]


@of({"location_code": "300", "enroll_status": 3}, enrollment={"school_id": "999999"})
def test_nm_err_2_an_unknown_school_fails_even_with_a_location_code(result):
    assert skips(result) == {"S11": "NM-ERR-2"}


def second_period(**values):
    row = {"enrollment_id": "R1", "student_id": "11", "school_id": "7", "start_date": "2025-08-11"}
    return {"enrollments": [{**row, **values}]}


@of(**OTHER_SCHOOL, **second_period())
def test_nm_mul_1_same_day_at_another_building_gives_two_records(result):
    assert buildings(result) == [35089007, 35089410]


def test_nm_mul_3_same_day_at_the_same_building_gives_one_and_the_current_period_wins():
    result = built(**second_period(school_id="410"))
    assert result.records["source_refs"][0][0] == "enrollments:S11#cte"
    assert list(result.notices["code"]) == ["DUP_KEY"]


@of({"location_code": "300"}, **OTHER_SCHOOL, **second_period(start_date="2025-10-01"))
def test_nm_mul_1_two_buildings_under_one_location_code_give_two_records(result):
    assert buildings(result) == [35089300, 35089300]
    assert result.records["begin_date"].nunique() == 2


@of(cte_records=[{"record_id": f"c{n}", "student_id": "11"} for n in range(2, 6)])
def test_nm_mul_2_five_credentials_give_one_record_per_period(result):
    assert len(result.records) == 1


ZERO_DAY = {"end_date": "2025-08-11"}


@one_of("asked", ASKED.add(tables(enrollment=ZERO_DAY)))
@of(enrollment=ZERO_DAY)
def test_nm_sel_7_exit_on_the_day_of_entry_is_sent_with_a_warning_or_skipped_on_request(result, asked):
    assert list(result.notices["code"]) == ["ZERO_DAY_ENROLLMENT"]
    assert skips(asked) == {"S11": "NM-SEL-7"}


@pytest.mark.parametrize("result", [together({"student_published": each}) for each in (None, False)])
def test_nm_sel_1_an_unpublished_student_waits(result):
    assert skips(result) == {"11": "NM-SEL-1"}


def program(result):
    return result.records["body"][0]["ctePrograms"][0]


COMPLETED_ROW = {"record_id": "c2", "student_id": "11", "program_completed": True}


@one_of("result", AT_ONCE_4.add(tables(cte={"program_completed": False}, cte_records=[COMPLETED_ROW])))
def test_nm_ele_9_one_completed_row_is_enough(result):
    assert program(result)["cteProgramCompletionIndicator"] is True


@of(cte={"program_completed": True})
def test_nm_ele_10_on_standard_5_the_completion_has_no_place(result):
    assert "cteProgramCompletionIndicator" not in str(result.records["body"][0])
    assert list(result.notices["code"]) == ["COMPLETION_DROPPED"]


@one_of("fourth", AT_ONCE_4.add(tables()))
@of()
def test_nm_ele_8_the_cip_code_is_a_text(result, fourth):
    assert program(fourth)["cipCode"] == "0"
    assert result.records["body"][0]["cteProgramServices"][0]["cipCode"] == "0"


@moves(tables(), tables(enrollment={"start_date": "2025-08-12"}))
def test_nm_evt_2_a_corrected_entry_date_moves_the_record(move):
    assert move.actions == {"DELETE": 1, "POST": 1}
    assert events_by_action(move.items) == {"DELETE": "NM-EVT-2", "POST": "NM-EVT-2"}


TWO_PERIODS = second_period(school_id="410", start_date="2025-10-01")


@moves(tables(**TWO_PERIODS), tables(school={"state_exclude": True}, **TWO_PERIODS))
def test_nm_evt_4_an_excluded_school_deletes_all_its_periods(move):
    assert move.actions == {"DELETE": 2}
    assert events_by_action(move.items) == {"DELETE": "NM-EVT-4"}


@of(**second_period(student_id="12"))
def test_an_enrollment_of_an_unknown_student_is_never_reached(result):
    assert skips(result) == {}


@of(enrollment={"end_date": "2025-08-10"})
def test_com_val_1_an_exit_before_the_entry_is_skipped(result):
    assert skips(result) == {"S11": "COM-VAL-1"}
    (says,) = result.skipped["detail"]
    assert says.endswith("begin date: start date 2025-08-11, end date 2025-08-10.")


@moves(tables({"student_published": False}), tables())
def test_nm_evt_1_a_student_selected_for_the_first_time_is_posted(move):
    assert move.actions == {"POST": 1}
    assert events_by_action(move.items) == {"POST": "NM-EVT-1"}


@pytest.mark.parametrize(
    "move",
    [
        MOVES.add(tables(), tables(**change))
        for change in (
            {"student": {"location_code": "300"}},
            {"school": {"alt_school_number": "22"}},
            {"school": {"school_number": "411"}},
            {"student": {"student_unique_id": "900999999"}},
        )
    ],
)
def test_nm_evt_2_every_part_of_the_key_moves_the_record(move):
    assert move.actions == {"DELETE": 1, "POST": 1}
    assert events_by_action(move.items) == {"DELETE": "NM-EVT-2", "POST": "NM-EVT-2"}


def test_nm_evt_2_the_number_of_the_district_moves_the_record():
    moved = items(tables(), tables(district="90"))
    assert Counter(moved["action"]) == {"DELETE": 1, "POST": 1}
    assert events_by_action(moved) == {"DELETE": "NM-EVT-2", "POST": "NM-EVT-2"}


def test_nm_evt_3_the_completion_is_an_update_before_standard_5():
    changed = items(tables(), tables(cte={"program_completed": True}), FOURTH)
    assert Counter(changed["action"]) == {"PUT": 1}
    assert events_by_action(changed) == {"PUT": "NM-EVT-3"}


DESELECTED = (
    {"cte": {"program_enrolled": False}},
    {"student": {"state_exclude": True}},
    {"school": {"state_exclude": True}},
    {"enrollment": {"start_date": "2025-06-01"}},
)
KEPT = Plans(PROFILE, {"nm.delete_deselected": False})


@pytest.mark.parametrize(
    ("deleted", "kept"),
    [[plans.add(tables(), tables(**change)) for plans in (MOVES, KEPT)] for change in DESELECTED],
)
def test_nm_evt_4_what_is_no_longer_selected_is_deleted_or_kept_by_setting(deleted, kept):
    assert deleted.actions == {"DELETE": 1}
    assert events_by_action(deleted.items) == {"DELETE": "NM-EVT-4"}
    assert kept.actions == {}
    assert kept.codes == ["RETAINED"]


AGAIN = patched(
    tables(**OTHER_SCHOOL),
    [
        {"table": "enrollments", "id": "S11", "set": {"school_id": "7", "start_date": "2025-11-03"}},
        {"table": "enrollments", "add": {
            "enrollment_id": "R1", "student_id": "11", "school_id": "410", "start_date": "2025-08-11",
            "end_date": "2025-11-03"}},
    ],
)  # fmt: skip


@moves(tables(**OTHER_SCHOOL), AGAIN)
def test_nm_evt_5_a_new_period_is_posted_and_the_earlier_stays(move):
    assert move.actions == {"NOOP": 1, "POST": 1}
    assert events_by_action(move.items) == {"NOOP": "", "POST": "NM-EVT-5"}


@one_of("nothing", MOVES.add(tables(), tables()))
@moves(tables(), tables(cte_records=[{"record_id": "c2", "student_id": "11"}]))
def test_nm_evt_6_another_credential_changes_nothing(move, nothing):
    assert move.actions == {"NOOP": 1}
    assert events_by_action(move.items) == {"NOOP": "NM-EVT-6"}
    assert events_by_action(nothing.items) == {"NOOP": ""}


@pytest.mark.parametrize(
    ("move", "event"),
    [
        (MOVES.add(tables(), {**tables(), "cte_records": []}), "NM-EVT-4"),
        (MOVES.add(tables(), tables({"student_published": False})), ""),
        (MOVES.add(tables(), {**tables(), "enrollments": []}), ""),
    ],
)
def test_nm_evt_4_the_last_credential_row_removed_and_a_reason_that_is_no_event(move, event):
    assert events_by_action(move.items) == {"DELETE": event}


def test_nm_evt_2_is_not_named_when_a_setting_moved_the_key():
    first, second = (built(settings={"nm.program_edorg": each}) for each in ("lea", "school"))
    moved = plan(second, identity_map=identity_map_of(first)).items
    assert [each.partition(":")[0] for each in moved["reason"]] == ["REC-P6", "REC-P6"]


def test_nm_mul_1_latest_only_sends_the_latest_period():
    result = built(
        settings={"nm.begin_date_mode": "latest_only"},
        **OTHER_SCHOOL,
        **second_period(start_date="2025-10-01"),
    )
    assert buildings(result) == [35089007]


@pytest.mark.parametrize(("value", "owner"), [("lea", 35089000), ("school", 35089410), ("62", 62)])
def test_nm_ele_2_who_owns_the_program(value, owner):
    result = built(settings={"nm.program_edorg": value})
    assert list(result.records["program_education_organization_id"]) == [owner]


COMPLETED = {
    source: Builds(PROFILE, {**FOURTH, "nm.completion_from": source})
    for source in ("program_completed", "credential_earned", "omit")
}


@pytest.mark.parametrize(
    ("result", "indicator"),
    [
        (COMPLETED[source].add(tables(cte=cte)), indicator)
        for source, cte, indicator in (
            ("program_completed", {"program_completed": False}, False),
            ("program_completed", {}, None),
            ("credential_earned", {"credential_earned_date": "2026-01-05"}, True),
            ("credential_earned", {"credential_earned_date": "2024-01-05"}, False),
            ("credential_earned", {}, None),
            ("omit", {"program_completed": True}, None),
        )
    ],
)
def test_nm_ele_9_where_the_completion_comes_from(result, indicator):
    assert program(result).get("cteProgramCompletionIndicator") is indicator


@one_of("asked", ASKED.add(tables()))
def test_nm_ele_10_details_may_be_left_out(asked):
    assert "cteProgramServices" not in asked.records["body"][0]


ENDED = {"end_date": "2025-12-19"}


@one_of("asked", ASKED.add(tables(enrollment=ENDED)))
@of(enrollment=ENDED)
def test_nm_ele_11_the_end_is_sent_on_request(result, asked):
    assert "endDate" not in result.records["body"][0]
    assert asked.records["body"][0]["endDate"] == "2025-12-19"


AT_SCHOOL = Builds(PROFILE, {"nm.enrolled_requires": "row_at_school"})


@one_of("at_school", AT_SCHOOL.add(tables(cte={"school_id": "410"})))
@one_of("elsewhere", AT_SCHOOL.add(tables()))
def test_nm_sel_2_a_row_at_the_school_may_be_asked_for(elsewhere, at_school):
    assert skips(elsewhere) == {"S11": "NM-SEL-2"}
    assert len(at_school.records) == 1


TERM = {
    "calendar_id": "T",
    "school_id": "410",
    "school_year": 2026,
    "start_date": "2025-08-12",
    "end_date": "2026-05-22",
}


@of(calendars=[TERM])
@one_of("by_calendar", ASKED.add(tables(calendars=[TERM])))
def test_nm_sel_3_the_year_may_be_the_schools_own(by_calendar, result):
    assert skips(by_calendar) == {"S11": "NM-SEL-3"}
    assert len(result.records) == 1


@one_of("after", ASKED.add(tables(enrollment={"start_date": "2026-07-01"})))
@one_of("inside", ASKED.add(tables()))
def test_nm_sel_3_without_a_year_term_the_days_of_the_configuration_count(inside, after):
    assert len(inside.records) == 1
    assert skips(after) == {"S11": "NM-SEL-3"}


CTE = "Career and Technical Education"
ELEMENTS = [
    ("NM-ELE-1c", ("educationOrganizationReference", "educationOrganizationId"), 35089000),
    ("NM-ELE-3", ("programReference", "programTypeDescriptor"), f"uri://ed-fi.org/ProgramTypeDescriptor#{CTE}"),
    ("NM-ELE-4", ("programReference", "programName"), CTE),
    ("NM-ELE-5", ("studentReference", "studentUniqueId"), "900111222"),
    ("NM-ELE-6", ("beginDate",), "2025-08-11"),
    ("NM-ELE-7", ("ctePrograms", 0, "careerPathwayDescriptor"), "uri://ed-fi.org/CareerPathwayDescriptor#Other"),
]  # fmt: skip


@pytest.mark.parametrize(("element", "path", "value"), ELEMENTS, ids=[each[0] for each in ELEMENTS])
def test_each_element_of_a_record(element, path, value):
    found = built({"location_code": "0"}, settings=FOURTH).records["body"][0]
    for step in path:
        found = found[step]
    assert found == value


@of({"state_exclude": True})
def test_nm_sel_5_an_excluded_student_is_skipped(result):
    assert skips(result) == {"11": "NM-SEL-5"}


@pytest.mark.parametrize(("named", "member"), [("DS5", "cteProgramServices"), ("DS 4.0", "ctePrograms")])
def test_nm_ele_10_the_year_may_name_its_standard_in_words(named, member):
    rows = {**tables(), "edfi_config": [{"school_year": 2026, "data_standard": named}]}
    assert member in build(rows, profile=PROFILE).records["body"].iloc[0]


def test_nm_ele_10_a_standard_without_a_number_is_refused():
    rows = {**tables(), "edfi_config": [{"school_year": 2026, "data_standard": "newest"}]}
    (found,) = build(rows, profile=PROFILE).control.to_dict("records")
    assert found["table"] == "edfi_config"
    assert "column data_standard" in found["detail"]
    assert "names no data standard" in found["detail"]


@one_of("no", together({"student_published": False}))
@one_of("unknown", together({"student_published": None}))
def test_nm_sel_1_what_is_not_known_says_which_setting_asks_the_target(unknown, no):
    """NM-SEL-1: null counts as no, and real exports have no such column."""
    (said,) = unknown.skipped["detail"]
    assert 'With nm.student_published_from = "ods" the target is asked.' in said
    (said,) = no.skipped["detail"]
    assert "student_published_from" not in said


def test_nm_sel_1_of_a_student_without_a_state_id_the_target_knows_nothing():
    """NM-SEL-1, NM-SEL-4: an id that was emptied deletes nothing, also when the target is asked."""
    ods = {"nm.student_published_from": "ods"}
    more = {
        "students": [{"student_id": "12", "student_unique_id": "900111333", "student_published": None}],
        "cte_records": [{"record_id": "c2", "student_id": "12"}],
    }

    def asked(student):
        given = with_published(normalise(tables(student=student, **more)), ["900111222"])
        return build(given, profile=PROFILE, settings=ods)

    known = identity_map_of(asked({}))
    made = plan(asked({"student_unique_id": None}), identity_map=known)
    assert made.items.empty
    assert made.findings["code"].eq("HELD").sum() == 1
