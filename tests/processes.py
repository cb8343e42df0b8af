"""Publishing in processes of their own, which may be killed at any point, against an ODS over a socket."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from edfi_toolkit.errors import LedgerError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.ods.transport import CurlTransport, trust
from edfi_toolkit.planning import Plan
from edfi_toolkit.publishing import publish as carry_out
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import clients_shown
from edfi_toolkit.settings import Target
from tests.factories.district import YEAR, target_of
from tests.sockets import served

# A process forked from one that has imported everything already starts in an instant.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Job:
    """One publish: the folder of its plan, the ledger, and the way to the ODS.

    kill_at: "commit" or "request"; its `number`th is where the process dies, with or without the `effect`.
    chunk: intents per commit.
    """

    folder: str
    ledger: str
    base_url: str
    client: dict[str, Any]
    kill_at: str = ""
    number: int = 0
    effect: bool = False
    chunk: int = 4

    def target(self) -> Target:
        """The ODS."""
        return target_of(self.base_url, self.client, school_year=YEAR)


class KilledLedger(Ledger):
    """A ledger whose process is killed at its n-th transaction, before or after the commit."""

    def __init__(self, job: Job) -> None:
        self.job, self.commits = job, 0
        super().__init__(job.ledger)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Count, and die at the chosen one."""
        self.commits += 1
        dies = self.job.kill_at == "commit" and self.commits == self.job.number
        with super().writing() as connection:
            yield connection
            if dies and not self.job.effect:
                os.kill(os.getpid(), signal.SIGKILL)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledTransport(httpx.AsyncBaseTransport):
    """A way to the ODS whose process is killed at the n-th write, before it leaves or when it was answered."""

    def __init__(self, job: Job, inner: httpx.AsyncBaseTransport) -> None:
        self.job, self.inner, self.sent = job, inner, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Count writes of data, and die at the chosen one."""
        writes = request.method != "GET" and "/data/" in request.url.path
        self.sent += writes
        dies = writes and self.job.kill_at == "request" and self.sent == self.job.number
        if dies and not self.job.effect:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return await self.inner.handle_async_request(request)
        finally:  # also when the answer got lost
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)

    async def aclose(self) -> None:
        """Let the connections go."""
        await self.inner.aclose()


def _publish(job: Job) -> None:
    import sys

    sys.modules[carry_out.__module__].CHUNK = job.chunk  # type: ignore[attr-defined]
    target = job.target()
    transport = KilledTransport(job, CurlTransport(trusted=trust(target)))
    with Client(target, transport=transport) as client, KilledLedger(job) as ledger:
        carry_out(Plan.load(job.folder), target=client, ledger=ledger, approved="auto")


def _publish_and_tell(job: Job, said: Any) -> None:
    try:
        _publish(job)
    except LedgerError as refused:
        said.put(str(refused))
    else:
        said.put("")


def publish_at_once(*jobs: Job) -> list[str]:
    """Publish each in a process of its own, all at once; what the refused ones said, else an empty text."""
    said = CONTEXT.SimpleQueue()
    processes = [CONTEXT.Process(target=_publish_and_tell, args=(job, said)) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [said.get() for _ in jobs]


def publish_until_killed(job: Job) -> bool:
    """Publish in a process of its own; whether it was killed. Fails when it ended in any other way."""
    process = CONTEXT.Process(target=_publish, args=(job,))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


class Address:
    """One address of an ODS whose state can be put back: `app` is who answers there by now."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let the app answer."""
        await self.app(scope, receive, send)


class KeptOds:
    """An ODS on a socket of this process, at one address, whose state can be kept and put back in an instant.

    Its attributes are those of a sandbox in a process of its own.
    """

    def __init__(self, url: str, address: Address, folder: Path) -> None:
        self.base_url, self.control_url = url, f"{url}/control"
        self._address, self._folder, self._numbers = address, folder, count()
        self.restore()

    @property
    def clients(self) -> list[dict[str, Any]]:
        """Name, key and secret of each client of what it is now."""
        return clients_shown(self._address.app.state.sandbox.ods)

    def keep(self) -> Path:
        """The state as a file, for `restore`."""
        kept = self._file
        self.restore(kept)
        return kept

    def restore(self, kept: Path | None = None) -> None:
        """As it was when `kept`, or as new; counters and faults begin again, and tokens have ended."""
        self.close()
        self._file = self._folder / f"{next(self._numbers)}.db"
        if kept:
            shutil.copy(kept, self._file)
        self._address.app = create_app(self._file)

    def close(self) -> None:
        """Let the file go."""
        if self._address.app is not None:
            self._address.app.state.sandbox.ods.store.close()


@contextmanager
def kept_ods(folder: Path) -> Iterator[KeptOds]:
    """An ODS whose states are in this folder."""
    address = Address()
    with served(address) as url:
        ods = KeptOds(url, address, folder)
        yield ods
    ods.close()
