"""Errors hold, deselection deletes: what became of a published record whose source rows have an error or a wish."""

from __future__ import annotations

from collections import Counter

import pytest

from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.rules import build
from edfi_toolkit.sources import extract
from tests.factories.builds import build_of
from tests.factories.participations import a_participation, certification_tables
from tests.factories.together import Plans, one_of
from tests.proofs import PROVE
from tests.rules import test_nm_powerschool as nm
from tests.rules import test_wi_infinite_campus as wi

CERT, NM, WI = "certification", "nm-powerschool", "wi-infinite-campus"
ALONE = {"modality": {"instruction_mode_records": [wi.a_mode()]}, "504": {"section504_records": [wi.a_504()]}}


def outcome(profile, before, after, settings=None, **how):
    """The actions of the plan after a change to what was published, HELD among them."""
    first = build_of(before, profile=profile, settings=settings, school_year=2026)
    second = build_of(after, profile=profile, settings=settings, school_year=2026)
    assert len(first.records)
    made = plan(second, identity_map=identity_map_of(first), **how)
    held = made.findings["code"].eq("HELD").sum()
    return Counter(made.items["action"]) + Counter(HELD=int(held))


NM_ERRORS = {
    "a school's number that is no number of three digits": {"school": {"school_number": "4l0"}},
    "a school's number of four digits": {"school": {"school_number": "4100"}},
    "an entry date emptied": {"enrollment": {"start_date": None}},
    "an exit before the entry": {"enrollment": {"end_date": "2025-08-01"}},
    "an exit in another century": {"enrollment": {"end_date": "1926-05-29"}},
    "an entry in another century": {"enrollment": {"start_date": "2052-08-11", "end_date": "2026-05-29"}},
    "a state id emptied": {"student": {"student_unique_id": None}},
    "whether the student is published emptied": {"student": {"student_published": None}},
    "a cell that cannot be read": {"enrollment": {"end_date": "soon"}},
}


NM_WISHES = {
    "excluded student": {"student": {"state_exclude": True}},
    "excluded school": {"school": {"state_exclude": True}},
    "not enrolled in the program": {"cte": {"program_enrolled": False}},
    "student no longer published": {"student": {"student_published": False}},
    "entry in the next year": {"enrollment": {"start_date": "2026-08-11"}},
    "excluded student without a state id": {"student": {"state_exclude": True, "student_unique_id": None}},
    "excluded school of a student without a state id": {
        "student": {"student_unique_id": None},
        "school": {"state_exclude": True},
    },
    "excluded school and an exit before the entry": {
        "enrollment": {"end_date": "2025-08-01"},
        "school": {"state_exclude": True},
    },
}
OF_NM = Plans(NM)
CASES_OF_NM = {
    name: OF_NM.add(nm.tables(), nm.tables(**change)) for name, change in {**NM_ERRORS, **NM_WISHES}.items()
}


@pytest.mark.parametrize("case", [CASES_OF_NM[name] for name in NM_ERRORS], ids=NM_ERRORS)
def test_an_error_of_new_mexico_holds_what_was_published(case):
    """NM-ERR-2, NM-SEL-1, NM-SEL-3, NM-SEL-4, COM-VAL-1: nothing is deleted for an error."""
    assert case.outcome == {"HELD": 1}


@pytest.mark.parametrize("district", ["8g", None], ids=["no number", "emptied"])
def test_a_district_number_that_cannot_be_read_holds_what_was_published(district):
    """NM-ERR-1"""
    assert outcome(NM, nm.tables(), nm.tables(district=district)) == {"HELD": 1}


@pytest.mark.parametrize("table", ["schools", "students", "preferences"])
def test_a_row_that_is_gone_while_others_name_it_holds(table):
    """NM-ERR-2, NM-SEL-1, NM-ERR-1: a look-up that fails is an error, whatever severity its rule has."""
    assert outcome(NM, nm.tables(), {**nm.tables(), table: []}) == {"HELD": 1}


@pytest.mark.parametrize("case", [CASES_OF_NM[name] for name in NM_WISHES], ids=NM_WISHES)
def test_a_wish_of_new_mexico_deletes_also_next_to_an_error(case):
    """NM-EVT-4: a wish that can be read outweighs an error of the same row or student."""
    assert case.outcome == {"DELETE": 1}


@pytest.mark.parametrize(
    "case",
    [
        OF_NM.add(nm.tables(), {**nm.tables(cte=still_there), "students": [], "enrollments": []})
        for still_there in ({}, {"program_enrolled": "soon"})
    ],
    ids=["readable", "unreadable"],
)
def test_student_and_enrollment_both_gone_are_a_removal(case):
    """NM-EVT-4: also while a credential row still names the student, whether or not that can be read."""
    assert case.outcome == {"DELETE": 1}


def test_the_rule_of_a_row_stays_the_first_that_failed():
    """COM-SKP-1: what outweighs what changes no line of the report."""
    made = build_of(nm.tables(student={"student_unique_id": None, "state_exclude": True}), profile=NM)
    assert made.skipped["rule"].tolist() == ["NM-SEL-4"]


WI_ERRORS = {
    "modality": {"instruction_mode_records": [wi.a_mode(learning_modality="Remot")]},
    "modality emptied": {"instruction_mode_records": [wi.a_mode(learning_modality=None)]},
    "school number that no school has": {"instruction_mode_records": [wi.a_mode(school_number="0400")]},
    "record's student mistyped": {"instruction_mode_records": [wi.a_mode(student_id="22")]},
    "record's end before its start": {"instruction_mode_records": [wi.a_mode(end_date="2025-09-01")]},
    "record's end in another century": {"instruction_mode_records": [wi.a_mode(end_date="1926-01-01")]},
    "calendar gone": {"calendars": []},
    "calendar's school year mistyped": wi.tables(calendar={"school_year": "202"}, **ALONE["modality"]),
    "calendar emptied": {"enrollments": [wi.enrolled(calendar_id=None)]},
    "entity id emptied": {"schools": [{"school_id": "A", "school_number": "0040"}]},
    "school gone": {"schools": []},
    "state id emptied": {"students": [{"student_id": "2"}]},
    "student gone": {"students": []},
    "enrollment's end before its start": {"enrollments": [wi.enrolled(end_date="2025-09-01")]},
    "enrollment's end in another century": {"enrollments": [wi.enrolled(end_date="1926-06-05")]},
    "enrollment's start emptied": {"enrollments": [wi.enrolled(start_date=None)]},
}


BEFORE = wi.tables(**ALONE["modality"])
OF_WI = Plans(WI)
CASES_OF_WI = {name: OF_WI.add(BEFORE, {**BEFORE, **change}) for name, change in WI_ERRORS.items()}


@pytest.mark.parametrize("case", CASES_OF_WI.values(), ids=CASES_OF_WI)
def test_an_error_of_wisconsin_holds_what_was_published(case):
    """WI-MOD-1, WI-MOD-3, WI-MOD-4, WI-ENR-1, WI-ENR-2, WI-ENR-3, WI-ENR-10: nothing is deleted for an error."""
    assert case.outcome == {"HELD": 1}


def test_what_is_not_there_at_all_holds_as_what_is_not_there_for_one():
    """WI-ENR-1, WI-ENR-3, WI-ENR-10: the same in a source without another student, school or calendar."""
    for gone in ("calendars", "schools", "students"):
        assert outcome(WI, BEFORE, {**BEFORE, gone: []}) == {"HELD": 1}


CAMPUS = {
    "person": "personID,stateID\n1,7000000001\n2,7000000002\n3,7000000003",
    "school": "schoolID,number,entityID\n11,0040,301240\n12,0060,301260\n13,0070,301270\n14,0080,301280",
    "calendar": "calendarID,schoolID,endYear,startDate,endDate\n21,11,2026,09/02/2025,06/05/2026",
    "enrollment": "enrollmentID,personID,calendarID,schoolID,startDate,schoolOverride\n"
    "31,1,21,11,09/02/2025,12\n32,2,21,11,09/02/2025,13\n33,3,21,11,09/02/2025,14",
    "section504": "recordID,personID,startDate\n41,1,10/15/2025\n42,2,10/15/2025\n43,3,10/15/2025",
}
LEADS_NOWHERE = {
    "enrollment": CAMPUS["enrollment"].replace(",12\n", ",19\n"),  # there is no school 19
    "school": CAMPUS["school"].replace("\n13,0070,301270", "").removesuffix("301280"),
}


def test_a_school_override_that_leads_nowhere_holds(tmp_path):
    """WI-ELE-2, COM-NRM-2: it is not taken for no override, which would move the record to the own school."""

    def campus(name, files):
        folder = tmp_path / name
        folder.mkdir()
        for table, text in files.items():
            (folder / f"{table}.csv").write_text(f"{text}\n")
        return extract(folder, profile=WI)

    first, second = (
        build(campus(*each), profile=WI, school_year=2026)
        for each in (("before", CAMPUS), ("after", {**CAMPUS, **LEADS_NOWHERE}))
    )
    assert sorted(first.records["education_organization_id"]) == [301260, 301270, 301280]
    made = plan(second, identity_map=identity_map_of(first))
    assert (made.items.empty, made.breaches) == (True, ())
    held = made.findings[made.findings["code"].eq("HELD")]
    assert sorted(held["student_unique_id"]) == ["7000000001", "7000000002", "7000000003"]
    assert set(held["says"]) == {
        "Its enrollments row has an error (COM-NRM-2); what is published stays as it is."
    }


WI_WISHES = {
    "no show": {"no_show": True},
    "no show with an end before its start": {"no_show": True, "end_date": "2025-09-01"},
    "no show without a calendar": {"no_show": True, "calendar_id": None},
    "excluded": {"state_exclude": True},
    "wise exclude": {"wise_exclude": True},
    "partial": {"service_type": "S"},
}


WISHED = {
    f"{name}-{wish}": OF_WI.add(wi.tables(**trigger), wi.tables(wi.enrolled(**change), **trigger))
    for name, trigger in ALONE.items()
    for wish, change in WI_WISHES.items()
}


@pytest.mark.parametrize("case", WISHED.values(), ids=WISHED)
def test_a_wish_of_wisconsin_deletes_also_next_to_an_error(case):
    """WI-EVT-15, WI-EVT-17: a no show with an end before its start is deleted."""
    assert case.outcome == {"DELETE": 1}


TWO = (wi.enrolled("20"), wi.enrolled("21", service_type="N"))
ONE_EACH = (wi.enrolled("20", end_date="2025-09-01"), wi.enrolled("21", no_show=True))


@one_of("case", OF_WI.add(*(wi.tables(*each, **ALONE["504"]) for each in (TWO, ONE_EACH))))
def test_a_wish_of_one_of_two_enrollments_deletes_nothing_that_the_other_holds(case):
    """WI-MUL-2: a record of two enrollments is deselected when both are."""
    assert case.outcome == {"HELD": 1}


WITH_SETTINGS = Plans(
    WI,
    {
        "wi.modality_enrollment_rules": "block_only",
        "wi.ell_in_spa": True, "wi.ell_program_name": "English Learner", "wi.ell_program_type": "EL",
    },
)  # fmt: skip
PARTIAL = wi.tables(wi.enrolled(service_type="S"), **ALONE["modality"])


@pytest.mark.parametrize(
    "case",
    [
        WITH_SETTINGS.add(PARTIAL, {**PARTIAL, **error})
        for error in (
            {"schools": [{"school_id": "A", "school_number": "0040"}]},
            {"instruction_mode_records": [wi.a_mode(start_date=None)]},
        )
    ],
)
def test_a_partial_enrollment_is_no_wish_for_modality_where_the_block_alone_counts(case):
    """WI-ENR: under `block_only` another error of a partial enrollment holds."""
    assert case.outcome == {"HELD": 1}


def identified(day):
    row = {"record_id": "l1", "student_id": "2", "program_status": "EL", "el_served": "T"}
    return wi.tables(lep_records=[{**row, "identified_date": day}])


@one_of("later", WITH_SETTINGS.add(identified("2025-10-01"), identified("2026-10-01")))
@one_of("missing", WITH_SETTINGS.add(identified("2025-10-01"), identified(None)))
def test_el_without_an_identified_date_holds(missing, later):
    """WI-ELL-3: a missing identified date is a look-up that failed; one after the year is a wish."""
    assert missing.outcome == {"HELD": 1}
    assert later.outcome == {"DELETE": 1}


CERT_ERRORS = {
    "student gone": {"students": []},
    "state id emptied": {"students": [{"student_id": "7"}]},
    "begin emptied": {"program_participation": [a_participation(begin_date=None)]},
    "end before begin": {"program_participation": [a_participation(end_date="2025-08-01")]},
    "program emptied": {"program_participation": [a_participation(program_name=None)]},
    "resource mistyped": {"program_participation": [a_participation(resource="studentProgamAssociations")]},
}


OF_CERT, PARTICIPATES = Plans(CERT), certification_tables(a_participation())
CASES_OF_CERT = {
    name: OF_CERT.add(PARTICIPATES, {**PARTICIPATES, **change}) for name, change in CERT_ERRORS.items()
}


@pytest.mark.parametrize("case", CASES_OF_CERT.values(), ids=CASES_OF_CERT)
def test_an_error_of_the_certification_holds(case):
    """CERT-SEL-1 to CERT-SEL-4: all of them are errors, none a wish."""
    assert case.outcome == {"HELD": 1}


EVERY = [
    *((CERT, case) for case in CASES_OF_CERT.values()),
    *((NM, case) for case in CASES_OF_NM.values()),
    *((WI, case) for case in (*CASES_OF_WI.values(), *WISHED.values())),
]
OF_EACH = [
    (CERT, CASES_OF_CERT["state id emptied"]),
    (NM, CASES_OF_NM["excluded school"]),
    (WI, CASES_OF_WI["modality"]),
]


@pytest.mark.parametrize(("profile", "case"), EVERY if PROVE else OF_EACH)
def test_cases_that_are_planned_at_once_are_planned_as_alone(profile, case):
    """An error and a wish, one of each profile; all of them in `make prove`."""
    assert case.outcome == outcome(profile, *case.states)


FUTURE = Plans(CERT, {"future_dated": "suppress_future_begin", "as_of_date": "2025-10-01"})
LATER, WRONG = (
    certification_tables(a_participation(begin_date="2025-11-01", **more))
    for more in ({}, {"end_date": "2025-08-30"})
)


@one_of("wrong", FUTURE.add(PARTICIPATES, WRONG))
@one_of("later", FUTURE.add(PARTICIPATES, LATER))
def test_a_setting_that_holds_back_the_future_is_no_wish_of_the_source(later, wrong):
    """COM-FUT-1: an error of the same row outweighs it."""
    assert later.outcome == {"DELETE": 1}
    assert wrong.outcome == {"HELD": 1}


def test_a_resync_leaves_the_orphans_of_a_student_with_an_error():
    """REC-R9: without the ledger nothing says which row a record came from."""
    first = build_of(nm.tables(), profile=NM, school_year=2026)
    ods = first.records[["resource", "body"]].assign(id="o1", etag="1")
    after = build_of(nm.tables(school={"school_number": "4l0"}), profile=NM, school_year=2026)
    made = plan(after, ods=ods, mode="resync")
    assert made.items.empty
    assert made.findings["code"].tolist() == ["HELD"]


def test_the_finding_names_the_row_and_the_rule():
    """HELD: the sentence says which row holds and by which rule, never whose it is."""
    first = build_of(nm.tables(), profile=NM, school_year=2026)
    after = build_of(nm.tables(school={"school_number": "4l0"}), profile=NM, school_year=2026)
    (finding,) = plan(after, identity_map=identity_map_of(first)).findings.itertuples()
    assert finding.says == "Its enrollments row has an error (NM-ERR-2); what is published stays as it is."
    gone = build_of({**nm.tables(), "students": []}, profile=NM, school_year=2026)
    findings = plan(gone, identity_map=identity_map_of(first)).findings
    (finding,) = findings[findings["code"].eq("HELD")].itertuples()
    assert finding.says.startswith("Its enrollments row names a student who is not in the source;")


def test_every_judged_row_is_a_row_of_the_source():
    """COM-SRC-1: what holds is known by table and id."""
    made = build_of(nm.tables(student={"state_exclude": True}), profile=NM, school_year=2026)
    assert made.judged.to_dict("records") == [{"table": "students", "id": "11", "error": False}]
    assert made.judged["error"].dtype == bool
