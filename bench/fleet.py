"""Many districts, one ledger on PostgreSQL: here by two workers, then by Dask, one of whose workers is killed.

Invented Wisconsin districts of 500 students without dirty rows, one ODS for all; one district has no folder at first.
Each way: all districts; the same once more by `--failed`, when the folder is there. What must hold is compared with the
sandbox's counters and the ledger, and the script ends with 1 where it does not:

1. Everything is delivered once: a POST that creates for each record, and as many rows of the identity map.
2. The district that fails stops no other, and `--failed` runs it and no other.
3. The report says of each run what the ledger says, its attempts are in its results, and these in the identity map.

An argument is the number of districts; 4 without one, 40 with `--full`. `here` or `dask` does the one alone.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
from parts.servers import POSTGRES, dask_cluster, pid_at_work, postgres_server, until
from sqlalchemy import func, select

from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.rules import synthetic_of
from edfi_toolkit.sandbox import Running, start

DISTRICTS, FULL, STUDENTS, WORKERS = 4, 40, 500, 2
PROFILE, YEAR = "wi-infinite-campus", 2026
ENDED = (0, 3)  # exit codes of a run that came to its end
LATENCY_MS = 20
FIRST_ORGANIZATION = 550001


@dataclass(frozen=True)
class Fleet:
    """A folder with settings and sources, the ODS of all, and the ledger's address."""

    folder: Path
    names: list[str]
    ods: Running
    ledger: str
    environ: dict[str, str]

    @property
    def broken(self) -> str:
        """The district that has no folder at first."""
        return self.names[-1]

    def batch(self, *options: str) -> subprocess.Popen[str]:
        """Start a batch over the fleet; what it says about the districts is in batch.log."""
        command = [sys.executable, "-m", "edfi_toolkit", "batch", "--approve", "auto", "--json", *options]
        with (self.folder / "batch.log").open("a") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def measured(self, *options: str) -> tuple[dict[str, Any], float, float]:
        """The report of a batch, its CPU seconds with those of its kernels, and its seconds."""
        before, begun = _children_s(), time.perf_counter()
        told = json.loads(self.batch(*options).communicate()[0])
        return told, _children_s() - before, time.perf_counter() - begun

    def posts(self) -> Counter[int]:
        """POSTs of associations by status."""
        found: Counter[int] = Counter()
        for line in httpx.get(f"{self.ods.control_url}/counters").json()["requests"]:
            if line["method"] == "POST" and line["resource"].endswith("ssociations"):
                found[line["status"]] += line["count"]
        return found


def _children_s() -> float:
    """CPU seconds of the programs that have ended, and of those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_fleet(folder: Path, count: int, ledger: str) -> Fleet:
    """Districts, settings, and an ODS that holds what each needs."""
    folder.mkdir()
    synthetic = synthetic_of(PROFILE)
    names = [f"d{number:02}" for number in range(1, count + 1)]
    text = f'[paths]\nledger = "{ledger}"\nruns = "runs"\n'
    for number, name in enumerate(names):
        tables = synthetic.district(
            students=STUDENTS,
            seed=number + 1,
            school_year=YEAR,
            organization=FIRST_ORGANIZATION + number,
        )
        synthetic.write(folder / name, tables, dirty=0, churn=0.02, seed=number + 1)
        text += f'[sources.{name}]\npath = "{name}"\nprofile = "{PROFILE}"\ntarget = "state"\n'
    ods = start(seeds=sorted(folder.glob("*/ods-seed.jsonl")))
    client = next(each for each in ods.clients if each["name"] == "host")
    text += f'[targets.state]\nurl = "{ods.base_url}"\nschool_year = {YEAR}\n'
    (folder / "edfi.toml").write_text(text, "utf-8")
    environ = dict(os.environ)
    environ |= {f"EDFI_TARGET_STATE_{part.upper()}": client[part] for part in ("key", "secret")}
    return Fleet(folder, names, ods, ledger, environ)


def differences(fleet: Fleet, told: dict[str, Any]) -> list[str]:
    """What report, ledger, results and ODS say differently; none is as it must be."""
    found: list[str] = []
    attempts, runs, feeds, mapped = schema.attempts, schema.runs, schema.feeds, schema.identity_map
    with Ledger(fleet.ledger) as ledger:
        known = set(_key_columns(ledger.frame(select(mapped))))
        for line in told["runs"]:
            if not line["run_id"]:
                continue
            named = ("created", "updated", "deleted")
            said = {name: line["counts"][name] for name in named}
            by_action = ledger.delivered_by(line["run_id"])
            knows = {
                name: by_action.get(action, 0)
                for name, action in zip(named, ("POST", "PUT", "DELETE"), strict=True)
            }
            if said != knows:
                found.append(f"{line['source']}: the report says {said}, the ledger {knows}")
            results = fleet.folder / "runs" / line["run_id"] / "results.parquet"
            rows = _rows(pd.read_parquet(results)) if results.exists() else set()
            if not _rows(ledger.attempts(line["run_id"])) <= rows:
                found.append(f"{line['source']}: attempts of the run are not in its results")
            if not rows <= known:  # more than its attempts: what a lost run delivered before it
                found.append(f"{line['source']}: results that the identity map has otherwise")
        by_feed = select(feeds.c.source, func.count()).join_from(mapped, feeds).group_by(feeds.c.source)
        open_ones = (
            select(func.count()).select_from(attempts.join(runs)).where(attempts.c.settled_at.is_(None))
        )
        with ledger.reading() as connection:
            records = dict(connection.execute(by_feed).all())
            left = connection.execute(open_ones).scalar_one()
    created = fleet.posts()[201]
    if created != sum(records.values()):
        found.append(f"the ODS created {created:,}, the identity map has {sum(records.values()):,}")
    if left:
        found.append(f"{left} attempts have no answer")
    return found


def _rows(outcomes: pd.DataFrame) -> set[tuple[str, ...]]:
    """Each delivered record, by its key and its id in the ODS."""
    return set(_key_columns(outcomes[outcomes["outcome"].eq("delivered")]))


def _key_columns(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    columns = ["resource", "student_unique_id", "program_name", "begin_date", "ed_fi_id"]
    days = frame["begin_date"].astype("str").str[:10]
    return [tuple(row) for row in frame[columns].assign(begin_date=days).astype("str").to_numpy()]


def carried_out(fleet: Fleet, first: dict[str, Any], again: Callable[[], dict[str, Any]]) -> list[str]:
    """Check a first batch, in which one district had no folder, and the one that takes up what failed."""
    codes = {line["source"]: line["exit"] for line in first["runs"]}
    wrong = [f"{name}: exit {code}" for name, code in codes.items() if code not in ENDED]
    if sorted(codes) != fleet.names or wrong != [f"{fleet.broken}: exit 2"]:
        return [f"the first batch: {wrong or sorted(codes)}"]
    found = differences(fleet, first)
    before = fleet.posts()
    (fleet.folder / "missing").rename(fleet.folder / fleet.broken)
    second = again()
    if [(line["source"], line["exit"] in ENDED) for line in second["runs"]] != [(fleet.broken, True)]:
        found.append("--failed ran something else")
    if sum((fleet.posts() - before).values()) != second["totals"]["created"]:
        found.append("--failed sent something else")
    return found + differences(fleet, second)


def here(fleet: Fleet, few: int) -> list[str]:
    """Two workers of this machine; figures of each kind of night."""
    count = len(fleet.names)
    first, cpu, seconds = fleet.measured("--workers", str(WORKERS))
    records = first["totals"]["created"]
    found = carried_out(fleet, first, lambda: fleet.measured("--failed")[0])
    print(f"{'first':<34}{cpu / (count - 1):>8.2f} CPU s a district{seconds:>8.0f} s  {records:,} records")
    told, one, _ = fleet.measured(fleet.names[0])
    told, cpu, seconds = fleet.measured("--workers", str(WORKERS))
    if {line["state"] for line in told["runs"]} != {"unchanged"}:
        found.append("an unchanged district was run")
    marginal = (cpu - one) / (count - 1)
    print(f"{'unchanged':<34}{marginal:>8.2f} CPU s a district{seconds:>8.0f} s  after {one:.1f} CPU s once")
    told, one, _ = fleet.measured(fleet.names[0], "--force", "--workers", "1")
    told, cpu, seconds = fleet.measured(*fleet.names[: few + 1], "--force", "--workers", "1")
    if told["totals"]["created"]:
        found.append("a forced run sent something")
    marginal = (cpu - one) / few
    print(
        f"{'the same by notebooks':<34}{marginal:>8.2f} CPU s a district{seconds:>8.0f} s  after {one:.1f} CPU s once"
    )
    return found + differences(fleet, {"runs": []})


def on_dask(fleet: Fleet) -> list[str]:
    """Two worker processes; one is killed, and its kernel, while it publishes."""
    slow = [{"method": "POST", "latency_ms": LATENCY_MS}]
    httpx.put(f"{fleet.ods.control_url}/faults", json=slow).raise_for_status()
    with dask_cluster(fleet.folder, fleet.environ, WORKERS) as (address, client):
        begun = time.perf_counter()
        batch = fleet.batch("--scheduler", address)
        victim = until(lambda: publishing(fleet.ledger))
        worker = psutil.Process(pid_at_work(client, victim))
        for process in [worker, *worker.children(recursive=True)]:
            process.send_signal(signal.SIGKILL)
        with Ledger(fleet.ledger) as ledger:
            runs = ledger.runs()
            lost = runs.loc[runs["feed"].str.contains(victim)].iloc[0]
        print(
            f"{'Dask: the killed run':<34}{victim}: {lost['delivered']} delivered, {lost['unsettled']} open"
        )
        first = json.loads(batch.communicate()[0])
        seconds = time.perf_counter() - begun
        found = carried_out(
            fleet,
            first,
            lambda: json.loads(fleet.batch("--failed", "--scheduler", address).communicate()[0]),
        )
    cpu = sum(line["cpu_seconds"] for line in first["runs"]) / (len(fleet.names) - 1)
    resent = fleet.posts()[200]
    print(f"{'Dask: first':<34}{cpu:>8.2f} CPU s a district, of its steps alone{seconds:>8.0f} s")
    print(f"{'Dask: answered 200, not 201':<34}{resent:>8}")
    if lost["unsettled"] == 0:
        found.append("the worker was not killed in the middle of a publish")
    return found


def publishing(ledger: str) -> str:
    """A district some of whose records are delivered and some under way; empty while there is none."""
    attempts, runs, feeds = schema.attempts, schema.runs, schema.feeds
    settled = func.count(attempts.c.settled_at)
    query = (
        select(feeds.c.source)
        .select_from(attempts.join(runs).join(feeds))
        .group_by(feeds.c.source)
        .having(settled > 0)
        .having(func.count() > settled)
    )
    with Ledger(ledger) as opened, opened.reading() as connection:
        return str(connection.execute(query).scalars().first() or "")


def main(arguments: list[str]) -> int:
    """Carry both out, and list what does not hold."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    count = next((int(word) for word in arguments if word.isdecimal()), DISTRICTS)
    count = FULL if "--full" in arguments else count
    ways: dict[str, Callable[[Fleet], list[str]]] = {
        "here": lambda fleet: here(fleet, min(4, count - 2)),
        "dask": on_dask,
    }
    chosen = {word: ways[word] for word in arguments if word in ways} or ways
    if not POSTGRES:
        print("PostgreSQL is not installed on this machine.")
        return 0
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="edfi-fleet-") as temporary:
        for way, carry_out in chosen.items():
            with postgres_server() as ledger:
                fleet = make_fleet(Path(temporary) / way, count, ledger)
                (fleet.folder / fleet.broken).rename(fleet.folder / "missing")
                print(f"{way}: {count} districts of {STUDENTS} students, {WORKERS} workers")
                try:
                    found += carry_out(fleet)
                finally:
                    fleet.ods.stop()
                    if log := os.environ.get("EDFI_FLEET_LOG"):
                        shutil.copy(fleet.folder / "batch.log", f"{log}-{way}")
    for line in found:
        print(f"MISSED  {line}")
    print("all holds" if not found else f"{len(found)} do not hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
