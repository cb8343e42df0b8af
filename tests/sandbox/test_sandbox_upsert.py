"""POST, PUT, DELETE and conditional requests."""

from __future__ import annotations

import pytest

CTE_URL = "studentCTEProgramAssociations"


def post_one(api, **members):
    """POST an association; gives its path under /data/v3/ed-fi/ and its ETag."""
    answer = api.post(CTE_URL, api.association(**members))
    assert answer.status_code in (200, 201), answer.text
    return "/".join(answer.headers["location"].split("/")[-2:]), answer.headers["etag"]


def test_post_creates_then_finds_the_same_item_by_its_key(api):
    first = api.post(CTE_URL, api.association())
    assert (first.status_code, first.content) == (201, b"")
    assert first.headers["location"].startswith(
        "http://localhost/data/v3/ed-fi/studentCTEProgramAssociations/"
    )
    again = api.post(CTE_URL, api.association())
    assert again.status_code == 200
    assert (again.headers["location"], again.headers["etag"]) == (
        first.headers["location"],
        first.headers["etag"],
    )
    changed = api.post(CTE_URL, api.association(endDate="2026-05-29"))
    assert changed.status_code == 200
    assert changed.headers["location"] == first.headers["location"]
    assert changed.headers["etag"] != first.headers["etag"]


def test_etags_are_quoted_in_headers_and_bare_in_the_body(api):
    path, etag = post_one(api)
    answer = api.get(path)
    assert answer.headers["etag"] == etag == f'"{answer.json()["_etag"]}"'


def test_a_changed_order_of_items_is_no_change(api):
    other = "uri://ed-fi.org/CTEProgramServiceDescriptor#Information Technology"
    services = [{"cteProgramServiceDescriptor": api.service}, {"cteProgramServiceDescriptor": other}]
    _, etag = post_one(api, cteProgramServices=services)
    _, again = post_one(api, cteProgramServices=services[::-1])
    assert again == etag


def test_members_left_out_of_a_post_are_cleared(api):
    path, _ = post_one(api, endDate="2026-05-29")
    body = api.association()
    del body["cteProgramServices"], body["nonTraditionalGenderStatus"]
    assert api.post(CTE_URL, body).status_code == 200
    shown = api.get(path).json()
    assert "endDate" not in shown
    assert "nonTraditionalGenderStatus" not in shown
    assert shown["cteProgramServices"] == []


def test_get_shows_links_empty_collections_and_times(api):
    path, _ = post_one(api)
    shown = api.get(path).json()
    assert shown["educationOrganizationReference"]["link"]["rel"] == "School"
    assert shown["programReference"]["link"]["rel"] == "Program"
    href = shown["studentReference"]["link"]["href"]
    assert api.get(f"/data/v3{href}").json()["studentUniqueId"] == "S-40071"
    assert shown["programParticipationStatuses"] == []
    assert shown["_lastModifiedDate"].endswith("Z")
    assert list(shown)[:4] == ["id", "educationOrganizationReference", "programReference", "studentReference"]


def test_what_get_shows_can_be_posted_again_without_a_change(api):
    path, etag = post_one(api)
    body = api.get(path).json()
    del body["id"]
    again = api.post(CTE_URL, body)
    assert (again.status_code, again.headers["etag"]) == (200, etag)


def test_post_refuses_an_id_of_the_caller(api):
    answer = api.post(CTE_URL, api.association(id="0" * 32))
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The request data was constructed incorrectly."
    assert answer.json()["errors"] == [
        "Resource identifiers cannot be assigned by the client. "
        "The 'id' property should not be included in the request body."
    ]


def test_put_replaces_and_keeps_the_etag_of_a_no_op(api):
    path, etag = post_one(api)
    same = api.put(path, api.association(id="whatever"))
    assert (same.status_code, same.content, same.headers["etag"]) == (204, b"", etag)
    changed = api.put(path, api.association(endDate="2026-05-29"))
    assert changed.status_code == 204
    assert changed.headers["etag"] != etag
    assert changed.headers["location"].endswith(path)
    assert api.get(path).json()["endDate"] == "2026-05-29"


def test_put_of_an_unknown_id_is_404(api):
    answer = api.put(f"{CTE_URL}/{'0' * 32}", api.association())
    assert (answer.status_code, answer.json()["detail"]) == (404, "Resource to update was not found.")


def test_put_may_not_change_the_key_of_an_association(api):
    path, _ = post_one(api)
    answer = api.put(path, api.association(beginDate="2025-09-03"))
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("data-validation-failed:key-change-not-supported")
    assert answer.json()["detail"] == (
        "Identifying values for the StudentCTEProgramAssociation data cannot be changed. "
        "Delete and recreate the item instead."
    )


def test_the_key_of_an_enrollment_may_change_by_put(api):
    answer = api.post("studentSchoolAssociations", api.enrollment())
    path = "/".join(answer.headers["location"].split("/")[-2:])
    moved = api.put(path, api.enrollment(entryDate="2025-08-25"))
    assert moved.status_code == 204
    assert api.get(path).json()["entryDate"] == "2025-08-25"


@pytest.mark.parametrize("quote", ['"', ""])
def test_if_match_is_taken_quoted_and_bare(api, quote):
    path, etag = post_one(api)
    match = etag.replace('"', quote)
    assert (
        api.put(path, api.association(endDate="2026-01-01"), headers={"If-Match": match}).status_code == 204
    )
    stale = api.put(path, api.association(endDate="2026-01-02"), headers={"If-Match": match})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:ed-fi:api:optimistic-lock-failed")
    assert api.delete(path, headers={"If-Match": match}).status_code == 412
    assert api.post(CTE_URL, api.association(), headers={"If-Match": match}).status_code == 412


def test_412_comes_before_the_key_change_and_404_before_412(api):
    path, _ = post_one(api)
    changed = api.association(beginDate="2025-09-03")
    assert api.put(path, changed, headers={"If-Match": '"1"'}).status_code == 412
    assert api.put(f"{CTE_URL}/{'0' * 32}", changed, headers={"If-Match": '"1"'}).status_code == 404


def test_if_match_has_no_effect_on_a_new_key(api):
    assert api.post(CTE_URL, api.association(), headers={"If-Match": '"1"'}).status_code == 201


def test_a_bare_if_none_match_gives_304_and_a_quoted_one_200(api):
    path, etag = post_one(api)
    bare = api.get(path, headers={"If-None-Match": etag.strip('"')})
    assert (bare.status_code, bare.content) == (304, b"")
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 200
    api.put("/control/options", {"lenient_etags": True})
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_delete_removes_once(api):
    path, _ = post_one(api)
    assert (api.delete(path).status_code, api.get(path).status_code) == (204, 404)
    again = api.delete(path)
    assert (again.status_code, again.json()["detail"]) == (404, "Resource to delete was not found.")


def test_a_program_with_an_association_cannot_be_deleted(api):
    post_one(api)
    program = api.get("programs", params={"programName": "Career Pathways"}).json()[0]
    answer = api.delete(f"programs/{program['id']}")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:ed-fi:api:data-conflict:dependent-item-exists"
    assert answer.json()["detail"] == (
        "The requested action cannot be performed because this item is referenced "
        "by an existing 'StudentCTEProgramAssociation' item."
    )


def test_a_descriptor_in_use_cannot_be_deleted_and_the_child_row_is_named(api):
    post_one(api)
    api.sign_in("host")
    found = api.get("cteProgramServiceDescriptors", params={"codeValue": "Health Science"}).json()[0]
    answer = api.delete(f"cteProgramServiceDescriptors/{found['id']}")
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith(
        "by an existing 'StudentCTEProgramAssociationCTEProgramService' item contained within an "
        "'StudentCTEProgramAssociation' resource item."
    )


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("PUT", CTE_URL,
         'Resource collections cannot be replaced. To "upsert" an item in the collection, use POST. '
         'To update a specific item, use PUT and include the "id" in the route.'),
        ("DELETE", CTE_URL, "Resource collections cannot be deleted. To delete a specific item, use DELETE "
         'and include the "id" in the route.'),
        ("POST", f"{CTE_URL}/{'0' * 32}",
         'Resource items can only be updated using PUT. To "upsert" an item in the '
         'resource collection using POST, remove the "id" from the route.'),
        ("PATCH", CTE_URL, "The endpoint of the request does not support the 'PATCH' method."),
    ],
)  # fmt: skip
def test_a_verb_on_the_wrong_target_is_405(api, method, path, error):
    answer = api.ask(method, path, json={})
    assert answer.status_code == 405
    problem = answer.json()
    assert problem["type"] == "urn:ed-fi:api:method-not-allowed"
    assert problem["detail"] == "The request construction was invalid."
    assert problem["errors"] == [error]


def test_an_id_that_is_none_is_refused(api):
    answer = api.put(f"{CTE_URL}/abc", api.association())
    assert (answer.status_code, answer.json()["validationErrors"]) == (
        400,
        {"$.id": ["The value 'abc' is not valid."]},
    )
    assert api.get(f"{CTE_URL}/abc").status_code == 405


def test_an_id_may_be_written_with_hyphens(api):
    path, _ = post_one(api)
    name, id = path.split("/")
    hyphened = f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}".upper()
    assert api.get(f"{name}/{hyphened}").json()["id"] == id


@pytest.mark.parametrize(
    ("media", "status"), [("text/plain", 415), (None, 415), ("application/json; charset=utf-8", 201)]
)
def test_a_body_must_be_called_json(api, media, status):
    import json

    headers = {} if media is None else {"Content-Type": media}
    body = json.dumps(api.association()).encode()
    assert api.ask("POST", CTE_URL, content=body, headers=headers).status_code == status


def test_a_snapshot_is_not_there_and_never_written(api):
    answer = api.get("students", headers={"Use-Snapshot": "true"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Snapshot not found.")
    answer = api.post(CTE_URL, api.association(), headers={"Use-Snapshot": "false"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["type"] == "urn:ed-fi:api:snapshots:method-not-allowed"


def test_a_descriptor_can_be_added_used_and_removed(api):
    api.sign_in("host")
    body = {
        "namespace": "uri://briarhollow.example/ReasonExitedDescriptor",
        "codeValue": "Moved",
        "shortDescription": "Moved away",
    }
    added = api.post("reasonExitedDescriptors", body)
    assert added.status_code == 201
    api.sign_in("briar-hollow")
    uri = "uri://briarhollow.example/ReasonExitedDescriptor#MOVED"
    path, _ = post_one(api, reasonExitedDescriptor=uri)
    assert api.get(path).json()["reasonExitedDescriptor"].endswith("#Moved")
    assert api.delete(path).status_code == 204
    api.sign_in("host")
    removed = "/".join(added.headers["location"].split("/")[-2:])
    assert api.delete(removed).status_code == 204
    api.sign_in("briar-hollow")
    assert api.post(CTE_URL, api.association(reasonExitedDescriptor=uri)).status_code == 400


def test_a_key_that_another_enrollment_has_cannot_be_taken(api):
    first = api.post("studentSchoolAssociations", api.enrollment(entryDate="2024-08-19"))
    path = "/".join(first.headers["location"].split("/")[-2:])
    answer = api.put(path, api.enrollment())
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:ed-fi:api:data-conflict:non-unique-identity",
    )


def test_a_change_of_case_in_a_descriptors_key_is_accepted_and_not_stored(api):
    api.sign_in("host")
    shown = api.get("programTypeDescriptors", params={"codeValue": "Athletics"}).json()[0]
    path = f"programTypeDescriptors/{shown['id']}"
    changed = {**shown, "codeValue": "ATHLETICS", "shortDescription": "Sports"}
    assert api.put(path, changed).status_code == 204
    again = api.get(path).json()
    assert (again["codeValue"], again["shortDescription"]) == ("Athletics", "Sports")


def test_references_inside_items_are_linked_too(api):
    api.seed(
        (
            "schoolYearTypes",
            {"schoolYear": 2026, "currentSchoolYear": True, "schoolYearDescription": "2025-2026"},
        )
    )
    assessments = [{"schoolYearTypeReference": {"schoolYear": 2026}}]
    body = api.association(englishLanguageProficiencyAssessments=assessments)
    created = api.post("studentLanguageInstructionProgramAssociations", body)
    assert created.status_code == 201, created.text
    shown = api.get(created.headers["location"].removeprefix("http://localhost")).json()
    link = shown["englishLanguageProficiencyAssessments"][0]["schoolYearTypeReference"]["link"]
    assert link["rel"] == "SchoolYearType"
