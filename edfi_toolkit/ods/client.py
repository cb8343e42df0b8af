"""The way in: a synchronous client of one ODS."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.display.progress import Progress
from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.discovery import Discovery, at_target, path_of
from edfi_toolkit.ods.loop import BackgroundLoop
from edfi_toolkit.ods.outcomes import outcomes
from edfi_toolkit.ods.pages import (
    PAGE_SIZE,
    Pages,
    Versions,
    change_versions,
    read_pages,
    snapshot_headers,
)
from edfi_toolkit.ods.read import (
    Found,
    Row,
    as_mapping,
    checked_filters,
    etag_of,
    find_one,
    get_one,
    list_of,
    member_of,
    object_of,
    rows_of,
    text_of,
    whole_number,
)
from edfi_toolkit.ods.retry import RetryPolicy
from edfi_toolkit.ods.session import Session
from edfi_toolkit.ods.write import Job, Outcome, Write
from edfi_toolkit.ods.writer import Writer
from edfi_toolkit.settings import Target

_READERS = 8
_PAGES_AHEAD = 4


class Client:
    """One ODS.  Use it as a context manager; it has its own event loop in a thread of its own.

    transport: another way to the ODS, such as `httpx.ASGITransport(app)`. readers: pages read at once, the
        target's concurrency up to 8 unless given. chance: where jitter comes from.
    Every method raises OdsError (OdsUnavailable, OdsRefusedLogin) and nothing of the libraries below.
    """

    def __init__(
        self,
        target: Target,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: RetryPolicy | None = None,
        page_size: int = PAGE_SIZE,
        readers: int | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.target = target
        self._page_size, self._readers = page_size, readers or min(_READERS, target.concurrency)
        self._session = Session(
            target,
            transport=transport,
            policy=retry or RetryPolicy(longest_pause_s=target.answers.max_wait_s),
            chance=chance or random.Random(),  # noqa: S311 - spreads retries, guards nothing
        )
        self._background = BackgroundLoop()
        self._run, self._leave = self._background.run, self._background.leave

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections and the thread go."""
        self._background.close(self._session.aclose)

    @property
    def discovery(self) -> Discovery:
        """What the API says of itself, read once."""
        return self._run(self._session.discovery())

    def get(self, resource: str, ed_fi_id: str) -> Found | None:
        """One item by its id; None when there is none."""
        return self._run(get_one(self._session, resource, ed_fi_id))

    def find(self, resource: str, body_or_key: Mapping[str, Any] | Sequence[Any]) -> Found | None:
        """One item by its natural key: a body, query parameters by name, or a tuple in the key's order."""
        return self._run(find_one(self._session, resource, body_or_key))

    def read(
        self,
        resource: str,
        filters: Mapping[str, Any] | None = None,
        *,
        snapshot: bool | str = False,
        progress: Progress | None = None,
    ) -> Iterator[pd.DataFrame]:
        """All items of a collection as frames of `resource`, `id`, `etag`, `body`, one a page.

        filters: query parameters of the resource. snapshot: read the host's snapshot (True), or the one of an
            older API that has this id. Reading goes on in the background while a frame is used.
        Raises ConfigError for a filter the resource does not have; OdsError when `progress` stops it, or when
        there is no snapshot.
        """
        wire, done = checked_filters(resource, filters), 0
        pages = self._pages(self.discovery.collection(resource), wire, snapshot)
        total = self._run(pages.total(needed=False)) if progress else None
        for rows in self._rows(pages):
            yield _frame(resource, rows)
            done += len(rows)
            if progress is not None and progress(done, total) is False:
                raise OdsError("The reading was stopped before its end. Run again to read everything.")
        if progress is not None:
            progress(done, done)

    def read_all(
        self,
        resource: str,
        filters: Mapping[str, Any] | None = None,
        *,
        snapshot: bool | str = False,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """All of `read` as one frame; empty, with its columns, when there is nothing."""
        frames = self.read(resource, filters, snapshot=snapshot, progress=progress)
        return pd.concat([_frame(resource, []), *frames], ignore_index=True)

    def rows(self, resource: str) -> Iterator[Row]:
        """All items of a collection as they came, for those who take little of each: a third of the cost of `read`."""
        for rows in self._rows(self._pages(self.discovery.collection(resource))):
            yield from rows

    def descriptors(self, name: str) -> frozenset[str]:
        """All values of a descriptor, such as ProgramTypeDescriptor, as URIs in the spelling of the ODS."""
        endpoint = model.descriptor_endpoints().get(name) or f"{name[:1].lower()}{name[1:]}s"
        return frozenset(
            f"{text_of(row, 'namespace')}#{text_of(row, 'codeValue')}" for row in self.rows(endpoint)
        )

    def dependencies(self) -> pd.DataFrame:
        """The order of loading, `resource`, `order`, `operation`, sorted; a resource may be there twice."""
        url = self.discovery.dependencies
        rows = [
            (
                text_of(entry, "resource").strip("/").removeprefix("ed-fi/"),
                whole_number(entry.get("order"), "place in the order of loading"),
                str(operation),
            )
            for entry in (self._run(self._described(url)) if url else ())
            for operation in list_of(entry, "operations")
        ]
        frame = pd.DataFrame(rows, columns=["resource", "order", "operation"])
        return frame.sort_values(["order", "resource", "operation"], ignore_index=True)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the resources; empty when the API offers none."""
        return self._run(self._openapi())

    def token_info(self) -> dict[str, Any]:
        """What the key may do: organizations, claim set, resources; empty when the API does not say."""
        url = self.discovery.token_info
        if url is None:
            return {}
        return dict(
            as_mapping(self._session.json(self._run(self._session.ask("POST", url, names_token=True))))
        )

    def count(self, resource: str, *, snapshot: bool | str = False) -> int | None:
        """How many items a collection has; None when the API does not count."""
        return self._run(self._pages(self.discovery.collection(resource), snapshot=snapshot).total())

    def change_versions(self, *, snapshot: bool | str = False) -> Versions | None:
        """The oldest and the newest change version that can be asked about; None when the API keeps none."""
        return self._run(change_versions(self._session, snapshot_headers(snapshot)))

    def newest_change_version(self, *, snapshot: bool | str = False) -> int | None:
        """The change version of now; None when the API keeps none."""
        versions = self.change_versions(snapshot=snapshot)
        return versions and versions.newest

    def deletes(
        self, resource: str, *, minimum: int, maximum: int, snapshot: bool | str = False
    ) -> pd.DataFrame:
        """What was deleted between two change versions, both included: resource, id, change_version, key."""
        rows = [
            (
                resource,
                row["id"],
                _version_of(row),
                member_of(row, "keyValues") if row.get("keyValues") else {},
            )
            for row in self._tracked(resource, "deletes", minimum, maximum, snapshot)
        ]
        return pd.DataFrame(rows, columns=["resource", "id", "change_version", "key"])

    def key_changes(
        self, resource: str, *, minimum: int, maximum: int, snapshot: bool | str = False
    ) -> pd.DataFrame:
        """Whose key changed in that window: resource, id, change_version, old_key, new_key.

        Always empty for program associations, whose keys do not change, and where the API does not list any.
        """
        try:
            rows = [
                (
                    resource,
                    row["id"],
                    _version_of(row),
                    member_of(row, "oldKeyValues"),
                    member_of(row, "newKeyValues"),
                )
                for row in self._tracked(resource, "keyChanges", minimum, maximum, snapshot)
            ]
        except OdsError as error:
            if error.status != 404:
                raise
            rows = []  # before 6.1
        return pd.DataFrame(rows, columns=["resource", "id", "change_version", "old_key", "new_key"])

    def apply(
        self, items: Iterable[Write], *, goes_on: Callable[[], bool] | None = None
    ) -> Generator[Outcome]:
        """Send records and yield what became of each, in any order.

        items: pulled one by one in this thread, a few ahead of sending; records of one student keep their
            order.
        goes_on: asked now and then while no outcome comes; from the first False on nothing is tried again, and
            what is not answered when the ODS has been silent for a moment is left as it is.
        Raises OdsUnavailable, OdsRefusedLogin or OdsError when no record can get through any more, after
        every outcome that is known was yielded; items it never sent have no outcome. An exception of `items`
        itself is raised when those in flight are settled. Closing the iterator early abandons them.
        """
        self._run(self._session.discovery())
        writer = Writer(self._session)
        ahead = max(16, 4 * self.target.concurrency)

        def submit(jobs: list[Job]) -> None:
            self._background.call_soon(writer.submit, jobs)

        def tick() -> None:
            if goes_on is not None and not goes_on():
                self._background.call_soon(writer.hurry)

        try:
            yield from outcomes(writer, submit, items, ahead=ahead, tick=tick)
        finally:
            self._leave(writer.cancel)

    def _tracked(
        self, resource: str, what: str, minimum: int, maximum: int, snapshot: bool | str
    ) -> Iterator[Row]:
        window = {"minChangeVersion": minimum, "maxChangeVersion": maximum}
        url = f"{self.discovery.collection(resource)}/{what}"
        for rows in self._rows(self._pages(url, window, snapshot)):
            yield from rows

    def _pages(
        self, url: str, filters: Mapping[str, Any] | None = None, snapshot: bool | str = False
    ) -> Pages:
        return Pages(self._session, url, filters or {}, self._page_size, snapshot_headers(snapshot))

    def _rows(self, source: Pages) -> Iterator[list[Row]]:
        pages: asyncio.Queue[list[Row] | Exception | None] = asyncio.Queue(_PAGES_AHEAD)

        async def fill() -> None:
            try:
                await read_pages(source, pages.put, readers=self._readers)
            except Exception as error:
                await pages.put(error)  # raised in the caller's thread
            else:
                await pages.put(None)

        task = self._run(_started(fill()))
        try:
            while (rows := self._run(pages.get())) is not None:
                if isinstance(rows, Exception):
                    raise rows
                yield rows
        finally:
            self._leave(lambda: _stopped(task))

    async def _openapi(self) -> dict[str, Any]:
        url = (await self._session.discovery()).openapi
        if url is None:
            return {}
        for entry in await self._described(url, accept=(404,)):
            if str(entry.get("name", "")).lower() == "resources":
                path = path_of(text_of(entry, "endpointUri"), self.target)
                answer = await self._session.ask("GET", at_target(path, self.target), anonymous=True)
                return object_of(self._session, answer)
        return {}

    async def _described(self, url: str, *, accept: tuple[int, ...] = ()) -> list[Row]:
        """A list in the API's description of itself; empty for a status in `accept`."""
        answer = await self._session.ask("GET", url, anonymous=True, accept=accept)
        return [] if answer.status in accept else rows_of(self._session, answer)


def _frame(resource: str, rows: list[Row]) -> pd.DataFrame:
    """Rows as they came, taken apart as `found_of` does; a page at a time, since a read is mostly this."""
    ids = [row.pop("id") for row in rows]
    etags = [row.pop("_etag", None) for row in rows]
    for row in rows:
        row.pop("_lastModifiedDate", None)
    bodies = np.empty(len(rows), dtype=object)
    bodies[:] = rows
    texts = {"resource": [resource] * len(rows), "id": ids, "etag": [etag_of(etag) for etag in etags]}
    columns = {name: pd.array(values, dtype="str") for name, values in texts.items()}
    return pd.DataFrame({**columns, "body": bodies}, copy=False)


def _version_of(row: Row) -> int:
    return whole_number(row.get("changeVersion"), "change version")


async def _started(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
