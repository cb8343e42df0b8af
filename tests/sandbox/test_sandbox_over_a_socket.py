"""The sandbox as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time

import httpx
import pytest

from edfi_toolkit.errors import OdsUnavailable
from edfi_toolkit.sandbox import start
from edfi_toolkit.sandbox.options import OWN_CLIENTS

STUDENT = (
    '{"resource": "students", "body": {"studentUniqueId": "S-1", "firstName": "Ada", "lastSurname": "Q", '
    '"birthDate": "2010-04-05"}}\n'
)


def sign_in(client: httpx.Client, running) -> None:
    """Use a token of the host client."""
    host = next(entry for entry in running.clients if entry["name"] == "host")
    answer = client.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(host["key"], host["secret"])
    )
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def test_a_process_serves_seeds_and_keeps_its_file_over_a_kill(tmp_path):
    seed, data = tmp_path / "seed.jsonl", tmp_path / "ods.db"
    seed.write_text(STUDENT)
    with (
        start(seeds=[seed], data=data) as running,
        httpx.Client(base_url=running.base_url, trust_env=False) as client,
    ):
        assert {entry["name"] for entry in running.clients} == set(OWN_CLIENTS)
        sign_in(client, running)
        body = {"schoolYear": 2026, "currentSchoolYear": True, "schoolYearDescription": "2025-2026"}
        assert client.post("/data/v3/ed-fi/schoolYearTypes", json=body).status_code == 201
        client.put(f"{running.control_url}/faults", json=[{"drop_after_commit": True, "times": 1}])
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/data/v3/ed-fi/schoolYearTypes", json={**body, "schoolYear": 2027})
        running.kill()
        keys = running.clients
    assert data.stat().st_mode & 0o077 == 0
    with start(data=data) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        assert running.clients == keys
        sign_in(client, running)
        years = client.get("/data/v3/ed-fi/schoolYearTypes").json()
        assert [year["schoolYear"] for year in years] == [2026, 2027]


def test_a_seed_that_is_missing_ends_the_process(tmp_path, capfd):
    with pytest.raises(OdsUnavailable, match="code 2"):
        start(seeds=[tmp_path / "none.jsonl"])
    assert "none.jsonl" in capfd.readouterr().err


def test_a_data_file_serves_one_process_at_a_time(tmp_path, capfd):
    data = tmp_path / "ods.db"
    with start(data=data), pytest.raises(OdsUnavailable, match="code 2"):
        start(data=data)
    assert "cannot be used" in capfd.readouterr().err


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
    for _ in range(100):
        try:
            httpx.get(f"{url}/health", trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail("the sandbox outlived its parent by ten seconds")
