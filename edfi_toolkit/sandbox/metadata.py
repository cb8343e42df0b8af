"""What anyone may read without a token: the root document, health, load order."""

from __future__ import annotations

from functools import cache
from typing import Any

from edfi_toolkit.sandbox.catalog import catalog
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

VERSION = "7.3"

# Order of the data standard's own dependency list; what it does not name has the order of its neighbours.
_ORDERS = {
    "schoolYearTypes": 1,
    "stateEducationAgencies": 2,
    "students": 3,
    "educationServiceCenters": 3,
    "localEducationAgencies": 4,
    "schools": 5,
    "calendars": 6,
    "programs": 8,
    "studentSchoolAssociations": 13,
}
_AFTER_ENROLLMENT = 14


def answer_root(standard: str, call: Call) -> Reply:
    """The discovery document of a host with that data standard."""
    root = call.base_url
    return json_reply(
        {
            "version": VERSION,
            "applicationName": "Ed-Fi Alliance ODS/API",
            "informationalVersion": "7.3.2 (embedded sandbox)",
            "suite": "3",
            "build": "7.3.0.0",
            "dataModels": [
                {
                    "name": "Ed-Fi",
                    "version": f"{standard}.0",
                    "informationalVersion": f"The Ed-Fi Data Model {standard}",
                }
            ],
            "urls": {
                "dependencies": f"{root}/metadata/data/v3/dependencies",
                "openApiMetadata": f"{root}/metadata/",
                "oauth": f"{root}/oauth/token",
                "oauthTokenIntrospection": f"{root}/oauth/token_info",
                "dataManagementApi": f"{root}/data/v3/",
                "changeQueries": f"{root}/changeQueries/v1/",
            },
        }
    )


def answer_health(_: Call) -> Reply:
    """Whether the host is up."""
    return Reply(200, b"Healthy", "text/plain")


def answer_dependencies(standard: str, _: Call) -> Reply:
    """The load order."""
    return json_reply(_dependencies(standard))


@cache
def _dependencies(standard: str) -> list[dict[str, Any]]:
    both = ["Create", "Update"]
    served = catalog(standard)
    entries = [_entry(endpoint, 1, both) for endpoint in sorted(served.descriptor_names)]
    for endpoint in served.resources:
        order = _ORDERS.get(endpoint, _AFTER_ENROLLMENT)
        if endpoint == "students":
            entries.append(_entry(endpoint, order, ["Create"]))
            entries.append(_entry(endpoint, _AFTER_ENROLLMENT, ["Update"]))
        else:
            entries.append(_entry(endpoint, order, both))
    return sorted(entries, key=lambda entry: (entry["order"], entry["resource"]))


def _entry(endpoint: str, order: int, operations: list[str]) -> dict[str, Any]:
    return {"resource": f"/ed-fi/{endpoint}", "order": order, "operations": operations}
