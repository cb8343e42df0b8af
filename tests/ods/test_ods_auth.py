"""One token for all, renewed once, early, and never asked for in vain."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from edfi_toolkit.errors import OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.ods import Client
from edfi_toolkit.ods.auth import LoginDelayed, OdsAuth
from edfi_toolkit.ods.tokens import Token


def outcomes_of(client, writes):
    return [outcome.outcome for outcome in client.apply(writes)]


def test_many_workers_share_one_token(ods, tools):
    with tools.client(ods, concurrency=16) as client:
        assert outcomes_of(client, (tools.post(n) for n in range(100))) == ["delivered"] * 100
    assert ods.counts["token"] == 1


def test_a_token_revoked_while_many_work_is_renewed_once(ods, tools):
    async def reply(request, body, number):
        if number == 40:
            ods.tokens.clear()
        await asyncio.sleep(0.002)

    ods.reply = reply
    with tools.client(ods, concurrency=16) as client:
        assert outcomes_of(client, (tools.post(n) for n in range(200))) == ["delivered"] * 200
    assert ods.counts["token"] == 2
    assert len(ods.rows) == 200


def test_a_fresh_token_that_ends_before_it_is_used_is_renewed_once_more(ods, tools):
    def reply(request, body, number):
        if number in (10, 11):  # the next, and the same with a fresh token
            ods.tokens.clear()
            return Response(status_code=401)

    ods.reply = reply
    with tools.client(ods, concurrency=1) as client:
        outcomes = [outcome.outcome for outcome in client.apply(tools.post(n) for n in range(30))]
    assert outcomes == ["delivered"] * 30
    assert ods.counts["token"] == 3


def test_a_fresh_token_that_is_refused_ends_the_run_after_what_is_known(ods, tools):
    done = []

    def reply(request, body, number):
        if number > 10:
            ods.tokens.clear()
            return Response(status_code=401)

    ods.reply = reply
    with tools.client(ods) as client, pytest.raises(OdsRefusedLogin, match="Ask the host") as caught:
        tools.kept(client.apply(tools.post(n) for n in range(500)), done)
    assert sum(outcome.outcome == "delivered" for outcome in done) == 10
    assert ods.counts["token"] <= 6  # three in a row are tried, and workers need not stand at the same one
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 415])
def test_key_and_secret_that_are_refused_are_not_tried_again(ods, tools, status):
    ods.token_answer = lambda: Response(status_code=status)
    with (
        tools.client(ods) as client,
        pytest.raises(OdsRefusedLogin, match=f"refused key and secret .{status}"),
    ):
        list(client.apply([tools.post(1)]))
    assert ods.counts["token"] == 1
    assert not ods.seen


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response(status_code=503),
        lambda: JSONResponse({"type": "urn:ed-fi:api:too-many-requests"}, 429),
        lambda: HTMLResponse("<html>Maintenance</html>"),
        lambda: JSONResponse({"nothing": 1}),
    ],
)
def test_a_token_endpoint_that_is_away_leaves_records_pending(ods, tools, answer):
    ods.token_answer = answer
    with tools.client(ods) as client:
        (outcome,) = client.apply([tools.post(1)])
    assert (outcome.outcome, outcome.status in (429, 503)) == ("pending", True)
    assert not ods.seen
    with tools.client(ods) as client, pytest.raises(OdsUnavailable, match="gives no token at the moment"):
        client.get(tools.resource, "1")


def test_at_the_limit_of_live_tokens_the_run_ends_and_says_which_limit_and_when(ods, tools):
    texts = ["Too many access tokens have been requested (limit is 15). Access tokens should be reused."]
    problem = {"type": "urn:ed-fi:api:security:authentication:too-many-tokens", "errors": texts}
    ods.token_answer = lambda: JSONResponse(problem, 429)
    done = []
    with (
        tools.client(ods) as client,
        pytest.raises(OdsUnavailable, match="limit of 15 live tokens") as caught,
    ):
        tools.kept(client.apply([tools.post(1)]), done)
    (outcome,) = done
    assert (outcome.outcome, outcome.status) == ("pending", 429)
    assert outcome.problem.is_a("security:authentication:too-many-tokens")
    assert (
        ods.counts["token"] == 1
    )  # no second one is asked for: they end within half an hour, not in seconds
    assert not ods.seen
    assert re.search(r"Try again at [0-2]\d:[0-5]\d, ", str(caught.value))
    with (
        tools.client(ods) as client,
        pytest.raises(OdsUnavailable, match="gives no token at the moment") as asked,
    ):
        client.get(tools.resource, "1")
    assert str(asked.value).count("un again") + str(asked.value).count("ry again") == 1


def test_a_token_endpoint_that_comes_back_is_waited_for(ods, tools):
    ods.token_answer = lambda: Response(status_code=503) if ods.counts["token"] < 4 else None
    with tools.client(ods) as client:
        assert outcomes_of(client, [tools.post(1)]) == ["delivered"]


class Now:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


async def asked(auth, answers):
    """Drive one request by hand; returns what was sent."""
    flow = auth.async_auth_flow(httpx.Request("GET", "https://ods.test/data"))
    sent = [await anext(flow)]
    while True:
        answer = answers.pop(0)
        if isinstance(answer, dict):
            answer = httpx.Response(200, json=answer)
        try:
            sent.append(await flow.asend(answer))
        except StopAsyncIteration:
            return [(request.method, request.headers["authorization"]) for request in sent]


def test_a_token_is_renewed_before_it_wears_out(tools):
    now, life = Now(), 1800
    auth = OdsAuth("https://ods.test/oauth/token", tools.target(), clock=now)
    ok = httpx.Response(200)

    async def story():
        first = await asked(auth, [{"access_token": "one", "expires_in": life}, ok])
        assert first[1] == ("GET", "Bearer one")
        now.seconds = life - 121
        assert await asked(auth, [ok]) == [("GET", "Bearer one")]
        now.seconds = life - 119
        second = await asked(auth, [{"access_token": "two", "expires_in": "odd"}, ok])
        assert [method for method, _ in second] == ["POST", "GET"]
        assert second[1] == ("GET", "Bearer two")

    asyncio.run(story())


def test_a_token_of_seconds_is_not_renewed_at_every_request(tools):
    now = Now()
    auth = OdsAuth("https://ods.test/oauth/token", tools.target(), clock=now)
    ok = httpx.Response(200)

    async def story():
        await asked(auth, [{"access_token": "one", "expires_in": 5}, ok])
        now.seconds = 4.4
        assert len(await asked(auth, [ok])) == 1
        now.seconds = 4.6
        assert len(await asked(auth, [{"access_token": "two", "expires_in": 5}, ok])) == 2

    asyncio.run(story())


def test_a_token_that_still_holds_is_used_when_no_new_one_is_given(tools):
    now = Now()
    auth = OdsAuth("https://ods.test/oauth/token", tools.target(), clock=now)
    ok, away = httpx.Response(200), httpx.Response(503)

    async def story():
        await asked(auth, [{"access_token": "one", "expires_in": 1800}, ok])
        now.seconds = 1700
        assert (await asked(auth, [away, ok]))[-1] == ("GET", "Bearer one")
        assert len(await asked(auth, [ok])) == 1  # and is not asked for again at once
        now.seconds = 1801
        with pytest.raises(LoginDelayed):
            await asked(auth, [away, ok])

    asyncio.run(story())


def test_clients_of_one_process_share_a_token_over_the_wire(ods, tools):
    with tools.served(ods.app) as url:
        for n in range(3):
            with Client(tools.target(url), retry=tools.quick) as client:
                assert outcomes_of(client, [tools.post(n)]) == ["delivered"]
    assert ods.counts["token"] == 1


def test_neither_token_nor_secret_shows(tools):
    assert "one" not in repr(Token("one", 1.0, 2.0))
    auth = OdsAuth("https://ods.test/oauth/token", tools.target())
    assert "secret-canary" not in f"{vars(auth)}"
