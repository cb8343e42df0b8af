"""Errors as hosts of other versions write them: a message (7.1 and older), or the successor's problem details."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"
FIRST = "/".join([URL, "0" * 32])


@pytest.fixture
def legacy(api):
    """A host of 7.1 or older."""
    assert api.put("/control/options", {"error_style": "legacy"}).status_code == 200
    return api


@pytest.fixture
def dms(api):
    """The successor."""
    assert api.put("/control/options", {"error_style": "dms"}).status_code == 200
    return api


def broken_references(api):
    """An association with a program that does not exist."""
    body = api.association()
    body["programReference"]["programName"] = "No Such"
    return body


def test_older_hosts_list_broken_rules_in_one_text(legacy):
    answer = legacy.post(URL, {})
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "Validation of 'StudentCTEProgramAssociation' failed.\n"
        "\tEducationOrganizationReference is required.\n"
        "\tProgramReference is required.\n"
        "\tStudentReference is required.\n"
        "\tBeginDate is required.\n"
    }


def test_older_hosts_name_the_places_of_what_they_cannot_read(legacy):
    answer = legacy.post(URL, legacy.association(beginDate="soon"))
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "The request is invalid.",
        "modelState": {"request.beginDate": ["The supplied value is invalid."]},
    }


def test_older_hosts_name_the_related_resource(legacy):
    answer = legacy.post(URL, broken_references(legacy))
    assert (answer.status_code, answer.json()) == (
        409,
        {"message": "The value supplied for the related 'program' resource does not exist."},
    )


def test_older_hosts_put_the_relationship_behind_authorization_denied(legacy):
    answer = legacy.post(URL, legacy.association(student="S-99999"))
    assert answer.status_code == 403
    assert set(answer.json()) == {"message"}
    assert answer.json()["message"].startswith(
        "Authorization denied. No relationships have been established between the caller's education "
        "organization id claim (628101)"
    )


def test_older_hosts_answer_401_with_nothing(legacy):
    answer = legacy.get(URL, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize(
    ("ask", "status", "message"),
    [
        (lambda api: api.put(FIRST, api.association()), 404, "Resource to update was not found."),
        (lambda api: api.get(URL, params={"limit": 501}), 400, "Limit must be a value between 0 and 500."),
        (lambda api: api.post(URL, api.association(id="7")), 400,
         "Resource identifiers cannot be assigned by the client."),
    ],
)  # fmt: skip
def test_older_hosts_have_short_texts(legacy, ask, status, message):
    answer = ask(legacy)
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_older_hosts_speak_of_another_consumer(legacy):
    legacy.post(URL, legacy.association())
    path = f"{URL}/{legacy.get(URL).json()[0]['id']}"
    answer = legacy.delete(path, headers={"If-Match": '"1"'})
    assert answer.json() == {"message": "Resource was modified by another consumer."}
    changed = legacy.put(path, legacy.association(beginDate="2025-09-03"))
    assert changed.json() == {"message": "Key values for this resource cannot be changed."}


def test_the_successor_always_prints_both_lists(dms):
    problem = dms.get("nonsense").json()
    assert problem["validationErrors"] == {}
    assert dms.post(URL, {}).json()["errors"] == []


def test_the_successor_uses_the_names_of_the_json(dms):
    body = dms.association()
    del body["beginDate"]
    body["cteProgramServices"][0]["cipCode"] = "x" * 121
    assert dms.post(URL, body).json()["validationErrors"] == {
        "$.beginDate": ["beginDate is required."],
        "$.cteProgramServices[0].cipCode": ["cipCode Value should be at most 120 characters"],
    }


def test_the_successor_lists_every_broken_reference(dms):
    answer = dms.post(URL, broken_references(dms))
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:ed-fi:api:data-conflict:unresolved-reference"
    assert problem["validationErrors"] == {
        "$.programReference": ["The referenced Program item does not exist."]
    }


def test_the_successor_has_its_own_type_for_a_taken_key(dms):
    dms.post(URL, dms.association())
    answer = dms.post("studentProgramAssociations", dms.association())
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ed-fi:api:identity-conflict")


def test_the_successor_wants_the_id_of_the_url_in_a_put(dms):
    dms.post(URL, dms.association())
    item = dms.get(URL).json()[0]
    path = f"{URL}/{item['id']}"
    missing = dms.put(path, dms.association())
    assert (missing.status_code, missing.json()["validationErrors"]) == (400, {"$.id": ["id is required."]})
    other = dms.put(path, dms.association(id="0" * 32))
    assert other.json()["validationErrors"] == {"$.id": ["Request body id must match the id in the url."]}
    assert dms.put(path, item).status_code == 204
    moved = dms.put(path, item | {"beginDate": "2025-09-03"})
    assert moved.json()["detail"] == (
        "Identifying values for the StudentCTEProgramAssociation resource item cannot be changed. "
        "Delete and recreate the resource item instead."
    )


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"limit": 501}, "Limit must be omitted or set to a numeric value between 0 and 500."),
        ({"offset": -1}, "Offset must be a numeric value greater than or equal to 0."),
    ],
)
def test_the_successor_has_other_words_for_paging(dms, query, error):
    problem = dms.get(URL, params=query).json()
    assert problem["detail"] == "Parameter validation failed. See 'errors' for details."
    assert problem["errors"] == [error]


def test_an_unknown_style_is_refused(api):
    answer = api.put("/control/options", {"error_style": "soap"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "No error style 'soap': choose one of problem-details, legacy, dms."},
    )
