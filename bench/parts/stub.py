"""A server that does next to nothing, so that clients are what is measured: discovery, token, metadata, pages, POST.

Every answer is made beforehand, but for the ids of its records, of which each has its own: a client may look at them. A
latency is waited for without holding anybody up. `GET /stub` tells CPU seconds and requests so far. Prints its address
first. Arguments: latency in milliseconds, rows in the collection.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from functools import lru_cache
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import httptools
import uvloop

RESOURCE = "studentCTEProgramAssociations"
PAGE = 500  # what a host hands out when nobody says how many


def row(number: int) -> dict[str, object]:
    """A row of about a thousand bytes."""
    return {
        "id": f"{number:032x}",
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {
            "educationOrganizationId": 628101017,
            "link": {"rel": "School", "href": "/ed-fi/schools/2f0c9d3ab1e24c7f8e6d5c4b3a291807"},
        },
        "programReference": {
            "educationOrganizationId": 628101,
            "programName": "Career Pathways",
            "programTypeDescriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Career and Technical Education",
            "link": {"rel": "Program", "href": "/ed-fi/programs/61c5d2e3f4a54b69870f1e2d3c4b5a69"},
        },
        "studentReference": {
            "studentUniqueId": f"S-{number}",
            "link": {"rel": "Student", "href": "/ed-fi/students/0a1b2c3d4e5f46378495a6b7c8d9e0f1"},
        },
        "nonTraditionalGenderStatus": True,
        "cteProgramServices": [
            {
                "cteProgramServiceDescriptor": "uri://ed-fi.org/CTEProgramServiceDescriptor#Health Science",
                "cipCode": "51.0000",
                "primaryIndicator": True,
                "serviceBeginDate": "2025-09-08",
            }
        ],
        "programParticipationStatuses": [],
        "_etag": "5250611069518622471",
        "_lastModifiedDate": "2025-09-03T14:05:09.1234567Z",
    }


@lru_cache
def parts_of(size: int) -> list[bytes]:
    """A page as text, cut where the ids go."""
    page = json.dumps([row(number) for number in range(size)])
    return re.split(rb'(?<="id": ")[0-9a-f]{32}', page.encode())


def page_of(low: int, size: int) -> bytes:
    """A page from row `low` on; but for their ids, all pages of one size are the same, which no client looks at."""
    first, *others = parts_of(size)
    return first + b"".join(b"%032x%b" % (low + at, part) for at, part in enumerate(others))


def answer(status: str, body: bytes = b"", headers: str = "") -> bytes:
    """A whole answer."""
    kind = "Content-Type: application/json; charset=utf-8\r\n" if body else ""
    head = f"HTTP/1.1 {status}\r\n{kind}{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def token(low: int, high: int) -> str:
    """A page token, as an API of 7.3 writes it."""
    return base64.urlsafe_b64encode(f"{low},{high}".encode()).decode().rstrip("=")


class Stub:
    """The answers."""

    def __init__(self, latency_s: float, rows: int) -> None:
        self.latency_s, self.rows, self.requests = latency_s, rows, 0
        self.written = answer("201 Created", headers='Location: %b/%032x\r\nETag: "5250611069518622471"\r\n')
        self.fixed: dict[str, bytes] = {}

    def describe(self, root: str) -> None:
        """Make the answers that name addresses."""
        data, meta = f"{root}/data/v3/", f"{root}/metadata/"
        swagger = {
            "paths": {f"/ed-fi/{RESOURCE}": {"get": {"parameters": []}}},
            "components": {"schemas": {}},
            "tags": [],
        }
        listed = [
            {"name": name, "endpointUri": f"{meta}{name}.json", "prefix": ""}
            for name in ("Resources", "Descriptors")
        ]
        ordered = [{"resource": f"/ed-fi/{RESOURCE}", "order": 1, "operations": ["Create", "Update"]}]
        urls = {
            "oauth": f"{root}/oauth/token",
            "dataManagementApi": data,
            "dependencies": f"{meta}dependencies",
            "openApiMetadata": meta,
        }
        documents: dict[str, object] = {
            "/": {"version": "7.3", "urls": urls, "dataModels": [{"name": "Ed-Fi", "version": "5.2.0"}]},
            "/oauth/token": {"access_token": "0" * 32, "expires_in": 1800, "token_type": "bearer"},
            "/metadata/dependencies": ordered,
            "/metadata/": listed,
            "/metadata/Resources.json": swagger,
            "/metadata/Descriptors.json": swagger,
        }
        self.fixed = {
            path: answer("200 OK", json.dumps(document).encode()) for path, document in documents.items()
        }

    def reply(self, method: str, target: str) -> bytes:
        """The answer to one request."""
        self.requests += 1
        if method == "POST" and target.startswith("/data/"):
            return self.written % (target.rpartition("/")[2].encode(), self.requests)
        url = urlsplit(target)
        if url.path in self.fixed:
            return self.fixed[url.path]
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path.endswith("/partitions"):
            return self.partitions(int(query.get("number", 10)))
        if url.path == "/stub":
            seen = {"cpu": time.process_time(), "requests": self.requests}
            return answer("200 OK", json.dumps(seen).encode())
        return self.page(query)

    def page(self, query: dict[str, str]) -> bytes:
        """A page by offset or by token."""
        if "pageToken" in query:
            padded = query["pageToken"] + "=" * (-len(query["pageToken"]) % 4)
            low, high = map(int, base64.urlsafe_b64decode(padded).split(b","))
            size = int(query.get("pageSize", PAGE))
        else:
            low, high = int(query.get("offset", 0)), self.rows - 1
            size = int(query.get("limit", PAGE))
        size = max(0, min(size, high - low + 1))
        headers = f"Next-Page-Token: {token(low + size, high)}\r\n" if size else ""
        if query.get("totalCount", "").lower() == "true":
            headers += f"Total-Count: {self.rows}\r\n"
        return answer("200 OK", page_of(low, size), headers)

    def partitions(self, number: int) -> bytes:
        """Tokens that split the collection."""
        edges = [self.rows * n // number for n in range(number + 1)]
        tokens = [token(low, high - 1) for low, high in pairwise(edges)]
        return answer("200 OK", json.dumps({"pageTokens": tokens}).encode())


class Connection(asyncio.Protocol):
    """One connection; requests are read by httptools, as uvicorn does."""

    def __init__(self, stub: Stub) -> None:
        self.stub, self.url = stub, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.parser = transport, httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self.url += url

    def on_message_complete(self) -> None:
        """Called by the parser."""
        content = self.stub.reply(self.parser.get_method().decode(), self.url.decode())
        self.url = b""
        if self.stub.latency_s:
            asyncio.get_running_loop().call_later(self.stub.latency_s, self.send, content)
        else:
            self.send(content)

    def send(self, content: bytes) -> None:
        """Answer, unless the client has gone."""
        if not self.transport.is_closing():
            self.transport.write(content)  # type: ignore[attr-defined]


async def serve(latency_ms: float, rows: int) -> None:
    """Serve until the one who started it closes our standard input."""
    stub = Stub(latency_ms / 1000, rows)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", 0, backlog=512)
    root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    stub.describe(root)
    print(root, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]), int(sys.argv[2])))
