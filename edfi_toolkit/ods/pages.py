"""Reading whole collections, complete although the ODS is in use meanwhile.

1. Where pages carry a Next-Page-Token they are followed: rows that come or go do not shift them. Large
   collections are split by the API's own partitions and read in parallel.
2. Otherwise pages are counted by offset, from the last to the first when the total is known: a row that leaves
   meanwhile then makes one row appear twice, and never makes one vanish.
3. A large collection without tokens is read by windows of change versions, in parallel: offsets stay small, and a
   window that is closed above only ever loses rows. What changed meanwhile is read at the end.
4. The page size is what the host allows, not what we asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.bounds import Extent, token_fits
from edfi_toolkit.ods.problems import Problem
from edfi_toolkit.ods.read import Row, check_ids, object_of, rows_of, whole_number
from edfi_toolkit.ods.session import Answer, Session

T = TypeVar("T")
Put = Callable[[list[Row]], Awaitable[None]]
PutNew = Callable[[list[Row]], Awaitable[int]]  # says how many were not there before

PAGE_SIZE = 500
_SMALLEST_PAGE = 25
_MOST = re.compile(r"between \d+ and (\d{1,9})")
_MOST_STALE = 10  # pages in a row of rows that all came before
_MOST_EMPTY = 100  # pages in a row without a row that yet name a next one; an honest last page names none
# A window of change versions should hold about so many pages: enough to be worth its count, few enough to stay cheap.
_WINDOW_PAGES = 20
_MOST_WINDOWS = 64
_CIRCLE = "The API's pages lead in a circle; reading stopped. Tell the host, and run again."
_WINDOW = ("minChangeVersion", "maxChangeVersion")


async def read_pages(pages: Pages, put: Put, *, readers: int) -> None:
    """Hand every row of a collection to `put`, page by page, in no particular order."""
    first, token = await pages.counted(0)
    if token is None:
        await _by_offset(pages, first, put, readers)
        return
    starts = await pages.partitions(readers) if len(first) >= pages.size else []
    if len(starts) > 1:  # the partitions hold the first page, too
        await _each(starts, readers, lambda start: _by_token(pages, start, put))
        return
    await put(first)
    await _by_token(pages, token, put)


class Pages:
    """One collection with its filters, and the page size found to be allowed.

    headers: sent with every request, such as the one that asks for a snapshot. extent: of the reading this is part of.
    """

    def __init__(
        self,
        session: Session,
        url: str,
        filters: Mapping[str, Any],
        size: int = PAGE_SIZE,
        headers: Mapping[str, str] | None = None,
        extent: Extent | None = None,
    ) -> None:
        self._session, self._url, self.filters, self.size = session, url, filters, size
        self._headers = headers or {}
        self._extent = extent or Extent(session.target)

    def within(self, lowest: int | None, highest: int) -> Pages:
        """The rows whose change version is in a window, both ends included."""
        bounds = {name: at for name, at in zip(_WINDOW, (lowest, highest), strict=True) if at is not None}
        return Pages(
            self._session, self._url, {**self.filters, **bounds}, self.size, self._headers, self._extent
        )

    async def counted(self, offset: int, **more: Any) -> tuple[list[Row], str | None]:
        """The page at an offset, and the token of the next one where tokens are offered."""
        answer = await self._sized("limit", {**({"offset": offset} if offset else {}), **more})
        return self._rows(answer), self._next(answer)

    async def following(self, token: str) -> tuple[list[Row], str | None]:
        """The page of a token, and the next token."""
        answer = await self._sized("pageSize", {"pageToken": token})
        return self._rows(answer), self._next(answer)

    async def total(self, *, needed: bool = True) -> int | None:
        """How many rows there are, where the API counts them; unless needed, it is asked once only."""
        ask = self._session.ask if needed else self._session.attempt
        params = {**self.filters, "limit": 1, "totalCount": "true"}
        answer = await ask("GET", self._url, params=params, headers=self._headers)
        text = answer.headers.get("total-count")
        return None if text is None else self._extent.check(whole_number(text, "total"))

    async def partitions(self, number: int) -> list[str]:
        """Tokens that split the collection; none where the API does not split."""
        answer = await self._session.ask(
            "GET",
            f"{self._url}/partitions",
            params={**self.filters, "number": number},
            headers=self._headers,
            accept=(400, 404, 405),
        )
        tokens = object_of(self._session, answer).get("pageTokens") if answer.status == 200 else None
        if not isinstance(tokens, list):
            return []
        self._extent.check_parts(len(tokens))
        usable = all(isinstance(token, str) and self._fits(token) for token in tokens)
        if not usable or len(set(tokens)) < len(tokens):
            raise OdsError(
                "The API splits the collection into parts that cannot be. Tell the host, and run again."
            )
        return tokens

    async def newest(self) -> int | None:
        """The newest change version; None where there are none, or the filters name versions already."""
        if any(name in self.filters for name in _WINDOW):
            return None
        versions = await change_versions(self._session, self._headers)
        return versions and versions.newest

    def _rows(self, answer: Answer) -> list[Row]:
        rows = rows_of(self._session, answer)
        check_ids(rows)
        self._extent.add(len(rows), asyncio.get_running_loop().time())
        return rows

    def _next(self, answer: Answer) -> str | None:
        token = answer.headers.get("next-page-token")
        if token is not None and not self._fits(token):
            raise OdsError(
                "The API names a next page that cannot be asked for. Tell the host, and run again."
            )
        return token

    def _fits(self, token: str) -> bool:
        return token_fits(token, self._session.target.answers)

    async def _sized(self, name: str, rest: Mapping[str, Any]) -> Answer:
        while True:
            asked = self.size
            answer = await self._session.ask(
                "GET",
                self._url,
                params={**self.filters, **rest, name: asked},
                headers=self._headers,
                accept=(400, 404, 410) if self._headers else (400,),
            )
            if answer.status in (404, 410):
                raise _no_snapshot(self._session, answer)
            if answer.status != 400:
                return answer
            allowed = _allowed_page_size(answer.problem, asked)
            if allowed is None:
                raise OdsError(
                    f"Target '{self._session.target.name}' does not accept the filters of this reading (400 "
                    f"{answer.problem.title if answer.problem else ''}). Check their names and values, and run again.",
                    method="GET",
                    path=self._url.partition("?")[0],
                    status=400,
                    correlation_id=answer.correlation_id,
                )
            self.size = min(self.size, allowed)


class Versions(NamedTuple):
    """From which change version on the API knows what changed, and the change version of now."""

    oldest: int
    newest: int


async def change_versions(session: Session, headers: Mapping[str, str]) -> Versions | None:
    """How far change queries reach; None when the API keeps no change versions."""
    url = (await session.discovery()).change_queries
    if url is None:
        return None
    answer = await session.ask("GET", f"{url}availableChangeVersions", headers=headers, accept=(404, 410))
    if answer.status != 200:
        if headers:
            raise _no_snapshot(session, answer)
        return None
    found = object_of(session, answer)
    members = {name.lower(): value for name, value in found.items()}  # very old ones capitalise
    newest = members.get("newestchangeversion")
    if newest is None:
        return None
    oldest = members.get("oldestchangeversion") or 0
    return Versions(whole_number(oldest, "change version"), whole_number(newest, "change version"))


def snapshot_headers(snapshot: bool | str) -> dict[str, str]:
    """True asks for the one snapshot an API of 7.x may have; a text names one of 5.x and 6.x by its id."""
    if isinstance(snapshot, str):
        return {"Snapshot-Identifier": snapshot}
    return {"Use-Snapshot": "true"} if snapshot else {}


def _no_snapshot(session: Session, answer: Answer) -> OdsError:
    """What to say when a reading of a snapshot finds nothing."""
    return OdsError(
        f"Target '{session.target.name}' has no such snapshot or resource ({answer.status}). "
        "Ask the host whether it keeps snapshots, or read without one.",
        method="GET",
        status=answer.status,
        correlation_id=answer.correlation_id,
    )


def _allowed_page_size(problem: Problem | None, asked: int) -> int | None:
    """The page size to ask for after a 400; None when the page size was not what was wrong."""
    for message in problem.messages if problem else ():
        if re.search(r"(?i)\b(limit|page ?size)\b", message):
            if (match := _MOST.search(message)) and 0 < int(match[1]) < asked:
                return int(match[1])
            return max(asked // 2, _SMALLEST_PAGE) if asked > _SMALLEST_PAGE else None
    return None


async def _by_token(pages: Pages, token: str | None, put: Put) -> None:
    seen, firsts, empty = set[str](), set[str](), 0
    while token is not None:
        seen.add(token)
        rows, following = await pages.following(token)
        empty = 0 if rows else empty + 1
        if following in seen or empty > _MOST_EMPTY or (rows and rows[0]["id"] in firsts):
            raise OdsError(_CIRCLE)
        if rows:
            firsts.add(rows[0]["id"])
            await put(rows)
        token = following


async def _by_offset(pages: Pages, first: list[Row], put: Put, readers: int) -> None:
    seen: set[str] = set()

    async def put_new(rows: list[Row]) -> int:
        fresh = [row for row in rows if row["id"] not in seen]
        seen.update(row["id"] for row in fresh)
        if fresh:
            await put(fresh)
        return len(fresh)

    if not first:
        return
    step = len(first)  # a host may hand out less than was asked for
    total = await pages.total()
    if total is None or total < step:  # what is less than what came is no total
        await _forwards(pages, first, put_new)
        return
    if total == step:
        await put_new(first)
    elif total > _WINDOW_PAGES * step and (newest := await pages.newest()) is not None:
        await _by_windows(pages, newest, total, step, put_new, readers)
    else:
        await _backwards(pages, total, step, put_new)
    if len(seen) < total and len(seen) < (await pages.total() or 0):
        # Pages were shorter than they had to be, or rows came and went: from the first page to the last that has any.
        await _forwards(pages, (await pages.counted(0))[0], put_new)
        if len(seen) < total == await pages.total():
            raise OdsError(
                f"The API counts {total:,} records of a collection and gives {len(seen):,}, so the reading is not "
                "complete. Tell the host, and run again."
            )


async def _forwards(pages: Pages, rows: list[Row], put: PutNew) -> None:
    offset = stale = 0
    while rows:
        offset += len(rows)
        stale = 0 if await put(rows) else stale + 1
        if stale > _MOST_STALE:
            raise OdsError(_CIRCLE)
        rows, _ = await pages.counted(offset)


async def _backwards(pages: Pages, total: int, step: int, put: PutNew) -> None:
    """From the last page to the first, which holds by then what was moved into it."""
    for offset in range((total - 1) // step * step, -1, -step):
        rows, _ = await pages.counted(offset)
        await put(rows)


async def _by_windows(pages: Pages, newest: int, total: int, step: int, put: PutNew, readers: int) -> None:
    async def one(window: tuple[int | None, int]) -> None:
        part = pages.within(*window)
        held = await part.total()
        if held is None:
            await _forwards(part, (await part.counted(0))[0], put)
        elif held:
            await _backwards(part, held, step, put)

    lowest: int | None = None
    while True:
        count = min(_MOST_WINDOWS, -(-total // (_WINDOW_PAGES * step)))
        await _each(version_windows(lowest, newest, count), readers, one)
        lowest = newest + 1
        late, _ = await pages.counted(0, minChangeVersion=lowest)
        if len(late) < step:  # a single answer, and so a single moment: nothing can slip past it
            await put(late)
            return
        newest, total = await pages.newest() or 0, len(late)
        if newest < lowest:  # what is above the newest version is no late row
            raise OdsError(_CIRCLE)


def version_windows(lowest: int | None, newest: int, count: int) -> list[tuple[int | None, int]]:
    """Split change versions up to `newest` into windows, both ends included; None is open below."""
    start = lowest or 0
    count = max(1, min(count, newest - start + 1))
    edges = [start + (newest - start + 1) * n // count for n in range(count + 1)]
    windows = [(low, high - 1) for low, high in pairwise(edges)]
    return [(lowest, windows[0][1]), *windows[1:]]


async def _each(items: Iterable[T], workers: int, work: Callable[[T], Coroutine[Any, Any, None]]) -> None:
    """Do it for every item, a few at once; the first failure ends all."""
    waiting = list(items)[::-1]

    async def worker() -> None:
        while waiting:
            await work(waiting.pop())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(waiting))):
                group.create_task(worker())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
