"""Input conversion, the two phases, and the texts."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"
SED = "studentSpecialEducationProgramAssociations"


def errors(answer):
    """The validation errors of a 400."""
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "urn:ed-fi:api:bad-request:data-validation-failed"
    return answer.json()["validationErrors"]


def test_unreadable_values_are_told_before_broken_rules(api):
    body = api.association(beginDate="soon", endDate="", privateCTEProgram=2, programReference={})
    assert errors(api.post(URL, body)) == {
        "$.beginDate": ["The supplied value is invalid."],
        "$.endDate": ["The supplied value is invalid."],
        "$.privateCTEProgram": ["Unexpected value for boolean: 2 (type: Integer)"],
    }


def test_all_broken_rules_come_at_once_with_json_paths_and_pascal_names(api):
    body = api.association(
        programReference={"educationOrganizationId": api.district},
        reasonExitedDescriptor="uri://ed-fi.org/ReasonExitedDescriptor#Nope",
        cteProgramServices=[
            {"cteProgramServiceDescriptor": api.service},
            {"cteProgramServiceDescriptor": "CTE", "cipCode": "x" * 121},
        ],
    )
    del body["beginDate"], body["studentReference"]
    assert errors(api.post(URL, body)) == {
        "$.beginDate": ["BeginDate is required."],
        "$.studentReference": ["StudentReference is required."],
        "$.programReference": [
            "ProgramReference is missing the following properties: ProgramName, ProgramTypeDescriptor"
        ],
        "$.reasonExitedDescriptor": [
            "ReasonExitedDescriptor value 'uri://ed-fi.org/ReasonExitedDescriptor#Nope' does not exist."
        ],
        "$.cteProgramServices[1].cteProgramServiceDescriptor": [
            "CTEProgramServiceDescriptor value 'CTE' is not a valid value for use as a descriptor "
            "(a '#' is expected to delineate the namespace and code value portions)."
        ],
        "$.cteProgramServices[1].cipCode": ["CIPCode must be at most 120 characters in length."],
    }


def test_two_items_with_one_key_are_refused(api):
    service = {"cteProgramServiceDescriptor": api.service}
    assert errors(api.post(URL, api.association(cteProgramServices=[service, service]))) == {
        "$.cteProgramServices": [
            "The 2nd item of the StudentCTEProgramAssociationCTEProgramServices has the same identifying "
            "values as another item earlier in the list."
        ]
    }


def test_unified_keys_must_agree(api):
    body = api.enrollment(calendarReference={"calendarCode": "A", "schoolId": 628101018, "schoolYear": 2026})
    message = (
        "All values supplied for 'schoolId' must match. Review all references and align the following "
        "conflicting values: '628101017', '628101018'"
    )
    assert errors(api.post("studentSchoolAssociations", body)) == {
        "$.calendarReference.schoolId": [message],
        "$.schoolReference.schoolId": [message],
    }


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("beginDate", "0001-01-01", "BeginDate is required."),
        ("schoolHoursPerWeek", 1000, "SchoolHoursPerWeek must be between -999.99 and 999.99."),
        ("specialEducationExitExplained", "x" * 1025,
         "SpecialEducationExitExplained must be at most 1024 characters in length."),
        ("specialEducationExitExplained", "a <b> c",
         "SpecialEducationExitExplained contains a value that could be dangerous for downstream systems "
         "using this data. Try to avoid the use of special symbols like '<', '>' or '&' without "
         "surrounding spaces."),
        ("iepBeginDate", "2025-09-02T00:00:00", "The supplied value is invalid."),
        ("reasonExitedDescriptor", "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
         "ReasonExitedDescriptor value 'uri://ed-fi.org/GradeLevelDescriptor#Ninth grade' does not exist."),
    ],
)  # fmt: skip
def test_the_text_of_a_rule(api, member, value, message):
    body = api.association(**{member: value})
    assert errors(api.post(SED, body)) == {f"$.{member}": [message]}


def test_identifying_text_may_not_be_padded_or_blank(api):
    student = {
        "studentUniqueId": " S-1",
        "firstName": " ",
        "lastSurname": "Quill ",
        "birthDate": "2010-04-05",
    }
    assert errors(api.post("students", student)) == {
        "$.studentUniqueId": ["StudentUniqueId cannot contain leading or trailing spaces."],
        "$.firstName": ["FirstName is required and should not be left empty."],
    }


def test_a_school_needs_its_collections_and_a_number(api):
    api.sign_in("host")
    assert errors(api.post("schools", {"schoolId": 0, "nameOfInstitution": "X", "gradeLevels": None})) == {
        "$.schoolId": ["SchoolId value must be different than 0."],
        "$.educationOrganizationCategories": ["EducationOrganizationCategories must have at least one item."],
        "$.gradeLevels": ["GradeLevels must have at least one item."],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.5", "Input string '1.5' is not a valid System.Int64. "
         "Path 'schoolReference.schoolId', line 3, position 38."),
        ("6281010000000000000000000",
         "Error converting value 6281010000000000000000000 to type 'System.Int64'. "
         "Path 'schoolReference.schoolId', line 3, position 60."),
    ],
)  # fmt: skip
def test_the_place_of_an_unreadable_number_is_told(api, text, message):
    body = '{"entryDate": "2025-08-18",\n\n  "schoolReference": { "schoolId": ' + text + " } }"
    answer = api.ask(
        "POST", "studentSchoolAssociations", content=body, headers={"Content-Type": "application/json"}
    )
    assert errors(answer) == {"$.schoolReference.schoolId": [message]}


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("specialEducationExitExplained", {}, "Unexpected character encountered while parsing value: {."),
        ("schoolHoursPerWeek", "many", "Could not convert string to decimal: many."),
        ("schoolHoursPerWeek", True, "Unexpected character encountered while parsing value: T."),
        ("endDate", "2025-02-30", "The supplied value is invalid."),
        ("endDate", 5, "The supplied value is invalid."),
        ("educationOrganizationReference", {"educationOrganizationId": "abc"},
         "Could not convert string to integer: abc."),
        ("educationOrganizationReference", {"educationOrganizationId": True},
         "Error converting value true to type 'System.Int64'."),
        ("disabilities", {}, "Cannot deserialize the value into a collection: a JSON array is expected."),
        ("disabilities", ["x"], "Error converting value "),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_its_kind(api, member, value, message):
    ((_, texts),) = errors(api.post(SED, api.association(**{member: value}))).items()
    assert texts[0].startswith(message)


def test_numbers_are_rounded_to_the_scale_and_text_is_read_as_number_and_back(api):
    body = api.association(schoolHoursPerWeek="32.456", specialEducationExitExplained=7)
    created = api.post(SED, body)
    assert created.status_code == 201, created.text
    shown = api.get(created.headers["location"].removeprefix("http://localhost")).json()
    assert (shown["schoolHoursPerWeek"], shown["specialEducationExitExplained"]) == (32.46, "7")


def test_put_without_a_body_is_told_at_the_root(api):
    answer = api.ask("PUT", f"{SED}/{'0' * 32}", headers={"Content-Type": "application/json"})
    assert errors(answer) == {"$": ["A non-empty request body is required."]}


def test_lenient_spellings_are_read(api):
    body = api.association(
        servedOutsideOfRegularSession="TRUE",
        privateCTEProgram=0,
        endDate="5/29/2026",
        madeUp=1,
        nonTraditionalGenderStatus=None,
    )
    body["STUDENTREFERENCE"] = body.pop("studentReference")
    body["educationOrganizationReference"] = {"educationOrganizationId": "628101017"}
    body["programReference"]["programTypeDescriptor"] = api.descriptor.upper()
    created = api.post(URL, body)
    assert created.status_code == 201, created.text
    shown = api.get(created.headers["location"].removeprefix("http://localhost")).json()
    assert shown["servedOutsideOfRegularSession"] is True
    assert shown["privateCTEProgram"] is False
    assert shown["endDate"] == "2026-05-29"
    assert shown["educationOrganizationReference"]["educationOrganizationId"] == 628101017
    assert shown["programReference"]["programTypeDescriptor"] == api.descriptor
    assert "madeUp" not in shown
    assert "nonTraditionalGenderStatus" not in shown


def test_optional_empty_text_and_one_trailing_comma_are_tolerated(api):
    body = (
        '{"studentUniqueId": "S-1", "firstName": "A, }b", "lastSurname": "Q", "middleName": "", '
        '"birthDate": "2010-04-05", }'
    )
    answer = api.ask("POST", "students", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "A non-empty request body is required."),
        ("xyz", "Unexpected character encountered while parsing value: x. Path '', line 0, position 0."),
        ("[]", "Unexpected character encountered while parsing value: [. Path '', line 0, position 0."),
    ],
)
def test_a_body_that_is_no_object_is_a_bad_request(api, body, error):
    answer = api.ask("POST", URL, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:ed-fi:api:bad-request"
    assert answer.json()["errors"] == [error]


def test_a_body_that_breaks_off_is_told_by_its_member(api):
    answer = api.ask(
        "POST", URL, content='{\n"studentReference": {', headers={"Content-Type": "application/json"}
    )
    assert list(errors(answer)) == ["$.studentReference"]


def test_there_are_no_rules_across_members(api):
    body = api.association(endDate="2020-01-01")
    body["cteProgramServices"][0] |= {"serviceBeginDate": "2030-01-01", "serviceEndDate": "2029-01-01"}
    assert api.post(URL, body).status_code == 201


def test_descriptors_have_rules_of_their_own(api):
    api.sign_in("host")
    body = {"namespace": "ed-fi.org/X", "codeValue": "a#b", "shortDescription": "x"}
    assert set(errors(api.post("programTypeDescriptors", body))) == {"$.namespace", "$.codeValue"}
    body = {
        "namespace": "uri://zed.example/ProgramTypeDescriptor",
        "codeValue": "a",
        "shortDescription": "x" * 76,
    }
    assert errors(api.post("programTypeDescriptors", body)) == {
        "$.shortDescription": ["ShortDescription must be at most 75 characters in length."]
    }
