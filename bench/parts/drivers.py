"""One way of sending or reading, in a process of its own: `python drivers.py WAY ARGUMENTS-AS-JSON`.

Prints what it did, and what that took once everything was imported: seconds, CPU seconds, the peak of its memory.
It is also run by the rivals' own Python, so nothing is imported before it is needed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESOURCE = "studentCTEProgramAssociations"


def measured(work: Callable[[], int]) -> None:
    """Run it, and print what it took."""
    cpu, clock = time.process_time(), time.perf_counter()
    done = work()
    seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(json.dumps({"done": done, "seconds": seconds, "cpu": cpu, "peak": peak()}))


def peak() -> float:
    """The most memory this process ever had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage tells of the process that started this one, too
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def bodies_of(path: str, count: int) -> list[Any]:
    """Bodies, one a line."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for _, line in zip(range(count), lines, strict=False)]


def lightbeam(command: str, folder: str, address: str, pool: int, page: int = 500) -> None:
    """`lightbeam send` or `lightbeam fetch`, by its own main program."""
    from lightbeam.__main__ import main

    work = Path(folder)
    settings = {
        "data_dir": folder,
        "edfi_api": {
            "base_url": address,
            "version": 3,
            "mode": "shared_instance",
            "client_id": "key",
            "client_secret": "secret",
        },
        "connection": {"verify_ssl": False, "pool_size": pool},
        "fetch": {"page_size": page},
    }
    (work / "lightbeam.yaml").write_text(json.dumps(settings))
    results = work / "results.json"

    def run() -> int:
        sys.argv = ["lightbeam", command, "-c", str(work / "lightbeam.yaml"), "-s", RESOURCE]
        sys.argv += ["--results-file", str(results)]
        main()
        if command == "fetch":
            with (work / f"{RESOURCE}.jsonl").open("rb") as lines:
                return sum(1 for _ in lines)
        sent = json.loads(results.read_text())["resources"][RESOURCE]
        return sum(each["count"] for each in sent["successes"])

    measured(run)


def edfi_api_client(address: str, bodies: str = "", count: int = 0, page: int = 500) -> None:
    """Posts one after the other through its session, or rows by cursor."""
    from edfi_api_client import EdFiClient

    client = EdFiClient(address, "key", "secret")
    found = client.resource(RESOURCE)
    given = bodies_of(bodies, count) if bodies else []

    def send() -> int:
        return sum(client.session.post_response(found.url, data=body).status_code == 201 for body in given)

    measured(send if bodies else lambda: sum(1 for _ in found.get_rows(page_size=page)))


def aiohttp(address: str, bodies: str, count: int, at_once: int) -> None:
    """Nothing but aiohttp: what the wire costs without a client's care."""
    import asyncio

    import aiohttp as library

    given = iter(bodies_of(bodies, count))
    url = f"{address}/data/v3/ed-fi/{RESOURCE}"

    async def worker(session: Any) -> int:
        created = 0
        for body in given:
            async with session.post(url, json=body, headers={"Authorization": "Bearer 0"}) as response:
                await response.read()
                created += response.status == 201
        return created

    async def all_workers() -> int:
        async with library.ClientSession(connector=library.TCPConnector(limit=0)) as session:
            return sum(await asyncio.gather(*(worker(session) for _ in range(at_once))))

    measured(lambda: asyncio.run(all_workers()))


def transport(address: str, bodies: str, count: int, at_once: int) -> None:
    """The same wire under httpx's requests and answers, with no client around it."""
    import asyncio

    import httpx
    import uvloop

    from edfi_toolkit.ods.transport import CurlTransport

    given = iter([json.dumps(body).encode() for body in bodies_of(bodies, count)])
    url = httpx.URL(f"{address}/data/v3/ed-fi/{RESOURCE}")
    headers = httpx.Headers(
        {"Host": url.netloc.decode(), "Authorization": "Bearer 0", "Content-Type": "application/json"}
    )

    async def worker(wire: CurlTransport) -> int:
        created = 0
        for body in given:
            request = httpx.Request("POST", url, headers=headers, stream=httpx.ByteStream(body))
            created += (await wire.handle_async_request(request)).status_code == 201
        return created

    async def all_workers() -> int:
        wire = CurlTransport()
        try:
            return sum(await asyncio.gather(*(worker(wire) for _ in range(at_once))))
        finally:
            await wire.aclose()

    measured(lambda: uvloop.run(all_workers()))


def target(address: str, at_once: int) -> Any:
    """Our own way in."""
    from edfi_toolkit.settings import Secret, Target

    return Target("bench", address, Secret("key"), Secret("secret"), concurrency=at_once)


def flow(address: str, bodies: str, count: int, at_once: int) -> None:
    """The same wire under httpx's own client and auth flow."""
    import asyncio

    import httpx
    import uvloop

    from edfi_toolkit.ods.transport import CurlTransport

    given = iter([json.dumps(body).encode() for body in bodies_of(bodies, count)])
    url = f"{address}/data/v3/ed-fi/{RESOURCE}"

    class Auth(httpx.Auth):
        async def async_auth_flow(self, request: httpx.Request) -> Any:
            request.headers["Authorization"] = "Bearer 0"
            yield request

    async def worker(session: httpx.AsyncClient) -> int:
        created = 0
        for body in given:
            answer = await session.post(url, content=body, headers={"Content-Type": "application/json"})
            created += answer.status_code == 201
        return created

    async def all_workers() -> int:
        async with httpx.AsyncClient(transport=CurlTransport(), auth=Auth(), trust_env=False) as session:
            return sum(await asyncio.gather(*(worker(session) for _ in range(at_once))))

    measured(lambda: uvloop.run(all_workers()))


def client(address: str, bodies: str, count: int, at_once: int, wire: str = "", library: str = "") -> None:
    """`Client.apply`, without a ledger. wire: another transport than its own, by the name of its library."""
    from edfi_toolkit.ods import Client, Write

    students = [body["studentReference"]["studentUniqueId"] for body in bodies_of(bodies, count)]
    with Path(bodies).open("rb") as lines:
        writes = [
            Write("POST", RESOURCE, line.rstrip(), None, None, ref, student)
            for ref, (line, student) in enumerate(zip(lines, students, strict=False))
        ]
    other = None
    if wire:
        from wires import named

        other = named(wire, library)
    ours = Client(target(address, at_once), transport=other)

    def send() -> int:
        with ours:
            return sum(outcome.status == 201 for outcome in ours.apply(writes))

    measured(send)


def publish(address: str, plan: str, ledger: str, at_once: int) -> None:
    """`publish`, with every intent and outcome in the ledger."""
    import edfi_toolkit as edfi
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ods import Client
    from edfi_toolkit.planning import Plan

    made = Plan.load(Path(plan))
    kept = Ledger(ledger)
    ours = Client(target(address, at_once))

    def send() -> int:
        with ours, kept:
            outcome = edfi.publish(made, target=ours, ledger=kept, approved="auto")
        return int(outcome["outcome"].eq("delivered").sum())

    measured(send)


def journal(address: str, plan: str, ledger: str) -> None:
    """`publish` to a client that sends nothing: the plan, its journal and the ledger alone."""
    from collections.abc import Iterable, Iterator
    from itertools import islice

    import edfi_toolkit as edfi
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ods import Client, Outcome, Write
    from edfi_toolkit.planning import Plan

    class Nowhere(Client):
        def apply(self, items: Iterable[Write], **_: Any) -> Iterator[Outcome]:
            waiting = iter(items)
            while few := list(islice(waiting, 20)):  # a few are under way at once, as ever
                for write in few:
                    yield Outcome(write.ref, "delivered", 201, f"{write.ref:032x}", "1", None, "0", 1)

    made = Plan.load(Path(plan))

    def send() -> int:
        with Nowhere(target(address, 1)) as ours, Ledger(ledger) as kept:
            outcome = edfi.publish(made, target=ours, ledger=kept, approved="auto")
        return int(outcome["outcome"].eq("delivered").sum())

    measured(send)


def read(address: str) -> None:
    """`Client.read`, page by page."""
    from edfi_toolkit.ods import Client

    ours = Client(target(address, 8))

    def pages() -> int:
        with ours:
            return sum(len(frame) for frame in ours.read(RESOURCE))

    measured(pages)


def pull(address: str, path: str) -> None:
    """`pull`, to a Parquet file."""
    from edfi_toolkit import ods

    ours = ods.Client(target(address, 8))

    def rows() -> int:
        with ours:
            return ods.pull(ours, RESOURCE, path).rows

    measured(rows)


if __name__ == "__main__":
    globals()[sys.argv[1]](**json.loads(sys.argv[2]))
