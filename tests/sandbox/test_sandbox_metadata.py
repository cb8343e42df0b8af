"""OpenAPI documents, tenants and school years."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.contexts import Contexts


def document(api, name):
    """One OpenAPI document, found by its name as a client does."""
    entries = {entry["name"]: entry["endpointUri"] for entry in api.get("/metadata/").json()}
    answer = api.get(entries[name].removeprefix("http://localhost"))
    assert answer.status_code == 200
    return answer


def test_the_resources_document_describes_keys_and_lengths(empty_api):
    found = document(empty_api, "Resources").json()
    schema = found["components"]["schemas"]["edFi_studentCTEProgramAssociation"]
    assert schema["properties"]["beginDate"]["x-Ed-Fi-isIdentity"] is True
    assert schema["properties"]["programReference"] == {"$ref": "#/components/schemas/edFi_programReference"}
    assert "studentReference" in schema["required"]
    child = found["components"]["schemas"]["edFi_studentCTEProgramAssociationCTEProgramService"]
    assert child["properties"]["cipCode"]["maxLength"] == 120
    reference = found["components"]["schemas"]["edFi_programReference"]
    assert "x-Ed-Fi-isIdentity" not in reference["properties"]["programName"]
    assert found["servers"] == [{"url": "http://localhost/data/v3"}]
    names = {p["name"] for p in found["paths"]["/ed-fi/studentCTEProgramAssociations"]["get"]["parameters"]}
    assert {"programEducationOrganizationId", "limit", "pageToken"} <= names


def test_every_schema_that_is_referred_to_is_there(empty_api):
    for name in ("Resources", "Descriptors"):
        found = document(empty_api, name)
        schemas = found.json()["components"]["schemas"]
        referred = {part.split('"')[0] for part in found.text.split("#/components/schemas/")[1:]}
        assert referred <= schemas.keys()


def test_only_enrollments_may_change_their_key(empty_api):
    paths = document(empty_api, "Resources").json()["paths"]
    updatable = [path for path, verbs in paths.items() if verbs.get("put", {}).get("x-Ed-Fi-isUpdatable")]
    assert updatable == ["/ed-fi/studentSchoolAssociations/{id}"]


def test_a_document_is_not_sent_twice(empty_api):
    etag = document(empty_api, "Descriptors").headers["etag"]
    path = "/metadata/data/v3/descriptors/swagger.json"
    assert empty_api.get(path, headers={"If-None-Match": etag}).status_code == 304


@pytest.fixture
def ask():
    """GETs of a host with two tenants and two years."""
    app = Contexts(lambda prefix: create_app(), tenants=["north", "south"], school_years=[2026, 2027])
    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")

    def request(path, method="GET", **more):
        return loop.run_until_complete(client.request(method, path, **more))

    yield request
    loop.run_until_complete(client.aclose())
    loop.close()


@pytest.mark.parametrize(
    ("path", "filled_in"),
    [
        ("/", "/{tenantIdentifier}/{schoolYearFromRoute}"),
        ("/north", "/north/{schoolYearFromRoute}"),
        ("/north/2026", "/north/2026"),
    ],
)
def test_the_root_prints_placeholders_until_it_is_told(ask, path, filled_in):
    urls = ask(path).json()["urls"]
    assert urls["oauth"] == f"http://localhost{filled_in}/oauth/token"
    assert urls["dataManagementApi"] == f"http://localhost{filled_in}/data/v3/"


def test_each_context_has_its_own_data_and_tokens(ask):
    client = ask("/north/2026/control/clients").json()[1]
    basic = httpx.BasicAuth(client["key"], client["secret"])
    form = {"grant_type": "client_credentials"}
    assert ask("/south/2026/oauth/token", "POST", data=form, auth=basic).status_code == 401
    token = ask("/north/2026/oauth/token", "POST", data=form, auth=basic).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"schoolYear": 2026, "currentSchoolYear": True, "schoolYearDescription": "2025-2026"}
    created = ask("/north/2026/data/v3/ed-fi/schoolYearTypes", "POST", json=body, headers=headers)
    assert created.headers["location"].startswith(
        "http://localhost/north/2026/data/v3/ed-fi/schoolYearTypes/"
    )
    assert ask("/north/2027/data/v3/ed-fi/schoolYearTypes", headers=headers).status_code == 401


def test_an_unknown_tenant_is_404(ask):
    answer = ask("/east/2026/data/v3/ed-fi/students")
    assert answer.status_code == 404
    assert "east" in answer.json()["errors"][0]
