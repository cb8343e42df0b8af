"""A small invented district in an embedded ODS, and a synchronous way to talk to it without a socket."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from edfi_toolkit.sandbox import create_app

STATE, DISTRICT, SCHOOL = 62, 628101, 628101017
OTHER_DISTRICT, OTHER_SCHOOL = 628202, 628202033
CTE = "uri://ed-fi.org/ProgramTypeDescriptor#Career and Technical Education"
HEALTH = "uri://ed-fi.org/CTEProgramServiceDescriptor#Health Science"
_CATEGORY = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#"


class Api:
    """A client of the sandbox; every call is one request in-process."""

    def __init__(self, app: Any = None) -> None:
        self.app = app or create_app()
        self._loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(app=self.app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        self.headers: dict[str, str] = {}
        self.descriptor, self.state, self.district, self.school = CTE, STATE, DISTRICT, SCHOOL
        self.other_district, self.other_school, self.service = OTHER_DISTRICT, OTHER_SCHOOL, HEALTH

    def close(self) -> None:
        """Close client and loop."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; a path without a leading slash is one under /data/v3/ed-fi/."""
        headers = {**self.headers, **request.pop("headers", {})}
        url = path if path.startswith("/") else f"/data/v3/ed-fi/{path}"
        return self._loop.run_until_complete(self._client.request(method, url, headers=headers, **request))

    def get(self, path: str, **request: Any) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, **request)

    def post(self, path: str, body: Any, **request: Any) -> httpx.Response:
        """POST of a JSON body."""
        return self.ask("POST", path, json=body, **request)

    def put(self, path: str, body: Any, **request: Any) -> httpx.Response:
        """PUT of a JSON body."""
        return self.ask("PUT", path, json=body, **request)

    def delete(self, path: str, **request: Any) -> httpx.Response:
        """DELETE."""
        return self.ask("DELETE", path, **request)

    def clients(self) -> dict[str, dict[str, Any]]:
        """Every client of the sandbox by name."""
        return {client["name"]: client for client in self.get("/control/clients").json()}

    def token(self, name: str, **members: str) -> httpx.Response:
        """Ask for a token."""
        client = self.clients()[name]
        form = {"grant_type": "client_credentials", **members}
        return self.ask(
            "POST", "/oauth/token", data=form, auth=httpx.BasicAuth(client["key"], client["secret"])
        )

    def sign_in(self, name: str = "district") -> None:
        """Use a client's token from now on."""
        self.headers = {"Authorization": f"Bearer {self.token(name).json()['access_token']}"}

    def add_client(self, name: str, **facts: Any) -> None:
        """A further client, signed in from now on."""
        self.post("/control/clients", {"name": name, **facts})
        self.sign_in(name)

    def seed(self, *entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        """Load items without authorization."""
        lines = "\n".join(json.dumps({"resource": name, "body": body}) for name, body in entries)
        return self.ask("POST", "/control/seed", content=lines).json()

    def reset(self, *drop: str) -> None:
        """As new; seed and descriptors may be dropped. The tokens are gone."""
        answer = self.post("/control/reset", {"drop": list(drop)})
        assert answer.status_code == 200, answer.text

    def seed_district(self) -> None:
        """State, two districts with a school each, three programs, two students, one of them enrolled."""
        found = self.seed(*DISTRICT_ENTRIES)
        assert found == {"loaded": len(DISTRICT_ENTRIES), "unchanged": 0, "refused": []}

    def enrollment(self, **members: Any) -> dict[str, Any]:
        """An enrollment of the enrolled student."""
        return an_enrollment(**members)

    def association(self, **members: Any) -> dict[str, Any]:
        """A CTE association of the enrolled student."""
        return an_association(**members)

    def student(self, unique_id: str) -> dict[str, Any]:
        """A student."""
        return a_student(unique_id)


def a_student(unique_id: str) -> dict[str, Any]:
    """The smallest student."""
    return {
        "studentUniqueId": unique_id,
        "firstName": "Ada",
        "lastSurname": "Quill",
        "birthDate": "2010-04-05",
    }


def an_enrollment(student: str = "S-40071", school: int = SCHOOL, **members: Any) -> dict[str, Any]:
    """The smallest enrollment."""
    return {
        "entryDate": "2025-08-18",
        "schoolReference": {"schoolId": school},
        "studentReference": {"studentUniqueId": student},
        "entryGradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade",
        **members,
    }


def an_association(student: str = "S-40071", **members: Any) -> dict[str, Any]:
    """A CTE association with one service."""
    body = {
        "beginDate": "2025-09-02",
        "educationOrganizationReference": {"educationOrganizationId": SCHOOL},
        "programReference": {
            "educationOrganizationId": DISTRICT,
            "programName": "Career Pathways",
            "programTypeDescriptor": CTE,
        },
        "studentReference": {"studentUniqueId": student},
        "nonTraditionalGenderStatus": True,
        "cteProgramServices": [{"cteProgramServiceDescriptor": HEALTH, "cipCode": "51.0000"}],
        **members,
    }
    return copy.deepcopy(body)


def _a_program(organization: int, name: str) -> tuple[str, dict[str, Any]]:
    reference = {"educationOrganizationId": organization}
    body = {"educationOrganizationReference": reference, "programName": name, "programTypeDescriptor": CTE}
    return "programs", body


def _a_district(number: int, name: str) -> tuple[str, dict[str, Any]]:
    return "localEducationAgencies", {
        "localEducationAgencyId": number,
        "nameOfInstitution": name,
        "categories": [{"educationOrganizationCategoryDescriptor": f"{_CATEGORY}Local Education Agency"}],
        "localEducationAgencyCategoryDescriptor": (
            "uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Regular public school district"
        ),
        "stateEducationAgencyReference": {"stateEducationAgencyId": STATE},
    }


def _a_school(number: int, district: int) -> tuple[str, dict[str, Any]]:
    return "schools", {
        "schoolId": number,
        "nameOfInstitution": f"School {number}",
        "localEducationAgencyReference": {"localEducationAgencyId": district},
        "educationOrganizationCategories": [
            {"educationOrganizationCategoryDescriptor": f"{_CATEGORY}School"}
        ],
        "gradeLevels": [{"gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}],
    }


DISTRICT_ENTRIES = [
    (
        "stateEducationAgencies",
        {
            "stateEducationAgencyId": STATE,
            "nameOfInstitution": "State of Zed",
            "categories": [{"educationOrganizationCategoryDescriptor": f"{_CATEGORY}State Education Agency"}],
        },
    ),
    _a_district(DISTRICT, "Briar Hollow"),
    _a_district(OTHER_DISTRICT, "Fen Marsh"),
    _a_school(SCHOOL, DISTRICT),
    _a_school(OTHER_SCHOOL, OTHER_DISTRICT),
    _a_program(DISTRICT, "Career Pathways"),
    _a_program(STATE, "State Pathways"),
    _a_program(OTHER_DISTRICT, "Fen Pathways"),
    ("students", a_student("S-40071")),
    ("students", a_student("S-40072")),
    ("studentSchoolAssociations", an_enrollment()),
]


@pytest.fixture
def make_api() -> Iterator[Callable[..., Api]]:
    """Makes a way to talk to a sandbox, or to a new one; nobody is signed in."""
    made: list[Api] = []

    def make(app: Any = None) -> Api:
        made.append(Api(app))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def empty_api(make_api: Callable[..., Api]) -> Api:
    """A sandbox with descriptors and nothing else, not signed in."""
    return make_api()


@pytest.fixture
def older_api(make_api: Callable[..., Api]) -> Api:
    """A sandbox of Data Standard 4.0 with the invented district; signed in with the key of that district."""
    api = make_api(create_app(standard="4.0"))
    api.seed_district()
    api.add_client("briar-hollow", organizations=[DISTRICT])
    return api


@pytest.fixture
def api(empty_api: Api) -> Api:
    """A sandbox that holds the invented district; signed in with the key of that district."""
    empty_api.seed_district()
    empty_api.add_client("briar-hollow", organizations=[DISTRICT])
    return empty_api
