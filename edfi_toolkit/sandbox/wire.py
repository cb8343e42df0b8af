"""Requests and answers between the ASGI server and the handlers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Message, Receive, Scope, Send

from edfi_toolkit.sandbox.refusal import PLAIN_JSON, Refusal
from edfi_toolkit.sandbox.shapes import Shape

MOST_BODY = 30_000_000  # what the host's server takes unless it is configured otherwise
MOST_SEED = 2**30  # a seed of a whole state comes to the control endpoint in one body


@dataclass
class Call:
    """One request.  Header and query names are lower-case; of a repeated one the last counts."""

    method: str
    path: str  # below the route context, without a trailing slash
    base_url: str  # scheme, host and route context
    headers: dict[str, str]
    query_string: str
    body: bytes
    client_host: str | None
    too_large: bool = False
    resource: str = "unknown"  # what the counters and the fault rules call it
    target: Shape | None = None  # the collection it is about, and what follows that in the path
    last: str | None = None
    client: str = ""  # the name of the caller, once it is known

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters."""
        return {name.lower(): value for name, value in parse_qsl(self.query_string, keep_blank_values=True)}

    @cached_property
    def correlation_id(self) -> str:
        """The caller's own id for this request, or a new one."""
        return self.headers.get("correlation-id") or self.query.get("correlationid") or str(uuid.uuid4())


@dataclass(slots=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    media: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None  # what it says, when it is one


Handler = Callable[[Call], Reply]


def json_reply(
    value: Any, status: int = 200, *, headers: dict[str, str] | None = None, media: str = PLAIN_JSON
) -> Reply:
    """An answer in indented JSON, as the host prints it."""
    return Reply(status, orjson.dumps(value, option=orjson.OPT_INDENT_2), media, headers or {})


def call_of(scope: Scope) -> Call:
    """The request without its body, which is not read yet."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host") or "localhost"
    client = scope.get("client")
    root_path = scope.get("root_path", "")
    return Call(
        method=scope["method"],
        path=scope["path"].removeprefix(root_path),
        base_url=f"{scope.get('scheme', 'http')}://{host}{root_path}",
        headers=headers,
        query_string=scope["query_string"].decode("latin-1"),
        body=b"",
        client_host=client[0] if client else None,
    )


async def read_body(call: Call, receive: Receive, *, most: int = MOST_BODY) -> None:
    """Read the body; of one that is, or says it is, longer than `most` bytes nothing is kept."""
    announced = call.headers.get("content-length", "0")
    size = int(announced) if announced.isdecimal() else most + 1
    parts, received = [], 0
    more = size <= most
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            break
        part = message.get("body", b"")
        received += len(part)
        if received > most:
            size = received
            break
        parts.append(part)
        more = message.get("more_body", False)
    call.too_large = size > most
    call.body = b"" if call.too_large else b"".join(parts)


async def send_reply(reply: Reply, send: Send, *, cut_to: int | None = None) -> None:
    """Put an answer on the wire; of a body that is cut only that many bytes, though its full length is announced."""
    headers = [(b"content-length", b"%d" % len(reply.body))] if reply.status not in (204, 304) else []
    if reply.media:
        headers.append((b"content-type", reply.media.encode()))
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    body, more = (reply.body, False) if cut_to is None else (reply.body[:cut_to], True)
    await send({"type": "http.response.body", "body": body, "more_body": more})
