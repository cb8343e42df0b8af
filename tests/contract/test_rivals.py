"""Programs that others wrote for a real ODS, unchanged from their registry, work against the sandbox."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.parts.rivals import Absent, environ, environment
from edfi_toolkit.sandbox import Running, start
from tests.contract.briar_hollow import DISTRICT, RESOURCE, a_district, an_association
from tests.proofs import long_proof

pytestmark = long_proof

RECORDS = 200
# lightbeam knows a record by the key members that an API marks, or by its required members by their last name. An API
# does not mark those within references, and two of them share a name: so every record has a begin date of its own
# here, and the program belongs to the organization of the association.
BODIES = [
    an_association(
        n,
        beginDate=(date(2025, 7, 1) + timedelta(days=n)).isoformat(),
        educationOrganizationReference={"educationOrganizationId": DISTRICT},
    )
    for n in range(RECORDS)
]


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """Where the programs are."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield environment(Path(folder) / "rivals")
        except Absent as reason:
            pytest.skip(str(reason))


@pytest.fixture
def ods(tmp_path: Path) -> Iterator[Running]:
    """A sandbox with 200 students and nobody in a program."""
    seed = tmp_path / "seed.jsonl"
    seed.write_text(
        "".join(json.dumps({"resource": name, "body": body}) + "\n" for name, body in a_district(RECORDS))
    )
    with start([seed]) as running:
        yield running


def key_of(ods: Running) -> dict[str, Any]:
    return next(client for client in ods.clients if client["name"] == "district")


def counted(ods: Running, method: str, resource: str) -> dict[int, int]:
    """Answers by status."""
    found = httpx.get(f"{ods.control_url}/counters", trust_env=False).json()["requests"]
    return {
        line["status"]: line["count"]
        for line in found
        if (line["method"], line["resource"]) == (method, resource)
    }


def test_lightbeam_validates_sends_fetches_and_deletes(programs: Path, ods: Running, tmp_path: Path) -> None:
    given, fetched = tmp_path / "given", tmp_path / "fetched"
    given.mkdir()
    fetched.mkdir()
    (given / f"{RESOURCE}.jsonl").write_text("".join(json.dumps(body) + "\n" for body in BODIES))
    settings = {
        "data_dir": str(given),
        "state_dir": str(tmp_path / "state"),
        "force_delete": True,
        "edfi_api": {
            "base_url": ods.base_url,
            "version": 3,
            "mode": "shared_instance",
            "client_id": key_of(ods)["key"],
            "client_secret": key_of(ods)["secret"],
        },
        "connection": {"verify_ssl": False},
    }
    (tmp_path / "lightbeam.yaml").write_text(json.dumps(settings))

    def lightbeam(command: str, *more: str) -> dict[str, Any]:
        results = tmp_path / f"{command}.json"
        run = subprocess.run(
            [programs / "lightbeam", command, "-c", "lightbeam.yaml", "-s", RESOURCE, *more]
            + ["--results-file", str(results)],
            cwd=tmp_path,
            env=environ(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr + run.stdout
        return json.loads(results.read_text())["resources"][RESOURCE] if results.exists() else {}

    checked = lightbeam("validate")
    assert (checked["records_processed"], checked["records_failed"]) == (RECORDS, 0)
    assert counted(ods, "GET", "dependencies")[200] >= 1
    assert counted(ods, "GET", "metadata")[200] >= 3  # the list, and both documents

    sent = lightbeam("send")
    assert sent["successes"] == [{"status_code": 201, "count": RECORDS}]
    assert counted(ods, "POST", RESOURCE) == {201: RECORDS}

    lightbeam("fetch", "--set", "data_dir", str(fetched))
    rows = [json.loads(line) for line in (fetched / f"{RESOURCE}.jsonl").read_text().splitlines()]
    assert {row["beginDate"] for row in rows} == {body["beginDate"] for body in BODIES}
    assert len(rows) == RECORDS

    lightbeam("delete", "--force")
    assert counted(ods, "DELETE", RESOURCE) == {204: RECORDS}


READING = """
import json, sys
from edfi_api_client import EdFiClient
client = EdFiClient(sys.argv[1], sys.argv[2], sys.argv[3])
resource = client.resource(sys.argv[4])
rows = list(resource.get_rows(page_size=50))
deletes = list(client.resource(sys.argv[4], get_deletes=True).get_rows(page_size=50))
print(json.dumps({
    "rows": [row["id"] for row in rows],
    "count": resource.get_total_count(),
    "deletes": [row["id"] for row in deletes],
    "newest": client.get_newest_change_version(),
    "standard": client.get_data_model_version(),
    "described": resource.has_deletes,
    "resources": len(client.resources),
}))
"""


def test_edfi_api_client_pulls_by_cursor_counts_and_sees_deletes(programs: Path, ods: Running) -> None:
    key = key_of(ods)
    lines = "\n".join(json.dumps({"resource": RESOURCE, "body": body}) for body in BODIES)
    httpx.post(f"{ods.control_url}/seed", content=lines, trust_env=False, timeout=60).raise_for_status()

    def reading() -> dict[str, Any]:
        run = subprocess.run(
            [programs / "python", "-c", READING, ods.base_url, key["key"], key["secret"], RESOURCE],
            env=environ(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    first = reading()
    assert first["count"] == len(set(first["rows"])) == len(first["rows"]) == RECORDS
    assert (first["deletes"], first["standard"], first["described"]) == ([], "5.2.0", True)
    assert first["resources"] > 20

    token = httpx.post(
        f"{ods.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(key["key"], key["secret"]),
        trust_env=False,
    ).json()["access_token"]
    gone = first["rows"][:7]
    for ed_fi_id in gone:
        httpx.delete(
            f"{ods.base_url}/data/v3/ed-fi/{RESOURCE}/{ed_fi_id}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ).raise_for_status()
    then = reading()
    assert sorted(then["deletes"]) == sorted(gone)
    assert then["count"] == RECORDS - 7
    assert then["newest"] == first["newest"] + 7
