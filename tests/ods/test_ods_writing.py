"""Writing: every record gets one truthful outcome, in the order a student's records were given."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter, defaultdict
from dataclasses import replace

import httpx
import orjson
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from edfi_toolkit.errors import OdsError, OdsUnavailable
from edfi_toolkit.ods import RetryPolicy, Write
from edfi_toolkit.ods.outcomes import outcomes
from edfi_toolkit.ods.write import outcome_of

URN = "urn:ed-fi:api:"


def problem(status, kind, **headers):
    return JSONResponse({"type": URN + kind, "title": "T", "detail": "D", "status": status}, status, headers)


def told(client, writes):
    """Outcomes by ref; each record has exactly one."""
    outcomes = list(client.apply(writes))
    assert len({outcome.ref for outcome in outcomes}) == len(outcomes)
    return {outcome.ref: outcome for outcome in outcomes}


def test_post_put_and_delete_go_out_as_the_wire_wants_them(ods, client, tools):
    body = tools.association("S-1", id="never", endDate="2026-05-29")
    post = told(client, [Write("POST", tools.resource, orjson.dumps(body), None, "stale", "a", "S-1")])["a"]
    assert (post.outcome, post.status, post.attempts) == ("delivered", 201, 1)
    assert post.ed_fi_id in ods.rows
    assert post.etag == ods.rows[post.ed_fi_id]["_etag"]
    put = told(
        client, [Write("PUT", tools.resource, orjson.dumps(body), post.ed_fi_id, post.etag, "b", "S-1")]
    )["b"]
    assert (put.outcome, put.status, put.ed_fi_id) == ("delivered", 204, post.ed_fi_id)
    etag = ods.rows[post.ed_fi_id]["_etag"]
    gone = told(client, [Write("DELETE", tools.resource, None, post.ed_fi_id, etag, "c", "S-1")])["c"]
    assert (gone.outcome, gone.status) == ("delivered", 204)
    again = told(client, [Write("DELETE", tools.resource, None, post.ed_fi_id, etag, "d", "S-1")])["d"]
    assert (again.outcome, again.status, again.problem) == ("delivered", 404, None)

    sent = {
        method: (orjson.loads(body or b"null"), headers)
        for (method, _, _, body), headers in zip(ods.seen, ods.headers, strict=True)
    }
    assert "id" not in sent["POST"][0]
    assert "if-match" not in sent["POST"][1]
    assert sent["PUT"][0]["id"] == post.ed_fi_id
    assert sent["PUT"][1]["if-match"] == f'"{post.etag}"'
    assert sent["DELETE"][1]["if-match"] == f'"{etag}"'
    assert all(headers["content-type"] == "application/json" for b, headers in sent.values() if b)
    assert len({headers["correlation-id"] for headers in ods.headers}) == len(ods.headers)
    assert post.correlation_id == ods.headers[0]["correlation-id"]


def test_a_post_of_what_is_there_is_delivered_with_200(ods, client, tools):
    ods.fill(2)
    assert told(client, [tools.post(1)])[1].status == 200


@pytest.mark.parametrize(
    ("status", "kind", "outcome", "attempts"),
    [
        (400, "bad-request:data-validation-failed", "refused", 1),
        (403, "security:authorization", "refused", 1),
        (404, "not-found", "refused", 1),
        (405, "method-not-allowed", "refused", 1),
        (409, "data-conflict:unresolved-reference", "refused", 1),
        (409, "data-conflict:non-unique-identity", "refused", 5),
        (409, "data-conflict:multi-user-conflict", "refused", 5),
        (415, "unsupported-media-type", "refused", 1),
        (429, "too-many-requests", "pending", 9),
        (500, "system", "pending", 5),
        (502, "bad-gateway", "unsure", 7),
        (503, "service-unavailable", "pending", 7),
        (504, "gateway-timeout", "unsure", 7),
    ],
)
def test_what_stays_wrong_is_refused_or_pending(ods, client, tools, status, kind, outcome, attempts):
    ods.reply = lambda request, body, number: problem(status, kind)
    found = told(client, [tools.post(1)])[1]
    assert (found.outcome, found.status, found.attempts) == (outcome, status, attempts)
    assert found.problem.type == URN + kind
    assert (found.etag, found.ed_fi_id) == (None, None)
    assert len(ods.seen) == attempts


def test_a_page_of_html_with_status_200_is_no_delivery(ods, client, tools):
    ods.reply = lambda request, body, number: HTMLResponse("<html>Maintenance</html>") if number < 3 else None
    found = told(client, [tools.post(1)])[1]
    assert (found.outcome, found.attempts) == ("delivered", 3)
    assert len(ods.rows) == 1
    ods.reply = lambda request, body, number: HTMLResponse("<html>Maintenance</html>")
    assert told(client, [tools.post(2)])[2].outcome == "pending"


def test_a_record_of_a_hundred_that_meets_an_error_is_tried_again_and_none_is_lost(ods, client, tools):
    # A record meets one error: how many in a row it could meet would hang on the order of all others.
    refused = set()

    def reply(request, body, number):
        if number % 5 or repr(body) in refused:
            return None
        refused.add(repr(body))
        return problem((429, 500, 502, 503)[number % 4], "system")

    ods.reply = reply
    found = told(client, (tools.post(n) for n in range(300)))
    assert len(refused) > 30
    assert Counter(outcome.outcome for outcome in found.values()) == {"delivered": 300}
    assert len(ods.rows) == 300


def test_retry_after_is_waited_for(ods, client, tools):
    busy = problem(429, "too-many-requests", **{"Retry-After": "1"})
    ods.reply = lambda request, body, number: busy if number == 1 else None
    assert told(client, [tools.post(1)])[1].outcome == "delivered"
    assert ods.times[1] - ods.times[0] >= 1.0


def test_records_that_wait_for_another_try_hold_up_no_others(tools):
    class Waits:
        """Lets every second of the first 60 records wait until the last of all has come."""

        waiting, error, results, kept = 0, None, queue.SimpleQueue(), []

        def submit(self, jobs):
            for job in jobs:
                if job.write.ref in range(0, 60, 2):
                    self.kept.append(outcome_of(job, "delivered", None))
                else:
                    self.results.put([outcome_of(job, "delivered", None)])
                self.waiting = len(self.kept)
                if job.write.ref == 99:
                    self.results.put(self.kept)

    writer = Waits()
    items = (tools.post(n) for n in range(100))
    found = outcomes(writer, writer.submit, items, ahead=16, tick=lambda: None)
    assert [outcome.ref for outcome in found] == [*range(1, 60, 2), *range(60, 100), *range(0, 60, 2)]


def test_a_retry_after_of_an_hour_ends_the_run(ods, client, tools):
    ods.reply = lambda request, body, number: problem(503, "service-unavailable", **{"Retry-After": "3600"})
    outcomes = []
    with pytest.raises(OdsUnavailable, match="asks to wait 3600 s"):
        tools.kept(client.apply(tools.post(n) for n in range(500)), outcomes)
    assert {outcome.outcome for outcome in outcomes} == {"pending"}
    assert len(outcomes) <= 4  # those in flight when the first was answered


def test_one_students_records_keep_their_order_and_never_overlap(ods, tools):
    order, at_work, overlaps = defaultdict(list), set(), []

    async def reply(request, body, number):
        content = orjson.loads(body)
        student, n = content["studentReference"]["studentUniqueId"], content["n"]
        overlaps.extend([student] if student in at_work else [])
        at_work.add(student)
        await asyncio.sleep(0.001)
        at_work.discard(student)
        if number % 7 == 0:
            return problem(503, "service-unavailable")
        order[student].append(n)

    ods.reply = reply
    writes = [tools.post((s, n), student=f"S-{s}", n=n) for n in range(6) for s in range(12)]
    with tools.client(ods, concurrency=16) as client:
        found = told(client, writes)
    assert {outcome.outcome for outcome in found.values()} == {"delivered"}
    assert not overlaps
    assert all(ns == sorted(ns) for ns in order.values())
    assert ods.most_busy > 4


def test_in_flight_at_once_is_bounded(ods, tools):
    async def reply(request, body, number):
        await asyncio.sleep(0.002)

    ods.reply = reply
    with tools.client(ods, concurrency=6) as client:
        told(client, (tools.post(n) for n in range(120)))
    assert 4 < ods.most_busy <= 6


def test_items_are_pulled_lazily_in_the_callers_thread(ods, client, tools):
    pulled, threads, ahead = 0, set(), []

    def items():
        nonlocal pulled
        for n in range(500):
            pulled += 1
            threads.add(threading.get_ident())
            yield tools.post(n)

    for done, _ in enumerate(client.apply(items())):
        ahead.append(pulled - done)
    assert threads == {threading.get_ident()}
    assert max(ahead) <= 33


def test_a_failure_of_the_items_is_raised_when_those_in_flight_are_told(ods, client, tools):
    def items():
        yield from (tools.post(n) for n in range(10))
        raise ZeroDivisionError("the journal is full")

    outcomes = []
    with pytest.raises(ZeroDivisionError):
        tools.kept(client.apply(items()), outcomes)
    assert len(outcomes) == 10


def test_writing_may_be_left_and_the_client_goes_on(ods, client, tools):
    async def reply(request, body, number):
        await asyncio.sleep(0.001)

    ods.reply = reply
    found = client.apply(tools.post(n) for n in range(1000))
    next(found)
    found.close()
    assert len(ods.rows) < 100
    assert told(client, [tools.post("later")])["later"].outcome == "delivered"


def test_after_412_what_is_already_ours_is_delivered(ods, client, tools):
    ods.fill(1)
    (ed_fi_id,) = ods.rows
    body = {**tools.association("S-0"), "endDate": "2026-05-29"}
    ods._put(body, ed_fi_id)
    found = told(client, [Write("PUT", tools.resource, orjson.dumps(body), ed_fi_id, "older", "x", "S-0")])[
        "x"
    ]
    assert (found.outcome, found.etag) == ("delivered", ods.rows[ed_fi_id]["_etag"])


def test_after_412_what_somebody_else_wrote_is_refused(ods, client, tools):
    ods.fill(1)
    (ed_fi_id,) = ods.rows
    body = {**tools.association("S-0"), "endDate": "2026-05-29"}
    put = told(client, [Write("PUT", tools.resource, orjson.dumps(body), ed_fi_id, "older", "x", "S-0")])["x"]
    assert (put.outcome, put.status) == ("refused", 412)
    assert put.problem.type == f"{URN}optimistic-lock-failed"
    gone = told(client, [Write("DELETE", tools.resource, None, ed_fi_id, "older", "x", "S-0")])["x"]
    assert (gone.outcome, gone.status) == ("refused", 412)
    assert ed_fi_id in ods.rows


def test_a_put_whose_answer_got_lost_is_found_delivered(ods, client, tools):
    ods.fill(1)
    (ed_fi_id,) = ods.rows
    etag, body = ods.rows[ed_fi_id]["_etag"], {**tools.association("S-0"), "endDate": "2026-05-29"}

    def reply(request, content, number):
        if number == 1:
            ods._put(body, ed_fi_id)
            return Response(status_code=504)

    ods.reply = reply
    found = told(client, [Write("PUT", tools.resource, orjson.dumps(body), ed_fi_id, etag, "x", "S-0")])["x"]
    assert (found.outcome, found.attempts) == ("delivered", 2)


@pytest.mark.parametrize("location", [True, False])
@pytest.mark.parametrize("etag", [True, False])
def test_missing_headers_are_made_up_for(ods, client, tools, location, etag):
    ods.gives_location, ods.gives_etag = location, etag
    found = told(client, [tools.post(1)])[1]
    assert found.outcome == "delivered"
    assert found.ed_fi_id in ods.rows
    assert found.etag == (ods.rows[found.ed_fi_id]["_etag"] if etag else None)


def test_an_error_of_one_record_is_tried_once_more_alone_at_the_end(ods, client, tools):
    seen, before_last = Counter(), []

    def reply(request, body, number):
        student = orjson.loads(body)["studentReference"]["studentUniqueId"]
        seen[student] += 1
        if student != "S-3":
            return None
        if seen[student] <= 4:
            return problem(500, "system")
        before_last.append((len(seen), ods.busy))

    ods.reply = reply
    found = told(client, (tools.post(n) for n in range(60)))
    assert {outcome.outcome for outcome in found.values()} == {"delivered"}
    assert found[3].attempts == 5
    assert before_last == [(60, 1)]


def test_errors_of_one_resource_do_not_stop_the_others(ods, tools):
    def reply(request, body, number):
        return problem(500, "system") if "Section504" in request.url.path else None

    ods.reply = reply
    broken = (replace(tools.post(n), resource="studentSection504ProgramAssociations") for n in range(200))
    valid = (tools.post(n) for n in range(200, 260))
    with tools.client(ods, retry=replace(tools.quick, same_failure=10)) as client:
        found = told(client, [*broken, *valid])
    assert Counter(outcome.outcome for outcome in found.values()) == {"pending": 200, "delivered": 60}
    assert len(ods.seen) < 400


def test_a_resource_the_key_may_not_write_is_not_asked_for_over_and_over(ods, client, tools):
    ods.reply = lambda request, body, number: problem(403, "security:authorization:access-denied:resource")
    found = told(client, (tools.post(n) for n in range(400)))
    assert {outcome.status for outcome in found.values()} == {403}
    assert 50 <= len(ods.seen) < 60
    asked = {outcome.outcome for outcome in found.values() if outcome.attempts}
    spared = {outcome.outcome for outcome in found.values() if not outcome.attempts}
    assert (asked, spared) == ({"refused"}, {"pending"})
    assert sum(outcome.attempts == 0 for outcome in found.values()) == 400 - len(ods.seen)


def test_a_403_for_every_record_is_taken_for_the_keys_and_one_that_was_delivered_says_otherwise(ods, tools):
    forbidden = problem(403, "security:authorization")
    policy = replace(tools.quick, same_refusal=20)
    ods.reply = lambda request, body, number: forbidden
    with tools.client(ods, retry=policy) as client:
        found = told(client, (tools.post(n) for n in range(100)))
    assert Counter(outcome.outcome for outcome in found.values())["pending"] == 100 - len(ods.seen) > 60
    seen = len(ods.seen)
    ods.reply = lambda request, body, number: None if number == seen + 1 else forbidden
    with tools.client(ods, retry=policy, concurrency=1) as client:
        found = told(client, (tools.post(n) for n in range(100)))
    assert Counter(outcome.outcome for outcome in found.values()) == {"delivered": 1, "refused": 99}


def test_records_refused_for_their_own_students_are_all_asked_for(ods, client, tools):
    ods.reply = lambda request, body, number: problem(403, "security:authorization")
    assert len(told(client, (tools.post(n) for n in range(120)))) == 120
    assert len(ods.seen) == 120


def test_a_host_set_up_wrongly_ends_the_run(ods, client, tools):
    ods.reply = lambda request, body, number: problem(500, "system:configuration:security")
    with pytest.raises(OdsError, match="set up wrongly") as caught:
        list(client.apply([tools.post("S-canary")]))
    assert caught.value.status == 500
    assert "canary" not in f"{caught.value!s} {caught.value!r}"


def test_a_redirect_is_not_followed(ods, client, tools):
    ods.reply = lambda request, body, number: Response(
        status_code=302, headers={"Location": "https://login.example"}
    )
    with pytest.raises(OdsError, match="302"):
        list(client.apply([tools.post(1)]))


def test_an_ods_that_goes_away_ends_the_run_and_what_is_known_is_told(ods, client, tools):
    ods.reply = lambda request, body, number: problem(503, "service-unavailable") if number > 40 else None
    outcomes = []
    with pytest.raises(OdsUnavailable, match="run again later"):
        tools.kept(client.apply(tools.post(n) for n in range(2000)), outcomes)
    kinds = Counter(outcome.outcome for outcome in outcomes)
    assert kinds["delivered"] == 40 == len(ods.rows)
    assert 0 < kinds["pending"] <= 32
    assert len(ods.seen) < 120  # nobody is struck again and again while away


def test_asked_to_hurry_nothing_is_tried_again_and_the_end_is_not_waited_for(ods, tools):
    """Seventy seconds of tries are left undone; what had no answer may have been taken."""
    ods.reply = lambda request, body, number: problem(503, "service-unavailable") if number > 5 else None
    with tools.client(ods, retry=RetryPolicy(first_wait_s=1_000, longest_wait_s=1_000)) as client:
        found = list(client.apply([tools.post(n) for n in range(100)], goes_on=lambda: not ods.seen))
    kinds = Counter((outcome.outcome, outcome.attempts) for outcome in found)
    assert kinds["delivered", 1] == 5 == len(ods.rows)
    assert set(kinds) <= {("delivered", 1), ("pending", 1), ("pending", 0)}
    assert kinds.total() == 100


def test_what_is_not_answered_is_left_unsure_when_asked_to_hurry(ods, client, tools, monkeypatch):
    monkeypatch.setattr("edfi_toolkit.ods.writer._MOMENT_S", 0.1)
    asked = threading.Event()

    async def silence():
        asked.set()
        await asyncio.sleep(3_600)

    ods.reply = lambda request, body, number: silence()
    found = list(client.apply([tools.post(n) for n in range(3)], goes_on=lambda: not asked.is_set()))
    assert sorted((outcome.outcome, outcome.status) for outcome in found) == [("unsure", None)] * 3


def test_a_trouble_that_passes_is_sat_out(ods, client, tools):
    ods.reply = lambda request, body, number: problem(503, "x") if 40 < number < 50 else None
    assert {o.outcome for o in told(client, (tools.post(n) for n in range(100))).values()} == {"delivered"}


def test_a_body_that_cannot_be_json_is_the_callers_mistake(client, tools):
    with pytest.raises(TypeError):
        list(client.apply([tools.post(1, odd=object())]))


def test_nothing_to_do_contacts_nobody_but_the_root(ods, client):
    assert list(client.apply([])) == []
    assert not ods.seen


def test_a_write_does_not_show_its_student(tools):
    shown = repr(tools.post(1, student="S-canary"))
    assert "canary" not in shown


def test_an_exception_of_the_transport_that_no_one_foresaw_is_raised_not_swallowed(ods, tools):
    class Odd(httpx.ASGITransport):
        async def handle_async_request(self, request):
            if request.method == "POST" and "oauth" not in request.url.path:
                raise ArithmeticError("odd")
            return await super().handle_async_request(request)

    from edfi_toolkit.ods import Client

    with (
        Client(tools.target(), transport=Odd(ods.app), retry=tools.quick) as client,
        pytest.raises(ArithmeticError),
    ):
        list(client.apply([tools.post(1)]))


def test_a_closed_client_says_so(ods, tools):
    with tools.client(ods) as client:
        left = client.apply(tools.post(n) for n in range(100))
        next(left)
        unread = client.read(tools.resource)
        next(unread, None)
    with pytest.raises(OdsError, match="closed"):
        client.get(tools.resource, "1")
    left.close()
    unread.close()
    client.close()


def test_an_iterator_the_collector_ends_in_the_clients_own_thread_blocks_nobody(ods, client, tools):
    left = client.apply(tools.post(n) for n in range(100))
    next(left)
    client._run(closing(left))
    assert told(client, [tools.post("later")])["later"].outcome == "delivered"


async def closing(iterator):
    iterator.close()
