"""What sending and reading cost next to the programs others use, all against one stub server, in one run.

The stub is a process of its own that answers at once, and again after 30 ms, as an ODS does. Each way runs in a
process of its own, measured from the moment its imports are done; start-up is not counted for anybody. The rivals
come from their registry into an environment that is thrown away afterwards. `--posts N` and `--rows N` change the
amounts.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from parts.rivals import Absent, environ, environment
from parts.stub import RESOURCE, row

from edfi_toolkit.model import SERVER_MEMBERS

HERE = Path(__file__).parent
LATENCY_MS = 30
AT_ONCE = 64
SECONDS_AT_LATENCY = 10  # whoever has few requests in flight would need minutes for all of them


@dataclass(frozen=True)
class Took:
    """What one way took."""

    done: int
    seconds: float
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        """Requests or rows a second."""
        return self.done / self.seconds

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds for a thousand requests or rows."""
        return 1000 * self.cpu / self.done


class Bench:
    """The stub under measurement, and what the ways need."""

    def __init__(self, folder: Path, programs: Path | None, posts: int, rows: int) -> None:
        self.folder, self.programs, self.posts, self.rows = folder, programs, posts, rows
        self.bodies = folder / "bodies.jsonl"
        with self.bodies.open("w", encoding="utf-8") as lines:
            for number in range(posts):
                body = {name: value for name, value in row(number).items() if name not in SERVER_MEMBERS}
                lines.write(json.dumps(body) + "\n")
        self.found: dict[tuple[int, str], Took] = {}
        self.address, self.latency = "", 0

    @cached_property
    def plan(self) -> tuple[str, int]:
        """The folder of a plan of about as many POSTs, which is not measured, and their number."""
        import edfi_toolkit as edfi
        from edfi_toolkit.rules import synthetic_of

        # about half of them take part in a program
        tables = synthetic_of("certification").district(students=2 * self.posts + 200)
        made = edfi.plan(edfi.build(tables, profile="certification", school_year=2026))
        return str(made.save(self.folder / "plan")), len(made.items)

    @contextmanager
    def stub(self, latency_ms: int) -> Iterator[None]:
        """The server, as a process of its own; says at the end what it cost."""
        command = [sys.executable, str(HERE / "parts" / "stub.py"), str(latency_ms), str(self.rows)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None  # noqa: S101 - for the type checker
        self.address, self.latency = process.stdout.readline().strip(), latency_ms
        try:
            yield
            seen = httpx.get(f"{self.address}/stub", trust_env=False).json()
            print(f"{'  the stub itself':<34}{'':>20}{1000 * seen['cpu'] / seen['requests']:>12.3f}")
        finally:
            process.communicate()

    def run(self, name: str, way: str, wanted: int, *, rival: bool = False, **arguments: Any) -> None:
        """One way in a process of its own, and a line about it; ends the run where it did not do all it was to do."""
        python = sys.executable
        if rival:
            if self.programs is None:
                return
            python = str(self.programs / "python")
        command = [
            python,
            str(HERE / "parts" / "drivers.py"),
            way,
            json.dumps({"address": self.address, **arguments}),
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=environ() if rival else None)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
        took = Took(**json.loads(done.stdout.splitlines()[-1]))
        if took.done != wanted:
            sys.exit(f"{name} did {took.done:,} of {wanted:,}.")
        self.note(name, took)

    def note(self, name: str, took: Took) -> None:
        """Keep a figure, and print it."""
        self.found[self.latency, name] = took
        peak = f"{took.peak:>10.0f}" if took.peak else ""
        print(f"  {name:<32}{took.done:>9,}{took.rate:>11,.0f}{took.cpu_per_1000:>12.3f}{peak}", flush=True)

    def count(self, at_once: int) -> int:
        """How many to send: all of them, or what takes some seconds where each takes its time."""
        if not self.latency:
            return self.posts
        return min(self.posts, int(at_once * 1000 / self.latency * SECONDS_AT_LATENCY))

    def folder_with(self, count: int) -> str:
        """A folder for lightbeam, with that many bodies."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with self.bodies.open() as lines, (folder / f"{RESOURCE}.jsonl").open("w") as given:
            given.writelines(line for _, line in zip(range(count), lines, strict=False))
        return str(folder)

    def wrk(self) -> None:
        """The ceiling: a C program that sends one body over and over."""
        if shutil.which("wrk") is None:
            print("  wrk is not installed: apt-get install wrk")
            return
        script = self.folder / "post.lua"
        body = self.bodies.read_text().partition("\n")[0]
        script.write_text(
            f"wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['Content-Type'] = 'application/json'\n"
        )
        before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = ["wrk", "-t1", f"-c{AT_ONCE}", "-d3s", "-s", str(script)]
        out = subprocess.run(
            [*command, f"{self.address}/data/v3/ed-fi/{RESOURCE}"], check=True, capture_output=True, text=True
        ).stdout
        after, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - clock
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        done = int(re.search(r"(\d+) requests in", out)[1])  # type: ignore[index]
        self.note(f"wrk, {AT_ONCE}", Took(done, clock, cpu, 0))


def publish(bench: Bench) -> None:
    """POSTs, by everybody."""
    print(f"\nPOST, the answer after {bench.latency} ms")
    print(f"  {'way, in flight at once':<32}{'requests':>9}{'req/s':>11}{'CPU s/1000':>12}{'peak MB':>10}")
    bodies = str(bench.bodies)
    bench.wrk()
    most = bench.count(AT_ONCE)
    all_at_once = {"bodies": bodies, "count": most, "at_once": AT_ONCE}
    bench.run(f"aiohttp, {AT_ONCE}", "aiohttp", most, rival=True, **all_at_once)
    bench.run(f"libcurl under httpx, {AT_ONCE}", "transport", most, **all_at_once)
    bench.run(f"the same by httpx's client, {AT_ONCE}", "flow", most, **all_at_once)
    for pool in (8, AT_ONCE):
        count = bench.count(pool)
        given = {"command": "send", "folder": bench.folder_with(count), "pool": pool}
        bench.run(f"lightbeam, {pool}", "lightbeam", count, rival=True, **given)
    count = bench.count(1) if bench.latency else bench.posts // 4
    bench.run("edfi_api_client, 1", "edfi_api_client", count, rival=True, bodies=bodies, count=count)
    for at_once in (8, AT_ONCE):
        count = bench.count(at_once)
        bench.run(f"Client.apply, {at_once}", "client", count, bodies=bodies, count=count, at_once=at_once)
    bench.run(f"by tornado's libcurl, {AT_ONCE}", "client", most, wire="tornado", **all_at_once)
    if bench.programs is not None:
        library = next(bench.programs.parent.glob("[lL]ib/**/site-packages"))
        bench.run(
            f"by aiohttp, {AT_ONCE}", "client", most, wire="aiohttp", library=str(library), **all_at_once
        )
    plan, count = bench.plan
    ledgers = [str(bench.folder / f"{name}-{bench.latency}.db") for name in ("nowhere", "ledger")]
    bench.run("publish that sends nothing", "journal", count, plan=plan, ledger=ledgers[0])
    bench.run(
        f"publish with its ledger, {AT_ONCE}", "publish", count, plan=plan, ledger=ledgers[1], at_once=AT_ONCE
    )
    layers(bench)


def layers(bench: Bench) -> None:
    """What each layer of a publish costs, by the difference of two ways."""
    names = ("libcurl under httpx", "Client.apply", "publish with its ledger")
    costs = [bench.found[bench.latency, f"{name}, {AT_ONCE}"].cpu_per_1000 for name in names]
    parts = [costs[0], *(after - before for before, after in pairwise(costs))]
    says = ("the wire with httpx's objects", "token, pace, retries, outcomes", "plan, journal and ledger")
    print("  of which " + ", ".join(f"{what} {cost:.2f}" for what, cost in zip(says, parts, strict=True)))


def pull(bench: Bench) -> None:
    """Rows, by everybody who reads."""
    print(f"\nGET pages of 500, each after {bench.latency} ms")
    print(f"  {'way':<32}{'rows':>9}{'rows/s':>11}{'CPU s/1000':>12}{'peak MB':>10}")
    rows, file = bench.rows, str(bench.folder / f"rows-{bench.latency}.parquet")
    given = {"command": "fetch", "folder": bench.folder_with(0), "pool": 8}
    bench.run("lightbeam fetch, 8", "lightbeam", rows, rival=True, **given)
    bench.run("edfi_api_client by cursor", "edfi_api_client", rows, rival=True)
    bench.run("Client.read, 8 partitions", "read", rows)
    bench.run("pull to Parquet, 8 partitions", "pull", rows, path=file)


def goals(bench: Bench) -> bool:
    """Print which goals were met; whether all were."""

    def ratio(ours: str, theirs: str, what: str = "rate", latency: int = LATENCY_MS) -> float | None:
        found = [bench.found.get((latency, name)) for name in (ours, theirs)]
        return None if None in found else getattr(found[0], what) / getattr(found[1], what)

    ours = bench.found[LATENCY_MS, f"Client.apply, {AT_ONCE}"]
    possible = AT_ONCE / (LATENCY_MS / 1000)
    kept = bench.found[LATENCY_MS, f"publish with its ledger, {AT_ONCE}"]
    slow = f"at {LATENCY_MS} ms"
    lines = [
        *(
            (
                f"{slow}: times lightbeam's rate, {n} in flight",
                ratio(f"Client.apply, {n}", f"lightbeam, {n}"),
                1,
                1,
            )
            for n in (8, AT_ONCE)
        ),
        (f"{slow}: share of in flight / latency", ours.rate / possible, 0.9, 1),
        (f"{slow}, with the ledger: CPU s/1000", kept.cpu_per_1000, 0.5, -1),
        (
            f"{slow}: times edfi_api_client's rows/s",
            ratio("Client.read, 8 partitions", "edfi_api_client by cursor"),
            4,
            1,
        ),
        (
            "CPU a row, by edfi_api_client's",
            ratio("Client.read, 8 partitions", "edfi_api_client by cursor", "cpu_per_1000", 0),
            1,
            -1,
        ),
    ]
    print("\nGoals")
    met = []
    for says, value, limit, sign in lines:
        if value is None:
            print(f"  {says:<66}{'':>8}  not measured: the rivals are absent")
            continue
        met.append(sign * value >= sign * limit)
        bound = "at least" if sign > 0 else "at most"
        print(f"  {says:<66}{value:>8.2f}  {bound} {limit:g}: {'met' if met[-1] else 'MISSED'}")
    return all(met)


def main(arguments: list[str]) -> int:
    """Measure, print, and end with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        try:
            programs = environment(folder / "rivals")
        except Absent as reason:
            programs = None
            print(f"The rivals are left out. {reason}")
        bench = Bench(folder, programs, given.posts, given.rows)
        for latency in (0, LATENCY_MS):
            with bench.stub(latency):
                publish(bench)
                pull(bench)
        return 0 if goals(bench) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
