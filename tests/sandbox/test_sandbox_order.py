"""The order of judgement: of everything that is wrong with a request, the host tells what it comes to first."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"


def told(answer):
    """Status, and the last parts of the problem's type."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:ed-fi:api:")


@pytest.fixture
def wrong(api):
    """A POST in which everything is wrong, and each mistake with its mend; the last mend leaves nothing wrong."""
    api.post(URL, api.association())
    api.add_client("limited", organizations=[api.district], without=[URL])
    limited = api.headers["Authorization"]
    api.add_client("fen-marsh", organizations=[api.other_district])
    outsider = api.headers["Authorization"]
    api.sign_in("briar-hollow")
    insider = api.headers["Authorization"]
    body = api.association(id="0" * 32, privateCTEProgram=2)
    del body["beginDate"]
    request = {
        "path": "nonsense",
        "headers": {"Authorization": "Bearer x", "Use-Snapshot": "false", "Content-Type": "text/plain"},
        "json": body,
    }
    headers = request["headers"]
    return request, {
        "token": lambda: headers.update({"Authorization": limited}),
        "snapshot": lambda: headers.pop("Use-Snapshot"),
        "path": lambda: request.update(path=URL),
        "media": lambda: headers.pop("Content-Type"),
        "claim": lambda: headers.update({"Authorization": outsider, "If-Match": '"1"'}),
        "reading": lambda: body.update(privateCTEProgram=True),
        "id": lambda: body.pop("id"),
        "rule": lambda: body.update(beginDate="2025-09-02"),
        "stored": lambda: headers.update({"Authorization": insider}),
        "etag": lambda: headers.pop("If-Match"),
    }


def test_a_post_is_judged_in_the_hosts_order(api, wrong):
    request, mends = wrong
    expected = {
        "token": (401, "security:authentication"),
        "snapshot": (405, "snapshots:method-not-allowed"),
        "path": (404, "not-found"),
        "media": (415, "unsupported-media-type"),
        "claim": (403, "security:authorization:access-denied:resource"),
        "reading": (400, "bad-request:data-validation-failed"),
        "id": (400, "bad-request:data-validation-failed"),
        "rule": (400, "bad-request:data-validation-failed"),
        "stored": (403, "security:authorization"),
        "etag": (412, "optimistic-lock-failed"),
    }
    details = []
    for mistake, answer in expected.items():
        found = api.ask("POST", **request)
        assert told(found) == answer, mistake
        details.append(found.json().get("validationErrors") or found.json().get("errors"))
        mends[mistake]()
    assert [next(iter(detail)) for detail in details[5:8]] == [
        "$.privateCTEProgram",
        "Resource identifiers cannot be assigned by the client. "
        "The 'id' property should not be included in the request body.",
        "$.beginDate",
    ]
    assert api.ask("POST", **request).status_code == 200


def test_a_put_is_judged_in_the_hosts_order(api):
    api.post(URL, api.association())
    path = f"{URL}/{api.get(URL).json()[0]['id']}"
    api.post("studentProgramAssociations", api.association(beginDate="2025-09-03"))
    body = api.association(
        student="S-40072",
        programReference={
            "educationOrganizationId": 1,
            "programName": "No",
            "programTypeDescriptor": api.descriptor,
        },
    )
    stale = {"If-Match": '"1"'}
    assert told(api.put(f"{URL}/{'0' * 32}", {}, headers=stale))[0] == 400
    assert told(api.put(f"{URL}/{'0' * 32}", body, headers=stale)) == (404, "not-found")
    assert told(api.put(path, body, headers=stale)) == (412, "optimistic-lock-failed")
    assert told(api.put(path, body)) == (
        400,
        "bad-request:data-validation-failed:key-change-not-supported",
    )
    enrollment = api.get("studentSchoolAssociations").json()[0]
    moved = enrollment | {"schoolReference": {"schoolId": api.other_school}}
    moved["calendarReference"] = {"calendarCode": "No", "schoolId": api.other_school, "schoolYear": 2026}
    where = f"studentSchoolAssociations/{enrollment['id']}"
    assert told(api.put(where, moved)) == (403, "security:authorization")
    moved["schoolReference"] = {"schoolId": api.school}
    moved["calendarReference"]["schoolId"] = api.school
    assert told(api.put(where, moved)) == (409, "data-conflict:unresolved-reference")
