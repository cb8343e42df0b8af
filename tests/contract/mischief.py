"""An ODS that misbehaves on one kind of request and is honest about the rest: the embedded ODS behind a raw socket.

The behaviours are in `behaviours.py`; `bench/mischief.py` measures them, `test_mischief.py` proves them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from edfi_toolkit.ods import Client, RetryPolicy, standard_of
from edfi_toolkit.ods.snapshot import updatable
from edfi_toolkit.settings import AnswerLimits, Secret, Target
from tests.factories.district import GENERAL, LEA, YEAR

SMALL = AnswerLimits(
    max_answer_s=0.6,
    max_silent_s=1,
    max_wait_s=5,
    max_answer_mb=4,
    max_values=200_000,
    max_records=2_000,
    max_pages=50,
)
QUICK = RetryPolicy(
    first_wait_s=0.001, longest_wait_s=0.005, attempts=3, attempts_busy=3, rounds=4, longest_pause_s=5
)
MOST_SENT = 80 * 2**20  # bytes that a stream without end has, after all


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    number: int  # of those of its kind, while the behaviour is in force


class Wire:
    """What a behaviour has: the honest answer, and the connection."""

    def __init__(self, front: Front, writer: asyncio.StreamWriter, asked: Asked) -> None:
        self.front, self.writer, self.asked = front, writer, asked

    async def honest(self) -> httpx.Response:
        """The embedded ODS's own answer; what is written is written."""
        return await self.front.forward(self.asked)

    async def send(self, content: bytes) -> None:
        self.front.sent += len(content)
        self.writer.write(content)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection without a farewell."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Play = Callable[[Asked, Wire], Awaitable[None]]


@dataclass(frozen=True)
class Behaviour:
    """says: what the client says; where that is empty, it copes. most: requests of its kind; without one, as a reading
    needs four, and a busy host may have each of them asked again. tls: asked by https."""

    name: str
    kind: str
    play: Play = field(repr=False)
    says: str = ""
    most: int = 4 * QUICK.attempts
    tls: bool = False


class Front:
    """The socket. `behaviour` may be changed at any time; `elsewhere` is another host, to which nothing must go."""

    def __init__(self, app: Any) -> None:
        self.serve(app)
        self.behaviour: Behaviour | None = None
        self.asked, self.sent, self.gone_elsewhere = list[Asked](), 0, 0
        self._counts: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.port, self.elsewhere = self.do(self._listen(self._serve)), self.do(self._listen(self._other))

    def do(self, work: Any) -> Any:
        """Run on the front's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def serve(self, app: Any) -> None:
        """Put another embedded ODS behind the socket, with tokens for all."""
        app.state.sandbox.ods.options.change({"token_limit": 10_000})
        app.state.sandbox.ods.apply_options()
        self.app, self._inside = app, httpx.ASGITransport(app)

    def behave(self, behaviour: Behaviour | None) -> None:
        """Put a behaviour in force; None is honest."""
        self.behaviour, self.sent, self._counts = behaviour, 0, {}
        self.asked.clear()

    def times(self, kind: str) -> int:
        """How many requests of a kind came since."""
        return self._counts.get(kind, 0)

    def close(self) -> None:
        self.do(self._shut())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def target(self, limits: AnswerLimits = SMALL, *, tls: bool = False, cache: str | None = None) -> Target:
        """The way to it, with the login of the embedded ODS."""
        (login,) = (c for c in self.app.state.sandbox.ods.directory.clients.values() if c.name == "host")
        return Target(
            "odd",
            f"http{'s' if tls else ''}://127.0.0.1:{self.port}",
            Secret(login.key),
            Secret(login.secret),
            school_year=YEAR,
            token_cache=cache,
            answers=limits,
        )

    async def forward(self, asked: Asked) -> httpx.Response:
        request = httpx.Request(
            asked.method,
            f"http://127.0.0.1:{self.port}{asked.path}",
            params=asked.query,
            headers={name: value for name, value in asked.headers.items() if name != "accept-encoding"},
            content=asked.body,
        )
        response = await self._inside.handle_async_request(request)
        await response.aread()
        return response

    async def _listen(self, serve: Any) -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
        self._servers = [*getattr(self, "_servers", []), server]
        return int(server.sockets[0].getsockname()[1])

    async def _shut(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _other(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.gone_elsewhere += 1
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError
        ):
            while True:
                asked = await self._read(reader)
                behaviour, kind = self.behaviour, kind_of(asked)
                asked.number = self._counts[kind] = self._counts.get(kind, 0) + 1
                self.asked.append(asked)
                wire = Wire(self, writer, asked)
                if behaviour is not None and behaviour.kind == kind:
                    await behaviour.play(asked, wire)
                    break
                await wire.send(as_bytes(await wire.honest()))
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        begin = await reader.readexactly(1)
        if begin == b"\x16":  # TLS, which is not spoken here
            raise ConnectionError
        head = begin + await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, url, _ = first.split(" ")
        headers = {n.lower(): value.strip() for n, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(url)
        return Asked(method, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body, 0)


def kind_of(asked: Asked) -> str:
    """What a request is about: root, token, metadata, document, dependencies, versions, list, find, item, partitions,
    deletes, keyChanges, POST, PUT, DELETE."""
    plain = {
        "/": "root",
        "/oauth/token": "token",
        "/metadata/data/v3/dependencies": "dependencies",
        "/changeQueries/v1/availableChangeVersions": "versions",
    }
    if asked.path in plain:
        return plain[asked.path]
    if asked.path.startswith("/metadata"):
        return "document" if asked.path.endswith(".json") else "metadata"
    if asked.method != "GET":
        return asked.method
    rest = asked.path.removeprefix("/data/v3/ed-fi/").split("/")[1:]
    if rest:
        return rest[0] if rest[0] in ("partitions", "deletes", "keyChanges") else "item"
    return "find" if "studentUniqueId" in asked.query else "list"


def as_bytes(response: httpx.Response, content: bytes | None = None, **headers: str | None) -> bytes:
    """An answer as it goes over a socket; headers: other ones, None for none."""
    content = response.content if content is None else content
    given = {n: v for n, v in response.headers.items() if n not in ("content-length", "transfer-encoding")}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    length = (
        {}
        if "content-length" in given or response.status_code == 204
        else {"content-length": str(len(content))}
    )
    lines = [f"{name}: {value}" for name, value in (given | length).items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {response.status_code} X", *lines, "", ""]).encode("latin-1") + content


# What is played


def raw(content: bytes) -> Play:
    """These bytes, and then the end of the connection."""

    async def play(asked: Asked, wire: Wire) -> None:
        await wire.send(content)

    return play


def answer(body: Any, status: int = 200, **headers: str | None) -> Play:
    """A body, JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", "connection": "close"}
    response = httpx.Response(status, headers=given, content=content)
    return raw(as_bytes(response, **headers))


def each(make: Callable[[Asked], Play]) -> Play:
    """Another one for each request."""

    async def play(asked: Asked, wire: Wire) -> None:
        await make(asked)(asked, wire)

    return play


def but(change: Callable[[Any], Any] = lambda found: found, **headers: str | None) -> Play:
    """The honest answer, with its JSON and its headers changed."""

    async def play(asked: Asked, wire: Wire) -> None:
        response = await wire.honest()
        content = json.dumps(change(response.json())).encode() if response.content else b""
        await wire.send(as_bytes(response, content, **headers))

    return play


def honest_as(change: Callable[[bytes], bytes], **headers: str | None) -> Play:
    """The honest answer, with the bytes of its body changed."""

    async def play(asked: Asked, wire: Wire) -> None:
        response = await wire.honest()
        await wire.send(as_bytes(response, change(response.content), **headers))

    return play


def stream(head: bytes, part: bytes, *, pause_s: float = 0.0) -> Play:
    """A head, and then the same again and again until the other side has enough."""

    async def play(asked: Asked, wire: Wire) -> None:
        await wire.send(head)
        for _ in range(MOST_SENT // len(part)):
            await wire.send(part)
            if pause_s:
                await asyncio.sleep(pause_s)

    return play


def lost(*, after: bool = False, half: bool = False) -> Play:
    """The connection is reset: before the request is acted on, after it, or in the middle of the answer."""

    async def play(asked: Asked, wire: Wire) -> None:
        if after or half:
            response = await wire.honest()
            if half:
                await wire.send(as_bytes(response, (response.content or b"{}") + b" ")[:-2])
                await asyncio.sleep(0.01)
        wire.reset()

    return play


async def silent(asked: Asked, wire: Wire) -> None:
    """Nothing, for longer than anyone waits."""
    await asyncio.sleep(60)


async def silent_after(asked: Asked, wire: Wire) -> None:
    """What was asked is done, and never answered."""
    await wire.honest()
    await asyncio.sleep(60)


def elsewhere(status: int) -> Play:
    """A redirect to another host."""

    async def play(asked: Asked, wire: Wire) -> None:
        place = f"http://127.0.0.1:{wire.front.elsewhere}{asked.path}"
        await answer(b"", status, location=place)(asked, wire)

    return play


def root(**urls: Any) -> Play:
    """The root document with other addresses; what is no address is another member."""

    def change(document: Any) -> Any:
        places = {"dataManagementApi", "oauth", "openApiMetadata"}
        document["urls"] |= {name: value for name, value in urls.items() if name in places}
        return document | {name: value for name, value in urls.items() if name not in places}

    return but(change)


def pages(make: Callable[[int], list[Any]], token: Callable[[int], str | None], **headers: str) -> Play:
    """Pages of a collection by their number."""
    return each(lambda asked: answer(make(asked.number), next_page_token=token(asked.number), **headers))


def row(number: int, **members: Any) -> dict[str, Any]:
    """A record that is read."""
    return {"id": f"{number:032x}", "_etag": "1", **members}


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [row(start + number) for number in range(count)]


def location(make: Callable[[str], str | None]) -> Play:
    """A write that is answered with another address."""

    async def play(asked: Asked, wire: Wire) -> None:
        response = await wire.honest()
        await wire.send(as_bytes(response, location=make(response.headers.get("location", ""))))

    return play


def bomb(wbits: int, megabytes: int = 400) -> bytes:
    """So much of nothing, compressed; without its end, which nobody should reach."""
    packer = zlib.compressobj(9, wbits=wbits)
    first, part = (packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + part * megabytes


STUDENT = "S-1"
KEY_OF_ONE = {
    "beginDate": "2025-08-23",
    "educationOrganizationReference": {"educationOrganizationId": LEA},
    "programReference": {
        "educationOrganizationId": LEA,
        "programName": "Gifted and Talented",
        "programTypeDescriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented",
    },
    "studentReference": {"studentUniqueId": STUDENT},
}


def ask(client: Client, kind: str) -> Any:
    """What brings a client to a request of this kind."""
    match kind:
        case "root":
            return client.discovery
        case "metadata" | "document":
            return client.openapi(), standard_of(client), updatable(client)
        case "dependencies":
            return client.dependencies()
        case "versions":
            return client.change_versions()
        case "deletes":
            return client.deletes(GENERAL, minimum=0, maximum=9)
        case "keyChanges":
            return client.key_changes(GENERAL, minimum=0, maximum=9)
        case "find":
            return client.find(GENERAL, KEY_OF_ONE)
        case "item":
            return client.get(GENERAL, f"{1:032x}")
        case "partitions":
            return client.read_all("students")
        case _:  # token, list
            return client.read_all(GENERAL)
