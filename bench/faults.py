"""What a troubled ODS costs in time: 10 % of 429, 2 % of 500, 1 % of answers lost after the commit, all tokens revoked
every second.

The same records are sent to the same sandbox, once undisturbed and once like this. An argument is their number. Each
answer takes 30 ms, as an ODS does, so that the ratio says the same on a quick machine. The ODS asks for no waits: all
other waiting is the client's own. Ends with 1 when the second takes more than twice as long.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from datetime import date, timedelta

import httpx
import orjson
from publish import records

from edfi_toolkit.ods import Client, Write
from edfi_toolkit.sandbox import start
from edfi_toolkit.settings import Secret, Target

RECORDS = 5_000
STUDENTS = 2_000  # some records each, as in a district: those of one student wait for each other
CONCURRENCY = 16
LATENCY = {"method": "POST", "latency_ms": 30}
GOAL = 2.0


def writes(count: int, bodies: list[tuple[str, dict[str, object]]]) -> list[Write]:
    """That many records: those of some students, begun on one day after another."""
    made = []
    for n in range(count):
        resource, body = bodies[n % len(bodies)]
        day = date(2024, 1, 1) + timedelta(days=n // len(bodies))
        student = body["studentReference"]["studentUniqueId"]  # type: ignore[index]
        made.append(
            Write(
                "POST", resource, orjson.dumps({**body, "beginDate": day.isoformat()}), None, None, n, student
            )
        )
    return made


def faults(resources: set[str]) -> list[dict[str, object]]:
    """Rules of the sandbox; the first that is due acts."""
    of_each = [{"method": "POST", "resource": resource} for resource in sorted(resources)]
    kinds: list[dict[str, object]] = [
        {"status": 429, "every": 10},
        {"status": 500, "every": 50},
        {"drop_after_commit": True, "every": 100},
    ]
    return [{**where, **kind} for where in of_each for kind in kinds]


def main(arguments: list[str]) -> int:
    """Send undisturbed, then disturbed; print both and their ratio."""
    count = int(arguments[0]) if arguments else RECORDS
    bodies, seed = records(STUDENTS)
    sent = writes(count, bodies)
    took: list[float] = []
    with (
        start() as running,
        httpx.Client(base_url=running.control_url, trust_env=False, timeout=300) as control,
    ):
        for disturbed in (False, True):
            control.post("reset").raise_for_status()
            control.post("seed", content=seed).raise_for_status()
            key = next(each for each in control.get("clients").json() if each["name"] == "district")
            target = Target(
                "bench", running.base_url, Secret(key["key"]), Secret(key["secret"]), concurrency=CONCURRENCY
            )
            over = threading.Event()

            def revoke(over: threading.Event = over) -> None:
                while not over.wait(1.0):
                    control.post("tokens/revoke")

            revoking = threading.Thread(target=revoke, daemon=True)
            troubles = faults({write.resource for write in sent}) if disturbed else []
            control.put("faults", json=[*troubles, LATENCY]).raise_for_status()
            if disturbed:
                revoking.start()
            begun = time.perf_counter()
            with Client(target) as client:
                outcomes = Counter(outcome.outcome for outcome in client.apply(sent))
            took.append(time.perf_counter() - begun)
            over.set()
            if disturbed:
                revoking.join()
            answered: Counter[int] = Counter()
            for line in control.get("counters").json()["requests"]:
                if line["method"] == "POST" and line["resource"] in {write.resource for write in sent}:
                    answered[line["status"]] += line["count"]
            told = ", ".join(f"{status or 'lost'}: {number:,}" for status, number in sorted(answered.items()))
            print(
                f"{'disturbed' if disturbed else 'undisturbed':<12}{took[-1]:>8.1f} s  {dict(outcomes)}  {told}"
            )
            if outcomes != {"delivered": count}:
                return 1
    ratio = took[1] / took[0]
    print(f"disturbed by undisturbed: {ratio:.2f}  at most {GOAL:g}: {'met' if ratio <= GOAL else 'MISSED'}")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
