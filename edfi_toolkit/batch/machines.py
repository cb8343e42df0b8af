"""Many districts on several processes or machines, by Dask distributed; or by schedulers that start N machines.

1. A district is a task. A task whose worker died is given to another one, in a run of its own: what the lost one left
   is looked up in the ledger, whose lock and journal see to it that nothing is sent twice.
2. Each worker reads the settings itself, and takes keys and secrets from its own environment: none travels.
3. What travels is the name of a district, and the report of its runs, without a student.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.fleet import District, How, Line, run_district
from edfi_toolkit.batch.notebooks import Timeouts, unattended_kernel
from edfi_toolkit.batch.stopping import INTERRUPTED, INTERRUPTED_SAYS, Stop
from edfi_toolkit.errors import ConfigError, LedgerBusy
from edfi_toolkit.settings import Settings, load_settings

if TYPE_CHECKING:
    from edfi_toolkit.batch.kernels import Kernel

BUSY_TRIES, BUSY_WAIT_S = 12, 5.0  # the kernel of a worker that was killed ends some seconds later
_warm = threading.local()


def shard_of(names: Sequence[str], shard: str) -> list[str]:
    """The part `I/N` of the districts, so that N machines with I from 1 to N run each once."""
    part, _, parts = shard.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ConfigError(f"--shard {shard}: write I/N with I from 1 to N, such as 2/5.")
    return list(names[int(part) - 1 :: int(parts)])


def run_on_dask(
    installation: Settings,
    names: Sequence[str],
    how: How,
    *,
    scheduler: str = "",
    workers: int = 2,
    note: Callable[[str], None] = print,
) -> Iterator[District]:
    """Run the districts as tasks and yield each when it has ended.

    Asked to stop, it gives no other out; what a worker has begun ends with the worker, or by itself.
    scheduler: its address; without one, `workers` processes are started here. note: takes the dashboard's address.
    Raises ConfigError without the extra `fleet`, and for a ledger that several machines cannot share.
    """
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError:
        raise ConfigError("Dask is not installed. Install the toolkit with its extra fleet.") from None
    if scheduler and "://" not in installation.ledger:
        raise ConfigError(
            "Several machines need one ledger on PostgreSQL. Write its address under [paths] ledger or ledger_env."
        )
    with ExitStack() as stack:
        if not scheduler:
            cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
            )
            scheduler = stack.enter_context(cluster).scheduler_address
        client = stack.enter_context(_connected(Client, scheduler))
        note(f"Dask: {client.scheduler.address}, dashboard {client.dashboard_link}")
        root = str(installation.root.resolve())
        batch = secrets.token_hex(4)  # a key that was used before would give the old answer
        futures = {
            client.submit(work, root, name, replace(how, stop=Stop()), key=f"{name}-{batch}"): name
            for name in names
        }
        how.stop.then(lambda: client.cancel(list(futures)))
        for future in as_completed(futures):  # type: ignore[no-untyped-call]
            if future.status == "finished":
                yield future.result()
            elif how.stop.asked:
                yield _ended_early(futures[future], INTERRUPTED_SAYS, INTERRUPTED)
            else:
                yield _lost(futures[future], type(future.exception()).__name__)
            future.release()


def work(root: str, name: str, how: How) -> District:
    """One district, in a worker; its kernel and libraries stay for the next one."""
    try:
        os.chdir(root)
    except OSError:
        says = f"The folder {root} is not on this worker. Put settings, sources and runs on a path that all share."
        return District(name, [Line(source=name, exit=Exit.SETTINGS, says=says, error="ConfigError")], [])
    installation = load_settings()
    for _ in range(BUSY_TRIES):
        done = run_district(installation, name, how, _kernel(how.timeouts))
        if all(line.error != LedgerBusy.__name__ for line in done.lines):
            break
        time.sleep(BUSY_WAIT_S)
    return done


def _kernel(timeouts: Timeouts) -> Kernel:
    """The kernel of this thread of the worker."""
    if not hasattr(_warm, "kernel"):
        _warm.kernel = unattended_kernel(Path.cwd(), start_s=timeouts.start_s).__enter__()
    kernel: Kernel = _warm.kernel
    return kernel


def _connected(client: Any, address: str) -> Any:
    try:
        return client(address, timeout="20s")
    except (OSError, ValueError):
        raise ConfigError(
            f"No Dask scheduler answers at {address}. Start one by 'dask scheduler', and workers by 'dask worker'."
        ) from None


def _lost(name: str, error: str) -> District:
    """A district whose workers died again and again, or whose task could not be read by them."""
    says = "Its workers ended without an answer. See the logs of the workers; running again resumes what was begun."
    return _ended_early(name, says, error)


def _ended_early(name: str, says: str, error: str) -> District:
    return District(name, [Line(source=name, exit=Exit.UNAVAILABLE, says=says, error=error)], [])
