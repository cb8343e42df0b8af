"""Profile certification: CERT-SEL, CERT-CTE, CERT-EVT and the COM rules it meets."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import associations, body_hash
from edfi_toolkit.rules import build
from edfi_toolkit.rules.certification.rules import SHEET, scenario_day
from tests.factories.builds import build_of
from tests.factories.participations import REQUIRED, a_participation, certification_tables
from tests.factories.together import Builds, Plans, one_of
from tests.rules.worked_examples import EXAMPLES

AT_ONCE, STRICT = Builds("certification"), Builds("certification", {"strict_certification": True})


def built(*participations, settings=None, **tables):
    return build_of(
        certification_tables(*participations, **tables), profile="certification", settings=settings
    )


def together(*participations, **tables):
    """As `built`, of all such cases at once."""
    return AT_ONCE.add(certification_tables(*participations, **tables))


def of(*participations, **tables):
    """Give the test what is built from these participations."""
    return one_of("result", together(*participations, **tables))


def only_skip(result):
    assert result.records.empty
    (row,) = result.skipped.to_dict("records")
    return row["rule"]


def complete(endpoint):
    return a_participation(resource=endpoint, attributes=REQUIRED.get(endpoint, {}))


@pytest.mark.parametrize(
    ("endpoint", "result"), [(name, together(complete(name))) for name in associations()]
)
def test_each_of_the_ten_resources_is_built(endpoint, result):
    assert list(result.records["resource"]) == [endpoint]
    assert result.skipped.empty


@of(a_participation(), students=[{"student_id": "7"}])
def test_cert_sel_1_a_student_without_a_state_id_is_skipped(result):
    assert only_skip(result) == "CERT-SEL-1"


@of(a_participation(student_id="8"))
def test_cert_sel_1_a_student_who_is_in_no_table_is_skipped_and_the_words_say_so(result):
    assert only_skip(result) == "CERT-SEL-1"
    assert "not in the table students" in result.skipped["detail"][0]


@of(a_participation(begin_date=None))
def test_cert_sel_2_a_begin_date_is_needed(result):
    assert only_skip(result) == "CERT-SEL-2"


@one_of("equal", together(a_participation(end_date="2025-08-23")))
@of(a_participation(end_date="2025-08-22"))
def test_cert_sel_3_an_end_before_the_begin_is_skipped_and_an_equal_end_is_sent(result, equal):
    assert only_skip(result) == "CERT-SEL-3"
    assert result.skipped["detail"].tolist() == [
        "The end date lies before the begin date: begin date 2025-08-23, end date 2025-08-22."
    ]
    assert equal.records["body"][0]["endDate"] == "2025-08-23"


def without(endpoint, name):
    attributes = {key: value for key, value in REQUIRED[endpoint].items() if key != name}
    return together(a_participation(resource=endpoint, attributes=attributes))


@pytest.mark.parametrize(
    ("result", "name"),
    [(without(endpoint, name), name) for endpoint, names in REQUIRED.items() for name in names],
)
def test_cert_sel_4_what_the_standard_requires_must_be_there(result, name):
    assert only_skip(result) == "CERT-SEL-4"
    assert name in result.skipped["detail"][0]


@pytest.mark.parametrize(
    ("column", "result"),
    [
        (each, together(a_participation(**{each: None})))
        for each in ("program_name", "program_type", "education_organization_id")
    ],
)
def test_cert_sel_4_a_missing_key_part_is_named(column, result):
    assert only_skip(result) == "CERT-SEL-4"
    assert column in result.skipped["detail"][0]


@of(
    a_participation(
        resource="studentMigrantEducationProgramAssociations",
        attributes={"lastQualifyingMove": "2025-07-16", "priorityForServices": False},
    )
)
def test_cert_sel_4_false_counts_as_present(result):
    assert result.records["body"][0]["priorityForServices"] is False


@pytest.mark.parametrize(
    ("endpoint", "result", "strict"),
    [
        (each, *(builds.add(certification_tables(complete(each))) for builds in (AT_ONCE, STRICT)))
        for each in sorted(SHEET)
    ],
)
def test_cert_sel_5_what_only_the_sheet_requires_is_a_notice_or_an_error_when_strict(
    endpoint, result, strict
):
    assert len(result.records) == 1
    missing = result.notices[result.notices["code"].eq("CERT_MISSING")]
    of_root = {path for path in SHEET[endpoint] if "." not in path}
    assert of_root <= set(missing["detail"])
    assert set(missing["id"]) == {"p1"}
    assert only_skip(strict) == "CERT-SEL-5"


@of(a_participation(resource="studentCTEProgramAssociations", attributes={"privateCTEProgram": False}))
def test_a_missing_sheet_property_is_built_with_a_notice(result):
    missing = set(result.notices.query("code == 'CERT_MISSING'")["detail"])
    assert "nonTraditionalGenderStatus" in missing
    assert "privateCTEProgram" not in missing


def test_title_i_without_participant_type_is_not_built():
    assert only_skip(built(a_participation(resource="studentTitleIPartAProgramAssociations"))) == "CERT-SEL-4"


@of(
    a_participation(
        resource="studentCTEProgramAssociations",
        attributes={
            "cteProgramServices": [
                {"cteProgramServiceDescriptor": "Information Technology", "primaryIndicator": False}
            ]
        },
    )
)
def test_a_primary_indicator_that_is_false_is_sent_as_false(result):
    assert result.records["body"][0]["cteProgramServices"][0]["primaryIndicator"] is False


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (given, together(a_participation(served_outside_of_regular_session=given)))
        for given in (True, False, None)
    ],
)
def test_whether_served_outside_of_the_regular_session_is_sent_as_given(given, result):
    (body,) = result.records["body"]
    assert body.get("servedOutsideOfRegularSession") is given


def test_com_pay_2_nulls_and_empties_are_left_out():
    attributes = {
        "dosage": None,
        "languageInstructionProgramServices": [],
        "englishLearnerParticipation": False,
    }
    row = a_participation(resource="studentLanguageInstructionProgramAssociations", attributes=attributes)
    assert set(built(row).records["body"][0]) >= {"beginDate", "englishLearnerParticipation"}
    assert not {"dosage", "languageInstructionProgramServices", "endDate"} & set(
        built(row).records["body"][0]
    )


def test_com_pay_3_codes_become_uris_by_map_then_namespace_and_uris_stay():
    mapped = [
        {
            "descriptor": "ProgramTypeDescriptor",
            "local_code": "gt",
            "ed_fi_uri": "uri://x.org/ProgramTypeDescriptor#GT",
        }
    ]
    result = built(
        a_participation("p1", program_type="GT"),
        a_participation("p2", program_type="uri://state.example/ProgramTypeDescriptor#Own"),
        a_participation("p3", program_type="Bilingual"),
        descriptor_map=mapped,
        settings={"descriptor_namespace": "uri://state.example"},
    )
    assert set(result.records["program_type_descriptor"]) == {
        "uri://x.org/ProgramTypeDescriptor#GT",
        "uri://state.example/ProgramTypeDescriptor#Own",
        "uri://state.example/ProgramTypeDescriptor#Bilingual",
    }


@of(
    a_participation(
        resource="studentNeglectedOrDelinquentProgramAssociations",
        attributes={"elaProgressLevelDescriptor": "Up"},
    )
)
def test_com_pay_3a_a_descriptor_is_named_by_the_standard_not_by_the_property(result):
    assert (
        result.records["body"][0]["elaProgressLevelDescriptor"]
        == "uri://ed-fi.org/ProgressLevelDescriptor#Up"
    )


def test_com_key_1_two_rows_with_one_key_give_one_record_and_the_higher_id_wins():
    result = built(a_participation("9", end_date="2026-01-01"), a_participation("10", end_date="2026-02-02"))
    (record,) = result.records.to_dict("records")
    assert record["body"]["endDate"] == "2026-02-02"
    assert record["source_refs"] == ["program_participation:10", "students:7", "program_participation:9"]
    assert list(result.notices.query("code == 'DUP_KEY'")["id"]) == ["9"]


def test_two_persons_with_one_state_id_are_warned_about():
    students = [
        {"student_id": "7", "student_unique_id": "222222"},
        {"student_id": "8", "student_unique_id": "222222"},
    ]
    result = built(a_participation("p1"), a_participation("p2", student_id="8"), students=students)
    assert len(result.records) == 1
    assert set(result.notices.query("code == 'SHARED_UNIQUE_ID'")["id"]) == {"7", "8"}


def two(begin):
    return together(a_participation("p1", end_date="2025-12-01"), a_participation("p2", begin_date=begin))


@pytest.mark.parametrize(("result", "overlap"), [(two("2025-11-30"), True), (two("2025-12-01"), False)])
def test_com_val_2_overlaps_are_warned_about_and_touching_dates_are_not(result, overlap):
    assert ("OVERLAP" in set(result.notices["code"])) is overlap
    assert len(result.records) == 2


@of(*(a_participation(f"p{n}", begin_date=f"2025-1{n}-01") for n in (0, 1, 2)))
def test_com_val_2_an_open_record_overlaps_all_later_ones(result):
    assert list(result.notices.query("code == 'OVERLAP'")["id"]) == ["p1", "p2"]


@of(a_participation(end_date="2026-05-23"))
def test_com_val_3_an_end_without_a_reason_is_only_information(result):
    assert "END_WITHOUT_REASON" in set(result.notices["code"])
    assert len(result.records) == 1


@pytest.mark.parametrize(
    ("result", "warned"),
    [
        (together(a_participation(end_date="2026-07-01")), True),
        (together(a_participation(end_date="2026-06-30")), False),
    ],
)
def test_multi_year_participations_are_warned_about(result, warned):
    assert ("MULTI_YEAR" in set(result.notices["code"])) is warned


def test_com_fut_1_future_begins_are_sent_unless_held_back():
    settings = {"future_dated": "suppress_future_begin", "as_of_date": "2025-08-22"}
    assert only_skip(built(a_participation(), settings=settings)) == "COM-FUT-1"
    assert len(built(a_participation(), settings={**settings, "as_of_date": "2025-08-23"}).records) == 1


def test_com_fut_1_needs_a_day_to_compare_with():
    with pytest.raises(ConfigError, match="as_of_date"):
        built(a_participation(), settings={"future_dated": "suppress_future_begin"})


@pytest.mark.parametrize(
    ("token", "how", "day"),
    [
        ("8/23/[Current School Year]", "split", "2025-08-23"),
        ("5/23/[Current School Year]", "split", "2026-05-23"),
        ("8/23/[Current School Year]", "literal", "2026-08-23"),
        ("2025-09-30", "split", "2025-09-30"),
    ],
)
def test_cert_year_reads_the_token_of_the_sheet(token, how, day):
    assert scenario_day(token, 2026, how) == day


def test_cert_year_tokens_in_tables_are_filled_in_before_anything_else():
    row = a_participation(
        resource="studentMigrantEducationProgramAssociations",
        begin_date="8/23/[Current School Year]",
        attributes={"lastQualifyingMove": "7/16/[Current School Year]", "priorityForServices": True},
    )
    body = built(row).records["body"][0]
    assert (body["beginDate"], body["lastQualifyingMove"]) == ("2025-08-23", "2025-07-16")
    literal = built(row, settings={"cert_year_token": "literal"}).records["body"][0]
    assert (literal["beginDate"], literal["lastQualifyingMove"]) == ("2026-08-23", "2026-07-16")


@pytest.mark.parametrize("written", ["2026", "2025-26", 2026.0])
def test_cert_year_is_that_of_the_only_configuration_however_it_is_written(written):
    tables = certification_tables(a_participation(begin_date="8/23/[Current School Year]"))
    tables["edfi_config"] = [{"school_year": written}]
    body = build(tables, profile="certification").records["body"][0]
    assert body["beginDate"] == "2025-08-23"


def test_every_participation_is_built_skipped_or_set_aside():
    result = built(
        a_participation("p1"),
        a_participation("p2", begin_date="soon"),
        a_participation("p3", student_id="8"),
        a_participation("p4"),
        a_participation("p4"),
    )
    (row,) = result.accounting().query("table == 'program_participation'").to_dict("records")
    assert row == {
        "table": "program_participation",
        "rows_in": 5,
        "used": 2,
        "skipped": 1,
        "set_aside": 1,
        "collapsed": 1,
        "not_applicable": 0,
    }


def test_an_unknown_setting_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="strict_certification"):
        built(a_participation(), settings={"strict_certifcation": True})


@of(a_participation())
def test_explain_tells_why_a_student_has_a_record(result):
    story = result.explain()
    steps = ["read", "read", "kept", "notice", "key", "programTypeDescriptor", "built"]
    assert list(story.frame["outcome"]) == steps
    assert "Gifted and Talented" in str(story)


@of(a_participation(begin_date=None))
def test_explain_tells_why_not(result):
    story = result.explain()
    assert "CERT-SEL-2" in set(story.frame["rule"])
    assert "No association is built" in str(story)


def test_explain_answers_for_a_student_who_is_in_no_table():
    story = built(a_participation()).explain(student_unique_id="999999")
    assert story.frame["outcome"][0] == "not found"


def test_summary_counts_by_resource_and_rule():
    summary = built(a_participation("p1"), a_participation("p2", begin_date=None)).summary()
    assert summary.set_index("outcome")["count"].to_dict() == {"built": 1, "skipped": 1}


def test_building_twice_and_in_any_order_is_identical():
    rows = [a_participation(f"p{n}", begin_date=f"2025-09-0{n}") for n in range(1, 6)]
    once, again = built(*rows), built(*reversed(rows))
    assert once.records.to_dict("records") == again.records.to_dict("records")


def test_a_profile_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="certification"):
        build(certification_tables(), profile="certificaton")


def test_com_ctl_1_a_year_that_edfi_config_does_not_hold_stops_the_run():
    made = build(certification_tables(a_participation()), profile="certification", school_year=2025)
    assert made.records.empty
    assert made.control["detail"].str.contains("there is no row for 2025, only for 2026").tolist() == [True]


def test_the_quick_hash_of_plain_bodies_is_the_models_hash():
    ended = a_participation(
        "p2", begin_date="2025-09-01", end_date="2026-05-23", program_name='A "quoted" näme'
    )
    for record in built(a_participation("p1"), ended).records.to_dict("records"):
        assert record["body_hash"] == body_hash(record["body"])


@of(a_participation("p1", begin_date="2026-02-30"))
def test_explain_tells_of_rows_that_were_set_aside(result):
    story = result.explain().frame
    (aside,) = story.query("outcome == 'unreadable'").to_dict("records")
    assert (aside["id"], aside["rule"]) == ("p1", "COM-NRM-3")
    assert "2026-02-30" in aside["says"]


CTE_ELEMENTS = [
    ("CERT-CTE-1", ("beginDate",), "2025-08-23"),
    ("CERT-CTE-2", ("endDate",), "2026-05-23"),
    ("CERT-CTE-3", ("educationOrganizationReference", "educationOrganizationId"), 255901),
    ("CERT-CTE-4", ("programReference", "programName"), "Career and Technical Education"),
    (
        "CERT-CTE-5",
        ("programReference", "programTypeDescriptor"),
        "uri://ed-fi.org/ProgramTypeDescriptor#Career and Technical Education",
    ),
    ("CERT-CTE-6", ("programReference", "educationOrganizationId"), 255901),
    ("CERT-CTE-7", ("studentReference", "studentUniqueId"), "222222"),
    ("CERT-CTE-8", ("nonTraditionalGenderStatus",), True),
    ("CERT-CTE-9", ("privateCTEProgram",), False),
    (
        "CERT-CTE-10",
        ("technicalSkillsAssessmentDescriptor",),
        "uri://ed-fi.org/TechnicalSkillsAssessmentDescriptor#Passed",
    ),
    (
        "CERT-CTE-12",
        ("cteProgramServices", 0, "cteProgramServiceDescriptor"),
        "uri://ed-fi.org/CTEProgramServiceDescriptor#Information Technology",
    ),
    ("CERT-CTE-13", ("cteProgramServices", 0, "cipCode"), "11.0103"),
    ("CERT-CTE-14", ("cteProgramServices", 0, "primaryIndicator"), True),
]


@pytest.fixture(scope="module")
def cte_body():
    example = EXAMPLES["CERT-X1"]
    return build(example["tables"], profile="certification").records["body"][0]


@pytest.mark.parametrize(("element", "path", "value"), CTE_ELEMENTS, ids=[each[0] for each in CTE_ELEMENTS])
def test_each_element_of_the_cte_scenario(cte_body, element, path, value):
    found = cte_body
    for step in path:
        found = found[step]
    assert found == value
    assert type(found) is type(value), "COM-PAY-1: the JSON type of the data standard"


@of(a_participation(resource="studentCTEProgramAssociations"))
def test_cert_cte_11_a_record_without_services_is_told_to_lack_them(result):
    assert "cteProgramServices" in set(result.notices.query("code == 'CERT_MISSING'")["detail"])


MOVES = Plans("certification")
EVENTS = [
    ("CERT-EVT-1", [], [a_participation()], {"POST": 1}),
    ("CERT-EVT-2", [a_participation()], [a_participation(end_date="2026-05-23")], {"PUT": 1}),
    (
        "CERT-EVT-3",
        [a_participation()],
        [a_participation(begin_date="2025-09-30")],
        {"DELETE": 1, "POST": 1},
    ),
    ("CERT-EVT-4", [a_participation()], [], {"DELETE": 1}),
    ("CERT-EVT-5", [a_participation()], [a_participation()], {"NOOP": 1}),
]


@pytest.mark.parametrize(
    ("event", "move", "expected"),
    [
        (event, MOVES.add(*(certification_tables(*rows) for rows in states)), expected)
        for event, *states, expected in EVENTS
    ],
)
def test_each_event_gives_its_actions(event, move, expected):
    assert move.actions == expected, event
    assert all(event in reason.partition(":")[0] for reason in move.items["reason"])


SERVICE = {
    "cteProgramServiceDescriptor": "Information Technology",
    "cipCode": "11.0103",
    "primaryIndicator": True,
}
SCENARIO = {
    "nonTraditionalGenderStatus": True,
    "privateCTEProgram": False,
    "technicalSkillsAssessmentDescriptor": "Passed",
    "cteProgramServices": [SERVICE],
}


def strictly(attributes):
    row = a_participation(resource="studentCTEProgramAssociations", attributes=attributes)
    return STRICT.add(certification_tables(row))


@one_of("refused", strictly({**SCENARIO, "privateCTEProgram": None}))
@one_of("made", strictly(SCENARIO))
def test_cert_cte_2_the_scenarios_pass_when_strict(made, refused):
    """CERT-SEL-5, CERT-CTE-2: today's sheet asks for an end date, which the scenarios do not have."""
    assert len(made.records) == 1
    assert made.notices.loc[made.notices["code"].eq("CERT_MISSING"), "detail"].tolist() == ["endDate"]
    assert refused.skipped["detail"].tolist() == [
        "The certification sheet requires privateCTEProgram, and strict_certification is on."
    ]
