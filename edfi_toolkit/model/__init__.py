"""The Ed-Fi model of Data Standard 5.2 as data, and the few functions that read it.

`ds-5.2.json` holds resources, natural keys and properties; `descriptors-5.2.json` the default code values.
Both are taken over from public Ed-Fi repositories (see NOTICE).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from edfi_toolkit.model.equality import SERVER_MEMBERS, Body, body_hash, canonical, digest_of, same_body

Key = tuple[str, int, int, str, str, str]

GENERAL_ASSOCIATION = "GeneralStudentProgramAssociation"
__all__ = [
    "DEFAULT_NAMESPACE",
    "KEY_COLUMNS",
    "RECORD_KEY",
    "SERVER_MEMBERS",
    "Body",
    "Key",
    "associations",
    "body_hash",
    "canonical",
    "data_standard",
    "descriptor_endpoints",
    "descriptor_properties",
    "descriptor_uri",
    "descriptor_values",
    "digest_of",
    "natural_key",
    "resource",
    "same_body",
]

KEY_COLUMNS = (
    "begin_date",
    "education_organization_id",
    "program_education_organization_id",
    "program_name",
    "program_type_descriptor",
    "student_unique_id",
)
RECORD_KEY = ["resource", *KEY_COLUMNS]  # what names a record in a frame
DEFAULT_NAMESPACE = "uri://ed-fi.org"


@cache
def data_standard() -> dict[str, Any]:
    """The content of `ds-5.2.json`: `abstract` types and `resources` by endpoint."""
    return orjson.loads(files(__package__).joinpath("ds-5.2.json").read_bytes())


@cache
def descriptor_values() -> dict[str, tuple[str, ...]]:
    """Default code values by descriptor name, as full URIs."""
    data = orjson.loads(files(__package__).joinpath("descriptors-5.2.json").read_bytes())
    other = data["_meta"]["otherNamespaces"]
    return {
        name: tuple(
            f"{namespace}#{code}"
            for namespace in other.get(name, [f"{DEFAULT_NAMESPACE}/{name}"])
            for code in codes
        )
        for name, codes in data.items()
        if name != "_meta"
    }


@cache
def descriptor_endpoints() -> dict[str, str]:
    """API collection by descriptor name, e.g. ProgramTypeDescriptor -> programTypeDescriptors."""
    data = orjson.loads(files(__package__).joinpath("descriptors-5.2.json").read_bytes())
    return dict(data["_meta"]["endpoints"])


@cache
def associations() -> tuple[str, ...]:
    """The ten student program association endpoints; they share one key space (COM-KEY-1)."""
    return tuple(data_standard()["abstract"][GENERAL_ASSOCIATION]["subclasses"])


def resource(endpoint: str) -> dict[str, Any]:
    """Name, identity, required members and properties of one endpoint. KeyError when unknown."""
    return data_standard()["resources"][endpoint]


@cache
def descriptor_properties(endpoint: str) -> dict[str, str]:
    """JSON path -> descriptor name, for every descriptor property of an endpoint (COM-PAY-3a)."""
    return {
        path: facts["descriptor"]
        for path, facts in resource(endpoint)["properties"].items()
        if "descriptor" in facts
    }


def descriptor_uri(name: str, code: str, *, namespace: str = DEFAULT_NAMESPACE) -> str:
    """The URI of a code value; a text that is a URI already is returned as it is (COM-PAY-3).

    In the default namespace the published spelling is used where the standard's own differs from the pattern.
    """
    if "://" in code and "#" in code:
        return code
    if namespace == DEFAULT_NAMESPACE:
        return f"{_published_namespaces().get(name, f'{namespace}/{name}')}#{code}"
    return f"{namespace}/{name}#{code}"


@cache
def _published_namespaces() -> dict[str, str]:
    """Descriptors of the default organization whose published namespace is not simply their name."""
    namespaces = {name: uris[0].partition("#")[0] for name, uris in descriptor_values().items() if uris}
    return {name: uri for name, uri in namespaces.items() if uri.startswith(f"{DEFAULT_NAMESPACE}/")}


def natural_key(body: Mapping[str, Any]) -> Key:
    """The six-part key of a student program association body, in the order of KEY_COLUMNS (COM-KEY-1)."""
    program = body["programReference"]
    return (
        body["beginDate"],
        body["educationOrganizationReference"]["educationOrganizationId"],
        program["educationOrganizationId"],
        program["programName"],
        program["programTypeDescriptor"],
        body["studentReference"]["studentUniqueId"],
    )
