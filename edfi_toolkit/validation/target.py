"""What a target holds, pulled once: descriptors, programs, organizations, students, enrollments, association
keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any, Protocol, TypeAlias

import pandas as pd

from edfi_toolkit.errors import OdsError, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.model import RECORD_KEY, associations, descriptor_endpoints
from edfi_toolkit.settings import Target

ORGANIZATIONS = {
    "schools": "schoolId",
    "localEducationAgencies": "localEducationAgencyId",
    "stateEducationAgencies": "stateEducationAgencyId",
    "educationServiceCenters": "educationServiceCenterId",
}

# What a feed has published, or what reads it: called only where it is needed.
IdentityMap: TypeAlias = pd.DataFrame | Callable[[], pd.DataFrame]


@dataclass
class Known:
    """What exists. None where the target did not let this login look, or has no such resource: `unreadable`, `lacking`.

    programs: organization, name, type (case-folded). keys: resource and the six key columns, comparable by
    `folded`. descriptors: by name the spelling of each URI by its case-folded form.
    """

    descriptors: dict[str, dict[str, str] | None] = field(default_factory=dict)
    programs: pd.DataFrame | None = None
    organizations: frozenset[int] | None = None
    students: frozenset[str] | None = None
    enrolled: frozenset[str] | None = None
    keys: pd.DataFrame | None = None
    unreadable: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


class Reader(Protocol):
    """What an ODS is asked for: an open `Client`."""

    @property
    def target(self) -> Target:
        """Which ODS it is."""

    def rows(self, resource: str, /) -> Iterator[dict[str, Any]]:
        """All items of a resource, as they came."""

    def descriptors(self, name: str, /) -> Iterable[str]:
        """All values of a descriptor, as URIs."""


@contextmanager
def opened(target: str | Target | Reader) -> Iterator[Reader]:
    """A client for a target's name, a Target, or a client that is open already (and stays open)."""
    if not isinstance(target, str | Target):
        yield target
        return
    from edfi_toolkit.ods import Client

    if isinstance(target, str):
        from edfi_toolkit.settings import load_settings

        target = load_settings().target(target)
    with Client(target) as client:
        yield client


def pull(client: Reader, descriptor_names: Iterable[str]) -> Known:
    """Read everything that the checks need, each resource once.

    Raises OdsUnavailable and OdsRefusedLogin; a resource that is not there, or that this login may not read, is noted.
    """
    known = Known()

    def ask(resource: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (OdsUnavailable, OdsRefusedLogin):
            raise
        except OdsError as refusal:
            if not refusal.not_offered:
                raise
            (known.lacking if refusal.lacks else known.unreadable).append(resource)
            return None

    def taken(resource: str, of_row: Callable[[dict[str, Any]], Any]) -> Iterable[Any] | None:
        """What is needed of each item; the items themselves would fill the memory and keep the collector busy."""
        return ask(resource, lambda: list(map(of_row, client.rows(resource))))

    for name in sorted(set(descriptor_names)):
        uris = ask(descriptor_endpoints().get(name, name), partial(client.descriptors, name))
        known.descriptors[name] = None if uris is None else {uri.casefold(): uri for uri in uris}
    programs = taken("programs", _program)
    if programs is not None:
        known.programs = pd.DataFrame(programs, columns=["organization", "name", "type"])
    students = taken("students", itemgetter("studentUniqueId"))
    known.students = None if students is None else frozenset(students)
    enrolled = taken("studentSchoolAssociations", lambda row: row["studentReference"]["studentUniqueId"])
    known.enrolled = None if enrolled is None else frozenset(enrolled)
    organizations = [taken(kind, itemgetter(own)) for kind, own in ORGANIZATIONS.items()]
    if None not in organizations:
        known.organizations = frozenset(number for ids in organizations if ids for number in ids)
    keys = [(endpoint, *key) for endpoint in associations() for key in taken(endpoint, _key) or ()]
    known.keys = folded(pd.DataFrame(keys, columns=RECORD_KEY))
    return known


def _program(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["educationOrganizationReference"]["educationOrganizationId"],
        row["programName"],
        row["programTypeDescriptor"].casefold(),
    )


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    program = row["programReference"]
    return (
        row["beginDate"],
        row["educationOrganizationReference"]["educationOrganizationId"],
        program["educationOrganizationId"],
        program["programName"],
        program["programTypeDescriptor"],
        row["studentReference"]["studentUniqueId"],
    )


def folded(keys: pd.DataFrame) -> pd.DataFrame:
    """resource and the key columns in a form that compares as the ODS does (COM-KEY-2): days, ids,
    descriptors without case, names as they are. Index as given."""
    columns = {
        "resource": keys["resource"].astype("str"),
        "begin_date": pd.to_datetime(keys["begin_date"], errors="coerce").dt.as_unit("us"),
        "education_organization_id": pd.to_numeric(keys["education_organization_id"]).astype("Int64"),
        "program_education_organization_id": pd.to_numeric(keys["program_education_organization_id"]).astype(
            "Int64"
        ),
        "program_name": keys["program_name"].astype("str"),
        "program_type_descriptor": keys["program_type_descriptor"].astype("str").str.casefold(),
        "student_unique_id": keys["student_unique_id"].astype("str"),
    }
    return pd.DataFrame(columns, index=keys.index)
