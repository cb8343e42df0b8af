"""What the sandbox serves: every descriptor type and every kind of organization of the data standard."""

from __future__ import annotations

import pytest

from edfi_toolkit.model import descriptor_endpoints, descriptor_properties, descriptor_values, resource

ORGANIZATIONS = {
    "communityOrganizations": "communityOrganizationId",
    "communityProviders": "communityProviderId",
    "educationOrganizationNetworks": "educationOrganizationNetworkId",
    "organizationDepartments": "organizationDepartmentId",
    "postSecondaryInstitutions": "postSecondaryInstitutionId",
}


def test_every_descriptor_type_is_served_with_its_values(api):
    api.sign_in("host")
    counts = {}
    for name, endpoint in descriptor_endpoints().items():
        answer = api.get(endpoint, params={"limit": 1, "totalCount": "true"})
        assert answer.status_code == 200, endpoint
        counts[name] = int(answer.headers["total-count"])
    assert len(counts) == 211
    assert sum(counts.values()) == 3320
    assert [name for name, count in counts.items() if not count] == [
        "ModelEntityDescriptor",
        "ParticipationStatusDescriptor",
    ]


def test_a_descriptor_type_that_no_association_uses_is_filtered_and_written_like_all(api):
    endpoint, name = "absenceEventCategoryDescriptors", "AbsenceEventCategoryDescriptor"
    code = descriptor_values()[name][0].partition("#")[2]
    assert [row["codeValue"] for row in api.get(endpoint, params={"codeValue": code}).json()] == [code]
    own = {"namespace": f"uri://zz.example/{name}", "codeValue": "Ferry", "shortDescription": "Ferry"}
    assert api.post(endpoint, own).status_code == 403  # a district's key reads them
    api.sign_in("host")
    assert api.post(endpoint, own).status_code == 201
    assert api.get(endpoint, params={"namespace": own["namespace"]}).json()[0]["codeValue"] == "Ferry"


@pytest.mark.parametrize("endpoint", ORGANIZATIONS)
def test_every_kind_of_organization_is_a_resource_and_shares_the_numbers(api, endpoint):
    api.sign_in("host")
    category = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"
    body = {
        ORGANIZATIONS[endpoint]: 777001,
        "nameOfInstitution": "Vantassel House",
        "categories": [{"educationOrganizationCategoryDescriptor": category}],
    }
    kinds = descriptor_properties(endpoint)
    required = {
        path.removeprefix("$."): kinds[path]
        for path in kinds
        if resource(endpoint)["properties"][path]["required"]
    }
    body |= {member: descriptor_values()[name][0] for member, name in required.items() if "." not in member}
    answer = api.post(endpoint, body)
    assert answer.status_code == 201, answer.text
    school = api.get("schools", params={"schoolId": api.school}).json()[0]
    del school["id"]
    assert api.post("schools", {**school, "schoolId": 777001}).status_code == 409
