"""Which data standard a target has: what its discovery says, and what its OpenAPI serves (COM-STD-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from edfi_toolkit import model
from edfi_toolkit.errors import OdsError, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.model import standards
from edfi_toolkit.ods.discovery import Discovery
from edfi_toolkit.ods.read import as_mapping


class Described(Protocol):
    """What describes itself: an open `Client`."""

    @property
    def discovery(self) -> Discovery:
        """What the API says of itself."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the resources; empty when the API offers none."""


def standard_of(client: Described) -> str | None:
    """The version of the target's data standard, to be given to `build` as the setting `data_standard`.

    It is the one the target names, unless what it serves is exactly another known one. None where it names none that
    can be read. Raises OdsUnavailable, OdsRefusedLogin.
    """
    named = standards.plain(client.discovery.data_standard or "")
    if named is None:
        return None
    fits = standards.fitting(named, served_members(_openapi(client)))
    return named if fits == standards.nearest(named) else fits


def _openapi(client: Described) -> dict[str, Any]:
    try:
        return client.openapi()
    except (OdsUnavailable, OdsRefusedLogin):
        raise
    except OdsError:  # it is offered and cannot be had: then the version that was named counts
        return {}


def served_members(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """By association endpoint of an OpenAPI document, 2 or 3, the members that a body to post may have."""
    found = {}
    for path, operations in as_mapping(document.get("paths")).items():
        endpoint = path.rsplit("/", 1)[-1]
        if endpoint in model.associations() and (listed := _posted(document, operations)):
            found[endpoint] = frozenset(listed)
    return found


def _posted(document: Mapping[str, Any], operations: Any) -> Mapping[str, Any]:
    """The properties of the body that a POST of this path takes; none where the document does not say."""
    post = as_mapping(as_mapping(operations).get("post"))
    content = as_mapping(as_mapping(post.get("requestBody")).get("content"))
    schemas = [as_mapping(media).get("schema") for media in content.values()]
    parameters = post.get("parameters")
    for parameter in parameters if isinstance(parameters, list) else ():
        if as_mapping(parameter).get("in") == "body":
            schemas.append(parameter.get("schema"))
    known = {
        **as_mapping(document.get("definitions")),
        **as_mapping(as_mapping(document.get("components")).get("schemas")),
    }
    for schema in map(as_mapping, schemas):
        name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
        if properties := as_mapping(as_mapping(known.get(name, schema)).get("properties")):
            return properties
    return {}
