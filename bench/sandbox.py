"""What the sandbox ODS takes on one core: POSTs of CTE associations sent by wrk, and pages of 500 read back.

Every POST creates an item of its own, judged in full: token, claim set, both phases of validation, relationships,
references; into a file, one transaction each. The server is one process; what counts is what it does in a second of its
own CPU time, next to the same server answering 201 without a look. Needs `wrk`. An argument is the number of seconds
of each round.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson

from edfi_toolkit.sandbox import Running, start

SECONDS, ROUNDS = 2, 5
CONNECTIONS = 8
STUDENTS = 500
PAGES = 10
RATE_GOAL, PAGE_GOAL_MS = 0.08, 30.0  # the first held on every host so far, see README.md
RESOURCE = "studentCTEProgramAssociations"
DISTRICT, SCHOOL, PROGRAM = 628101, 628101017, "Career Pathways"
URI = "uri://ed-fi.org"
PROGRAM_TYPE = f"{URI}/ProgramTypeDescriptor#Career and Technical Education"
GRADE = f"{URI}/GradeLevelDescriptor#Ninth grade"
KIND_OF_ORGANIZATION = f"{URI}/EducationOrganizationCategoryDescriptor"

ASSOCIATION = {
    "beginDate": "%04d-%02d-%02d",
    "educationOrganizationReference": {"educationOrganizationId": SCHOOL},
    "programReference": {
        "educationOrganizationId": DISTRICT,
        "programName": PROGRAM,
        "programTypeDescriptor": PROGRAM_TYPE,
    },
    "studentReference": {"studentUniqueId": "S-%05d"},
    "nonTraditionalGenderStatus": True,
    "cteProgramServices": [
        {
            "cteProgramServiceDescriptor": f"{URI}/CTEProgramServiceDescriptor#Health Science",
            "cipCode": "51.0000",
            "primaryIndicator": True,
            "serviceBeginDate": "2025-09-08",
        }
    ],
}
# Another key for each request: the students in turn, then the next day.
LUA = """
local n = %(first)d - 1
request = function()
  n = n + 1
  local day = math.floor(n / %(students)d)
  local year, month = 1950 + math.floor(day / 336), math.floor(day / 28) %% 12 + 1
  local body = string.format([==[%(body)s]==], year, month, day %% 28 + 1, n %% %(students)d)
  return wrk.format("POST", nil, {["Content-Type"] = "application/json", ["Authorization"] = "%(token)s"}, body)
end
"""


def seed() -> bytes:
    """A district with one school, one program, and its enrolled students, as JSON lines."""
    organization = {"educationOrganizationId": DISTRICT}
    entries: list[tuple[str, dict[str, Any]]] = [
        (
            "localEducationAgencies",
            {
                "localEducationAgencyId": DISTRICT,
                "nameOfInstitution": "Briar Hollow",
                "categories": [
                    {
                        "educationOrganizationCategoryDescriptor": f"{KIND_OF_ORGANIZATION}#Local Education Agency"
                    }
                ],
                "localEducationAgencyCategoryDescriptor": f"{URI}/LocalEducationAgencyCategoryDescriptor#Independent",
            },
        ),
        (
            "schools",
            {
                "schoolId": SCHOOL,
                "nameOfInstitution": "Briar Hollow High",
                "localEducationAgencyReference": {"localEducationAgencyId": DISTRICT},
                "educationOrganizationCategories": [
                    {"educationOrganizationCategoryDescriptor": f"{KIND_OF_ORGANIZATION}#School"}
                ],
                "gradeLevels": [{"gradeLevelDescriptor": GRADE}],
            },
        ),
        (
            "programs",
            {
                "educationOrganizationReference": organization,
                "programName": PROGRAM,
                "programTypeDescriptor": PROGRAM_TYPE,
            },
        ),
    ]
    for number in range(STUDENTS):
        student = {"studentUniqueId": f"S-{number:05d}"}
        names = {"firstName": "Ada", "lastSurname": f"Quill {number}", "birthDate": "2010-04-05"}
        enrollment = {
            "entryDate": "2025-08-18",
            "schoolReference": {"schoolId": SCHOOL},
            "studentReference": student,
            "entryGradeLevelDescriptor": GRADE,
        }
        entries += [("students", student | names), ("studentSchoolAssociations", enrollment)]
    return b"".join(orjson.dumps({"resource": name, "body": body}) + b"\n" for name, body in entries)


BARE = """
import socket, sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, http="httptools", loop="uvloop", lifespan="off", log_config=None, access_log=False)
uvicorn.Server(config).run(sockets=[listener])
"""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def posted(running: Running) -> int:
    """How many associations were sent; each must have been created, or the measurement is none."""
    counted = httpx.get(f"{running.control_url}/counters").json()["requests"]
    sent = {entry["status"]: entry["count"] for entry in counted if entry["resource"] == RESOURCE}
    if set(sent) - {201}:
        raise SystemExit(f"Not every POST created an item: {sent}")
    return sent.get(201, 0)


def wrk(url: str, pid: int, seconds: int, script: Path) -> tuple[float, float, int]:
    """Send for that long; seconds by the clock, CPU seconds of the server, and answers."""
    clock, cpu = time.perf_counter(), cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answers = int(re.findall(r"(\d+) requests in", told)[0])
    return time.perf_counter() - clock, cpu_seconds(pid) - cpu, answers


def lua(first: int, token: str, folder: Path) -> Path:
    """The script for wrk; its first association is that one."""
    body = orjson.dumps(ASSOCIATION).decode()
    path = folder / "post.lua"
    path.write_text(LUA % {"students": STUDENTS, "first": first, "body": body, "token": token})
    return path


def post(running: Running, token: str, seconds: int, folder: Path) -> tuple[float, float]:
    """POST for that long; created items by the clock's second, and by the server's CPU second."""
    before = posted(running)
    url = f"{running.base_url}/data/v3/ed-fi/{RESOURCE}"
    clock, cpu, _ = wrk(url, running.process.pid, seconds, lua(before, token, folder))
    made = posted(running) - before
    return made / clock, made / cpu


@contextmanager
def bare_server() -> Iterator[tuple[str, int]]:
    """The same kind of server that does nothing: its URL and process id."""
    command = [sys.executable, "-c", BARE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}/", process.pid
        process.terminate()


def read_pages(running: Running, token: str, full_pages: int) -> tuple[float, float]:
    """GET pages of 500, one after another; median milliseconds by the clock, and of the server's CPU a page."""
    taken = []
    with httpx.Client(base_url=running.base_url, headers={"Authorization": token}) as http:
        cpu = cpu_seconds(running.process.pid)
        for number in range(PAGES):
            begun = time.perf_counter()
            answer = http.get(
                f"/data/v3/ed-fi/{RESOURCE}", params={"limit": 500, "offset": 500 * (number % full_pages)}
            )
            taken.append(1000 * (time.perf_counter() - begun))
            if len(answer.json()) != 500:
                raise SystemExit("A page was not full.")
        cpu = cpu_seconds(running.process.pid) - cpu
    return statistics.median(taken), 1000 * cpu / PAGES


def main(arguments: list[str]) -> int:
    """Measure, print, and fail when a goal is missed."""
    if shutil.which("wrk") is None:
        print("wrk is not installed: apt install wrk")
        return 0
    seconds = int(arguments[0]) if arguments else SECONDS
    with tempfile.TemporaryDirectory() as name, start(data=Path(name) / "ods.db") as running:
        httpx.post(f"{running.control_url}/seed", content=seed(), timeout=60).raise_for_status()
        client = running.clients[0]
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(
            f"{running.base_url}/oauth/token", data=form, auth=(client["key"], client["secret"])
        )
        token = f"Bearer {answer.json()['access_token']}"
        rounds = []
        with bare_server() as (url, pid):
            for _ in range(ROUNDS):
                _, cpu, answers = wrk(url, pid, seconds, lua(0, token, Path(name)))
                rounds.append((*post(running, token, seconds, Path(name)), answers / cpu))
        page_ms, page_cpu_ms = read_pages(running, token, posted(running) // 500)
    by_clock, by_cpu, bare = (statistics.median(values) for values in zip(*rounds, strict=True))
    print(f"201 without a look:                 {bare:6.0f} per CPU second")
    print(
        f"POST, each creates an association:  {by_cpu:6.0f} per CPU second  {by_cpu / bare:5.2f} x  "
        f"({by_clock:.0f} by the clock)"
    )
    print(
        f"GET, a page of 500:                 {page_cpu_ms:6.1f} ms of CPU              ({page_ms:.1f} by the clock)"
    )
    return 0 if by_cpu / bare >= RATE_GOAL and page_cpu_ms <= PAGE_GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
