"""Answers that the Alliance's own test suites expect of a host."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"
PREFLIGHT = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}


def a_descriptor(**members):
    """A disability of the invented host."""
    return {
        "namespace": "uri://ed-fi.org/DisabilityDescriptor",
        "codeValue": "Invented",
        "shortDescription": "Invented",
        **members,
    }


@pytest.mark.parametrize("collection", [URL, f"{URL}/deletes", f"{URL}/keyChanges"])
@pytest.mark.parametrize("value", ["abc", "1", "0"])
def test_a_total_count_is_true_or_false(api, collection, value):
    answer = api.get(collection, params={"totalCount": value})
    assert (answer.status_code, answer.json()["type"], answer.json()["validationErrors"]) == (
        400,
        "urn:ed-fi:api:bad-request:data-validation-failed",
        {"$.totalCount": [f"The value '{value}' is not valid for TotalCount."]},
    )
    answers = [api.get(collection, params={"totalCount": text}) for text in ("false", "", "True")]
    assert ["total-count" in answer.headers for answer in answers] == [False, False, True]


@pytest.mark.parametrize("path", [URL, "nonsense", "/oauth/token", "/"])
def test_a_page_from_anywhere_may_ask_what_it_may_send(empty_api, path):
    wanted = {"Access-Control-Request-Headers": "authorization"}
    answer = empty_api.ask("OPTIONS", path, headers=PREFLIGHT | wanted)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "authorization"


def test_options_that_no_browser_asks_are_no_verb_of_the_host(api):
    for headers in ({}, {"Origin": "https://elsewhere.example"}, {"Access-Control-Request-Method": "POST"}):
        assert api.ask("OPTIONS", URL, headers=headers).status_code == 405
        assert api.ask("OPTIONS", URL, headers=headers | {"Authorization": ""}).status_code == 401


@pytest.mark.parametrize("id", ["", "no guid", 7])
def test_a_put_of_a_descriptor_wants_a_guid_as_id(api, id):
    api.sign_in("host")
    shown = api.get("disabilityDescriptors", params={"limit": 1}).json()[0]
    path = f"disabilityDescriptors/{shown['id']}"
    answer = api.put(path, shown | {"id": id})
    assert answer.status_code == 400
    (text,) = answer.json()["validationErrors"]["$.id"]
    assert text.startswith(f"Error converting value \"{id}\" to type 'System.Guid'. Path 'id', line 1,")
    assert api.put(path, shown | {"id": None}).status_code == 204


def test_a_put_without_a_body_to_an_id_that_is_none_tells_both(api):
    headers = {"Content-Type": "application/json"}
    answer = api.ask("PUT", f"{URL}/abc", content=b" ", headers=headers)
    assert (answer.status_code, answer.json()["validationErrors"]) == (
        400,
        {"$.id": ["The value 'abc' is not valid."], "$": ["A non-empty request body is required."]},
    )


@pytest.mark.parametrize("name", ["DisabilityDescriptor__", "Disability/Descriptor", "Disability Descriptor"])
def test_the_name_of_a_descriptor_is_letters_and_digits(api, name):
    api.sign_in("host")
    answer = api.post("disabilityDescriptors", a_descriptor(namespace=f"uri://ed-fi.org/{name}"))
    assert (answer.status_code, answer.json()["validationErrors"]) == (
        400,
        {
            "$.namespace": [
                f"'{name}' is not a valid value for descriptor name. "
                "Descriptor names may only contain alphanumeric characters."
            ]
        },
    )


def test_a_scope_that_is_no_number_is_told_what_it_should_be(api):
    assert api.token("district", scope="soon").json() == {
        "error": "invalid_scope",
        "error_description": "The supplied 'scope' was not a number (it should be an EducationOrganizationId "
        "that is explicitly associated with the client).",
    }
