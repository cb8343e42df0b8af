"""Data Standard 6.1: what it has otherwise, told by discovery and OpenAPI and kept by the data."""

from __future__ import annotations

import pytest

from edfi_toolkit.sandbox import create_app
from tests.sandbox.conftest import DISTRICT

SPECIAL = "studentSpecialEducationProgramAssociations"
NEWER = {
    "iepLastReviewDate": "2025-09-10",
    "iepReviewDueDate": "2026-09-10",
    "iepLastEvaluationDate": "2024-02-01",
    "iepEvaluationDueDate": "2027-02-01",
}


@pytest.fixture
def newer_api(make_api):
    """A sandbox of Data Standard 6.1 with the invented district; signed in with the key of that district."""
    api = make_api(create_app(standard="6.1"))
    api.seed_district()
    api.add_client("briar-hollow", organizations=[DISTRICT])
    return api


def test_special_education_has_four_dates_and_not_the_two_older_ones(newer_api):
    body = newer_api.association(**NEWER, iepReviewDate="2025-09-10", lastEvaluationDate="2024-02-01")
    assert newer_api.post(SPECIAL, body).status_code == 201
    (shown,) = newer_api.get(SPECIAL, params={"iepReviewDueDate": "2026-09-10"}).json()
    assert {name: shown[name] for name in NEWER} == NEWER
    assert not {"iepReviewDate", "lastEvaluationDate"} & shown.keys()
    assert newer_api.get(SPECIAL, params={"iepReviewDueDate": "2026-09-11"}).json() == []
    refused = newer_api.post(SPECIAL, {**body, "iepReviewDueDate": "soon"})
    assert refused.status_code == 400
    assert "$.iepReviewDueDate" in refused.json()["validationErrors"]


def test_discovery_and_openapi_tell_6_1(newer_api):
    (core,) = newer_api.get("/").json()["dataModels"]
    assert (core["version"], core["informationalVersion"]) == ("6.1.0", "The Ed-Fi Data Model 6.1")
    document = newer_api.get("/metadata/data/v3/resources/swagger.json").json()
    assert document["info"]["description"] == "Ed-Fi Data Standard 6.1"
    schemas = document["components"]["schemas"]
    assert NEWER.keys() <= schemas["edFi_studentSpecialEducationProgramAssociation"]["properties"].keys()
    assert not {"visas", "citizenshipStatusDescriptor"} & schemas["edFi_student"]["properties"].keys()
    assert "/ed-fi/federalLocaleCodeDescriptors" in str(
        newer_api.get("/metadata/data/v3/descriptors/swagger.json").json()["paths"].keys()
    )


def test_longer_codes_and_new_references_are_checked(newer_api):
    calendar = {
        "calendarCode": "x" * 120,
        "schoolReference": {
            "schoolId": newer_api.association()["educationOrganizationReference"]["educationOrganizationId"]
        },
        "schoolYearTypeReference": {"schoolYear": 2025},
        "calendarTypeDescriptor": "uri://ed-fi.org/CalendarTypeDescriptor#IEP",
    }
    answer = newer_api.post("calendars", {**calendar, "calendarCode": "x" * 121})
    assert "at most 120" in str(answer.json()["validationErrors"]["$.calendarCode"])


def test_everything_of_the_standard_is_served(newer_api):
    for endpoint in (
        "staffs",
        "schools",
        "studentEducationOrganizationAssociations",
        "organizationDepartments",
    ):
        assert newer_api.get(endpoint, params={"limit": 1}).status_code in (200, 403)
    assert newer_api.get("accreditationStatusDescriptors").json() == []
    assert len(newer_api.get("cteProgramServiceDescriptors").json()) > 10
