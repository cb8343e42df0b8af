"""What needs no token, and what refuses without one."""

from __future__ import annotations

import pytest


def test_the_root_names_versions_and_urls_without_a_token(empty_api):
    answer = empty_api.get("/")
    assert answer.status_code == 200
    document = answer.json()
    assert (document["version"], document["suite"]) == ("7.3", "3")
    assert {model["name"]: model["version"] for model in document["dataModels"]} == {"Ed-Fi": "5.2.0"}
    assert document["urls"]["dataManagementApi"] == "http://localhost/data/v3/"
    assert document["urls"]["oauth"] == "http://localhost/oauth/token"
    assert "apiMode" not in document


def test_every_url_of_the_root_answers(empty_api):
    urls = empty_api.get("/").json()["urls"]
    statuses = {
        name: empty_api.get(url.removeprefix("http://localhost")).status_code for name, url in urls.items()
    }
    assert statuses == {
        "dependencies": 200,
        "openApiMetadata": 200,
        "oauth": 405,
        "oauthTokenIntrospection": 405,
        "dataManagementApi": 401,
        "changeQueries": 401,
    }


def test_health_is_plain_text(empty_api):
    answer = empty_api.get("/health")
    assert (answer.status_code, answer.text) == (200, "Healthy")
    assert answer.headers["content-type"].startswith("text/plain")


def test_students_stand_twice_in_the_dependencies(empty_api):
    entries = empty_api.get("/metadata/data/v3/dependencies").json()
    students = [entry for entry in entries if entry["resource"] == "/ed-fi/students"]
    assert [(entry["order"], entry["operations"]) for entry in students] == [
        (3, ["Create"]),
        (14, ["Update"]),
    ]
    orders = {entry["resource"]: entry["order"] for entry in entries}
    assert orders["/ed-fi/programs"] < orders["/ed-fi/studentSchoolAssociations"]
    assert orders["/ed-fi/studentSchoolAssociations"] < orders["/ed-fi/studentCTEProgramAssociations"]
    assert orders["/ed-fi/programTypeDescriptors"] == 1


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (None, "Authorization header is missing."),
        ("Basic abc", "Unknown Authorization header scheme."),
        ("Bearer", "Missing Authorization header bearer token value."),
        ("Bearer 0123456789abcdef0123456789abcdef", "Invalid token"),
    ],
)
def test_data_is_401_without_a_usable_token(empty_api, header, error):
    headers = {} if header is None else {"Authorization": header}
    answer = empty_api.get("students", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:ed-fi:api:security:authentication"
    assert problem["detail"] == "The caller could not be authenticated."
    assert problem["errors"] == [error]


def test_401_comes_before_404(empty_api):
    assert empty_api.get("nonsense").status_code == 401
    empty_api.sign_in()
    answer = empty_api.get("nonsense")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "The specified data could not be found."
    assert answer.json()["errors"] == [
        "Path '/data/v3/ed-fi/nonsense' does not exist. Check the resource name and try again."
    ]


def test_names_of_collections_ignore_case_and_a_trailing_slash(api):
    assert api.get("STUDENTS/").status_code == 200


def test_the_callers_correlation_id_comes_back(empty_api):
    answer = empty_api.get("students", headers={"correlation-id": "run-7"})
    assert answer.json()["correlationId"] == "run-7"
    assert empty_api.get("students?correlationId=run-8").json()["correlationId"] == "run-8"


def test_members_of_a_problem_stand_in_the_hosts_order(api):
    problem = api.post("studentCTEProgramAssociations", {}).json()
    assert list(problem) == ["detail", "type", "title", "status", "correlationId", "validationErrors"]


def test_paths_outside_the_api_are_404(empty_api):
    for path in ("/nonsense", "/metadata/nonsense"):
        assert empty_api.get(path).json()["type"] == "urn:ed-fi:api:not-found"
