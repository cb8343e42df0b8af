"""What the Alliance's suites ask and a browser does, over a socket: one sandbox for the whole file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from edfi_toolkit.sandbox import Running, start
from tests.sandbox.conftest import CTE, DISTRICT, DISTRICT_ENTRIES, SCHOOL

DATA = "/data/v3/ed-fi"
DISABILITIES = f"{DATA}/disabilityDescriptors"
NO_BODY = "A non-empty request body is required."


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with start() as process:
        lines = "\n".join(json.dumps({"resource": name, "body": body}) for name, body in DISTRICT_ENTRIES)
        httpx.post(f"{process.control_url}/seed", content=lines, trust_env=False).raise_for_status()
        yield process


def token_of(running: Running, name: str, **form: str) -> httpx.Response:
    """The answer to a request for a token."""
    client = next(each for each in running.clients if each["name"] == name)
    return httpx.post(
        f"{running.base_url}/oauth/token",
        data={"grant_type": "client_credentials", **form},
        auth=(client["key"], client["secret"]),
        trust_env=False,
    )


@pytest.fixture(scope="module")
def host(running: Running) -> Iterator[httpx.Client]:
    """Signed in as the host."""
    token = token_of(running, "host").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.base_url, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("text", ["abc", "1"])
def test_a_total_count_that_is_no_boolean_is_400(host: httpx.Client, text: str) -> None:
    answer = host.get(f"{DATA}/students", params={"totalCount": text})
    assert (answer.status_code, list(answer.json()["validationErrors"])) == (400, ["$.totalCount"])


def test_a_browser_asks_first_without_a_token(running: Running, host: httpx.Client) -> None:
    asks = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    url = f"{running.base_url}{DATA}/students"
    assert httpx.options(url, headers=asks, trust_env=False).status_code == 204
    assert httpx.options(url, trust_env=False).status_code == 401
    assert host.options(f"{DATA}/students").status_code == 405


@pytest.mark.parametrize("given", ["", "no-guid"])
def test_a_descriptor_put_with_an_id_that_is_none_is_400(host: httpx.Client, given: str) -> None:
    (item,) = host.get(DISABILITIES, params={"limit": 1}).json()
    answer = host.put(f"{DISABILITIES}/{item['id']}", json={**item, "id": given})
    assert (answer.status_code, list(answer.json()["validationErrors"])) == (400, ["$.id"])


def test_a_put_on_no_id_without_a_body_reports_both(host: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = host.put(f"{DISABILITIES}/no-guid", content=b"", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["validationErrors"] == {
        "$.id": ["The value 'no-guid' is not valid."],
        "$": [NO_BODY],
    }


def test_the_name_of_a_descriptor_has_letters_and_digits_only(host: httpx.Client) -> None:
    body = {"namespace": "uri://ed-fi.org/DisabilityDescriptor__", "codeValue": "A", "shortDescription": "A"}
    answer = host.post(DISABILITIES, json=body)
    assert answer.json()["validationErrors"]["$.namespace"] == [
        "'DisabilityDescriptor__' is not a valid value for descriptor name. Descriptor names may only contain "
        "alphanumeric characters."
    ]


def test_token_info_about_another_token_and_a_scope_that_is_no_number(
    running: Running, host: httpx.Client
) -> None:
    other = token_of(running, "state").json()["access_token"]
    answer = host.post("/oauth/token_info", data={"token": other})
    assert (answer.status_code, answer.json()["detail"], answer.json()["errors"]) == (
        400,
        "The authentication token and the token to inspect must match.",
        ["The authentication token (header) and the token to inspect in the body must match."],
    )
    refused = token_of(running, "district", scope="all")
    assert (refused.status_code, refused.json()) == (
        400,
        {
            "error": "invalid_scope",
            "error_description": "The supplied 'scope' was not a number (it should be an EducationOrganizationId "
            "that is explicitly associated with the client).",
        },
    )


def test_a_reference_to_staff_that_is_not_there_is_unresolved(running: Running) -> None:
    token = token_of(running, "unrestricted").json()["access_token"]
    body: dict[str, Any] = {
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {"educationOrganizationId": SCHOOL},
        "programReference": {
            "educationOrganizationId": DISTRICT,
            "programName": "Career Pathways",
            "programTypeDescriptor": CTE,
        },
        "studentReference": {"studentUniqueId": "S-40071"},
        "serviceProviders": [{"staffReference": {"staffUniqueId": "none"}}],
    }
    answer = httpx.post(
        f"{running.base_url}{DATA}/studentSpecialEducationProgramAssociations",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The referenced 'Staff' item does not exist.",
    )


def test_every_kind_the_standard_has_is_readable(host: httpx.Client) -> None:
    more = ("communityOrganizations", "communityProviders", "educationOrganizationNetworks")
    for endpoint in (*more, "organizationDepartments", "postSecondaryInstitutions", "staffs"):
        assert host.get(f"{DATA}/{endpoint}").status_code == 200, endpoint
    assert len(host.get(f"{DATA}/schoolYearTypes", params={"limit": 500}).json()) == 60
    document = host.get("/metadata/data/v3/descriptors/swagger.json").json()
    assert len(document["tags"]) == 211


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Host": "elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_the_control_address_refuses_other_sites_and_stays_readable(
    running: Running, headers: dict[str, str]
) -> None:
    refused = httpx.post(f"{running.control_url}/reset", json={}, headers=headers, trust_env=False)
    assert refused.status_code == 403
    assert httpx.get(running.control_url, trust_env=False).status_code == 200
    assert httpx.get(f"{running.control_url}/counters", trust_env=False).status_code == 200
    assert len(httpx.get(f"{running.control_url}/clients", trust_env=False).json()) == len(running.clients)


def test_a_body_is_bounded_before_anyone_has_come_in(running: Running) -> None:
    answer = httpx.post(
        f"{running.base_url}{DATA}/students",
        content=b"x" * 31_000_000,
        headers={"Content-Type": "application/json"},
        trust_env=False,
    )
    assert answer.status_code in (401, 413)
