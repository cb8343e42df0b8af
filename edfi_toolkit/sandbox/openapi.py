"""The OpenAPI 3 documents, made from the same shapes that judge the bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.catalog import catalog
from edfi_toolkit.sandbox.names import singular
from edfi_toolkit.sandbox.refusal import PLAIN_JSON, PROBLEM_JSON
from edfi_toolkit.sandbox.shapes import Member, Node, Shape
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_SECTIONS = {"resources": "Resources", "descriptors": "Descriptors"}
_WINDOW = ("minChangeVersion", "maxChangeVersion")
_PAGING = ("offset", "limit", "totalCount")
_CURSOR = ("pageToken", "pageSize")
_KINDS = {"totalCount": "boolean", "pageToken": "string"}


def answer(standard: str, call: Call) -> Reply:
    """GET of the list, or of one of its documents; a document honours If-None-Match with its ETag."""
    parts = [part for part in call.path.split("/") if part]
    if parts == ["metadata"]:
        base = f"{call.base_url}/metadata/data/v3"
        return json_reply(
            [
                {"name": name, "endpointUri": f"{base}/{section}/swagger.json", "prefix": ""}
                for section, name in _SECTIONS.items()
            ]
        )
    if len(parts) == 5 and parts[:3] == ["metadata", "data", "v3"] and parts[3] in _SECTIONS:
        body, etag = _document(standard, parts[3], call.base_url)
        if call.headers.get("if-none-match", "").strip('"') == etag:
            return Reply(304, headers={"ETag": f'"{etag}"'})
        return Reply(200, body, PLAIN_JSON, {"ETag": f'"{etag}"'})
    raise problems.no_such_path(call.path)


@cache
def _document(standard: str, section: str, base_url: str) -> tuple[bytes, str]:
    here = catalog(standard)
    wanted = here.resources if section == "resources" else here.descriptor_names
    served = [here.shape(endpoint) for endpoint in wanted]
    schemas: dict[str, Any] = {"edFi_problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for target in served:
        _add_schema(schemas, schema_name(target), target.root, {"id": {"type": "string", "readOnly": True}})
        paths |= _paths(target)
    document = {
        "openapi": "3.0.1",
        "info": {
            "title": f"Ed-Fi Operational Data Store API ({_SECTIONS[section]})",
            "version": "3",
            "description": f"Ed-Fi Data Standard {standard}",
        },
        "servers": [{"url": f"{base_url}/data/v3"}],
        "security": [{"oauth2_client_credentials": []}],
        "tags": [
            {
                "name": target.endpoint,
                "description": _described(here.resources.get(target.endpoint, {}), target),
            }
            for target in served
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": _REFUSALS,
            "securitySchemes": {
                "oauth2_client_credentials": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": f"{base_url}/oauth/token", "scopes": {}}},
                }
            },
        },
    }
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    return body, hashlib.sha256(body).hexdigest()[:32]


_PROBLEM = {
    "type": "object",
    "properties": {
        "detail": {"type": "string"},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "correlationId": {"type": "string"},
        "validationErrors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "errors": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["detail", "type", "title", "status", "correlationId"],
}


def _refusal(says: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/edFi_problem"}
    return {
        "description": says,
        "content": {media: {"schema": schema} for media in (PLAIN_JSON.partition(";")[0], PROBLEM_JSON)},
    }


_REFUSALS = {
    "400": _refusal("The request cannot be read, or breaks a rule."),
    "401": _refusal("There is no valid token."),
    "403": _refusal("The caller may not do this."),
    "404": _refusal("There is no such item."),
    "405": _refusal("The verb does not suit the target."),
    "409": _refusal("The data as they are do not allow it."),
    "412": _refusal("The item has changed since it was read."),
    "415": _refusal("The body is not said to be JSON."),
    "500": _refusal("The host failed."),
}


def _described(about: dict[str, Any], target: Shape) -> str:
    return about.get("description") or f"The values of {target.name}."


def schema_name(target: Shape) -> str:
    """The name of a resource's schema: edFi_studentCTEProgramAssociation."""
    if target.descriptor:
        return f"edFi_{singular(target.endpoint)}"
    return f"edFi_{_lower_first(target.name)}"


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def _reference_to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _add_schema(schemas: dict[str, Any], name: str, node: Node, extra: dict[str, Any]) -> None:
    properties = dict(extra)
    for member in node.members:
        if member.target is not None and member.node is not None:
            child = f"edFi_{_lower_first(member.target.name)}Reference"
            if child not in schemas:
                _add_schema(schemas, child, member.node, {})
            properties[member.name] = _reference_to(child)
        elif member.array and member.node is not None:
            child = f"edFi_{_lower_first(member.node.entity)}"
            _add_schema(schemas, child, member.node, {})
            properties[member.name] = {"type": "array", "items": _reference_to(child)}
        else:
            properties[member.name] = _scalar(member, keys_marked=not name.endswith("Reference"))
    required = [member.name for member in node.members if member.required]
    schemas[name] = {"type": "object", "properties": properties} | (
        {"required": required} if required else {}
    )


def _scalar(member: Member, *, keys_marked: bool) -> dict[str, Any]:
    facts = member.facts
    copied = ("type", "format", "maxLength", "minLength", "description")
    shown: dict[str, Any] = {name: facts[name] for name in copied if name in facts}
    if not member.required:
        shown["nullable"] = True
    if keys_marked and facts.get("isIdentity"):  # the host leaves reference members unmarked
        shown["x-Ed-Fi-isIdentity"] = True
    return shown


def _asked(name: str, where: str = "query", **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": {"type": "string"} | schema}


def _numbers(*names: str) -> list[dict[str, Any]]:
    return [_asked(name, type=_KINDS.get(name, "integer")) for name in names]


def _filters(target: Shape) -> Iterable[dict[str, Any]]:
    yield _asked("id")
    for name in target.asked:
        paths = target.parameters[name.lower()]
        facts = target.member(paths[0]).facts
        shown = {fact: facts[fact] for fact in ("type", "format", "maxLength") if fact in facts}
        marked = {"x-Ed-Fi-isIdentity": True} if set(paths) & set(target.identity) else {}
        yield {"name": name, "in": "query", "schema": shown, **marked}


def _paths(target: Shape) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference_to(schema_name(target))}}
    body = {"required": True, "content": content}
    many = {"application/json": {"schema": {"type": "array", "items": _reference_to(schema_name(target))}}}
    id_parameter = _asked("id", "path") | {"required": True}
    match, none_match = _asked("If-Match", "header"), _asked("If-None-Match", "header")
    snapshot = _asked("Use-Snapshot", "header", type="boolean")

    def operation(what: str, done: dict[str, Any], refused: str, **more: Any) -> dict[str, Any]:
        answers = {
            status: {"description": "Done."} | ({"content": shown} if shown else {})
            for status, shown in done.items()
        }
        answers |= {
            status: {"$ref": f"#/components/responses/{status}"}
            for status in ["401", "403", *refused.split(), "500"]
        }
        answers = dict(sorted(answers.items()))
        return {
            "tags": [target.endpoint],
            "operationId": f"{what}{target.name}",
            "responses": answers,
            **more,
        }

    filters = [*_filters(target), *_numbers(*_WINDOW), snapshot]
    tracked = {"parameters": [*_numbers(*_PAGING, *_WINDOW), snapshot]}
    anything: dict[str, Any] = {"application/json": {"schema": {}}}
    put = operation("put", {"204": None}, "400 404 405 409 412 415", requestBody=body, parameters=[match])
    if target.key_may_change:
        put["x-Ed-Fi-isUpdatable"] = True
    collection = f"/ed-fi/{target.endpoint}"
    return {
        collection: {
            "get": operation(
                "get", {"200": many}, "400 404", parameters=[*_numbers(*_PAGING, *_CURSOR), *filters]
            ),
            "post": operation(
                "post",
                {"200": None, "201": None},
                "400 405 409 412 415",
                requestBody=body,
                parameters=[match],
            ),
        },
        f"{collection}/{{id}}": {
            "parameters": [id_parameter],
            "get": operation(
                "getById", {"200": content, "304": None}, "404 405", parameters=[none_match, snapshot]
            ),
            "put": put,
            "delete": operation("delete", {"204": None}, "400 404 405 409 412", parameters=[match]),
        },
        f"{collection}/partitions": {
            "get": operation(
                "partitions", {"200": anything}, "400 404", parameters=[*_numbers("number"), *filters]
            )
        },
        f"{collection}/deletes": {"get": operation("deletes", {"200": anything}, "400 404", **tracked)},
        f"{collection}/keyChanges": {"get": operation("keyChanges", {"200": anything}, "400 404", **tracked)},
    }
