"""Servers that live for a while: PostgreSQL of this machine, and Dask with worker processes. Tests use them too."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("initdb")] if found
]
STEP_S = 600  # at most until something must have happened


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server of its own, reached through a unix socket; its files are in the address's host."""
    binaries, folder = (
        POSTGRES[-1],
        Path(tempfile.mkdtemp(prefix="edfi-pg-", dir="/tmp")),  # a socket's path is short
    )
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    control = [str(binaries / "pg_ctl"), "-D", str(folder / "db"), "-w"]
    try:
        _as_someone(
            [str(binaries / "initdb"), "-D", str(folder / "db"), "-U", "steward", "-A", "trust", "-E", "UTF8"]
        )
        log, options = str(folder / "log"), f"-k {folder} -c listen_addresses= -c fsync=off"
        _as_someone([*control, "-l", log, "-o", options, "start"])
        yield f"postgresql://steward@/postgres?host={folder}"
        _as_someone([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def restart(address: str) -> None:
    """Stop that server at once, as when its machine fails, and start it again."""
    folder = Path(address.partition("host=")[2])
    at_once = ["-w", "-m", "immediate", "-l", str(folder / "log")]
    _as_someone([str(POSTGRES[-1] / "pg_ctl"), "-D", str(folder / "db"), *at_once, "restart"])


def _as_someone(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run as the user `postgres` when we are root: the server refuses to run as root."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(command, check=True, capture_output=True, cwd="/", **user)


@contextmanager
def dask_cluster(folder: Path, environ: Mapping[str, str], workers: int) -> Iterator[tuple[str, Any]]:
    """A scheduler and worker processes, as `dask scheduler` and `dask worker` start them: address and a client."""
    from distributed import Client

    file = folder / "scheduler.json"
    listens = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
    with _dask("scheduler", *listens, "--scheduler-file", str(file), cwd=folder, env=environ):
        address = until(lambda: file.exists() and json.loads(file.read_text() or "{}").get("address"))
        given = ("--nworkers", str(workers), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
        with (
            _dask("worker", address, *given, cwd=folder, env=environ),
            Client(address, timeout="60s") as client,
        ):
            client.wait_for_workers(workers, timeout=STEP_S)
            yield address, client


def pid_at_work(client: Any, district: str) -> int:
    """The process of the worker that has a district's task."""
    (worker,) = (
        worker
        for worker, keys in client.processing().items()
        if any(str(key).startswith(f"{district}-") for key in keys)
    )
    pids: dict[str, int] = client.run(os.getpid)
    return pids[worker]


@contextmanager
def _dask(word: str, *words: str, cwd: Path, env: Mapping[str, str]) -> Iterator[None]:
    """A program that runs until the block ends."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{word}", *words]
    with (cwd / f"{word}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def until(found: Callable[[], Any]) -> Any:
    """What is found, once it is there."""
    ends = time.monotonic() + STEP_S
    while not (value := found()):
        if time.monotonic() > ends:
            raise TimeoutError("It did not happen.")
        time.sleep(0.05)
    return value
