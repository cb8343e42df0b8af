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
        "Identifying values for the StudentCTEProgramAssociation resource cannot be changed. "
        "Delete and recreate the resource item instead."
    )


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"limit": 501}, "Limit must be omitted or set to a numeric value between 0 and 500."),
        ({"limit": "many"}, "Limit must be omitted or set to a numeric value between 0 and 500."),
        ({"offset": -1}, "Offset must be a numeric value greater than or equal to 0."),
        ({"offset": "x"}, "Offset must be a numeric value greater than or equal to 0."),
    ],
)
def test_the_successor_has_other_words_for_paging(dms, query, error):
    problem = dms.get(URL, params=query).json()
    assert (problem["title"], problem["detail"]) == (
        "Parameter Validation Failed",
        "Parameters supplied to the request were invalid.",
    )
    assert (problem["errors"], problem["validationErrors"]) == ([error], {})


def test_the_successor_lists_all_kinds_that_refer_to_what_is_deleted(dms):
    dms.post(URL, dms.association())
    dms.sign_in("unrestricted")
    refers = "The requested action cannot be performed because this item is referenced by existing"
    for collection, kinds in (
        ("programs", "StudentCTEProgramAssociation"),
        ("students", "StudentCTEProgramAssociation, StudentSchoolAssociation"),
    ):
        asked = (
            {"studentUniqueId": "S-40071"} if collection == "students" else {"programName": "Career Pathways"}
        )
        (item,) = dms.get(collection, params=asked).json()
        answer = dms.delete(f"{collection}/{item['id']}")
        assert (answer.status_code, answer.json()["detail"]) == (409, f"{refers} {kinds} item(s).")


def test_the_successor_speaks_of_the_identity_of_a_descriptor(dms):
    dms.sign_in("host")
    (item,) = dms.get("disabilityDescriptors", params={"limit": 1}).json()
    answer = dms.put(f"disabilityDescriptors/{item['id']}", item | {"codeValue": "Another"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "Identity of resource 'Ed-Fi.DisabilityDescriptor' cannot be changed. Descriptor identity fields "
        "(Namespace, CodeValue) are immutable on PUT.",
    )


def test_the_successor_uses_the_json_names_for_white_space_and_for_items(dms):
    dms.sign_in("host")
    own = {"namespace": " uri://zz.example/DisabilityDescriptor", "codeValue": "A", "shortDescription": "A"}
    answer = dms.post("disabilityDescriptors", own)
    assert answer.json()["validationErrors"] == {
        "$.namespace": ["namespace cannot contain leading or trailing spaces."]
    }
    dms.sign_in("briar-hollow")
    services = [{"cteProgramServiceDescriptor": dms.service}] * 2
    answer = dms.post(URL, dms.association(cteProgramServices=services))
    assert answer.json()["validationErrors"]["$.cteProgramServices"] == [
        "The 2nd item of the cteProgramServices has the same identifying values as another item earlier in the list."
    ]


@pytest.mark.parametrize("media", ["text/plain", None])
def test_the_successor_has_one_text_for_every_content_type_it_does_not_take(dms, media):
    headers = {"Content-Type": media} if media else {}
    answer = dms.ask("POST", URL, content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["errors"]) == (
        415,
        ["The value specified in the 'Content-Type' header is not supported by this host."],
    )


def test_the_successor_leaves_empty_collections_out(dms):
    dms.post(URL, dms.association())
    (shown,) = dms.get(URL).json()
    assert "programParticipationStatuses" not in shown
    assert len(shown["cteProgramServices"]) == 1


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"beginDate": "2025-09-02", "beginDate": "2025-09-03"}', "$.beginDate"),
        (b'{"studentReference": {"studentUniqueId": "1", "studentUniqueId": "2"}}', "$.studentUniqueId"),
        (b'{"beginDate": "2025-09-02",}', None),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, None),
    ],
)
def test_the_successor_takes_no_member_twice_and_no_trailing_comma(dms, content, where):
    answer = dms.ask("POST", URL, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    if where:
        assert list(answer.json()["validationErrors"]) == [where]


def test_an_unknown_style_is_refused(api):
    answer = api.put("/control/options", {"error_style": "soap"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "No error style 'soap': choose one of problem-details, legacy, dms."},
    )
