"""Every fault through a real connection, as a client meets it."""

from __future__ import annotations

import json
import statistics

import httpx
import pytest

URL = "/data/v3/ed-fi/schoolYearTypes"
SHIPPED = 60


class Wire:
    """A client of a sandbox in its own process, and the way to its control endpoint."""

    def __init__(self, running) -> None:
        self._running = running
        self.http = httpx.Client(base_url=running.base_url, trust_env=False)
        self.sign_in()

    def sign_in(self) -> None:
        """Take a new token."""
        client = next(entry for entry in self._running.clients if entry["name"] == "unrestricted")
        answer = self.http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client["key"], client["secret"]),
        )
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def faults(self, *rules: dict) -> None:
        """Put rules in force."""
        answer = httpx.put(f"{self._running.control_url}/faults", json=list(rules), trust_env=False)
        assert answer.status_code == 200, answer.text

    def post(self, year: int) -> httpx.Response:
        """POST a school year, as many later as the sandbox has years of its own."""
        body = {"schoolYear": year + SHIPPED, "currentSchoolYear": False, "schoolYearDescription": f"{year}"}
        return self.http.post(URL, json=body)

    def years(self) -> list[int]:
        """The school years that are there, without the sandbox's own."""
        return [item["schoolYear"] - SHIPPED for item in self.http.get(URL).json()][SHIPPED:]


@pytest.fixture
def wire(sandbox):
    """A signed-in client of the sandbox process."""
    made = Wire(sandbox)
    yield made
    made.http.close()


def test_429_comes_with_the_wait_it_asks_for_or_without(wire):
    wire.faults(
        {"status": 429, "retry_after": 3, "times": 1, "method": "POST"},
        {"status": 429, "times": 1, "method": "POST"},
    )
    first, second, third = (wire.post(2026) for _ in range(3))
    assert (first.status_code, first.headers["retry-after"]) == (429, "3")
    assert first.json()["type"] == "urn:ed-fi:api:too-many-requests"
    assert (second.status_code, second.headers.get("retry-after")) == (429, None)
    assert third.status_code == 201


def test_failures_come_from_a_list_in_turn(wire):
    wire.faults({"method": "POST", "status": [500, 503, 502], "times": 4})
    assert [wire.post(2026).status_code for _ in range(6)] == [500, 503, 502, 500, 201, 200]


def test_failures_come_at_a_rate_and_are_the_same_for_the_same_lots(wire):
    def drawn(lots):
        wire.faults({"method": "POST", "status": 503, "rate": 0.25, "lots": lots})
        return [wire.post(2026).status_code for _ in range(120)]

    first = drawn(7)
    assert 15 <= first.count(503) <= 45
    assert set(first) == {503, 201, 200}
    again = drawn(7)
    assert [status == 503 for status in again] == [status == 503 for status in first]
    assert [status == 503 for status in drawn(8)] != [status == 503 for status in first]


def test_waits_are_spread_around_their_median(wire):
    wire.faults({"method": "GET", "resource": "schoolYearTypes", "latency_ms": 8, "latency_p99_ms": 80})
    taken = [wire.http.get(URL).elapsed.total_seconds() for _ in range(40)]
    assert min(taken) < statistics.median(taken) < max(taken)
    assert max(taken) >= 0.016


@pytest.mark.parametrize(("when", "kept"), [("drop_before_commit", []), ("drop_after_commit", [2026])])
def test_the_connection_drops_before_or_after_the_commit(wire, when, kept):
    wire.faults({"method": "POST", when: True, "times": 1})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        wire.post(2026)
    assert wire.years() == kept
    assert wire.post(2026).status_code == (200 if kept else 201)


def test_a_token_is_revoked_mid_run_and_a_new_one_works(wire):
    wire.faults({"method": "POST", "resource": "schoolYearTypes", "revoke_tokens": True, "every": 3})
    assert [wire.post(year).status_code for year in (2024, 2025, 2026)] == [201, 201, 401]
    wire.sign_in()
    assert wire.post(2026).status_code == 201


def test_an_answer_breaks_off_in_the_middle(wire):
    wire.post(2026)
    wire.faults({"method": "GET", "truncate": True, "times": 1})
    parts: list[bytes] = []
    with (
        wire.http.stream("GET", URL) as answer,
        pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"),
    ):
        parts.extend(answer.iter_raw())
    received, announced = b"".join(parts), int(answer.headers["content-length"])
    assert (answer.status_code, len(received)) == (200, announced // 2)
    with pytest.raises(json.JSONDecodeError):
        json.loads(received)
    assert wire.years() == [2026]


def test_a_gateway_answers_in_html(wire):
    wire.faults({"status": 504, "html": True, "times": 1})
    answer = wire.http.get(URL)
    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
    assert answer.text.startswith("<html>")
    assert wire.http.get(URL).status_code == 200


def test_the_token_endpoint_can_be_disturbed_too(wire):
    wire.faults({"resource": "oauth/token", "status": [500, 503], "times": 2})
    assert [wire.http.post("/oauth/token").status_code for _ in range(3)] == [500, 503, 415]


def test_faults_are_off_until_they_are_asked_for(wire):
    assert [wire.post(2026).status_code for _ in range(30)] == [201] + [200] * 29
