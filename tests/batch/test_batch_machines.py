"""Districts on Dask: a real scheduler, real workers, one killed while it publishes; the ledger in PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from bench.parts.servers import STEP_S, dask_cluster, pid_at_work, until
from edfi_toolkit.batch.machines import shard_of
from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.sandbox import Running, start
from edfi_toolkit.settings import load_settings
from tests.databases import new_ledger, postgres
from tests.proofs import long_proof

DISTRICTS = ("east", "north", "south", "west")
REAL = ("east", "north")
SAMPLE = "certification"
__all__ = ["new_ledger", "postgres"]  # fixtures


pytestmark = pytest.mark.process


def created(running: Running) -> Counter[str]:
    """POSTs of associations by status."""
    found: Counter[str] = Counter()
    for each in httpx.get(f"{running.control_url}/counters").json()["requests"]:
        if each["resource"].endswith("ssociations") and each["method"] == "POST":
            found[f"POST {each['status']}"] += each["count"]
    return found


@long_proof
@pytest.mark.filterwarnings("default")  # distributed warns about itself
def test_a_worker_killed_in_the_middle_of_a_publish_loses_and_doubles_nothing(
    tmp_path: Path, new_ledger: Callable[[str], str]
) -> None:
    """Four districts, two workers; two of the districts have no folder, and stop no other."""
    sample, environ = shipped("data/samples") / SAMPLE, dict(os.environ)
    settings = f'[paths]\nledger = "{new_ledger("postgresql")}"\nruns = "runs"\n'
    with ExitStack() as stack:
        hosts = {}
        for name in DISTRICTS:
            hosts[name] = running = stack.enter_context(start(seeds=sorted(sample.glob("ods-seed*.jsonl"))))
            client = next(each for each in running.clients if each["name"] == "district")
            settings += f'[targets.{name}]\nurl = "{running.base_url}"\nschool_year = 2026\n'
            settings += f'[sources.{name}]\npath = "{name}"\nprofile = "{SAMPLE}"\ntarget = "{name}"\n'
            environ |= {
                f"EDFI_TARGET_{name.upper()}_{part.upper()}": client[part] for part in ("key", "secret")
            }
            if name in REAL:
                shutil.copytree(sample / "after", tmp_path / name)
        (tmp_path / "edfi.toml").write_text(settings, "utf-8")
        # One that is under way long enough to be killed
        slow = [{"method": "POST", "latency_ms": 700}]
        httpx.put(f"{hosts['east'].control_url}/faults", json=slow).raise_for_status()

        address, watching = stack.enter_context(dask_cluster(tmp_path, environ, 2))
        command = [sys.executable, "-m", "edfi_toolkit", "batch", "--approve", "auto", "--json"]
        batch = subprocess.Popen(
            [*command, "--scheduler", address],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until(lambda: created(hosts["east"])["POST 201"] or batch.poll() is not None)
        os.kill(pid_at_work(watching, "east"), signal.SIGKILL)
        said, text = batch.communicate(timeout=STEP_S)
        told = json.loads(said)
        lines = {line["source"]: line for line in told["runs"]}

        assert sorted(lines) == sorted(DISTRICTS), text
        assert {lines[name]["exit"] for name in ("south", "west")} == {batch.returncode} == {2}
        assert {lines[name]["exit"] for name in REAL} == {3}, text
        counts = {name: created(hosts[name]) for name in DISTRICTS}
        sources = (
            select(schema.feeds.c.source, func.count())
            .join_from(schema.identity_map, schema.feeds)
            .group_by(schema.feeds.c.source)
        )
        with Ledger(load_settings(tmp_path / "edfi.toml").ledger) as ledger, ledger.reading() as connection:
            mapped = dict(connection.execute(sources).all())
        for name in REAL:
            assert counts[name]["POST 201"] == counts["north"]["POST 201"] == mapped[name], name
        assert counts["west"] == Counter()


def test_shards_hold_each_district_once() -> None:
    names = [f"d{number}" for number in range(11)]
    assert sorted(name for part in range(1, 4) for name in shard_of(names, f"{part}/3")) == sorted(names)
    assert shard_of(names, "2/3") == ["d1", "d4", "d7", "d10"]
    for wrong in ("0/3", "4/3", "1", "x/y", "1/0", ""):
        with pytest.raises(ConfigError, match="write I/N"):
            shard_of(names, wrong)
