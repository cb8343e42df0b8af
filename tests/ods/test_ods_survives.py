"""What an ODS may leave out, add or spell differently, and what comes of it: nothing."""

from __future__ import annotations

import orjson
import pytest
from starlette.responses import JSONResponse

from edfi_toolkit.model import same_body
from edfi_toolkit.ods import Write

RESOURCE = "studentProgramAssociations"


def test_a_delete_of_what_is_gone_already_is_delivered(client):
    (outcome,) = client.apply([Write("DELETE", RESOURCE, None, f"{9:032x}", None, "d", "S-9")])
    assert (outcome.outcome, outcome.status) == ("delivered", 404)


def test_a_row_without_links_equals_one_with_them(ods, client, tools):
    linked = tools.association()
    linked["studentReference"]["link"] = {"rel": "Student", "href": "/ed-fi/students/0a1b"}
    ods._put(linked, f"{1:032x}")
    ods._put(tools.association("S-2"), f"{2:032x}")
    with_link, without = client.read_all(RESOURCE)["body"]
    assert same_body(with_link, tools.association())
    assert same_body(without, tools.association("S-2"))
    assert client.find(RESOURCE, tools.association()).id == f"{1:032x}"


@pytest.mark.parametrize("etag", ["5250611069518622471", "8e-hash-1", 'W/"7"', ""])
def test_an_etag_is_any_text_and_goes_back_as_it_came(ods, client, tools, etag):
    ods._put(tools.association(), f"{1:032x}")
    ods.rows[f"{1:032x}"]["_etag"] = etag.strip('W/"')
    (seen,) = client.read_all(RESOURCE)["etag"]
    body = orjson.dumps(tools.association())
    (outcome,) = client.apply([Write("PUT", RESOURCE, body, f"{1:032x}", seen, "u", "S-1")])
    assert outcome.outcome == "delivered"
    assert ods.headers[-1]["if-match"] == f'"{seen}"'


def test_a_date_of_change_with_seven_digits_of_seconds_is_no_part_of_the_body(ods, client, tools):
    ods._put({**tools.association(), "_lastModifiedDate": "2025-09-03T14:05:09.1234567Z"}, f"{1:032x}")
    found = client.get(RESOURCE, f"{1:032x}")
    assert found.body == tools.association()
    assert client.read_all(RESOURCE)["body"].tolist() == [tools.association()]


def test_members_nobody_knows_are_kept_and_harm_nothing(ods, client, tools):
    body = {**tools.association(), "somethingNew": {"of": ["next", "year"]}, "_ext": {"zed": {"a": 1}}}
    ods._put(body, f"{1:032x}")
    assert client.read_all(RESOURCE)["body"].tolist() == [body]
    assert client.find(RESOURCE, tools.association()).body == body


def test_a_collection_nobody_knows_is_read_like_any_other(ods, client):
    rows = [{"id": "1", "_etag": "e", "name": "x"}]
    ods.reply = lambda request, body, number: JSONResponse([] if "offset" in request.query_params else rows)
    frame = client.read_all("zed/somethingsNew", {"anyName": 1})
    assert frame[["id", "etag"]].values.tolist() == [["1", "e"]]
    assert ods.seen[0][1].endswith("/data/v3/zed/somethingsNew")


def test_a_resource_that_is_listed_twice_keeps_both_of_its_places(ods, client):
    ods.offers = {"dependencies": "/metadata/data/v3/dependencies"}
    ods.dependencies = [
        {"resource": "/ed-fi/students", "order": 14, "operations": ["Update"]},
        {"resource": "/zed/somethingsNew", "order": 2, "operations": ["Create", "Update"]},
        {"resource": "/ed-fi/students", "order": 3, "operations": ["Create"]},
        {"resource": "/ed-fi/schools", "order": 1},
    ]
    assert client.dependencies().values.tolist() == [
        ["zed/somethingsNew", 2, "Create"],
        ["zed/somethingsNew", 2, "Update"],
        ["students", 3, "Create"],
        ["students", 14, "Update"],
    ]


def test_every_request_of_a_run_has_a_correlation_id_of_its_own(ods, client, tools):
    list(client.apply(tools.post(n) for n in range(20)))
    ids = [headers["correlation-id"] for headers in ods.headers]
    assert len(set(ids)) == len(ids) == 20


def test_a_server_error_that_is_one_records_own_holds_up_no_other(ods, client, tools):
    def reply(request, body, number):
        if b'"S-5"' in body:
            return JSONResponse({"type": "urn:ed-fi:api:system", "status": 500, "title": "System Error"}, 500)

    ods.reply = reply
    outcomes = {outcome.ref: outcome.outcome for outcome in client.apply(tools.post(n) for n in range(30))}
    assert outcomes == {n: "pending" if n == 5 else "delivered" for n in range(30)}
