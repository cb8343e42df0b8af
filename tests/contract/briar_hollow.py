"""An invented district in a sandbox, reached in-process or over a socket, and what its tests share."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import httpx
import orjson

from edfi_toolkit.ods import Client, RetryPolicy, Write
from edfi_toolkit.sandbox import Options
from edfi_toolkit.settings import Secret, Target

STATE, DISTRICT, SCHOOL = 62, 628101, 628101017
CTE = "uri://ed-fi.org/ProgramTypeDescriptor#Career and Technical Education"
CATEGORY = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#"
RESOURCE = "studentCTEProgramAssociations"
QUICK = RetryPolicy(first_wait_s=0.002, longest_wait_s=0.05)
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # plain http only, so no certificates need to be loaded


def an_association(n: int, **members: Any) -> dict[str, Any]:
    return {
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {"educationOrganizationId": SCHOOL},
        "programReference": {
            "educationOrganizationId": DISTRICT,
            "programName": "Career Pathways",
            "programTypeDescriptor": CTE,
        },
        "studentReference": {"studentUniqueId": f"S-{n}"},
        **members,
    }


def a_district(students: int) -> list[tuple[str, dict[str, Any]]]:
    """State, district, school and program, and students enrolled there."""
    entries: list[tuple[str, dict[str, Any]]] = [
        (
            "stateEducationAgencies",
            {
                "stateEducationAgencyId": STATE,
                "nameOfInstitution": "State of Zed",
                "categories": [
                    {"educationOrganizationCategoryDescriptor": f"{CATEGORY}State Education Agency"}
                ],
            },
        ),
        (
            "localEducationAgencies",
            {
                "localEducationAgencyId": DISTRICT,
                "nameOfInstitution": "Briar Hollow",
                "categories": [
                    {"educationOrganizationCategoryDescriptor": f"{CATEGORY}Local Education Agency"}
                ],
                "localEducationAgencyCategoryDescriptor": (
                    "uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Regular public school district"
                ),
                "stateEducationAgencyReference": {"stateEducationAgencyId": STATE},
            },
        ),
        (
            "schools",
            {
                "schoolId": SCHOOL,
                "nameOfInstitution": "Hollow High",
                "localEducationAgencyReference": {"localEducationAgencyId": DISTRICT},
                "educationOrganizationCategories": [
                    {"educationOrganizationCategoryDescriptor": f"{CATEGORY}School"}
                ],
                "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}],
            },
        ),
        (
            "programs",
            {
                "educationOrganizationReference": {"educationOrganizationId": DISTRICT},
                "programName": "Career Pathways",
                "programTypeDescriptor": CTE,
            },
        ),
    ]
    for n in range(students):
        name = {"studentUniqueId": f"S-{n}"}
        entries.append(
            ("students", {**name, "firstName": "Ada", "lastSurname": "Quill", "birthDate": "2010-04-05"})
        )
        entries.append(
            (
                "studentSchoolAssociations",
                {
                    "entryDate": "2025-08-18",
                    "schoolReference": {"schoolId": SCHOOL},
                    "studentReference": name,
                    "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
                },
            )
        )
    return entries


class Host:
    """One sandbox, and the way to its control endpoints."""

    def __init__(self, base_url: str, app: Any = None) -> None:
        self.base_url, self.app, self.name = base_url, app, "briar-hollow"
        self.control("POST", "clients", {"name": self.name, "organizations": [DISTRICT]})
        self.seed(a_district(60))

    def clean(self) -> None:
        """No faults, no associations, no counts, and only the tokens of those who ask again."""
        self.control("POST", "tokens/revoke")
        self.faults()
        self.control("PUT", "options", asdict(Options()))
        with self.client() as client:
            ids = [ed_fi_id for frame in client.read(RESOURCE) for ed_fi_id in frame["id"]]
            deletes = (Write("DELETE", RESOURCE, None, ed_fi_id, None, ed_fi_id) for ed_fi_id in ids)
            assert {outcome.outcome for outcome in client.apply(deletes)} <= {"delivered"}
        self.control("DELETE", "counters")

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """Ask a control endpoint."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app) if self.app else None
            async with httpx.AsyncClient(
                transport=transport, trust_env=False, verify=_NO_TLS, timeout=60
            ) as client:
                content = body if isinstance(body, str) else json.dumps(body)
                return await client.request(method, f"{self.base_url}/control/{what}", content=content)

        answer = asyncio.run(ask())
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def seed(self, entries: list[tuple[str, dict[str, Any]]]) -> None:
        """Load items without asking anybody."""
        lines = "\n".join(json.dumps({"resource": name, "body": body}) for name, body in entries)
        assert self.control("POST", "seed", lines)["refused"] == []

    def faults(self, *rules: dict[str, Any]) -> None:
        """Put faults in force."""
        self.control("PUT", "faults", list(rules))

    def counted(self, method: str, resource: str) -> Counter[int]:
        """Answers by status."""
        found: Counter[int] = Counter()
        for entry in self.control("GET", "counters")["requests"]:
            if (entry["method"], entry["resource"]) == (method, resource):
                found[entry["status"]] += entry["count"]
        return found

    def client(self, *, retry: RetryPolicy = QUICK, **more: Any) -> Client:
        """A client with the key of the district."""
        (key,) = (c for c in self.control("GET", "clients") if c["name"] == self.name)
        concurrency = more.pop("concurrency", 8)
        target = Target(
            "sandbox", self.base_url, Secret(key["key"]), Secret(key["secret"]), concurrency=concurrency
        )
        transport = httpx.ASGITransport(self.app) if self.app else None
        return Client(target, transport=transport, retry=retry, **more)


def posts(count: int, **members: Any) -> Iterator[Write]:
    for n in range(count):
        yield Write("POST", RESOURCE, orjson.dumps(an_association(n, **members)), None, None, n, f"S-{n}")


def held(client: Client) -> dict[str, dict[str, Any]]:
    """What the ODS holds, by student."""
    frames = list(client.read(RESOURCE))
    bodies = [body for frame in frames for body in frame["body"]]
    return {body["studentReference"]["studentUniqueId"]: body for body in bodies}


def delivered_all(client: Client, count: int = 60) -> None:
    """Every record is delivered, once, and is there."""
    outcomes = list(client.apply(posts(count)))
    assert Counter(outcome.outcome for outcome in outcomes) == {"delivered": count}
    assert {outcome.ref for outcome in outcomes} == set(range(count))
    assert len(held(client)) == count
