"""The sandbox as a process of its own."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import time
from contextlib import suppress

import httpx
import pytest

from edfi_toolkit.errors import ConfigError, OdsUnavailable
from edfi_toolkit.sandbox import start
from edfi_toolkit.sandbox.options import OWN_CLIENTS
from edfi_toolkit.sandbox.server import serve

STUDENT = (
    '{"resource": "students", "body": {"studentUniqueId": "S-1", "firstName": "Ada", "lastSurname": "Q", '
    '"birthDate": "2010-04-05"}}\n'
)


def sign_in(client: httpx.Client, running, name: str = "host") -> None:
    """Use a token of a client."""
    host = next(entry for entry in running.clients if entry["name"] == name)
    answer = client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(host["key"], host["secret"])
    )
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def test_a_process_serves_seeds_and_keeps_its_file_over_a_kill(tmp_path):
    seed, data = tmp_path / "seed.jsonl", tmp_path / "ods.db"
    seed.write_text(STUDENT + '{"client": {"name": "district", "organizations": [7]}}\n')
    with (
        start(seeds=[seed], data=data) as running,
        httpx.Client(base_url=running.base_url, trust_env=False) as client,
    ):
        assert {entry["name"] for entry in running.clients} == set(OWN_CLIENTS)
        sign_in(client, running)
        body = {"schoolYear": 2062, "currentSchoolYear": True, "schoolYearDescription": "2061-2062"}
        assert client.post("/data/v3/ed-fi/schoolYearTypes", json=body).status_code == 201
        client.put(f"{running.control_url}/faults", json=[{"drop_after_commit": True, "times": 1}])
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/data/v3/ed-fi/schoolYearTypes", json={**body, "schoolYear": 2063})
        running.kill()
        clients = {entry["name"]: entry for entry in running.clients}
        assert clients["district"]["organizations"] == [7]
    assert data.stat().st_mode & 0o077 == 0
    with start(data=data) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        assert {entry["name"]: entry for entry in running.clients} == clients
        sign_in(client, running)
        years = client.get("/data/v3/ed-fi/schoolYearTypes", params={"currentSchoolYear": "true"}).json()
        assert [year["schoolYear"] for year in years] == [2062, 2063]


def test_a_seed_that_is_missing_ends_the_process(tmp_path, capfd):
    with pytest.raises(OdsUnavailable, match="code 2"):
        start(seeds=[tmp_path / "none.jsonl"])
    assert "none.jsonl" in capfd.readouterr().err


def test_a_data_file_serves_one_process_at_a_time(tmp_path, capfd):
    data = tmp_path / "ods.db"
    with start(data=data), pytest.raises(OdsUnavailable, match="code 2"):
        start(data=data)
    assert "cannot be used" in capfd.readouterr().err


def test_a_process_is_told_its_standard_and_how_to_write_errors(tmp_path):
    data = tmp_path / "ods.db"
    with (
        start(data=data, data_standard="4.0", errors="legacy") as running,
        httpx.Client(base_url=running.base_url, trust_env=False) as client,
    ):
        assert client.get("/").json()["dataModels"][0]["version"] == "4.0.0"
        sign_in(client, running)
        assert client.get("/data/v3/ed-fi/careerPathwayDescriptors", params={"limit": 1}).status_code == 200
        refused = client.get("/data/v3/ed-fi/studentSection504ProgramAssociations")
        assert (refused.status_code, set(refused.json())) == (404, {"message"})


def test_reset_empties_the_file_before_the_seeds_and_keeps_the_keys(tmp_path):
    seed, data = tmp_path / "seed.jsonl", tmp_path / "ods.db"
    seed.write_text(STUDENT)
    year = {"schoolYear": 2062, "currentSchoolYear": True, "schoolYearDescription": "2061-2062"}
    with start(data=data) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        sign_in(client, running)
        assert client.post("/data/v3/ed-fi/schoolYearTypes", json=year).status_code == 201
        before = running.clients
    with (
        start([seed], data, reset=True) as running,
        httpx.Client(base_url=running.base_url, trust_env=False) as client,
    ):
        assert running.clients == before
        sign_in(client, running, "unrestricted")
        years = [year["schoolYear"] for year in client.get("/data/v3/ed-fi/schoolYearTypes").json()]
        assert years == list(range(1991, 2051))
        assert [item["studentUniqueId"] for item in client.get("/data/v3/ed-fi/students").json()] == ["S-1"]


def test_it_listens_on_this_machine_only_and_lets_nobody_in_without_a_secret():
    with start() as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        assert running.base_url.startswith("http://127.0.0.1:")
        port = int(running.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection(("127.0.0.2", port), timeout=2)
        for entry in running.clients:
            form = {"grant_type": "client_credentials", "client_id": entry["key"], "client_secret": ""}
            assert client.post("/oauth/token", data=form).status_code == 401
        assert client.get("/data/v3/ed-fi/students").status_code == 401


def test_years_live_side_by_side_and_the_log_names_no_student(tmp_path, capfd):
    seed = tmp_path / "seed.jsonl"
    seed.write_text(STUDENT)
    with (
        start(seeds=[seed], data=tmp_path / "years", school_years=[2026, 2027], log_level="info") as running,
        httpx.Client(base_url=f"{running.base_url}/2027", trust_env=False) as client,
    ):
        assert running.control_url == f"{running.base_url}/2026/control"
        host = next(
            entry for entry in running.clients if entry["context"] == "/2027" and entry["name"] == "host"
        )
        form = {"grant_type": "client_credentials"}
        token = client.post("/oauth/token", data=form, auth=(host["key"], host["secret"])).json()
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        assert client.get("/data/v3/ed-fi/students", params={"studentUniqueId": "S-1"}).status_code == 200
    assert sorted(path.name for path in (tmp_path / "years").glob("*.db")) == ["2026.db", "2027.db"]
    log = capfd.readouterr().err
    assert "GET students 200" in log
    assert "S-1" not in log
    assert host["secret"] not in log


def test_the_sandbox_ends_when_whoever_started_it_is_killed():
    program = (
        "import time; from edfi_toolkit.sandbox import start; "
        "print(start().base_url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    url = parent.stdout.readline().strip()
    assert httpx.get(f"{url}/health", trust_env=False).text == "Healthy"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    with suppress(httpx.TransportError):  # one that goes on answering is ended by pytest's own time limit
        while httpx.get(f"{url}/health", trust_env=False).text == "Healthy":
            time.sleep(0.1)
        pytest.fail("the sandbox outlived its parent, and is not well")


def test_a_sandbox_that_cannot_start_leaves_the_collector_on() -> None:
    with pytest.raises(ConfigError):
        serve(data_standard="9.9")

    assert gc.isenabled()
