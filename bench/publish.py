"""What publishing costs: the client next to a plain loop over httpx.Client, posting the same to the same ODS.

The sandbox runs in a process of its own and is emptied before each round; rounds alternate. Only the CPU of this
process counts: the server's would hide what the client costs. An argument is the number of associations.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from edfi_toolkit.ods import Client, Write
from edfi_toolkit.rules import build, synthetic_of
from edfi_toolkit.sandbox import Running, start
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.tables import normalise

ASSOCIATIONS = 1_500
ROUNDS = 3
CONCURRENCY = 8


@dataclass(frozen=True)
class Cost:
    """One round: requests a second by the clock, CPU seconds per 1000 requests, how many were created."""

    rate: float
    cpu: float
    created: int


def records(count: int) -> tuple[list[tuple[str, dict[str, Any]]], bytes]:
    """That many associations (resource, body), and what the ODS must hold first, as JSON lines."""
    synthetic = synthetic_of("certification")
    raw = synthetic.district(students=2 * count + 200)  # about half of them take part in a program
    made = build(normalise(raw), profile="certification", school_year=2026).records.head(count)
    seed = b"".join(orjson.dumps(entry) + b"\n" for entry in synthetic.ods_seed(raw))
    return list(zip(made["resource"], made["body"], strict=True)), seed


def plain(target: Target, bodies: list[tuple[str, dict[str, Any]]]) -> int:
    """One request after another, as a script does that somebody wrote in an afternoon; how many were created."""
    key, secret = target.credentials()
    with httpx.Client(base_url=target.base_url) as http:
        urls = http.get("/").json()["urls"]
        login = {"grant_type": "client_credentials"}
        answer = http.post(urls["oauth"], data=login, auth=(key.reveal(), secret.reveal()))
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        root = urls["dataManagementApi"].rstrip("/")
        return sum(http.post(f"{root}/ed-fi/{name}", json=body).status_code == 201 for name, body in bodies)


def ours(target: Target, bodies: list[tuple[str, dict[str, Any]]]) -> int:
    """The same through Client.apply; how many were created."""
    writes = (
        Write("POST", name, orjson.dumps(body), None, None, ref, body["studentReference"]["studentUniqueId"])
        for ref, (name, body) in enumerate(bodies)
    )
    with Client(target) as client:
        return sum(outcome.status == 201 for outcome in client.apply(writes))


def one_round(
    way: Callable[[Target, list[tuple[str, dict[str, Any]]]], int],
    target: Target,
    running: Running,
    bodies: list[tuple[str, dict[str, Any]]],
    seed: bytes,
) -> Cost:
    """One way, once, against an ODS that has none of the associations."""
    httpx.post(f"{running.control_url}/reset", timeout=60).raise_for_status()
    httpx.post(f"{running.control_url}/seed", content=seed, timeout=300).raise_for_status()
    clock, cpu = time.perf_counter(), time.process_time()
    created = way(target, bodies)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    return Cost(len(bodies) / clock, 1000 * cpu / len(bodies), created)


def main(arguments: list[str]) -> int:
    """Print medians, and ratios to the plain loop."""
    bodies, seed = records(int(arguments[0]) if arguments else ASSOCIATIONS)
    ways = {"httpx.Client, one by one": plain, f"Client.apply, {CONCURRENCY} at once": ours}
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    with start() as running:
        client = running.clients[0]
        key, secret = Secret(client["key"]), Secret(client["secret"])
        target = Target("bench", running.base_url, key, secret, concurrency=CONCURRENCY)
        for _ in range(ROUNDS):
            for name, way in ways.items():
                costs[name].append(one_round(way, target, running, bodies, seed))
    print(
        f"{len(bodies)} associations, {ROUNDS} rounds{'created':>20}{'req/s':>10}{'x':>7}{'CPU s/1000':>12}{'x':>7}"
    )
    first = next(iter(costs.values()))
    for name, rounds in costs.items():
        rate, cpu = statistics.median(r.rate for r in rounds), statistics.median(r.cpu for r in rounds)
        faster = statistics.median(r.rate / p.rate for r, p in zip(rounds, first, strict=True))
        dearer = statistics.median(r.cpu / p.cpu for r, p in zip(rounds, first, strict=True))
        created = min(r.created for r in rounds)
        print(f"{name:<28}{created:>17}{rate:>10.0f}{faster:>7.2f}{cpu:>12.2f}{dearer:>7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
