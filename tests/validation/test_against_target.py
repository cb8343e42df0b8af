"""The third net with a target: the embedded ODS, asked through the real client, in-process."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from edfi_toolkit.errors import OdsError, OdsUnavailable
from edfi_toolkit.model import associations
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import identity_map_of
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from edfi_toolkit.validation import validate
from edfi_toolkit.validation.target import pull
from tests.factories.bodies import CTE, GENERAL, a_body, a_build, uri
from tests.factories.district import LEA, in_process, seed_lines


def about(student: str = "S-1", **members: Any) -> dict[str, Any]:
    return a_body(studentReference={"studentUniqueId": student}, **members)


def a_program(name: str = "Career and Technical Education", owner: int = LEA) -> dict[str, Any]:
    kind = uri("ProgramType", "Career and Technical Education")
    return {"educationOrganizationId": owner, "programName": name, "programTypeDescriptor": kind}


def line(resource: str, body: dict[str, Any]) -> bytes:
    return json.dumps({"resource": resource, "body": body}).encode()


@pytest.fixture(scope="module")
def app() -> Any:
    """Three enrolled students, one without enrollment, and a generic association of the third; it is only read."""
    made = create_app()
    lonely = {"studentUniqueId": "S-9", "firstName": "A", "lastSurname": "B", "birthDate": "2010-01-01"}
    generic = about("S-2", programReference=a_program())
    for name in ("nonTraditionalGenderStatus", "privateCTEProgram", "technicalSkillsAssessmentDescriptor"):
        del generic[name]
    del generic["cteProgramServices"]
    lines = b"\n".join([seed_lines(3), line("students", lonely), line(GENERAL, generic)])
    assert seed(made.state.sandbox.ods, lines)["refused"] == []
    return made


@pytest.fixture(scope="module")
def client(app: Any) -> Iterator[Client]:
    with in_process(app) as opened:
        yield opened


class Readable:
    """A client that sees all that the sandbox holds, or what it is given; reads are counted."""

    def __init__(self, client: Client, **instead: Any) -> None:
        self.client, self.instead, self.asked, self.target = client, instead, [], client.target

    def descriptors(self, name: str) -> frozenset[str]:
        self.asked.append(name)
        return self._answer(name) or self.client.descriptors(name)

    def rows(self, resource: str) -> Iterator[dict[str, Any]]:
        self.asked.append(resource)
        given = self._answer(resource)
        return self.client.rows(resource) if given is None else iter(given)

    def _answer(self, name: str) -> Any:
        given = self.instead.get(name)
        if isinstance(given, Exception):
            raise given
        return given


def test_what_the_target_knows_is_ready(client):
    checked = validate(a_build((CTE, about("S-0")), (CTE, about("S-1"))), target=client)
    assert checked.findings.empty
    assert len(checked.ready) == 2


def test_no_garbage_is_looked_for_while_a_district_is_checked(client):
    class Watched(Readable):
        collects = True

        def rows(self, resource):
            self.collects = gc.isenabled()
            return super().rows(resource)

    reader = Watched(client)
    validate(a_build((CTE, about("S-0"))), target=reader)
    assert (reader.collects, gc.isenabled()) == (False, True)
    with pytest.raises(OdsUnavailable):
        validate(a_build((CTE, about("S-0"))), target=Readable(client, programs=OdsUnavailable("away")))
    assert gc.isenabled()


def test_each_thing_that_is_not_there_holds_its_record_and_says_what(client):
    """COM-DEP-1, COM-PAY-3 and the REF rules, all in one build."""
    students = [{"studentUniqueId": f"S-{number}"} for number in (0, 1, 2, 9)]
    reader = Readable(client, students=students)
    misspelt = about("S-0", programReference=a_program("Career and Technicall Education"))
    elsewhere = about("S-1", educationOrganizationReference={"educationOrganizationId": 77})
    unknown_owner = about("S-1", beginDate="2025-09-01", programReference=a_program(owner=78))
    passed = about("S-0", technicalSkillsAssessmentDescriptor=uri("TechnicalSkillsAssessment", "Pased"))
    bodies = [misspelt, elsewhere, unknown_owner, passed, about("S-4"), about("S-9"), about("S-2")]
    checked = validate(a_build(*((CTE, body) for body in bodies)), target=reader)
    told = {(row["row_id"], row["rule_id"]): row["says"] for row in checked.findings.to_dict("records")}
    assert told == {
        (
            "p0",
            "COM-DEP-1",
        ): "The target has no program 'Career and Technicall Education' of this type owned by 255901."
        " Did you mean 'Career and Technical Education'?",
        ("p1", "REF-ORGANIZATION"): "The target has no education organization 77.",
        ("p2", "REF-ORGANIZATION"): "The target has no education organization 78.",
        (
            "p2",
            "COM-DEP-1",
        ): "The target has no program 'Career and Technical Education' of this type owned by 78.",
        (
            "p3",
            "COM-PAY-3",
        ): "The target has no TechnicalSkillsAssessmentDescriptor 'Pased'. Did you mean 'Passed'?",
        ("p4", "REF-STUDENT"): "The student does not exist in the target, or this login may not see it.",
        ("p5", "REF-ENROLLMENT"): "The student has no enrollment in the target; the ODS would answer 403.",
        ("p6", "COM-ONE-1"): f"In the target this key belongs to {GENERAL} already.",
    }
    assert set(checked.findings["severity"]) == {"critical"}
    assert checked.ready.empty


def test_a_student_id_that_differs_only_by_case_or_zeros_says_so(client):
    """COM-NRM-2: `00123` and `123` are two ids; the sentence quotes neither."""
    cases = {"s-1": "only in upper and lower case", "00S-1": "only in leading zeros", "S-77": ""}
    found = validate(a_build(*((CTE, about(written)) for written in cases)), target=client).findings
    unknown = found[found["rule_id"].eq("REF-STUDENT")].set_index("student_unique_id")["says"]
    assert sorted(unknown.index) == sorted(cases)
    for written, differs in cases.items():
        assert differs in unknown[written]
        assert ("It has one that differs" in unknown[written]) == bool(differs)
        assert written not in unknown[written]


def test_a_program_that_differs_only_in_case_is_a_warning(client):
    """COM-KEY-2."""
    body = about(programReference=a_program("Career And Technical Education"))
    checked = validate(a_build((CTE, body)), target=client)
    (found,) = checked.findings.to_dict("records")
    assert (found["rule_id"], found["severity"]) == ("COM-KEY-2", "warning")
    assert len(checked.ready) == 1


def test_a_states_own_values_are_judged_by_the_target(client):
    """States replace the lists of descriptors: with a target nothing else counts."""
    own = "uri://zed.example/ReasonExitedDescriptor#77"
    reader = Readable(client, ReasonExitedDescriptor=frozenset({own}))
    ours, shipped = about("S-0", reasonExitedDescriptor=own.upper().replace("URI", "uri")), about("S-1")
    checked = validate(a_build((CTE, ours), (CTE, shipped)), target=reader)
    assert checked.ready["student_unique_id"].tolist() == ["S-0"]
    assert checked.held["held_by"].tolist() == [["COM-PAY-3"]]


def test_a_key_that_this_feed_published_itself_may_move_to_another_resource(client):
    """COM-SRC-1: the plan deletes and posts it as a pair, so it must not be held for ever."""
    moved = a_build((CTE, about("S-2")))
    assert len(validate(moved, target=client).held) == 1
    published = a_build((GENERAL, a_body(GENERAL, studentReference={"studentUniqueId": "S-2"})))
    ours = identity_map_of(published)
    assert validate(moved, target=client, identity_map=ours).held.empty
    assert len(validate(moved, target=client, identity_map=ours.iloc[:0]).held) == 1


def test_each_resource_is_read_once_however_many_records_there_are(client):
    reader = Readable(client)
    validate(a_build(*((CTE, about(f"S-{number}")) for number in (0, 1, 0, 1))), target=reader)
    assert len(reader.asked) == len(set(reader.asked))
    assert {"programs", "students", "studentSchoolAssociations", *associations()} <= set(reader.asked)


def test_a_resource_this_login_may_not_read_is_told_and_holds_nothing(client):
    """REF-UNREADABLE: what cannot be seen cannot be called missing."""
    closed = ("programs", "students", "studentSchoolAssociations", "schools", GENERAL)
    refusal = OdsError("refused", status=403)
    reader = Readable(client, ReasonExitedDescriptor=refusal, **dict.fromkeys(closed, refusal))
    body = about("S-4", educationOrganizationReference={"educationOrganizationId": 77})
    checked = validate(a_build((CTE, body)), target=reader)
    assert checked.held.empty
    assert set(checked.findings["rule_id"]) == {"REF-UNREADABLE"}
    assert set(checked.findings["severity"]) == {"warning"}
    assert set(checked.findings["field"]) == {*closed, "reasonExitedDescriptors"}


@pytest.mark.parametrize("trouble", [OdsUnavailable("gone"), OdsError("broken", status=500)])
def test_a_target_in_trouble_ends_the_run(client, trouble):
    with pytest.raises(type(trouble)):
        validate(a_build((CTE, about())), target=Readable(client, programs=trouble))


def test_a_client_that_was_given_stays_open(client):
    validate(a_build((CTE, about())), target=client)
    assert pull(client, ["ProgramTypeDescriptor"]).descriptors["ProgramTypeDescriptor"]


def test_a_target_can_be_a_target_or_its_name(sandbox, monkeypatch, tmp_path):
    """Over a socket, as a steward does it."""
    import httpx

    from edfi_toolkit.settings import Secret, Target

    httpx.post(f"{sandbox.control_url}/seed", content=seed_lines(2), trust_env=False).raise_for_status()
    district = sandbox.clients[0]
    one = Target(
        name="here",
        base_url=sandbox.base_url,
        key=Secret(district["key"]),
        secret=Secret(district["secret"]),
    )
    made = a_build((CTE, about("S-1")), (CTE, about("S-8")))
    assert validate(made, target=one).held["student_unique_id"].tolist() == ["S-8"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDFI_TARGET_HERE_URL", sandbox.base_url)
    monkeypatch.setenv("EDFI_TARGET_HERE_KEY", district["key"])
    monkeypatch.setenv("EDFI_TARGET_HERE_SECRET", district["secret"])
    assert validate(made, target="here").held["student_unique_id"].tolist() == ["S-8"]
