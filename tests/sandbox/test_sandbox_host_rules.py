"""Rules that the host of an ODS adds to the standard's."""

from __future__ import annotations

import json

import pytest

URL = "studentCTEProgramAssociations"
SERVICE = "$.cteProgramServices[*].cteProgramServiceDescriptor"


@pytest.mark.parametrize(
    ("rule", "status", "says"),
    [
        ({"path": "$.endDate", "required": True}, 400, "EndDate is required."),
        ({"path": "$.endDate", "required": True, "when": {"$.reasonExitedDescriptor": True}}, 201, ""),
        ({"path": "$.beginDate", "latest": "2001-01-01"}, 400, "BeginDate must not be after 2001-01-01."),
        ({"path": "$.beginDate", "earliest": "2001-01-01"}, 201, ""),
        (
            {"path": "$.programReference.programName", "longest": 3},
            400,
            "ProgramName must be at most 3 characters in length.",
        ),
        ({"path": SERVICE, "retired": ["Health Science"]}, 400, "#Health Science' is no longer in use."),
    ],
)
def test_a_rule_of_the_host_is_answered_as_one_of_the_standard(api, rule, status, says):
    line = json.dumps({"rule": {"resource": URL, **rule}}).encode()
    assert api.ask("POST", "/control/seed", content=line).json()["refused"] == []
    answer = api.post(URL, api.association())
    assert (answer.status_code, says in answer.text) == (status, True)


def test_what_may_be_there_once_is_a_conflict_and_an_update_of_it_is_none(api):
    rule = {"resource": URL, "once": ["$.studentReference.studentUniqueId"]}
    api.ask("POST", "/control/seed", content=json.dumps({"rule": rule}).encode())
    first = api.association()
    assert api.post(URL, first).status_code == 201
    assert api.post(URL, first).status_code == 200
    answer = api.post(URL, first | {"beginDate": "2025-12-01"})
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:ed-fi:api:data-conflict:non-unique-values",
    )
    api.reset("seed")
    assert api.ask("POST", "/control/seed", content=b"").json()["loaded"] == 0


def test_a_seed_may_say_what_a_client_may_do_and_a_rule_that_cannot_be_is_refused(api):
    lines = [
        {"client": {"name": "district", "without": [f"{URL}:Update"]}},
        {"client": {"name": "district", "claim_set": "None Such"}},
        {"rule": {"resource": URL}},
        {"rule": {"resource": URL, "path": "$.endDate", "longer": 3}},
    ]
    found = api.ask("POST", "/control/seed", content="\n".join(map(json.dumps, lines)).encode()).json()
    assert [entry["line"] for entry in found["refused"]] == [2, 3, 4]
    api.sign_in("district")
    body = api.association()
    assert [api.post(URL, body).status_code for _ in range(2)] == [201, 403]
