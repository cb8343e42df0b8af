"""COM-SHOW-1: the members of the key come from the key columns, whatever attributes say, up to the ODS."""

from __future__ import annotations

from shutil import copy

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import KEY_COLUMNS, natural_key
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import build
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from tests.factories.district import LEA, PROGRAMS, SCHOOL, a_build, a_participation, in_process, seed_lines
from tests.proofs import bounded

STUDENTS = 3
IDS = st.sampled_from([f"S-{number}" for number in range(STUDENTS)])
ORGANIZATIONS = st.sampled_from([LEA, SCHOOL, str(LEA)])
DAYS = st.sampled_from(["2025-09-01", "2025-09-02", "2025-09-02T00:00:00", "9/2/2025", "soon"])
TYPES = st.sampled_from([PROGRAMS[0], f"uri://ed-fi.org/ProgramTypeDescriptor#{PROGRAMS[0]}", PROGRAMS[1]])


def spelled(name):
    """A member's name as standard and tolerant targets may read it."""
    return st.sampled_from([name, name.lower(), name[0].upper() + name[1:]])


def reference(**members):
    """A reference that may lack members, or be no object at all."""
    return st.one_of(st.none(), st.just("S-2"), st.fixed_dictionaries({}, optional=members))


@st.composite
def attributes(draw):
    members = {
        "beginDate": DAYS,
        "endDate": DAYS,
        "educationOrganizationReference": reference(educationOrganizationId=ORGANIZATIONS),
        "programReference": reference(
            educationOrganizationId=ORGANIZATIONS,
            programName=st.sampled_from(PROGRAMS),
            programTypeDescriptor=TYPES,
        ),
        "studentReference": reference(studentUniqueId=IDS),
        "servedOutsideOfRegularSession": st.booleans(),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(members)), unique=True, max_size=3))
    return {draw(spelled(name)): draw(members[name]) for name in chosen}


ROWS = st.lists(
    st.tuples(st.integers(0, STUDENTS - 1), st.sampled_from(["2025-09-01", "2025-09-02"]), attributes()),
    min_size=10,  # in a few plans, as a plan takes longer than its rows
    max_size=16,
)


def keys_in(bodies):
    return [natural_key(body) for body in bodies]


def columns_of(frame):
    rows = frame[list(KEY_COLUMNS)].assign(begin_date=frame["begin_date"].dt.date.astype("str"))
    return list(rows.itertuples(index=False, name=None))


@pytest.mark.volume
@bounded(
    3,
    proof=50,
    ignored=HealthCheck,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking publishes hundreds of tables
)
@given(rows=ROWS)
def test_each_body_has_the_key_of_its_record_in_plan_ledger_and_ods(rows, empty_ledger, tmp_path_factory):
    """COM-SHOW-1: for random tables with random attributes."""
    made = a_build(
        *(
            a_participation(student, begin_date=day, participation_id=f"p{at}", attributes=said)
            for at, (student, day, said) in enumerate(rows)
        )
    )
    assert keys_in(made.records["body"]) == columns_of(made.records)
    planned = plan(made)
    assert keys_in(planned.items["body"]) == columns_of(planned.items)
    app, ledger = create_app(), copy(empty_ledger, tmp_path_factory.mktemp("ledger") / "ledger.db")
    assert seed(app.state.sandbox.ods, seed_lines(STUDENTS))["refused"] == []
    with in_process(app) as client:
        publish(planned, target=client, ledger=ledger, approved=planned.fingerprint)
        with Ledger(ledger) as opened:
            known = opened.identity_map(opened.feed(client.target.identity, "certification", ""))
        held = [body for page in client.read("studentProgramAssociations") for body in page["body"]]
    shown = sorted(columns_of(made.records))
    assert sorted(keys_in(known["last_body"])) == sorted(columns_of(known)) == sorted(keys_in(held)) == shown


DIFFERS = [
    {"studentReference": {"studentUniqueId": "S-2"}},
    {"StudentReference": {"StudentUniqueId": "S-2"}},
    {"studentReference": "S-2"},
    {"beginDate": "2025-09-03"},
    {"educationOrganizationReference": {"educationOrganizationId": SCHOOL}},
    {"programReference": {"programName": "Another"}},
    {"programReference": {"programTypeDescriptor": "Another"}},
    {"endDate": "soon"},
]


def test_attributes_with_another_value_than_the_column_are_an_error():
    """COM-SHOW-1: the row is skipped, named without its values, and what was published is held."""
    students = range(10, 10 + len(DIFFERS))
    before = a_build(*map(a_participation, students))
    rows = [
        a_participation(student, attributes=said) for student, said in zip(students, DIFFERS, strict=True)
    ]
    made = build({**before.tables, "program_participation": rows}, profile="certification", school_year=2026)
    for skipped, said in zip(made.skipped.itertuples(), DIFFERS, strict=True):
        member = next(iter(said))
        assert skipped.rule == "COM-SHOW-1"
        assert skipped.detail.startswith(f"Column attributes: {member[0].lower()}{member[1:]} has")
        assert "S-2" not in skipped.detail
    planned = plan(made, identity_map=identity_map_of(before))
    assert planned.items.empty
    assert planned.findings["code"].tolist() == ["HELD"] * len(DIFFERS)


SAME = [
    {"studentReference": {"studentUniqueId": "S-0", "link": {"rel": "Student"}}},
    {"studentReference": None},
    {"programReference": {}},
    {"educationOrganizationReference": {"educationOrganizationId": str(LEA)}},
]


def test_attributes_with_the_same_value_are_ignored():
    """COM-SHOW-1: they change nothing of what is sent."""
    plain = a_build(*map(a_participation, range(len(SAME))))
    saying = a_build(*(a_participation(student, attributes=said) for student, said in enumerate(SAME)))
    assert saying.records["body"].tolist() == plain.records["body"].tolist()
    assert len(saying.records) == len(SAME)


def test_an_end_that_only_attributes_have_is_the_records_end():
    """COM-SHOW-1, COM-VAL-1: it is checked like the column's, and sent."""
    ends = ("2026-05-23", "2025-08-01")  # the second lies before its begin
    made = a_build(*(a_participation(at, attributes={"endDate": end}) for at, end in enumerate(ends)))
    assert [body["endDate"] for body in made.records["body"]] == ["2026-05-23"]
    assert made.skipped["rule"].tolist() == ["CERT-SEL-3"]
