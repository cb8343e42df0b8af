"""Seeding, counters, faults and modes."""

from __future__ import annotations

import time

import httpx
import pytest

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sandbox import create_app

URL = "studentCTEProgramAssociations"


def faults(api, *rules):
    """Put fault rules in force."""
    answer = api.put("/control/faults", list(rules))
    assert answer.status_code == 200, answer.text


def statuses(api, count):
    """The statuses of that many equal posts."""
    return [api.post(URL, api.association()).status_code for _ in range(count)]


def test_seeding_reports_every_line_that_was_refused_and_takes_the_others(api):
    found = api.seed(
        ("students", api.student("S-1")),
        ("students", {"studentUniqueId": "S-2"}),
        ("nonsense", {}),
        ("studentSchoolAssociations", api.enrollment(student="S-99999")),
        ("students", api.student("S-1")),
    )
    assert (found["loaded"], found["unchanged"]) == (1, 1)
    assert [(entry["line"], entry["status"]) for entry in found["refused"]] == [(2, 400), (3, 404), (4, 409)]
    assert found["refused"][2]["messages"] == ["The referenced 'Student' item does not exist."]
    answer = api.ask("POST", "/control/seed", content=b"not json\n\n")
    assert answer.json()["refused"][0]["line"] == 1


def test_a_seed_file_that_cannot_be_taken_whole_stops_the_start(tmp_path):
    with pytest.raises(SourceUnavailable, match=r"missing\.jsonl"):
        create_app(seeds=[tmp_path / "missing.jsonl"])
    path = tmp_path / "bad.jsonl"
    path.write_text('{"resource": "students", "body": {"firstName": "Canary"}}\n')
    with pytest.raises(SourceShapeError, match="1 lines were refused") as caught:
        create_app(seeds=[path])
    assert "Canary" not in str(caught.value)


def test_counters_tell_writes_apart(api):
    api.post("/control/counters/reset", None)
    path = "/".join(api.post(URL, api.association()).headers["location"].split("/")[-2:])
    api.post(URL, {})
    api.get(URL)
    api.delete(path)
    counted = api.get("/control/counters").json()
    assert (counted["writes"], counted["total"]) == (3, 4)
    assert {(entry["method"], entry["status"]): entry["count"] for entry in counted["requests"]} == {
        ("POST", 201): 1,
        ("POST", 400): 1,
        ("GET", 200): 1,
        ("DELETE", 204): 1,
    }
    assert api.delete("/control/counters").status_code == 204
    assert api.get("/control/counters").json() == {"writes": 0, "total": 0, "requests": []}


def test_reset_leaves_the_sandbox_as_good_as_new(api):
    own = [client for client in api.clients().values() if client["name"] != "briar-hollow"]
    api.put("/control/options", {"page_limit": 3})
    faults(api, {"status": 500})
    assert api.post("/control/reset", None).status_code == 200
    assert api.get("students").status_code == 401
    api.sign_in("host")
    assert api.get("students").json() == []
    assert len(api.get("programTypeDescriptors").json()) > 3
    found = api.clients().values()
    assert [(client["name"], client["key"]) for client in found] == [
        (client["name"], client["key"]) for client in own
    ]


def test_reset_drops_seed_and_descriptors_only_on_request(make_api, tmp_path):
    seed = tmp_path / "seed.jsonl"
    seed.write_text(
        '{"resource": "schoolYearTypes", "body": {"schoolYear": 2026, "currentSchoolYear": true, '
        '"schoolYearDescription": "2025-2026"}}\n'
    )
    api = make_api(create_app(seeds=[seed]))

    def held():
        api.sign_in("unrestricted")
        years = api.get("schoolYearTypes", params={"currentSchoolYear": "true"})
        kinds = api.get("programTypeDescriptors", params={"limit": 1})
        return len(years.json()), len(kinds.json())

    for drop, left in (
        ((), (1, 1)),
        (("seed",), (0, 1)),
        (("descriptors", "seed"), (0, 0)),
        ((), (1, 1)),
    ):
        api.reset(*drop)
        assert held() == left
    answer = api.post("/control/reset", {"drop": ["clients"]})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "A reset cannot drop clients, only seed, descriptors."},
    )


def test_the_default_client_belongs_to_the_districts_of_the_seed(api):
    assert api.clients()["district"]["organizations"] == [api.district, api.other_district]


def test_a_rule_fails_a_number_of_requests_of_one_resource(api):
    faults(api, {"method": "POST", "resource": URL, "status": 503, "times": 2, "retry_after": 7})
    first = api.post(URL, api.association())
    assert (first.status_code, first.headers["retry-after"]) == (503, "7")
    assert first.json()["type"] == "urn:ed-fi:api:service-unavailable"
    assert api.get(URL).status_code == 200
    assert statuses(api, 3) == [503, 201, 200]
    assert api.get("/control/faults").json()[0]["acted"] == 2


def test_a_rule_can_wait_and_act_on_each_nth(api):
    faults(api, {"method": "POST", "status": 500, "after": 1, "every": 2})
    assert statuses(api, 6) == [201, 200, 500, 200, 500, 200]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "security:authentication"),
        (409, "data-conflict:multi-user-conflict"),
        (412, "optimistic-lock-failed"),
        (429, "too-many-requests"),
        (500, "system"),
        (504, "system"),
    ],
)
def test_a_failure_on_purpose_has_the_type_of_its_status(api, status, kind):
    faults(api, {"status": status})
    answer = api.get(URL)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:ed-fi:api:{kind}")


def test_a_gateway_answers_in_html(api):
    faults(api, {"status": 502, "html": True})
    answer = api.get(URL)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")


def test_latency_is_added_before_the_answer(api):
    faults(api, {"latency_ms": 60, "times": 1})
    began = time.monotonic()
    assert api.get(URL).status_code == 200
    assert time.monotonic() - began >= 0.06


@pytest.mark.parametrize(("when", "written"), [("drop_after_commit", 1), ("drop_before_commit", 0)])
def test_a_dropped_answer_leaves_the_write_done_or_not(api, when, written):
    faults(api, {"method": "POST", when: True, "times": 1})
    with pytest.raises(ConnectionResetError):
        api.post(URL, api.association())
    assert len(api.get(URL).json()) == written
    dropped = [entry for entry in api.get("/control/counters").json()["requests"] if entry["status"] == 0]
    assert [entry["count"] for entry in dropped] == [1]


def test_tokens_can_be_revoked_mid_run(api):
    faults(api, {"resource": URL, "revoke_tokens": True, "after": 1, "times": 1})
    assert statuses(api, 2) == [201, 401]
    api.sign_in("briar-hollow")
    assert statuses(api, 1) == [200]
    assert api.post("/control/tokens/revoke", None).json()["revoked"] > 0
    assert statuses(api, 1) == [401]


def test_the_token_endpoint_can_fail_too(api):
    faults(api, {"resource": "oauth/token", "status": 429, "times": 1})
    assert [api.token("district").status_code for _ in range(2)] == [429, 200]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/faults", [{"stauts": 503}]),
        ("/control/faults", {}),
        ("/control/faults", [{"times": "5"}]),
        ("/control/faults", [{"every": 0}]),
        ("/control/faults", "not a rule"),
        ("/control/faults", [{"rate": 1.5}]),
        ("/control/faults", [{"status": []}]),
        ("/control/faults", [{"latency_ms": 20, "latency_p99_ms": 10}]),
        ("/control/options", {"page_limits": 5}),
        ("/control/options", {"page_limit": "5"}),
        ("/control/options", [1]),
    ],
)
def test_misspelt_settings_are_refused(api, path, body):
    answer = api.put(path, body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_an_error_of_our_own_is_a_500_and_its_log_quotes_nothing(api, caplog, monkeypatch):
    def fail(*_):
        raise ValueError("S-40071 Quill")

    monkeypatch.setattr(api.app.state.sandbox.ods.store, "by_key", fail)
    answer = api.post(URL, api.association())
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:ed-fi:api:system")
    assert "ValueError in" in caplog.text
    assert "Quill" not in caplog.text + answer.text


def test_options_can_be_read(api):
    assert api.get("/control/options").json()["page_limit"] == 500


@pytest.mark.parametrize(
    "client",
    [
        {"organizations": []},
        {"name": "x", "claim_set": "Nope"},
        {"name": "x", "organizations": "everything"},
        {"name": "x", "secret": ""},
        {"name": "x", "key": ""},
        {"name": "x", "colour": "red"},
    ],
)
def test_a_client_needs_a_name_a_secret_and_a_known_claim_set(api, client):
    before = api.clients()
    answer = api.post("/control/clients", client)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert api.clients() == before


def test_control_answers_this_machine_only(api):
    transport = httpx.ASGITransport(app=api.app, client=("192.0.2.7", 5000))
    outsider = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    async def ask():
        async with outsider:
            return await outsider.get("/control/clients")

    assert api._loop.run_until_complete(ask()).status_code == 403


def test_unknown_control_endpoints_are_404(api):
    assert api.get("/control/nonsense").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "192.0.2.7:8765"},
        {"Host": "localhost.rebound.example"},
        {"Host": "[half"},
        {"Host": ""},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
        {"Origin": "http://[half"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_control_answers_no_page_of_another_site(api, headers):
    paths = ("/control", "/control/clients", "/control/reset")
    answers = [api.ask("POST" if path.endswith("reset") else "GET", path, headers=headers) for path in paths]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert all(answer.json()["message"].startswith("The control endpoints answer ") for answer in answers)
    assert len(api.get("students").json()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8765"},
        {"Host": "[::1]:8765"},
        {"Host": "LOCALHOST"},
        {"Host": "localhost:8765", "Origin": "http://localhost:8765", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_control_answers_this_machine_by_its_names_and_its_own_page(api, headers):
    assert api.get("/control/clients", headers=headers).status_code == 200


def test_a_link_may_lead_to_the_page_which_no_frame_may_hold(api):
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = api.get("/control", headers=followed)
    assert (answer.status_code, answer.headers["content-security-policy"]) == (200, "frame-ancestors 'none'")
    assert api.get("/control/clients", headers=followed).status_code == 403


def test_a_page_from_elsewhere_is_not_told_what_it_may_send_to_control(api):
    preflight = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = api.ask("OPTIONS", "/control/reset", headers=preflight)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["students", "/oauth/token", "/", "/nonsense"])
def test_a_body_is_bounded_before_anyone_has_come_in(empty_api, path):
    async def endless():
        for _ in range(40):
            yield b"x" * 1_000_000

    announced = empty_api.ask("POST", path, content=b"x", headers={"Content-Length": "30000001"})
    assert announced.status_code == 413
    assert empty_api.ask("POST", path, content=endless()).status_code == 413


def test_a_large_seed_is_taken_from_this_machine_alone(empty_api):
    """The body of any other request is bounded before the caller is refused."""
    large = {"Content-Length": "30000001"}
    assert empty_api.ask("POST", "/control/seed", content=b" ", headers=large).status_code == 200
    foreign = large | {"Origin": "https://elsewhere.example"}
    assert empty_api.ask("POST", "/control/seed", content=b" ", headers=foreign).status_code == 413


def test_a_reset_keeps_the_options_it_is_told_to_keep_and_says_what_is_gone(api):
    api.put("/control/options", {"page_limit": 3, "error_style": "dms", "token_limit": 2})
    faults(api, {"status": 500, "resource": "nothing"})
    items = api.app.state.sandbox.ods.store.connection.execute("SELECT COUNT(*) FROM items").fetchone()[0]
    api.get("students")
    answer = api.post("/control/reset", {"keep": ["page_limit", "token_limit"]}).json()
    assert [client["name"] for client in answer["clients"]][:2] == ["district", "host"]
    assert answer["reset"] == {
        "items": items,
        "clients": ["briar-hollow"],
        "tokens": 1,
        "requests": 2,
        "faults": 1,
        "options": api.get("/control/options").json(),
    }
    kept = answer["reset"]["options"]
    assert (kept["page_limit"], kept["token_limit"], kept["error_style"]) == (3, 2, "problem-details")
    assert [api.token("host").status_code for _ in range(3)] == [200, 200, 429]


def test_a_reset_that_cannot_be_is_refused_and_nothing_is_gone(api):
    for wish in ({"keep": ["page_limits"]}, {"drop": ["students"]}, {"keep": 5}):
        answer = api.post("/control/reset", wish)
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True)
    assert len(api.get("students").json()) == 1
