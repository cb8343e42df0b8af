"""The client against the sandbox, in-process and over a socket: the same promises, with the same faults."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import orjson
import pytest

from edfi_toolkit.errors import OdsError, OdsUnavailable
from edfi_toolkit.ods import Outcome, Write
from tests.contract.briar_hollow import (
    CTE,
    DISTRICT,
    RESOURCE,
    an_association,
    delivered_all,
    held,
    posts,
)

URN = "urn:ed-fi:api:"


def test_a_record_lives_from_post_to_delete(host):
    with host.client() as client:
        (made,) = client.apply(posts(1))
        assert (made.outcome, made.status) == ("delivered", 201)
        (again,) = client.apply(posts(1))
        assert (again.status, again.ed_fi_id, again.etag) == (200, made.ed_fi_id, made.etag)
        body = an_association(0, endDate="2026-05-29")
        (put,) = client.apply(
            [Write("PUT", RESOURCE, orjson.dumps(body), made.ed_fi_id, made.etag, "u", "S-0")]
        )
        assert (put.outcome, put.status) == ("delivered", 204)
        found = client.get(RESOURCE, made.ed_fi_id)
        assert (found.body["endDate"], found.etag) == ("2026-05-29", put.etag)
        assert client.find(RESOURCE, body).id == made.ed_fi_id
        (stale,) = client.apply([Write("DELETE", RESOURCE, None, made.ed_fi_id, made.etag, "d", "S-0")])
        assert (stale.outcome, stale.status) == ("refused", 412)
        (gone,) = client.apply([Write("DELETE", RESOURCE, None, made.ed_fi_id, put.etag, "d", "S-0")])
        assert (gone.outcome, gone.status) == ("delivered", 204)
        (twice,) = client.apply([Write("DELETE", RESOURCE, None, made.ed_fi_id, put.etag, "d", "S-0")])
        assert (twice.outcome, twice.status) == ("delivered", 404)
        assert client.get(RESOURCE, made.ed_fi_id) is None
        (deleted,) = client.deletes(RESOURCE, minimum=0, maximum=client.newest_change_version()).id
        assert deleted == made.ed_fi_id


def test_refusals_come_with_their_problem(host):
    unknown = an_association(9_999)
    wrong = an_association(1, reasonExitedDescriptor="uri://ed-fi.org/ReasonExitedDescriptor#Nope")
    no_program = an_association(2)
    no_program["programReference"]["programName"] = "Nothing"
    writes = [
        Write("POST", RESOURCE, orjson.dumps(body), None, None, ref, ref)
        for ref, body in (("unknown", unknown), ("wrong", wrong), ("program", no_program))
    ]
    with host.client() as client:
        found = {outcome.ref: outcome for outcome in client.apply(writes)}
    assert {ref: (o.outcome, o.status, o.problem.type.removeprefix(URN)) for ref, o in found.items()} == {
        "unknown": ("refused", 403, "security:authorization"),
        "wrong": ("refused", 400, "bad-request:data-validation-failed"),
        "program": ("refused", 409, "data-conflict:unresolved-reference"),
    }
    assert any(text.startswith("$.reasonExitedDescriptor: ") for text in found["wrong"].problem.messages)
    assert all(o.correlation_id and o.correlation_id == o.problem.correlation_id for o in found.values())


def test_one_key_in_two_types_is_refused(host):
    with host.client() as client:
        list(client.apply(posts(1)))
        other = Write(
            "POST", "studentProgramAssociations", orjson.dumps(an_association(0)), None, None, 1, "S-0"
        )
        (outcome,) = client.apply([other])
    assert outcome.outcome == "refused"
    assert outcome.problem.is_a("data-conflict:non-unique-identity")


def test_ten_percent_of_429_lose_nothing(host):
    host.faults({"method": "POST", "resource": RESOURCE, "status": 429, "every": 10})
    with host.client() as client:
        delivered_all(client)
    assert host.counted("POST", RESOURCE)[429] >= 6


def test_retry_after_is_honoured(host):
    host.faults({"method": "POST", "resource": RESOURCE, "status": 429, "retry_after": 1, "times": 1})
    begun = time.monotonic()
    with host.client() as client:
        delivered_all(client, 20)
    assert time.monotonic() - begun >= 1.0
    assert host.counted("POST", RESOURCE) == {201: 20, 429: 1}


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_of_the_server_lose_nothing(host, status):
    host.faults({"resource": RESOURCE, "status": status, "every": 7, "html": status == 502})
    with host.client() as client:
        delivered_all(client)


def test_connections_dropped_before_and_after_the_commit_lose_and_double_nothing(host):
    host.faults(
        {"method": "POST", "resource": RESOURCE, "drop_after_commit": True, "every": 6},
        {"method": "POST", "resource": RESOURCE, "drop_before_commit": True, "every": 7},
    )
    with host.client() as client:
        outcomes = list(client.apply(posts(60)))
        assert {outcome.outcome for outcome in outcomes} == {"delivered"}
        assert {outcome.status for outcome in outcomes} == {200, 201}
        assert len(held(client)) == 60
        ids = {ed_fi_id for frame in client.read(RESOURCE) for ed_fi_id in frame["id"]}
        assert {outcome.ed_fi_id for outcome in outcomes} == ids


def test_an_update_dropped_after_its_commit_is_delivered_although_the_etag_moved(host):
    with host.client() as client:
        (made,) = client.apply(posts(1))
        host.faults({"method": "PUT", "resource": RESOURCE, "drop_after_commit": True, "times": 1})
        body = an_association(0, endDate="2026-05-29")
        (put,) = client.apply(
            [Write("PUT", RESOURCE, orjson.dumps(body), made.ed_fi_id, made.etag, "u", "S-0")]
        )
        assert (put.outcome, put.attempts) == ("delivered", 2), "nobody below the client repeats a request"
        assert client.get(RESOURCE, made.ed_fi_id).etag == put.etag


def test_what_is_dropped_every_time_is_unsure(host):
    host.faults({"method": "POST", "resource": RESOURCE, "drop_after_commit": True})
    with host.client() as client:
        (outcome,) = client.apply(posts(1))
    assert (outcome.outcome, outcome.status, outcome.attempts) == ("unsure", None, 7)


def test_a_token_revoked_while_many_work_is_renewed_once(host):
    host.faults({"method": "POST", "resource": RESOURCE, "revoke_tokens": True, "after": 20, "times": 1})
    with host.client(concurrency=16) as client:
        delivered_all(client)
    # Over a socket the first token is the one this process has already.
    assert host.counted("POST", "oauth/token") == {200: 2 if host.app else 1}


def test_an_ods_that_goes_away_ends_the_run(host):
    host.faults({"resource": RESOURCE, "status": 503, "html": True, "after": 25})
    outcomes = []

    def kept(found: Iterator[Outcome]) -> None:
        for outcome in found:
            outcomes.append(outcome)

    with host.client() as client, pytest.raises(OdsUnavailable, match="run again later"):
        kept(client.apply(posts(60)))
    kinds = Counter(outcome.outcome for outcome in outcomes)
    assert kinds["delivered"] == 25
    assert set(kinds) <= {"delivered", "pending"}


def test_older_error_shapes_are_understood(host):
    host.control("PUT", "options", {"error_style": "legacy"})
    wrong = an_association(2)
    wrong["programReference"]["programName"] = "Nothing"
    with host.client() as client:
        found = list(
            client.apply(
                [
                    Write("POST", RESOURCE, orjson.dumps(wrong), None, None, "program", "a"),
                    Write("POST", RESOURCE, orjson.dumps(an_association(9_999)), None, None, "unknown", "b"),
                ]
            )
        )
        kinds = {outcome.ref: outcome.problem.type.removeprefix(URN) for outcome in found}
        assert kinds == {
            "program": "data-conflict:unresolved-reference",
            "unknown": "security:authorization",
        }
        host.faults({"method": "POST", "resource": RESOURCE, "status": 500, "every": 9})
        delivered_all(client, 30)


def test_every_row_is_read_once_by_cursor_and_by_partitions(host):
    with host.client(page_size=7) as client:
        delivered_all(client)
        host.control("DELETE", "counters")
        assert len(held(client)) == 60
    assert host.counted("GET", RESOURCE)[200] >= 9


def test_a_page_limit_below_ours_is_obeyed(host):
    host.control("PUT", "options", {"page_limit": 10})
    with host.client(readers=3) as client:
        delivered_all(client)
    counted = host.counted("GET", RESOURCE)
    assert counted[400] == 1
    assert counted[200] >= 7


def test_reading_goes_on_over_faults(host):
    with host.client(page_size=10) as client:
        list(client.apply(posts(60)))
        host.faults(
            {"method": "GET", "resource": RESOURCE, "status": 503, "every": 3},
            {"method": "GET", "resource": RESOURCE, "drop_before_commit": True, "every": 5},
        )
        assert len(held(client)) == 60


def test_a_filter_reads_only_what_it_names(host):
    with host.client() as client:
        list(client.apply(posts(5)))
        (frame,) = client.read(RESOURCE, {"studentUniqueId": "S-3", "programTypeDescriptor": CTE})
        assert frame.body[0]["studentReference"]["studentUniqueId"] == "S-3"
        assert list(client.read(RESOURCE, {"studentUniqueId": "S-77"})) == []


def test_what_the_key_may_not_read_is_an_error_and_no_empty_frame(host):
    with host.client() as client, pytest.raises(OdsError) as caught:
        list(client.read("nonsenses"))
    assert caught.value.status == 404


def test_the_api_tells_about_itself(host):
    with host.client() as client:
        assert client.discovery.data_standard == "5.2.0"
        assert CTE in client.descriptors("ProgramTypeDescriptor")
        order = client.dependencies()
        students = order[order.resource.eq("students")]
        assert students.operation.tolist() == ["Create", "Update"]
        assert students.order.is_monotonic_increasing
        assert students.order.nunique() == 2
        info = client.token_info()
        assert info["active"]
        assert DISTRICT in {entry["education_organization_id"] for entry in info["education_organizations"]}


def test_a_lot_is_read_in_parallel_and_complete(host):
    host.control("PUT", "options", {"page_limit": 5})
    with host.client(readers=4) as client:
        delivered_all(client)
        assert host.counted("GET", RESOURCE)[200] >= 13
        students = [body["studentUniqueId"] for frame in client.read("students") for body in frame["body"]]
    assert sorted(students) == sorted(f"S-{n}" for n in range(60))
