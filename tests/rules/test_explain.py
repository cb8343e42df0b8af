"""`build.explain`: the whole story of one student, in the order the rules ran, and masked wherever eyes are."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.planning import identity_map_of
from tests.factories.builds import build_of
from tests.factories.participations import a_participation, certification_tables
from tests.factories.together import Builds, one_of
from tests.rules import test_nm_powerschool as nm
from tests.rules import test_wi_infinite_campus as wi

MODE = {"instruction_mode_records": [wi.a_mode()]}
A_504 = {"section504_records": [wi.a_504(end_date="2026-03-31")]}
CEI = {"coord_early_intervention": "Y"}
OF_NM, OF_NM_4, OF_WI, OF_WI_OTHER = (
    Builds(nm.PROFILE),
    Builds(nm.PROFILE, nm.FOURTH),
    Builds(wi.PROFILE),
    Builds(
        wi.PROFILE,
        {
            "wi.ell_in_spa": True, "wi.ell_program_name": "EL", "wi.ell_program_type": "EL",
            "wi.ceis_before_enrollment": "use_enrollment_start", "wi.split_overlaps": True,
        },
    ),
)  # fmt: skip


def told(story, outcome):
    """What the story says about an outcome, step by step."""
    return story.frame.loc[story.frame["outcome"].eq(outcome), "says"].tolist()


def of_nm(*args, among=OF_NM, **kwargs):
    """A student of New Mexico, whose story is one of those of a build."""
    return among.add(nm.tables(*args, **kwargs))


def of_wi(*args, among=OF_WI, **kwargs):
    """A student of Wisconsin, whose story is one of those of a build."""
    return among.add(wi.tables(*args, **kwargs))


def alone_in_wi(*args, **kwargs):
    return wi.built(*args, **kwargs).explain(student_id="2")


# ---- How the elements came about


ENDED = of_nm(enrollment={"end_date": "2025-12-19"}, cte={"program_completed": True})
SAYS_NOTHING = of_nm(school={"alt_school_number": "-1"}, among=OF_NM_4)
COMPLETED = of_nm(school={"alt_school_number": "22"}, cte={"program_completed": True}, among=OF_NM_4)
NOT_COMPLETED = of_nm(
    {"location_code": "7"}, {"alt_school_number": "22"}, cte={"program_completed": False}, among=OF_NM_4
)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (ENDED, "Building 410 is the school number of school 410, because the student has no LocationCode"),
        (SAYS_NOTHING, "and the school no alternate number; with state 35 and district 089"),
        (COMPLETED, "Building 022 is the alternate number of school 410"),
        (NOT_COMPLETED, "Building 007 is the LocationCode of the student"),
    ],
)
def test_nm_ele_1_the_story_tells_which_fallback_gave_the_building(one, says):
    (sentence,) = told(one.explain(), "educationOrganizationId")
    assert says in sentence


@one_of(
    "one",
    of_nm(
        {"enroll_status": 2, "current_school_id": "420", "enrollment_school_id": "410"},
        enrollment={"school_id": "420"},
        schools=[{"school_id": "420", "school_number": "420"}],
    ),
)
def test_nm_ele_1a_the_story_tells_of_a_mid_year_transfer(one):
    (sentence,) = told(one.explain(), "school")
    assert sentence == (
        "The student transferred out in mid-year: SchoolID is 420 already, and the school of the enrollment, 410, "
        "counts."
    )


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (SAYS_NOTHING, "The credential rows c1 say nothing about completion, so it is left out."),
        (COMPLETED, "The completion indicator is true, from the credential rows c1."),
        (NOT_COMPLETED, "The completion indicator is false, from the credential rows c1."),
        (ENDED, "The credential rows c1 have it; this data standard has no place for it."),
    ],
)
def test_nm_ele_9_the_story_tells_what_became_of_the_completion(one, says):
    assert told(one.explain(), "completion") == [says]


def with_settings(settings, **more):
    """A student of New Mexico under settings of its own."""
    return of_nm(cte={"program_completed": True}, among=Builds(nm.PROFILE, settings), **more)


EARLIER = {"enrollment_id": "R1", "student_id": "11", "school_id": "410", "start_date": "2025-07-11"}
OWNED_BY_LEA = with_settings({"nm.program_edorg": "lea", "nm.completion_from": "omit"})
OWNED_BY_SCHOOL = with_settings(
    {"nm.program_edorg": "school", "nm.begin_date_mode": "latest_only"}, enrollments=[EARLIER]
)


@one_of("one", OWNED_BY_LEA)
def test_nm_ele_9_the_story_tells_that_the_completion_is_left_out(one):
    assert told(one.explain(), "completion") == ["The settings leave the completion indicator out."]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (OWNED_BY_LEA, "The program belongs to the district, 35089000."),
        (OWNED_BY_SCHOOL, "The program belongs to the school, 35089410."),
        (
            with_settings({"nm.program_edorg": 35999000}),
            "The program belongs to the organization that the settings name, 35999000.",
        ),
    ],
)
def test_nm_ele_2_the_story_tells_who_owns_the_program(one, says):
    assert told(one.explain(), "programReference") == [says]


@one_of("one", ENDED)
def test_nm_ele_11_the_story_tells_that_an_exit_date_is_not_sent(one):
    (sentence,) = told(one.explain(), "endDate")
    assert sentence == "The exit date 2025-12-19 is not sent, because New Mexico does not ask for it."


def an_el(day):
    row = {"record_id": "l1", "student_id": "2", "program_status": "EL", "el_served": "S"}
    return {"lep_records": [{**row, "identified_date": day}]}


OF_MODE = of_wi(school={"name": "<script>alert(1)</script>"}, **an_el("2025-10-01"), **MODE)
OVERRIDDEN = of_wi(wi.enrolled(override_ed_fi_school_id=399901, third_party_provider="CESA"))


@one_of("override", OVERRIDDEN)
@one_of("one", OF_MODE)
def test_wi_ele_1_the_story_tells_whether_the_override_or_the_entity_id_won(one, override):
    assert told(one.explain(), "educationOrganizationId") == [
        "301240, the Entity ID of school A; the enrollment has no School Override."
    ]
    assert told(override.explain(), "educationOrganizationId") == [
        "399901, the School Override of enrollment 20; the Entity ID of school A would be 301240."
    ]


WI_DATES = [
    (
        of_wi(wi.enrolled(), **A_504),
        "The later of the Section 504 start 2024-03-01 and the enrollment's start 2025-09-02: 2025-09-02.",
        "The earlier of the Section 504 end (2026-03-31) and the enrollment's end (2026-06-05): 2026-03-31.",
    ),
    (
        of_wi(wi.enrolled(end_date=None), section504_records=[wi.a_504()]),
        "The later of the Section 504 start 2024-03-01 and the enrollment's start 2025-09-02: 2025-09-02.",
        "Neither the Section 504 record nor the enrollment has ended, so there is no end.",
    ),
    (
        of_wi(wi.enrolled(), ceis_records=[wi.a_ceis()]),
        "The start of the CEIS record: 2025-10-06.",
        "The end of the record: none; the end of the enrollment does not count.",
    ),
    (
        of_wi(wi.enrolled(**CEI)),
        "The start of the enrollment: 2025-09-02.", "The end of the enrollment: 2026-06-05.",
    ),
    (OVERRIDDEN, "The start of the enrollment: 2025-09-02.", "The end of the enrollment: 2026-06-05."),
    (
        OF_MODE,
        "The start of the Instruction Mode record: 2025-09-08.",
        "The end of the record: none; the end of the enrollment does not count.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("one", "begin", "end"), WI_DATES)
def test_wi_ele_6_wi_ele_7_the_story_tells_where_each_date_comes_from(one, begin, end):
    story = one.explain()
    assert (told(story, "beginDate"), told(story, "endDate")) == ([begin], [end])


@one_of("one", of_wi(ceis_records=[wi.a_ceis(start_date="2025-08-01")], among=OF_WI_OTHER))
def test_wi_ceis_2_the_story_tells_of_a_start_taken_from_the_enrollment(one):
    assert told(one.explain(), "beginDate") == [
        "The CEIS record begins earlier, on 2025-08-01; the settings take the enrollment's start: 2025-09-02."
    ]


IDENTIFIED = of_wi(among=OF_WI_OTHER, **an_el("2025-10-01"))


@one_of("new", IDENTIFIED)
@one_of("old", of_wi(among=OF_WI_OTHER, **an_el("2019-10-01")))
def test_wi_ell_the_story_tells_of_a_student_identified_years_ago(old, new):
    assert told(old.explain(), "beginDate") == [
        "Identified before this year, so the start of the earliest enrollment counts: 2025-09-02."
    ]
    assert told(new.explain(), "beginDate") == ["The day of identification: 2025-10-01."]


TWO = (wi.enrolled("20", end_date="2026-01-31"), wi.enrolled("21", start_date="2026-01-05"))


@one_of("one", of_wi(*TWO, among=OF_WI_OTHER, **A_504))
def test_wi_mul_3_the_story_tells_of_an_end_that_was_cut(one):
    assert "Cut to 2026-01-04, the day before the next record begins." in told(one.explain(), "endDate")


# ---- Candidates with one key


RIVALS = [
    (
        (wi.enrolled("20", service_type="N"), wi.enrolled("21", end_date="2026-01-31")),
        A_504,
        "Has the same key as section504_records:f1, 21, which is sent: a primary enrollment (P) counts before "
        "special education services (N).",
    ),
    (
        (wi.enrolled("9", **CEI), wi.enrolled("10", **CEI)),
        {},
        "Has the same key as enrollments:10#ceis, which is sent: the higher enrollment id counts.",
    ),
    (
        (wi.enrolled("20", start_date="2025-10-06", **CEI), wi.enrolled("21", service_type="N")),
        {"ceis_records": [wi.a_ceis()]},
        "Has the same key as ceis_records:k1, 20, which is sent: a primary enrollment (P) counts before special "
        "education services (N).",
    ),
]


@pytest.mark.parametrize(
    ("one", "says"), [(of_wi(*enrollments, **records), says) for enrollments, records, says in RIVALS]
)
def test_wi_mul_2_the_story_tells_which_candidate_won_and_why(one, says):
    story = one.explain()
    assert told(story, "collapsed") == [says]
    assert story.frame["outcome"].eq("built").sum() == 1


@one_of("one", of_nm(**nm.second_period(school_id="410")))
def test_nm_mul_3_the_story_tells_that_the_current_period_won(one):
    (row,) = one.explain().frame.query("outcome == 'collapsed'").to_dict("records")
    assert (row["table"], row["id"], row["rule"]) == ("enrollments", "R1#cte", "DUP_KEY")
    assert row["says"] == (
        "Has the same key as enrollments:S11#cte, which is sent: the current period counts before an earlier one."
    )


def test_certification_the_story_tells_that_the_higher_row_won():
    tables = certification_tables(a_participation("p1"), a_participation("p2"))
    story = build_of(tables, profile="certification").explain(student_unique_id="222222")
    assert told(story, "collapsed") == [
        "Has the same key as program_participation:p2, which is sent: the higher id of the row."
    ]


# ---- Why not


def test_a_student_in_no_table_gets_an_answer():
    story = wi.built().explain(student_unique_id="4711")
    assert story.frame["outcome"].tolist() == ["not found", "nothing built"]
    assert told(story, "nothing built") == [
        "No association is built for this student. The student is in no table."
    ]


@one_of("one", of_wi())
def test_a_student_without_any_trigger_is_told_what_is_missing(one):
    story = one.explain()
    assert told(story, "not asked for") == [
        "Nothing asks for this enrollment: no record of a program attaches to it, and it has no flag or provider."
    ]
    (sentence,) = told(story, "nothing built")
    assert "no enrollment has a third party provider" in sentence


@one_of("one", OF_NM.add(nm.tables() | {"cte_records": []}))
def test_a_student_without_credentials_is_told_so(one):
    (sentence,) = told(one.explain(), "nothing built")
    assert sentence.endswith(
        "No row of cte_records (the credentials of [S_NM_STU_IndustryCred_C]) names this student."
    )


@one_of("one", of_nm({"student_unique_id": None}))
def test_the_first_reason_comes_with_what_to_do(one):
    (sentence,) = told(one.explain(), "nothing built")
    assert "no state student number" in sentence
    assert "Enter" in sentence


@one_of("one", of_wi(section504_records=[wi.a_504(start_date="2025-02-30")]))
def test_a_row_that_could_not_be_read_is_the_reason(one):
    (sentence,) = told(one.explain(), "nothing built")
    assert sentence.endswith("A row that could not be read is missing: section504_records f1.")


def test_com_tog_1_the_story_tells_that_the_resource_is_switched_off():
    off = {"resource_preferences": [{"resource": "studentProgramAssociations", "enabled": False}]}
    assert told(alone_in_wi(**MODE, **off), "not sent") == [
        "studentProgramAssociations is switched off in resource_preferences; what was sent stays."
    ]


def test_wi_cfg_1_the_gate_is_the_reason():
    story = alone_in_wi(config={"profile": "choice_only"}, **MODE)
    assert story.frame.iloc[-1]["rule"] == "WI-CFG-1"


def test_an_invalid_configuration_of_new_mexico_is_told():
    config = [{"school_year": 2026, "valid": False}]
    story = build_of(nm.tables() | {"edfi_config": config}, profile="nm-powerschool").explain(student_id="11")
    assert told(story, "not sent") == ["The configuration of the year is marked invalid, so nothing is sent."]


@pytest.mark.parametrize(
    ("one", "dropped", "rule"),
    [(OF_MODE, ["lep_records"], "WI-ELL-0"), (IDENTIFIED, [], "")],
)
def test_wi_ell_0_a_row_nobody_asked_for_is_told(one, dropped, rule):
    story = one.explain().frame
    rows = story[story["outcome"].eq("not asked for")]
    assert rows["table"].tolist() == dropped
    assert set(rows["rule"]) <= {rule}


@one_of("one", OWNED_BY_SCHOOL)
def test_nm_mul_1_an_earlier_period_under_latest_only_is_told(one):
    story = one.explain().frame
    (row,) = story[story["outcome"].eq("not asked for")].to_dict("records")
    assert (row["id"], row["rule"]) == ("R1", "NM-MUL-1")


# ---- What was sent before


def sent(*published):
    """What the story of a student with `MODE` says of what was published before."""
    mapped = pd.concat(published, ignore_index=True)
    return told(wi.built(**MODE).explain(student_id="2", identity_map=mapped), "sent before")


def mapped_of(**changes):
    """The identity map after a publish of one record of instruction mode."""
    return identity_map_of(wi.built(instruction_mode_records=[wi.a_mode(**changes)]))


def test_the_identity_map_tells_what_was_sent_and_whether_it_is_still_so():
    of_each = sent(mapped_of(), mapped_of(end_date="2026-01-30"), mapped_of(start_date="2025-09-15"))
    came = "is in the ODS; it came from instruction_mode_records:m1, enrollments:20, students:2"
    for sentence, (day, ends) in zip(
        of_each,
        (
            ("2025-09-08", "The record built now is equal."),
            ("2025-09-08", "The record built now differs in endDate."),
            ("2025-09-15", "No record with this key is built now."),
        ),
        strict=True,
    ):
        assert sentence.startswith(f"Remote from {day} {came}")
        assert sentence.endswith(ends)


def test_an_identity_map_may_hold_texts_and_lack_bodies_and_references():
    mapped = mapped_of()
    as_text, unknown = sent(
        mapped.assign(last_body=mapped["last_body"].map(json.dumps), begin_date="2025-09-08"),
        mapped.assign(last_body=None, source_refs=pd.Series([[]], dtype=object)),
    )
    assert as_text.endswith("The record built now is equal.")
    assert unknown == (
        "Remote from 2025-09-08 is in the ODS; it came from a row that was not written down. "
        "What was sent is not known."
    )


# ---- The story as a whole, and how it shows itself


def test_the_story_goes_from_the_tables_to_the_ods():
    built = wi.built(**A_504)
    frame = built.explain(student_id="2", identity_map=identity_map_of(built)).frame
    assert frame["outcome"].tolist() == [
        "read", "read", "read", "read", "read",
        "kept", "kept",
        "enrollment", "educationOrganizationId", "programReference", "beginDate", "endDate",
        "built", "sent before",
    ]  # fmt: skip
    assert frame["step"].tolist() == list(range(1, 15))
    read = frame[frame["outcome"].eq("read")]
    assert [*zip(read["table"], read["id"], strict=True)] == [
        ("students", "2"), ("enrollments", "20"), ("section504_records", "f1"), ("schools", "A"), ("calendars", "CA"),
    ]  # fmt: skip
    assert "start_date: 2024-03-01" in read["says"].iloc[2]
    assert frame.loc[frame["rule"].ne(""), "source"].ne("").all()


def test_only_one_name_of_a_student_may_be_given():
    with pytest.raises(ConfigError, match="Name one student"):
        wi.built().explain()
    with pytest.raises(ConfigError, match="Name one student"):
        wi.built().explain(student_id="2", student_unique_id="7000000002")


def shown(story):
    return str(story), repr(story), story._repr_html_()


def test_a_story_is_masked_until_it_is_revealed():
    tables = nm.tables({"first_name": "Wilhelmina"})
    for table in ("students", "enrollments", "cte_records"):
        tables[table][0]["student_id"] = "88114711"
    tables["enrollments"][0]["enrollment_id"] = "S88114711"
    built = build_of(tables, profile="nm-powerschool")
    story = built.explain(student_id="88114711", identity_map=identity_map_of(built))
    for text in shown(story):
        assert not any(secret in text for secret in ("88114711", "900111222", "Wilhelmina"))
        assert "35089410" in text
    for text in shown(story.revealed()):
        assert "88114711" in text
        assert "900111222" in text
        assert "Wilhelmina" not in text
    assert "88114711" in set(story.frame["id"])


@one_of("one", OF_MODE)
def test_a_story_is_told_in_parts_with_runs_of_rules_in_short(one):
    text = str(one.explain())
    parts = [
        "What the tables hold", "What the rules made of it", "How the records get their values", "What was built",
    ]  # fmt: skip
    assert [line for line in text.splitlines() if line in parts] == parts
    assert "kept: enrollments 20 [WI-ENR-1 to WI-ENR-11]" in text
    assert "[WI-ENR, WI-MOD-4, WI-ELE-1, WI-ELE-6, WI-ELE-7]" in text


@one_of("one", OF_MODE)
def test_html_is_escaped_and_carries_its_own_style(one):
    html = one.explain()._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<style" not in html
    assert 'title="Infinite Campus, Wisconsin Ed-Fi: Student Program Association"' in html
