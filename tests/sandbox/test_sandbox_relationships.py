"""Who may write what: claim sets, organizations, enrollments, and the shared key."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"
HINT = (
    "Access to the requested data could not be authorized. "
    "Hint: You may need to create a corresponding 'StudentSchoolAssociation' item."
)


def path_of(answer):
    """The item's path under /data/v3/ed-fi/."""
    return "/".join(answer.headers["location"].split("/")[-2:])


@pytest.mark.parametrize("student", ["S-40072", "S-99999"])
def test_a_student_without_enrollment_and_an_unknown_one_are_both_403(api, student):
    answer = api.post(URL, api.association(student=student))
    assert answer.status_code == 403
    problem = answer.json()
    assert (problem["type"], problem["detail"]) == ("urn:ed-fi:api:security:authorization", HINT)
    assert problem["errors"] == [
        "No relationships have been established between the caller's education organization id claim "
        "(628101) and one or more of the following properties of the resource item: "
        "'EducationOrganizationId', 'StudentUniqueId'."
    ]


def test_an_organization_of_somebody_else_is_403(api):
    body = api.association(educationOrganizationReference={"educationOrganizationId": api.other_school})
    assert api.post(URL, body).status_code == 403
    body = api.association(educationOrganizationReference={"educationOrganizationId": api.state})
    assert api.post(URL, body).status_code == 403


def test_the_program_may_belong_to_any_organization(api):
    for organization, name in ((api.state, "State Pathways"), (api.other_district, "Fen Pathways")):
        program = {
            "educationOrganizationId": organization,
            "programName": name,
            "programTypeDescriptor": api.descriptor,
        }
        assert api.post(URL, api.association(programReference=program)).status_code == 201


def test_a_key_of_the_school_may_not_write_for_its_district(api):
    api.add_client("one-school", organizations=[api.school])
    assert api.post(URL, api.association()).status_code == 201
    body = api.association(educationOrganizationReference={"educationOrganizationId": api.district})
    assert api.post(URL, body).status_code == 403


def test_an_enrollment_long_ended_or_still_to_come_authorizes(api):
    for student, entry in (("S-40072", "1999-08-18"), ("S-1", "2039-08-18")):
        api.post("students", api.student(student))
        enrollment = api.enrollment(student=student, entryDate=entry, exitWithdrawDate=entry)
        assert api.post("studentSchoolAssociations", enrollment).status_code == 201
        assert api.post(URL, api.association(student=student)).status_code == 201


def test_a_new_student_may_be_posted_once_and_is_out_of_sight_until_enrolled(api):
    created = api.post("students", api.student("S-1"))
    assert created.status_code == 201
    assert api.post("students", api.student("S-1")).status_code == 403
    assert api.get(path_of(created)).status_code == 403
    assert api.get("students", params={"studentUniqueId": "S-1"}).json() == []
    assert api.post("studentSchoolAssociations", api.enrollment(student="S-1")).status_code == 201
    assert api.post("students", api.student("S-1")).status_code == 200
    assert api.get(path_of(created)).status_code == 200


def test_enrolling_looks_at_the_school_alone_and_then_at_the_reference(api):
    answer = api.post("studentSchoolAssociations", api.enrollment(student="S-99999"))
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The referenced 'Student' item does not exist.",
    )
    answer = api.post("studentSchoolAssociations", api.enrollment(school=api.other_school))
    assert answer.status_code == 403
    assert answer.json()["errors"] == [
        "No relationships have been established between the caller's education organization id claim "
        "(628101) and the resource item's 'SchoolId' value."
    ]


def test_deleting_the_last_enrollment_hides_the_associations(api):
    association = path_of(api.post(URL, api.association()))
    enrollment = path_of(api.post("studentSchoolAssociations", api.enrollment()))
    assert api.delete(enrollment).status_code == 204
    assert api.get(association).status_code == 403
    hidden = api.get(URL, params={"totalCount": "true"})
    assert (hidden.json(), hidden.headers["total-count"]) == ([], "0")
    assert api.delete(association).status_code == 403
    api.post("studentSchoolAssociations", api.enrollment())
    assert api.get(association).status_code == 200


def test_a_student_with_rows_cannot_be_deleted_and_one_without_can(api):
    created = path_of(api.post("students", api.student("S-1")))
    api.post("studentSchoolAssociations", api.enrollment(student="S-1"))
    answer = api.delete(created)
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:ed-fi:api:data-conflict:dependent-item-exists",
    )
    enrollment = api.get("studentSchoolAssociations", params={"studentUniqueId": "S-1"}).json()[0]
    api.delete(f"studentSchoolAssociations/{enrollment['id']}")
    assert api.delete(created).status_code == 204


def test_claims_are_listed_ascending_and_five_at_most(api):
    api.add_client("wide", organizations=[9, 8, 7, 6, 5, 4])
    text = api.post(URL, api.association()).json()["errors"][0]
    assert "id claims (4, 5, 6, 7, 8, ...) and" in text
    api.add_client("nobody", organizations=[])
    assert "id claim (none) and" in api.post(URL, api.association()).json()["errors"][0]


def test_a_claim_set_may_lack_a_resource_or_an_action(api):
    api.add_client("limited", organizations=[api.district], without=[URL, "programs:Update"])
    answer = api.get(URL)
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("authorization:access-denied:resource")
    assert "(currently 'SIS Vendor') must include" in answer.json()["errors"][0]
    program = api.get("programs", params={"programName": "Career Pathways"}).json()[0]
    del program["id"]
    answer = api.post("programs", program)
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("authorization:access-denied:action")
    assert "'http://ed-fi.org/odsapi/actions/update'" in answer.json()["errors"][0]


def test_a_vendor_may_read_descriptors_but_not_write_them(api):
    body = {
        "namespace": "uri://ed-fi.org/ProgramTypeDescriptor",
        "codeValue": "New",
        "shortDescription": "New",
    }
    assert api.get("programTypeDescriptors").status_code == 200
    assert api.post("programTypeDescriptors", body).json()["type"].endswith(":access-denied:action")


def test_a_descriptor_of_a_foreign_namespace_is_refused(api):
    api.add_client("namespaced", claim_set="Ed-Fi Sandbox", namespaces=["uri://briarhollow.example"])
    body = {"namespace": "uri://zed.example/ProgramTypeDescriptor", "codeValue": "N", "shortDescription": "N"}
    answer = api.post("programTypeDescriptors", body)
    assert answer.json()["type"].endswith(":namespace:access-denied:namespace-mismatch")
    assert answer.json()["detail"].endswith("namespace prefixes ('uri://briarhollow.example').")


def test_programs_of_the_state_are_readable_from_below_and_not_writable(api):
    names = {program["programName"] for program in api.get("programs").json()}
    assert names == {"Career Pathways", "State Pathways"}
    program = api.get("programs", params={"programName": "State Pathways"}).json()[0]
    assert api.get(f"programs/{program['id']}").status_code == 200
    assert api.delete(f"programs/{program['id']}").status_code == 403


def test_one_key_cannot_stand_in_two_of_the_ten_collections(api):
    assert api.post(URL, api.association()).status_code == 201
    answer = api.post("studentProgramAssociations", api.association())
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:ed-fi:api:data-conflict:non-unique-identity"
    assert problem["errors"] == [
        "A primary key conflict occurred when attempting to create or update a record in the "
        "'GeneralStudentProgramAssociation' table."
    ]
    first = api.get(URL).json()[0]
    api.delete(f"{URL}/{first['id']}")
    assert api.post("studentProgramAssociations", api.association()).status_code == 201


def test_an_unknown_program_is_an_unresolved_reference(api):
    body = api.association()
    body["programReference"]["programName"] = "No Such"
    answer = api.post(URL, body)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:ed-fi:api:data-conflict:unresolved-reference"
    assert answer.json()["detail"] == "The referenced 'Program' item does not exist."


def test_an_unknown_student_is_told_before_an_unknown_program_and_after_a_broken_rule(api):
    body = api.association(student="S-99999")
    body["programReference"]["programName"] = "No Such"
    assert api.post(URL, body).status_code == 403
    del body["beginDate"]
    assert api.post(URL, body).status_code == 400


def test_staff_is_looked_up_like_everything_that_is_referred_to(api):
    url = "studentSpecialEducationProgramAssociations"
    body = api.association(serviceProviders=[{"staffReference": {"staffUniqueId": "207221"}}])
    del body["cteProgramServices"], body["nonTraditionalGenderStatus"]
    refused = api.post(url, body)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "The referenced 'Staff' item does not exist."
    api.sign_in("host")
    staff = {"staffUniqueId": "207221", "firstName": "Imogen", "lastSurname": "Vantassel"}
    assert api.post("staffs", staff).status_code == 201
    api.sign_in("briar-hollow")
    assert api.post(url, body).status_code == 201


def test_a_new_school_is_in_reach_at_once(api):
    api.sign_in("host")
    school = api.get("schools", params={"schoolId": api.school}).json()[0]
    del school["id"]
    assert api.post("schools", {**school, "schoolId": 628101018}).status_code == 201
    api.sign_in("briar-hollow")
    body = api.association(educationOrganizationReference={"educationOrganizationId": 628101018})
    assert api.post(URL, body).status_code == 201
