"""The sandbox's own clients, and every refusal by 403 that its claim sets can show."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"
REASON = {
    "namespace": "uri://zed.example/ReasonExitedDescriptor",
    "codeValue": "Moved",
    "shortDescription": "Moved",
}


def refusal(answer):
    """Suffix of the type of a 403, and the first of its errors."""
    assert answer.status_code == 403, answer.text
    problem = answer.json()
    assert problem["title"] == "Authorization Denied"
    prefix = "urn:ed-fi:api:security:authorization"
    assert problem["type"].startswith(prefix)
    return problem["type"].removeprefix(prefix), [*problem.get("errors", ()), ""][0]


def path_of(answer):
    """The item's path under /data/v3/ed-fi/."""
    assert answer.status_code == 201, answer.text
    return "/".join(answer.headers["location"].split("/")[-2:])


def test_there_are_a_district_a_state_two_vendors_the_host_and_one_without_limits(api):
    found = {name: (client["claim_set"], client["organizations"]) for name, client in api.clients().items()}
    del found["briar-hollow"]
    assert found == {
        "district": ("SIS Vendor", [628101, 628202]),
        "host": ("Ed-Fi Sandbox", [62]),
        "state": ("SIS Vendor", [62]),
        "roster-vendor": ("Roster Vendor", [628101, 628202]),
        "assessment-vendor": ("Assessment Vendor", [628101, 628202]),
        "unrestricted": ("Unrestricted", []),
    }


def test_every_client_has_a_key_and_a_secret_of_its_own(api):
    clients = api.clients().values()
    assert len({client["key"] for client in clients}) == len({client["secret"] for client in clients}) == 7
    assert all(len(client["secret"]) >= 32 for client in clients)


def test_the_state_writes_for_each_of_its_districts(api):
    api.sign_in("state")
    for organization in (api.school, api.district, api.state):
        body = api.association(educationOrganizationReference={"educationOrganizationId": organization})
        assert api.post(URL, body).status_code == 201


def test_a_roster_vendor_reads_students_and_no_associations(api):
    api.sign_in("roster-vendor")
    assert [student["studentUniqueId"] for student in api.get("students").json()] == ["S-40071"]
    suffix, error = refusal(api.post("students", api.student("S-1")))
    assert suffix == ":access-denied:action"
    assert "'http://ed-fi.org/odsapi/actions/create'" in error
    suffix, error = refusal(api.get(URL))
    assert suffix == ":access-denied:resource"
    assert error == (
        "The API client's assigned claim set (currently 'Roster Vendor') must include one of the following "
        "resource claims to provide access to this resource: "
        "'http://ed-fi.org/identity/claims/ed-fi/studentCTEProgramAssociation', "
        "'http://ed-fi.org/identity/claims/domains/relationshipBasedData'."
    )


def test_an_assessment_vendor_reads_students_but_no_enrollments(api):
    api.sign_in("assessment-vendor")
    assert api.get("students").status_code == 200
    assert refusal(api.get("studentSchoolAssociations"))[0] == ":access-denied:resource"


def test_a_bootstrap_key_may_create_organizations_and_nothing_else(api):
    api.add_client("loader", claim_set="Bootstrap Descriptors and EdOrgs", namespaces=["uri://"])
    assert api.post("reasonExitedDescriptors", REASON).status_code == 201
    assert refusal(api.post("reasonExitedDescriptors", REASON))[0] == ":access-denied:action"
    assert refusal(api.post("students", api.student("S-1")))[0] == ":access-denied:resource"


def test_no_relationship_is_the_variant_without_a_suffix(api):
    suffix, error = refusal(api.post(URL, api.association(student="S-40072")))
    assert (suffix, error.startswith("No relationships have been established")) == ("", True)


@pytest.mark.parametrize(
    ("namespaces", "suffix"),
    [
        (["uri://briarhollow.example"], ":namespace:access-denied:namespace-mismatch"),
        ([], ":namespace:invalid-client:no-namespaces"),
    ],
)
def test_descriptors_outside_the_namespaces_of_a_client_are_refused(api, namespaces, suffix):
    api.add_client("namespaced", claim_set="Ed-Fi Sandbox", namespaces=namespaces)
    assert refusal(api.post("reasonExitedDescriptors", REASON))[0] == suffix


def test_a_client_without_namespaces_is_told_so(api):
    api.add_client("bare", claim_set="Ed-Fi Sandbox", namespaces=[])
    assert refusal(api.post("reasonExitedDescriptors", REASON))[1] == (
        "The API client has been given permissions on a resource that uses the 'NamespaceBased' "
        "authorization strategy but the client doesn't have any namespace prefixes assigned."
    )


def test_by_ownership_a_client_reaches_what_it_created_and_nothing_else(api):
    theirs = path_of(api.post(URL, api.association()))
    api.add_client("owner", claim_set="Ownership Based Test", organizations=[])
    mine = path_of(api.post(URL, api.association(beginDate="2025-09-03")))
    assert api.get(mine).status_code == 200
    assert [item["id"] for item in api.get(URL).json()] == [mine.split("/")[1]]
    suffix, _ = refusal(api.get(theirs))
    assert suffix == ":ownership:access-denied:ownership-mismatch"
    assert api.get(theirs).json()["detail"] == (
        "Access to the requested data could not be authorized. The item is not owned by the caller."
    )
    assert refusal(api.post(URL, api.association()))[0] == suffix
    assert refusal(api.delete(theirs))[0] == suffix
    assert api.delete(mine).status_code == 204


def test_by_ownership_nobody_reaches_what_was_not_created_by_the_api(api):
    api.add_client("owner", claim_set="Ownership Based Test")
    suffix, error = refusal(api.post("students", api.student("S-40071")))
    assert suffix == ":ownership:invalid-data:ownership-uninitialized"
    assert error.startswith("The existing resource item has no 'CreatedByOwnershipTokenId' value assigned")


def test_the_unrestricted_client_meets_no_relationship_and_no_namespace(api):
    api.sign_in("unrestricted")
    assert api.post("reasonExitedDescriptors", REASON).status_code == 201
    assert api.post("students", api.student("S-1")).status_code == 201
    assert api.post("students", api.student("S-1")).status_code == 200
    path = path_of(api.post(URL, api.association(student="S-1")))
    assert api.get(path).status_code == 200
    assert len(api.get("students").json()) == 3
    assert api.delete(path).status_code == 204
    assert [gone["id"] for gone in api.get(f"{URL}/deletes").json()] == [path.split("/")[1]]


def test_the_unrestricted_client_still_meets_the_database(api):
    api.sign_in("unrestricted")
    answer = api.post(URL, api.association(student="S-99999"))
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The referenced 'Student' item does not exist.",
    )
