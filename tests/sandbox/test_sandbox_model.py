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


def test_the_school_years_of_an_ods_are_there_and_none_is_current(api):
    api.sign_in("host")
    years = api.get("schoolYearTypes", params={"limit": 500}).json()
    assert [year["schoolYear"] for year in years] == list(range(1991, 2051))
    assert {year["currentSchoolYear"] for year in years} == {False}
    assert years[0]["schoolYearDescription"] == "1990-1991"


def test_a_collection_that_is_inherited_bears_the_name_of_what_it_is_inherited_from(api):
    api.sign_in("host")
    category = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"
    twice = [{"educationOrganizationCategoryDescriptor": category}] * 2
    grade = [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}] * 2
    body = {
        "schoolId": 9,
        "nameOfInstitution": "Nine",
        "educationOrganizationCategories": twice,
        "gradeLevels": grade,
    }
    says = "The 2nd item of the {} has the same identifying values as another item earlier in the list."
    assert api.post("schools", body).json()["validationErrors"] == {
        "$.educationOrganizationCategories": [says.format("EducationOrganizationCategories")],
        "$.gradeLevels": [says.format("SchoolGradeLevels")],
    }
    agency = {"stateEducationAgencyId": 8, "nameOfInstitution": "Eight", "categories": twice}
    assert api.post("stateEducationAgencies", agency).json()["validationErrors"] == {
        "$.categories": [says.format("EducationOrganizationCategories")]
    }


def test_a_descriptor_in_an_inherited_collection_is_held_by_any_of_its_kinds(api):
    api.sign_in("host")
    (item,) = api.get("educationOrganizationCategoryDescriptors", params={"codeValue": "School"}).json()
    answer = api.delete(f"educationOrganizationCategoryDescriptors/{item['id']}")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The requested action cannot be performed because this item is referenced by an existing "
        "'EducationOrganizationCategory' item contained within a resource item of one of the following types: "
        "CommunityOrganization, CommunityProvider, EducationOrganizationNetwork, EducationServiceCenter, "
        "LocalEducationAgency, OrganizationDepartment, PostSecondaryInstitution, School, StateEducationAgency.",
    )
