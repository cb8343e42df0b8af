"""Reading: complete, whatever the host allows and whoever writes meanwhile."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
from contextlib import suppress

import httpx
import orjson
import pandas as pd
import pytest
from starlette.responses import JSONResponse, Response

from edfi_toolkit.errors import ConfigError, OdsError, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.ods import Client
from edfi_toolkit.ods.session import _loads


def ids_of(client, **filters):
    frames = list(client.read("studentProgramAssociations", filters or None))
    return [ed_fi_id for frame in frames for ed_fi_id in frame["id"]]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1234])
@pytest.mark.parametrize("counts_total", [True, False])
def test_every_row_is_read_once_by_offset(ods, client, count, counts_total):
    ods.fill(count)
    ods.counts_total = counts_total
    assert sorted(ids_of(client)) == sorted(ods.rows)


def test_a_row_deleted_while_reading_hides_no_other(ods, client):
    ods.fill(1500)
    first = next(iter(ods.rows))

    def reply(request, body, number):
        if number == 3:  # after the first page and the count
            del ods.rows[first]

    ods.reply = reply
    found = ids_of(client)
    assert set(ods.rows) <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("counts_total", [True, False])
def test_a_host_that_hands_out_less_than_asked_hides_nothing(ods, client, counts_total):
    ods.fill(730)
    ods.silent_cap, ods.counts_total = 100, counts_total
    assert sorted(ids_of(client)) == sorted(ods.rows)


@pytest.mark.parametrize(
    "message",
    [
        "Limit must be a value between 0 and {}.",
        "Limit must be omitted or set to a numeric value between 0 and {}.",
        "Limit must be omitted or set to a value between 1 and max value defined in configuration file "
        "(defaultPageSizeLimit).",
    ],
)
def test_a_page_limit_below_ours_is_obeyed(ods, client, message):
    ods.fill(230)
    ods.page_limit, ods.limit_message = 60, message
    assert sorted(ids_of(client)) == sorted(ods.rows)


def test_a_refused_filter_is_not_taken_for_a_page_limit(ods, client):
    ods.reply = lambda request, body, number: JSONResponse({"message": "The value 'x' is not valid."}, 400)
    with pytest.raises(OdsError, match="does not accept the filters"):
        ids_of(client, studentUniqueId="S-canary")


def test_an_unknown_filter_is_refused_since_the_api_would_ignore_it(ods, client):
    with pytest.raises(ConfigError, match="studentUniqueID"):
        ids_of(client, studentUniqueID="S-1")
    assert not ods.seen


def test_filters_go_out_in_the_wires_spelling(ods, client):
    ods.fill(3)
    assert len(ids_of(client, studentUniqueId="S-1", beginDate=pd.Timestamp("2025-09-02"))) == 1
    assert ods.seen[0][2]["beginDate"] == "2025-09-02"


def test_a_frame_has_its_four_columns(ods, client):
    ods.fill(2)
    frame = next(client.read("studentProgramAssociations"))
    assert frame.columns.tolist() == ["resource", "id", "etag", "body"]
    assert frame.dtypes.astype(str).tolist() == ["str", "str", "str", "object"]
    assert not {"id", "_etag"} & set(frame.body[0])


def test_page_tokens_that_lead_in_a_circle_are_noticed(ods, client):
    ods.reply = lambda request, body, number: JSONResponse(
        [{"id": "1"}], headers={"Next-Page-Token": "MjYsMjE0"}
    )
    with pytest.raises(OdsError, match="circle"):
        ids_of(client)


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize("content", [b"[1]", b"[1"])
def test_the_garbage_collector_is_left_as_it_was(collects, content):
    before = gc.isenabled()
    try:
        gc.enable() if collects else gc.disable()
        with suppress(orjson.JSONDecodeError):
            _loads(content)
        assert gc.isenabled() is collects
    finally:
        gc.enable() if before else gc.disable()


def test_a_host_that_ignores_the_offset_is_noticed(ods, client):
    ods.fill(3)
    ods.counts_total = False
    ods.reply = lambda request, body, number: JSONResponse(list(ods.rows.values()))
    with pytest.raises(OdsError, match="circle"):
        ids_of(client)


def test_a_reading_that_fails_says_so_and_never_looks_complete(ods, client):
    ods.fill(1200)
    ods.reply = lambda request, body, number: Response(status_code=503) if number > 3 else None
    with pytest.raises(OdsUnavailable, match="run again later") as caught:
        ids_of(client, programName="canary")
    assert (caught.value.status, caught.value.method) == (503, "GET")
    assert "canary" not in f"{caught.value!s} {caught.value!r} {caught.value.__dict__}"


def test_a_reading_may_be_left_at_any_page(ods, client):
    ods.fill(5000)
    pages = client.read("studentProgramAssociations")
    next(pages)
    pages.close()
    assert client.get("studentProgramAssociations", f"{7:032x}").id == f"{7:032x}"


def test_a_short_trouble_is_read_over(ods, client):
    ods.fill(900)
    ods.reply = lambda request, body, number: Response(status_code=502) if number % 2 else None
    assert len(ids_of(client)) == 900


def test_get_answers_none_for_what_is_not_there(client):
    assert client.get("studentProgramAssociations", "0" * 32) is None


def test_find_takes_a_body_or_a_key_and_checks_what_it_gets(ods, client, tools):
    ods.fill(4)
    body = tools.association("S-2")
    key = (
        "2025-09-02",
        628101,
        62,
        "Chess",
        body["programReference"]["programTypeDescriptor"].upper(),
        "S-2",
    )
    assert client.find(tools.resource, body).id == f"{2:032x}"
    assert client.find(tools.resource, key).id == f"{2:032x}"
    assert client.find(tools.resource, tools.association("S-9")) is None
    # A host that filters by nothing answers with everything.
    ods.reply = lambda request, body, number: JSONResponse([{**row, "id": i} for i, row in ods.rows.items()])
    assert client.find(tools.resource, tools.association("S-3")).id == f"{3:032x}"
    assert client.find(tools.resource, tools.association("S-9")) is None
    assert ods.seen[0][2]["programEducationOrganizationId"] == "62"


def test_what_is_missing_in_the_root_document_is_simply_not_offered(client):
    assert client.newest_change_version() is None
    assert client.openapi() == {}
    assert client.token_info() == {}
    assert client.dependencies().columns.tolist() == ["resource", "order", "operation"]


def test_a_wrong_address_is_told_as_such(tools):
    async def app(scope, receive, send):
        await JSONResponse({"detail": "x"}, 401)(scope, receive, send)

    with (
        Client(tools.target(), transport=httpx.ASGITransport(app), retry=tools.quick) as client,
        pytest.raises(OdsError, match="before /data/v3"),
    ):
        _ = client.discovery


def test_it_works_inside_a_running_loop(ods, tools):
    ods.fill(600)

    async def cell():
        with tools.client(ods) as client:
            found = len(ids_of(client))
            written = [outcome.outcome for outcome in client.apply(tools.post(n) for n in range(700, 720))]
            return found, written

    assert asyncio.run(cell()) == (600, ["delivered"] * 20)


def every_httpx_exception():
    kinds = [kind for _, kind in inspect.getmembers(httpx, inspect.isclass) if issubclass(kind, Exception)]
    return sorted(kinds, key=lambda kind: kind.__name__)


def raised(kind):
    """An instance of any of them; some want a request or a response."""
    request = httpx.Request("GET", "http://ods.test/?studentUniqueId=S-canary")
    for arguments, named in (
        (("S-canary",), {}),
        (("S-canary",), {"request": request}),
        (("S-canary",), {"request": request, "response": httpx.Response(500)}),
        ((), {}),
    ):
        try:
            return kind(*arguments, **named)
        except TypeError:
            continue
    raise AssertionError(f"{kind} cannot be made")


@pytest.mark.parametrize("kind", every_httpx_exception())
def test_every_exception_of_httpx_becomes_an_ods_error(kind, tools, caplog):
    class Failing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            raise raised(kind)

    caplog.set_level(logging.DEBUG)
    with Client(tools.target(), transport=Failing(), retry=tools.quick) as client:
        for use in (
            lambda: client.discovery,
            lambda: client.find(tools.resource, tools.association("S-canary")),
            lambda: list(client.apply([tools.post("S-canary")])),
        ):
            with pytest.raises(OdsError) as caught:
                use()
            assert "canary" not in f"{caught.value!s} {caught.value!r} {caught.value.__dict__} {caplog.text}"
            assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_walk_covers_the_list():
    names = {kind.__name__ for kind in every_httpx_exception()}
    assert {"ConnectError", "ReadTimeout", "RemoteProtocolError", "InvalidURL", "CookieConflict"} <= names


@pytest.mark.parametrize(
    "kind",
    [k for k in every_httpx_exception() if issubclass(k, httpx.TransportError)],
    ids=lambda k: k.__name__,
)
def test_a_failed_exchange_leaves_a_record_pending_or_unsure_and_never_lost(ods, tools, kind):
    class FailsOnPost(httpx.ASGITransport):
        async def handle_async_request(self, request):
            if request.method == "POST" and "oauth" not in request.url.path:
                raise raised(kind)
            return await super().handle_async_request(request)

    with Client(tools.target(), transport=FailsOnPost(ods.app), retry=tools.quick) as client:
        if issubclass(kind, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            outcomes = []
            with pytest.raises(OdsError, match="cannot be carried out"):
                outcomes.extend(client.apply([tools.post(1)]))
            return
        (outcome,) = client.apply([tools.post(1)])
    never_sent = issubclass(
        kind, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    assert outcome.outcome == ("pending" if never_sent else "unsure")
    assert (outcome.status, outcome.attempts) == (None, tools.quick.attempts)


def test_a_target_without_credentials_is_refused_before_anything_is_contacted(ods):
    from edfi_toolkit.settings import Target

    with pytest.raises(ConfigError, match="has no key and secret"):
        Client(Target("small", "http://ods.test"), transport=httpx.ASGITransport(ods.app))
    assert not ods.seen


def test_a_refused_login_ends_everything(ods, client):
    ods.token_answer = lambda: JSONResponse({"error": "invalid_client"}, 401)
    with pytest.raises(OdsRefusedLogin, match="401 invalid_client") as caught:
        ids_of(client)
    assert "canary" not in str(caught.value)
    assert ods.counts["token"] == 1
