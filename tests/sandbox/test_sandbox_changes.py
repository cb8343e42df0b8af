"""Change queries."""

from __future__ import annotations

import pytest

URL = "studentCTEProgramAssociations"


def newest(api):
    """The newest change version."""
    found = api.get("/changeQueries/v1/availableChangeVersions").json()
    assert found["oldestChangeVersion"] == 0
    return found["newestChangeVersion"]


def path_of(answer):
    """The item's path under /data/v3/ed-fi/."""
    return "/".join(answer.headers["location"].split("/")[-2:])


def test_a_no_op_takes_no_version(api):
    api.post(URL, api.association())
    before = newest(api)
    api.post(URL, api.association())
    assert newest(api) == before
    api.post(URL, api.association(endDate="2026-05-29"))
    assert newest(api) == before + 1


def test_the_window_is_inclusive_at_both_ends(api):
    api.post(URL, api.association())
    version = newest(api)
    assert len(api.get(URL, params={"minChangeVersion": version, "maxChangeVersion": version}).json()) == 1
    assert api.get(URL, params={"minChangeVersion": version + 1}).json() == []
    assert api.get(URL, params={"maxChangeVersion": version - 1}).json() == []


def test_a_delete_is_reported_with_flat_key_values_until_the_key_lives_again(api):
    path = path_of(api.post(URL, api.association()))
    before = newest(api)
    api.delete(path)
    found = api.get(f"{URL}/deletes", params={"minChangeVersion": before + 1, "totalCount": "true"})
    assert found.headers["total-count"] == "1"
    assert found.json() == [
        {
            "id": path.split("/")[1],
            "changeVersion": before + 1,
            "keyValues": {
                "beginDate": "2025-09-02",
                "educationOrganizationId": 628101017,
                "programEducationOrganizationId": 628101,
                "programName": "Career Pathways",
                "programTypeDescriptor": api.descriptor,
                "studentUniqueId": "S-40071",
            },
        }
    ]
    again = path_of(api.post(URL, api.association()))
    assert again != path
    assert api.get(f"{URL}/deletes").json() == []


def test_a_deleted_enrollment_still_lets_its_own_delete_be_seen(api):
    path = path_of(api.post("studentSchoolAssociations", api.enrollment()))
    api.delete(path)
    assert [entry["id"] for entry in api.get("studentSchoolAssociations/deletes").json()] == [
        path.split("/")[1]
    ]
    api.add_client("fen-marsh", organizations=[api.other_district])
    assert api.get("studentSchoolAssociations/deletes").json() == []


def test_key_changes_are_collapsed_and_empty_for_the_family(api):
    path = path_of(api.post("studentSchoolAssociations", api.enrollment()))
    for day in ("2025-08-25", "2025-08-26"):
        api.put(path, api.enrollment(entryDate=day))
    (change,) = api.get("studentSchoolAssociations/keyChanges").json()
    assert change["changeVersion"] == newest(api)
    assert change["oldKeyValues"]["entryDate"] == "2025-08-18"
    assert change["newKeyValues"]["entryDate"] == "2025-08-26"
    assert api.get(f"{URL}/keyChanges").json() == []


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("limit=0", "Limit must be omitted or set to a value between 1 and 500."),
        ("limit=501", "Limit must be omitted or set to a value between 1 and 500."),
        ("offset=-1", "Offset must be greater than or equal to 0."),
    ],
)
@pytest.mark.parametrize("what", ["deletes", "keyChanges"])
def test_the_limits_of_change_queries_are_their_own(api, what, query, error):
    answer = api.get(f"{URL}/{what}?{query}")
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Parameters supplied to the request were invalid."
    assert answer.json()["errors"] == [error]


def test_change_queries_need_their_own_right(api):
    api.add_client("no-changes", organizations=[api.district], without=[f"{URL}:ReadChanges"])
    assert api.get(f"{URL}/deletes").json()["type"].endswith(":access-denied:action")


def test_other_verbs_and_paths_of_change_queries(api):
    assert api.post("/changeQueries/v1/availableChangeVersions", {}).status_code == 405
    assert api.get("/changeQueries/v1/nonsense").status_code == 404
    assert (
        api.get("/changeQueries/v1/availableChangeVersions", headers={"Authorization": ""}).status_code == 401
    )
