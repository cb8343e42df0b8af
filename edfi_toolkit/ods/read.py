"""Reading whole collections and single items, complete although the ODS is in use meanwhile.

1. Where pages carry a Next-Page-Token they are followed: rows that come or go do not shift them. Large
   collections are split by the API's own partitions and read in parallel.
2. Otherwise pages are counted by offset, from the last to the first when the total is known: a row deleted
   meanwhile then makes one row appear twice, and never makes one vanish.
3. The page size is what the host allows, not what we asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.ods.problems import Problem
from edfi_toolkit.ods.session import Answer, Session

Row = dict[str, Any]
Put = Callable[[list[Row]], Awaitable[None]]

PAGE_SIZE = 500
_SMALLEST_PAGE = 25
_MOST = re.compile(r"between \d+ and (\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """One item as the ODS holds it; the body is without id, etag and date of change."""

    id: str
    etag: str | None
    body: Row = field(repr=False)


def found_of(row: Row) -> Found:
    """Split an item as it came into id, etag and body."""
    body = dict(row)
    etag = body.pop("_etag", None)
    body.pop("_lastModifiedDate", None)
    return Found(str(body.pop("id", "")), None if etag is None else str(etag).strip('"'), body)


async def get_one(session: Session, resource: str, ed_fi_id: str) -> Found | None:
    """One item by id; None when there is none."""
    answer = await session.ask(
        "GET", f"{(await session.discovery()).collection(resource)}/{ed_fi_id}", accept=(404,)
    )
    return None if answer.status == 404 else found_of({"_etag": answer.etag, **_object(answer)})


async def find_one(
    session: Session, resource: str, body_or_key: Mapping[str, Any] | Sequence[Any]
) -> Found | None:
    """One item by natural key, given as a body, as query parameters, or as a tuple in the key's order."""
    key = query_key(resource, body_or_key)
    url = (await session.discovery()).collection(resource)
    answer = await session.ask("GET", url, params={**key, "limit": _SMALLEST_PAGE})
    for row in _rows(answer):
        # An unknown parameter filters nothing and says nothing: only a row of this very key is the one.
        if _comparable(query_key(resource, row)) == _comparable(key):
            return found_of(row)
    return None


def query_key(resource: str, body_or_key: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    """The natural key as query parameters; their names are not the body's. KeyError if none is known."""
    facts = model.resource(resource)
    names = {path: name for name, paths in facts["queryParameters"].items() for path in paths}
    keys = [(names[path], path) for path in facts["identity"]]
    if not isinstance(body_or_key, Mapping):
        return {name: _wire(value) for (name, _), value in zip(keys, body_or_key, strict=True)}
    if all(name in body_or_key for name, _ in keys):
        return {name: _wire(body_or_key[name]) for name, _ in keys}
    return {name: _wire(_member(body_or_key, path)) for name, path in keys}


async def read_pages(
    session: Session, url: str, filters: Mapping[str, Any], put: Put, *, page_size: int, readers: int
) -> None:
    """Hand every row of a collection to `put`, page by page, in no particular order."""
    pages = _Pages(session, url, filters, page_size)
    first, token = await pages.counted(0)
    if token is None:
        await _by_offset(pages, first, put)
        return
    starts = await pages.partitions(readers) if len(first) >= pages.size else []
    if len(starts) > 1:  # the partitions hold the first page, too
        todo = asyncio.Queue[str]()
        for start in starts:
            todo.put_nowait(start)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(readers, len(starts))):
                    group.create_task(_by_token(pages, todo, put))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        return
    await put(first)
    todo = asyncio.Queue[str]()
    todo.put_nowait(token)
    await _by_token(pages, todo, put)


class _Pages:
    """One collection with its filters, and the page size found to be allowed."""

    def __init__(self, session: Session, url: str, filters: Mapping[str, Any], size: int) -> None:
        self._session, self._url, self._filters, self.size = session, url, filters, size

    async def counted(self, offset: int) -> tuple[list[Row], str | None]:
        """The page at an offset, and the token of the next one where tokens are offered."""
        answer = await self._sized("limit", {"offset": offset} if offset else {})
        return _rows(answer), answer.headers.get("next-page-token")

    async def following(self, token: str) -> tuple[list[Row], str | None]:
        """The page a token stands for, and the next token."""
        answer = await self._sized("pageSize", {"pageToken": token})
        return _rows(answer), answer.headers.get("next-page-token")

    async def total(self) -> int | None:
        """How many rows there are, where the API counts them."""
        answer = await self._session.ask(
            "GET", self._url, params={**self._filters, "limit": 1, "totalCount": "true"}
        )
        text = answer.headers.get("total-count", "")
        return int(text) if text.isdigit() else None

    async def partitions(self, number: int) -> list[str]:
        """Tokens that split the collection; none where the API does not split."""
        answer = await self._session.ask(
            "GET",
            f"{self._url}/partitions",
            params={**self._filters, "number": number},
            accept=(400, 404, 405),
        )
        tokens = _object(answer).get("pageTokens") if answer.status == 200 else None
        return [str(token) for token in tokens] if isinstance(tokens, list) else []

    async def _sized(self, name: str, rest: Mapping[str, Any]) -> Answer:
        while True:
            asked = self.size
            answer = await self._session.ask(
                "GET", self._url, params={**self._filters, **rest, name: asked}, accept=(400,)
            )
            if answer.status != 400:
                return answer
            allowed = allowed_page_size(answer.problem, asked)
            if allowed is None:
                raise OdsError(
                    f"Target '{self._session.target.name}' does not accept the filters of this reading (400 "
                    f"{answer.problem.title if answer.problem else ''}). Check their names and values.",
                    method="GET",
                    path=self._url.partition("?")[0],
                    status=400,
                    correlation_id=answer.correlation_id,
                )
            self.size = min(self.size, allowed)


def allowed_page_size(problem: Problem | None, asked: int) -> int | None:
    """The page size to ask for after a 400; None when the page size was not what was wrong."""
    for message in problem.messages if problem else ():
        if re.search(r"(?i)\b(limit|page ?size)\b", message):
            if (match := _MOST.search(message)) and 0 < int(match[1]) < asked:
                return int(match[1])
            return max(asked // 2, _SMALLEST_PAGE) if asked > _SMALLEST_PAGE else None
    return None


async def _by_token(pages: _Pages, todo: asyncio.Queue[str], put: Put) -> None:
    while not todo.empty():
        token: str | None = todo.get_nowait()
        while token is not None:
            rows, following = await pages.following(token)
            if following == token:
                raise OdsError("The API's page tokens lead in a circle; reading stopped. Tell the host.")
            if rows:
                await put(rows)
            token = following


async def _by_offset(pages: _Pages, first: list[Row], put: Put) -> None:
    seen: set[str] = set()

    async def put_new(rows: list[Row]) -> None:
        fresh = [row for row in rows if row.get("id") not in seen]
        seen.update(str(row["id"]) for row in fresh if "id" in row)
        if fresh:
            await put(fresh)

    if not first:
        return
    step = len(first)  # a host may hand out less than was asked for
    total = await pages.total()
    if total is None or total <= step:
        await put_new(first)
    if total is None:
        offset = step
        while rows := (await pages.counted(offset))[0]:
            await put_new(rows)
            offset += len(rows)
        return
    if total > step:  # the first page comes last once more: deletes meanwhile have moved rows into it
        for offset in range((total - 1) // step * step, -1, -step):
            await put_new((await pages.counted(offset))[0])


def _rows(answer: Answer) -> list[Row]:
    rows = answer.json()
    if not isinstance(rows, list):
        raise OdsError("The API answered a list with something else. Check the address with the host.")
    return rows


def _object(answer: Answer) -> Row:
    found = answer.json()
    return found if isinstance(found, dict) else {}


def _member(body: Mapping[str, Any], path: str) -> Any:
    value: Any = body
    for name in path.removeprefix("$.").split("."):
        value = value[name]
    return value


def _wire(value: Any) -> Any:
    return value.isoformat()[:10] if isinstance(value, date) else value


def _comparable(key: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).casefold() if name.endswith("Descriptor") else str(value)
        for name, value in key.items()
    }


def checked_filters(resource: str, filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Filters for the wire. Raises ConfigError for a name the model lacks, which the API would ignore."""
    filters = dict(filters or {})
    resources = model.data_standard()["resources"]
    if resource in resources:
        known = {*resources[resource]["queryParameters"], "id", "minChangeVersion", "maxChangeVersion"}
        if unknown := sorted(set(filters) - known):
            raise ConfigError(
                f"{resource} cannot be filtered by {', '.join(unknown)}; the API would return everything. "
                f"Use one of: {', '.join(sorted(known))}."
            )
    return {name: _wire(value) for name, value in filters.items()}
