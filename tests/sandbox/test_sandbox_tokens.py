"""Tokens."""

from __future__ import annotations

import base64

import pytest

FORM = "application/x-www-form-urlencoded"


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def test_basic_and_body_credentials_both_give_a_token(empty_api):
    client = empty_api.clients()["district"]
    answer = empty_api.token("district")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert (token["expires_in"], token["token_type"]) == (1800, "bearer")
    assert len(bytes.fromhex(token["access_token"])) == 16
    members = {"client_id": client["key"], "client_secret": client["secret"]}
    for body in (
        {"data": {"grant_type": "Client_Credentials", **members}},
        {"json": {"grant_type": "client_credentials", **members}},
    ):
        assert empty_api.ask("POST", "/oauth/token", **body).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "body", "status", "error"),
    [
        (basic("nobody:x"), "grant_type=client_credentials", 401, "invalid_client"),
        ("Digest abc", "grant_type=client_credentials", 401, "invalid_client"),
        (basic(":"), "grant_type=client_credentials", 401, "invalid_request"),
        (None, "grant_type=client_credentials", 401, "invalid_request"),
        ("Basic", "grant_type=client_credentials", 400, "invalid_request"),
        ("Basic ???", "grant_type=client_credentials", 400, "invalid_request"),
        (basic("key:with:colon"), "grant_type=client_credentials", 400, "invalid_client"),
        (basic("a:b"), "grant_type=client_credentials&client_id=a&client_secret=b", 400, "invalid_client"),
        (basic("a:b"), "grant_type=password", 400, "unsupported_grant_type"),
        (basic("a:b"), "", 400, "unsupported_grant_type"),
    ],
)
def test_token_errors_have_the_shape_of_oauth(empty_api, authorization, body, status, error):
    headers = {"Content-Type": FORM} | ({} if authorization is None else {"Authorization": authorization})
    answer = empty_api.ask("POST", "/oauth/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_the_wrong_secret_of_a_known_key_is_refused(empty_api):
    key = empty_api.clients()["district"]["key"]
    answer = empty_api.ask(
        "POST",
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": basic(f"{key}:no")},
    )
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_scope_narrows_the_token_to_one_linked_organization(api):
    api.post("/control/clients", {"name": "both", "organizations": [api.district, api.other_district]})
    answer = api.token("both", scope=str(api.district))
    assert answer.json()["scope"] == "628101"
    for scope in ("soon", str(api.school)):
        refused = api.token("both", scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
        assert refused.json()["error_description"]


@pytest.mark.parametrize(
    ("media", "error"),
    [
        (None, "The 'Content-Type' header is missing."),
        ("text/csv", "The value specified in the 'Content-Type' header is not supported by this host."),
    ],
)
def test_the_token_endpoint_wants_a_content_type(empty_api, media, error):
    headers = {} if media is None else {"Content-Type": media}
    answer = empty_api.ask("POST", "/oauth/token", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["errors"]) == (415, [error])


def test_every_call_issues_a_new_token_and_the_earlier_one_stays_valid(api):
    first, second = (api.token("district").json()["access_token"] for _ in range(2))
    assert first != second
    for token in (first, second):
        assert api.get("students", headers={"Authorization": f"bearer {token}"}).status_code == 200


def test_the_sixteenth_live_token_of_a_key_is_refused(empty_api):
    assert [empty_api.token("district").status_code for _ in range(16)] == [200] * 15 + [429]
    answer = empty_api.token("district")
    assert answer.json()["type"] == "urn:ed-fi:api:security:authentication:too-many-tokens"
    assert answer.json()["errors"] == [
        "Too many access tokens have been requested (limit is 15). "
        "Access tokens should be reused until they expire."
    ]
    assert "retry-after" not in answer.headers
    assert empty_api.token("host").status_code == 200


def test_tokens_expire_after_the_time_that_was_set(api):
    api.put("/control/options", {"token_lifetime_s": 0.0})
    api.sign_in()
    answer = api.get("students")
    assert (answer.status_code, answer.json()["errors"]) == (401, ["Invalid token"])


def test_a_token_of_a_second_lives_for_a_second(api, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(api.app.state.sandbox.ods.directory, "_now", lambda: clock[0])
    api.put("/control/options", {"token_lifetime_s": 1})
    token = api.token("district").json()
    assert token["expires_in"] == 1
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answers = []
    for clock[0] in (100.9, 101.0):
        answers.append(api.get("students", headers=headers).status_code)
    assert answers == [200, 401]


def test_token_info_shows_claim_set_organizations_and_rights(api):
    token = api.headers["Authorization"].split()[1]
    info = api.ask("POST", "/oauth/token_info", data={"token": token}).json()
    assert info["active"] is True
    assert info["claim_set"] == {"name": "SIS Vendor"}
    assert info["education_organizations"] == [
        {
            "education_organization_id": 628101,
            "name_of_institution": "Briar Hollow",
            "type": "edfi.LocalEducationAgency",
            "local_education_agency_id": 628101,
            "state_education_agency_id": 62,
        },
        {
            "education_organization_id": 628101017,
            "name_of_institution": "School 628101017",
            "type": "edfi.School",
            "school_id": 628101017,
            "state_education_agency_id": 62,
            "local_education_agency_id": 628101,
        },
    ]
    rights = {entry["resource"]: entry["operations"] for entry in info["resources"]}
    assert rights["/ed-fi/studentCTEProgramAssociations"] == [
        "Create",
        "Read",
        "Update",
        "Delete",
        "ReadChanges",
    ]
    assert rights["/ed-fi/programTypeDescriptors"] == ["Read", "ReadChanges"]


def test_token_info_wants_the_very_token_of_the_header(api):
    other = api.token("host").json()["access_token"]
    answer = api.ask("POST", "/oauth/token_info", data={"token": other})
    assert (answer.status_code, answer.json()["detail"], answer.json()["errors"]) == (
        400,
        "The authentication token and the token to inspect must match.",
        ["The authentication token (header) and the token to inspect in the body must match."],
    )
    answer = api.ask("POST", "/oauth/token_info", data={"token": "no"})
    assert answer.json()["detail"] == "An invalid token was provided"
    answer = api.ask(
        "POST", "/oauth/token_info", data={"token": other}, headers={"Authorization": "Bearer x"}
    )
    assert (answer.status_code, answer.content) == (401, b"")
