"""Filters and paging."""

from __future__ import annotations

import base64

import pytest

from edfi_toolkit.sandbox.query import read_token, write_token

URL = "studentCTEProgramAssociations"


@pytest.fixture
def filled(api):
    """Seven associations that begin one day after the other."""
    for day in range(1, 8):
        body = api.association(beginDate=f"2025-10-{day:02d}", privateCTEProgram=day > 5)
        assert api.post(URL, body).status_code == 201
    return api


def days(answer):
    """The days in the order of the list."""
    assert answer.status_code == 200, answer.text
    return [int(item["beginDate"][-2:]) for item in answer.json()]


def test_filters_have_flat_names_and_are_anded(filled):
    key = {
        "beginDate": "2025-10-03",
        "educationOrganizationId": filled.school,
        "programEducationOrganizationId": filled.district,
        "programName": "Career Pathways",
        "programTypeDescriptor": filled.descriptor.lower(),
        "studentUniqueId": "S-40071",
    }
    assert days(filled.get(URL, params=key)) == [3]
    for name, other in (
        ("beginDate", "2025-10-30"),
        ("programEducationOrganizationId", 1),
        ("programName", "career pathways"),
    ):
        assert days(filled.get(URL, params={**key, name: other})) == []


def test_parameter_names_ignore_case(filled):
    assert days(filled.get(URL, params={"BEGINDATE": "2025-10-03"})) == [3]


def test_default_valued_criteria_are_dropped(filled):
    assert len(days(filled.get(URL, params={"privateCTEProgram": "false"}))) == 7
    assert len(days(filled.get(URL, params={"endDate": "0001-01-01"}))) == 7
    assert days(filled.get(URL, params={"privateCTEProgram": "true"})) == [6, 7]


def test_unknown_names_are_ignored(filled):
    assert len(days(filled.get(URL, params={"begindate2": "2025-10-03", "cipCode": "1"}))) == 7


def test_unknown_descriptors_and_students_give_an_empty_list(filled):
    assert days(filled.get(URL, params={"programTypeDescriptor": "uri://x/ProgramTypeDescriptor#No"})) == []
    assert days(filled.get(URL, params={"studentUniqueId": "S-0"})) == []


def test_an_item_is_found_by_its_id(filled):
    second = filled.get(URL).json()[1]
    assert days(filled.get(URL, params={"id": second["id"]})) == [2]


@pytest.mark.parametrize(
    ("name", "value", "shown"), [("beginDate", "soon", "BeginDate"), ("id", "xyz", "Id")]
)
def test_a_value_that_cannot_be_read_is_refused(filled, name, value, shown):
    answer = filled.get(URL, params={name: value})
    assert answer.status_code == 400
    assert answer.json()["validationErrors"] == {
        f"$.{name}": [f"The value '{value}' is not valid for {shown}."]
    }


def test_limit_offset_and_total(filled):
    answer = filled.get(URL, params={"limit": 2, "offset": 3, "totalCount": "true"})
    assert (days(answer), answer.headers["total-count"]) == ([4, 5], "7")
    assert "total-count" not in filled.get(URL).headers
    assert days(filled.get(URL, params={"offset": 7})) == []
    counted = filled.get(URL, params={"limit": 0, "totalCount": "true"})
    assert (counted.json(), counted.headers["total-count"]) == ([], "7")
    assert "next-page-token" not in counted.headers


def test_without_a_limit_a_page_holds_500(api):
    answer = api.get("tribalAffiliationDescriptors")
    total = int(api.get("tribalAffiliationDescriptors?limit=0&totalCount=true").headers["total-count"])
    assert (len(answer.json()), total) == (500, 620)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("limit=501", "Limit must be a value between 0 and 500."),
        ("limit=-1", "Limit must be a value between 0 and 500."),
        ("offset=-1", "Offset cannot be a negative value."),
        ("pageSize=5", "PageToken is required when pageSize is specified."),
        ("pageSize=5&limit=5", "Use limit instead of pageSize when using limit/offset paging."),
        (
            "offset=5&pageToken=MSwy",
            "Both offset and pageToken parameters were provided, but they support alternative paging "
            "approaches and cannot be used together.",
        ),
        ("limit=5&pageToken=MSwy", "Use pageSize instead of limit when using cursor paging with pageToken."),
        ("pageSize=501&pageToken=MSwy", "PageSize must be a value between 0 and 500."),
        ("pageToken=%25%25", "The page token provided was invalid."),
        (
            "totalCount=true&pageToken=MSwy",
            "Total count cannot be determined while using cursor paging (when pageToken is specified).",
        ),
    ],
)
def test_paging_mistakes_have_the_hosts_texts(api, query, error):
    answer = api.get(f"{URL}?{query}")
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["type"] == "urn:ed-fi:api:bad-request:parameter-validation-failed"
    assert (problem["detail"], problem["errors"]) == ("The request construction was invalid.", [error])


def test_a_page_token_is_base64url_of_two_numbers():
    assert write_token(26, 2147483647) == "MjYsMjE0NzQ4MzY0Nw"
    assert write_token(-2147483648, -2147475585) == "LTIxNDc0ODM2NDgsLTIxNDc0NzU1ODU"
    assert read_token("LTIxNDc0ODM2NDgsLTIxNDc0NzU1ODU") == (-2147483648, -2147475585)


def test_a_page_by_limit_carries_the_token_that_goes_on_from_there(filled):
    first = filled.get(URL, params={"limit": 3})
    token = first.headers["next-page-token"]
    low, high = base64.urlsafe_b64decode(token + "==").decode().split(",")
    assert int(low) > 0
    assert high == "2147483647"
    seen = days(first)
    while True:
        page = filled.get(URL, params={"pageToken": token, "pageSize": 3})
        if not page.json():
            assert "next-page-token" not in page.headers
            break
        seen += days(page)
        token = page.headers["next-page-token"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_filters_hold_with_a_page_token(filled):
    token = filled.get(URL, params={"limit": 1}).headers["next-page-token"]
    assert days(filled.get(URL, params={"pageToken": token, "privateCTEProgram": "true"})) == [6, 7]


def test_partitions_cover_the_set_without_overlap(filled):
    whole = filled.get(f"{URL}/partitions", params={"number": 3}).json()["pageTokens"]
    assert len(whole) == 1  # a partition is at least five full pages long
    tokens = filled.get(f"{URL}/partitions", params={"number": 3, "allowSmallPartitions": "true"}).json()[
        "pageTokens"
    ]
    assert len(tokens) == 3
    assert [days(filled.get(URL, params={"pageToken": token})) for token in tokens] == [
        [1, 2, 3],
        [4, 5, 6],
        [7],
    ]
    last = filled.get(URL, params={"pageToken": tokens[0], "pageSize": 2}).headers["next-page-token"]
    assert days(filled.get(URL, params={"pageToken": last})) == [3]


def test_partitions_of_nothing_and_of_too_many(api):
    assert api.get(f"{URL}/partitions").json() == {"pageTokens": []}
    answer = api.get(f"{URL}/partitions", params={"number": 201})
    assert answer.json()["errors"] == ["Number of partitions must be between 1 and 200."]


def test_a_student_is_found_under_both_schools_of_a_unified_parameter(api):
    found = api.get("studentSchoolAssociations", params={"schoolId": api.school}).json()
    assert [item["studentReference"]["studentUniqueId"] for item in found] == ["S-40071"]
