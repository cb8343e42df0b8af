"""The OpenAPI 3 documents, made from the same shapes that judge the bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from edfi_toolkit import model
from edfi_toolkit.sandbox import problems, shapes
from edfi_toolkit.sandbox.names import singular
from edfi_toolkit.sandbox.refusal import PLAIN_JSON
from edfi_toolkit.sandbox.shapes import Member, Node, Shape
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_SECTIONS = {"resources": "Resources", "descriptors": "Descriptors"}
_PAGING = ("offset", "limit", "totalCount", "pageToken", "pageSize", "minChangeVersion", "maxChangeVersion")


def answer(call: Call) -> Reply:
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
        body, etag = _document(parts[3], call.base_url)
        if call.headers.get("if-none-match", "").strip('"') == etag:
            return Reply(304, headers={"ETag": f'"{etag}"'})
        return Reply(200, body, PLAIN_JSON, {"ETag": f'"{etag}"'})
    raise problems.no_such_path(call.path)


@cache
def _document(section: str, base_url: str) -> tuple[bytes, str]:
    wanted = model.data_standard()["resources"] if section == "resources" else shapes.descriptor_names()
    served = [shapes.shape(endpoint) for endpoint in wanted]
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for target in served:
        _add_schema(schemas, schema_name(target), target.root, {"id": {"type": "string"}})
        paths |= _paths(target)
    document = {
        "openapi": "3.0.1",
        "info": {"title": f"Ed-Fi Operational Data Store API ({_SECTIONS[section]})", "version": "3"},
        "servers": [{"url": f"{base_url}/data/v3"}],
        "security": [{"oauth2_client_credentials": []}],
        "tags": [{"name": target.endpoint, "description": _described(target)} for target in served],
        "paths": paths,
        "components": {
            "schemas": schemas,
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


def _described(target: Shape) -> str:
    known = model.data_standard()["resources"].get(target.endpoint, {})
    return known.get("description") or f"The values of {target.name}."


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


def _parameters(target: Shape) -> Iterable[dict[str, Any]]:
    for name in _PAGING:
        kind = {"totalCount": "boolean", "pageToken": "string"}.get(name, "integer")
        yield {"name": name, "in": "query", "schema": {"type": kind}}
    if target.descriptor:
        names = [member.name for member in target.root.members]
    else:
        names = list(model.resource(target.endpoint)["queryParameters"])
    for name in names:
        paths = target.parameters[name.lower()]
        facts = target.member(paths[0]).facts
        shown = {fact: facts[fact] for fact in ("type", "format", "maxLength") if fact in facts}
        marked = {"x-Ed-Fi-isIdentity": True} if set(paths) & set(target.identity) else {}
        yield {"name": name, "in": "query", "schema": shown, **marked}


def _paths(target: Shape) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference_to(schema_name(target))}}
    body = {"required": True, "content": content}
    listed = {"application/json": {"schema": {"type": "array", "items": _reference_to(schema_name(target))}}}
    id_parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    match = {"name": "If-Match", "in": "header", "schema": {"type": "string"}}
    tags = [target.endpoint]

    def operation(what: str, status: str, **more: Any) -> dict[str, Any]:
        answers = {
            status: {"description": "Done."} | ({"content": more.pop("shown")} if "shown" in more else {})
        }
        return {"tags": tags, "operationId": f"{what}{target.name}", "responses": answers, **more}

    put = operation("put", "204", requestBody=body, parameters=[match])
    if target.key_may_change:
        put["x-Ed-Fi-isUpdatable"] = True
    collection = f"/ed-fi/{target.endpoint}"
    return {
        collection: {
            "get": operation("get", "200", shown=listed, parameters=list(_parameters(target))),
            "post": operation("post", "200", requestBody=body),
        },
        f"{collection}/{{id}}": {
            "parameters": [id_parameter],
            "get": operation("getById", "200", shown=content),
            "put": put,
            "delete": operation("delete", "204", parameters=[match]),
        },
        f"{collection}/partitions": {"get": operation("partitions", "200")},
        f"{collection}/deletes": {"get": operation("deletes", "200")},
        f"{collection}/keyChanges": {"get": operation("keyChanges", "200")},
    }
