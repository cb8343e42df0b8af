"""A small ODS of an older make, for what the sandbox does not do."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edfi_toolkit.ods import Client, Outcome, RetryPolicy, Write
from edfi_toolkit.settings import Secret, Target
from tests.sockets import served

RESOURCE = "studentProgramAssociations"
PROGRAM_TYPE = "uri://ed-fi.org/ProgramTypeDescriptor#Special Education"
QUICK = RetryPolicy(first_wait_s=0.001, longest_wait_s=0.005)
_ANY_VERSION = (("min", 0), ("max", 2**62))


def an_association(student: str = "S-1", **members: Any) -> dict[str, Any]:
    """A body."""
    return {
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {"educationOrganizationId": 628101},
        "programReference": {
            "educationOrganizationId": 62,
            "programName": "Chess",
            "programTypeDescriptor": PROGRAM_TYPE,
        },
        "studentReference": {"studentUniqueId": student},
        **members,
    }


def a_post(ref: Any = 1, student: str | None = None, **members: Any) -> Write:
    """A POST of one student's association; the student is the ref's own unless named."""
    name = student or f"S-{ref}"
    return Write("POST", RESOURCE, orjson.dumps(an_association(name, **members)), None, None, ref, name)


class SmallOds:
    """Holds rows in the order they came; every habit can be changed while it runs.

    reply: asked first for each data request, (method, path, number of the request) -> Response or None.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.reply: Callable[[Request, bytes, int], Any] = lambda request, body, number: None
        self.counts_total, self.silent_cap, self.page_limit = True, 10_000, 500
        self.limit_message = "Limit must be a value between 0 and {}."
        self.gives_location = self.gives_etag = True
        self.offers: dict[str, str] = {}
        self.dependencies: list[dict[str, Any]] = []
        self.tracks_changes, self.oldest, self.version, self.versions = False, 0, 0, {}
        self.expires_in: Any = 1800
        self.token_answer: Callable[[], Response | None] = lambda: None
        self.tokens: set[str] = set()
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.times: list[float] = []
        self.busy = self.most_busy = 0
        self.app = Starlette(
            routes=[
                Route("/", self._root),
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/metadata/data/v3/dependencies", lambda request: JSONResponse(self.dependencies)),
                Route("/changeQueries/v1/availableChangeVersions", self._versions),
                Route("/data/v3/{schema}/{name}", self._collection, methods=["GET", "POST"]),
                Route("/data/v3/{schema}/{name}/{id}", self._item, methods=["GET", "PUT", "DELETE"]),
            ]
        )

    def fill(self, count: int) -> None:
        """Rows of students S-0, S-1 and so on."""
        for n in range(count):
            self._put(an_association(f"S-{n}"), f"{n:032x}")

    def _put(self, body: dict[str, Any], ed_fi_id: str) -> None:
        self.rows[ed_fi_id] = {**body, "id": ed_fi_id, "_etag": f"v{time.monotonic_ns()}"}
        self.touch(ed_fi_id)

    def touch(self, ed_fi_id: str) -> None:
        """Give an item a new change version, as any change of it does."""
        self.version += 1
        self.versions[ed_fi_id] = self.version

    async def _root(self, request: Request) -> Response:
        root = str(request.base_url).rstrip("/")
        urls = {"oauth": f"{root}/oauth/token", "dataManagementApi": f"{root}/data/v3/"}
        urls |= {name: f"{root}{path}" for name, path in self.offers.items()}
        if self.tracks_changes:
            urls["changeQueries"] = f"{root}/changeQueries/v1/"
        return JSONResponse({"urls": urls, "version": "6.2"})

    async def _versions(self, request: Request) -> Response:
        _, answer = await self._judged(request)
        return answer or JSONResponse(
            {"OldestChangeVersion": self.oldest, "NewestChangeVersion": self.version}
        )

    async def _token(self, request: Request) -> Response:
        self.counts["token"] += 1
        if (answer := self.token_answer()) is not None:
            return answer
        await asyncio.sleep(0.01)
        token = f"token-{self.counts['token']}"
        self.tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": self.expires_in, "token_type": "bearer"})

    async def _judged(self, request: Request) -> tuple[bytes, Response | None]:
        body = await request.body()
        self.seen.append((request.method, request.url.path, dict(request.query_params), body))
        self.headers.append(dict(request.headers))
        self.times.append(time.monotonic())
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return body, Response(status_code=401)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            answer = self.reply(request, body, len(self.seen))
            return body, (await answer) if asyncio.iscoroutine(answer) else answer
        finally:
            self.busy -= 1

    async def _collection(self, request: Request) -> Response:
        body, answer = await self._judged(request)
        if answer is not None:
            return answer
        if request.method == "POST":
            return self._upserted(httpx.Response(200, content=body).json())
        query = dict(request.query_params)
        limit, offset = int(query.pop("limit", 25)), int(query.pop("offset", 0))
        lowest, highest = (int(query.pop(f"{end}ChangeVersion", bound)) for end, bound in _ANY_VERSION)
        if limit > self.page_limit:
            return JSONResponse({"message": self.limit_message.format(self.page_limit)}, 400)
        student = query.get("studentUniqueId")
        rows = [
            row
            for row in self.rows.values()
            if student in (None, row["studentReference"]["studentUniqueId"])
            and lowest <= self.versions[row["id"]] <= highest
        ]
        headers = {"Total-Count": str(len(rows))} if "totalCount" in query and self.counts_total else {}
        return JSONResponse(rows[offset : offset + min(limit, self.silent_cap)], headers=headers)

    def _upserted(self, body: dict[str, Any]) -> Response:
        student = body["studentReference"]["studentUniqueId"]
        old = [k for k, row in self.rows.items() if row["studentReference"]["studentUniqueId"] == student]
        ed_fi_id = old[0] if old else f"{len(self.rows) + 1:032x}"
        self._put(body, ed_fi_id)
        headers = {}
        if self.gives_location:
            headers["Location"] = f"http://inner/data/v3/ed-fi/{RESOURCE}/{ed_fi_id}"
        if self.gives_etag:
            headers["ETag"] = f'"{self.rows[ed_fi_id]["_etag"]}"'
        return Response(status_code=200 if old else 201, headers=headers)

    async def _item(self, request: Request) -> Response:
        body, answer = await self._judged(request)
        if answer is not None:
            return answer
        ed_fi_id = request.path_params["id"]
        row = self.rows.get(ed_fi_id)
        if row is None:
            return Response(status_code=404)
        if request.method == "GET":
            return JSONResponse(row)
        if request.headers.get("if-match", f'"{row["_etag"]}"').strip('"') != row["_etag"]:
            return JSONResponse({"message": "Resource was modified by another consumer."}, 412)
        if request.method == "DELETE":
            del self.rows[ed_fi_id]
        else:
            self._put(httpx.Response(200, content=body).json(), ed_fi_id)
        return Response(status_code=204)


def a_target(url: str = "http://ods.test", **more: Any) -> Target:
    """A target with invented credentials."""
    return Target("small", url, Secret("key-canary"), Secret("secret-canary"), **more)


@pytest.fixture
def ods() -> SmallOds:
    """A small ODS."""
    return SmallOds()


@pytest.fixture
def client(ods: SmallOds) -> Iterator[Client]:
    """A client of the small ODS, in-process."""
    with a_client(ods) as made:
        yield made


def a_client(ods: SmallOds, *, retry: RetryPolicy = QUICK, **target: Any) -> Client:
    """A client of a small ODS, in-process."""
    return Client(a_target(**target), transport=httpx.ASGITransport(ods.app), retry=retry)


def kept(outcomes: Iterator[Outcome], into: list[Outcome]) -> tuple[()]:
    """Put outcomes into a list one by one, so that they are there when the iterator raises."""
    for outcome in outcomes:
        into.append(outcome)
    return ()


@pytest.fixture
def tools() -> Any:
    """What the tests of this folder share."""

    class Tools:
        resource, quick = RESOURCE, QUICK
        association, post = staticmethod(an_association), staticmethod(a_post)
        client, target, served = staticmethod(a_client), staticmethod(a_target), staticmethod(served)
        kept = staticmethod(kept)

    return Tools
