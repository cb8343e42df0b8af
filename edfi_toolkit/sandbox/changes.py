"""Change queries: what was deleted, whose key changed, and how far the versions go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.query import flag, number
from edfi_toolkit.sandbox.security import Client
from edfi_toolkit.sandbox.shapes import ENROLLMENTS, Shape
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_INVALID = "Parameters supplied to the request were invalid."


def answer_versions(ods: Ods, call: Call) -> Reply:
    """Everything under /changeQueries: GET of v1/availableChangeVersions, and a 404 for any other path."""
    ods.directory.caller(call.headers.get("authorization"))
    if call.path.strip("/").lower() != "changequeries/v1/availablechangeversions":
        raise problems.no_such_path(call.path)
    if call.method != "GET":
        raise problems.unsupported(call.method, "GET")
    return json_reply({"oldestChangeVersion": 0, "newestChangeVersion": ods.store.version})


def answer_deletes(ods: Ods, client: Client, target: Shape, call: Call) -> Reply:
    """GET of /deletes: items that are gone and whose key is not alive again."""
    client.demand(target, "ReadChanges")
    where, values = _selection(ods, client, target, call.query, "deletes")
    found = ods.store.connection.execute(
        "SELECT id, version, key_values FROM deletes"  # noqa: S608  # constants and placeholders
        f" WHERE {where} AND NOT EXISTS"
        " (SELECT 1 FROM items WHERE items.space=deletes.space AND items.key=deletes.key) ORDER BY version",
        values,
    )
    return _paged(
        ods,
        call,
        [
            {"id": id, "changeVersion": version, "keyValues": orjson.loads(key_values)}
            for id, version, key_values in found
        ],
    )


def answer_key_changes(ods: Ods, client: Client, target: Shape, call: Call) -> Reply:
    """GET of /keyChanges: one entry an item, from its first key in the window to its last."""
    client.demand(target, "ReadChanges")
    where, values = _selection(ods, client, target, call.query, "key_changes")
    found = ods.store.connection.execute(
        "SELECT id, version, old_values, new_values FROM key_changes"  # noqa: S608  # constants and placeholders
        f" WHERE {where} ORDER BY version",
        values,
    )
    collapsed: dict[str, dict[str, Any]] = {}
    for id, version, old, new in found:
        earlier = collapsed.pop(id, None)
        collapsed[id] = {
            "id": id,
            "changeVersion": version,
            "oldKeyValues": earlier["oldKeyValues"] if earlier else orjson.loads(old),
            "newKeyValues": orjson.loads(new),
        }
    return _paged(ods, call, list(collapsed.values()))


def _selection(
    ods: Ods, client: Client, target: Shape, query: Mapping[str, str], table: str
) -> tuple[str, list[Any]]:
    """The window of versions, and what the caller may see: deleted enrollments count for students."""
    parts: list[str] = ["kind=?"]
    values: list[Any] = [target.endpoint]
    for name, comparison in (("minChangeVersion", "version>=?"), ("maxChangeVersion", "version<=?")):
        bound = number(query, name)
        if bound is not None:
            parts.append(comparison)
            values.append(bound)
    if client.unrestricted:
        return " AND ".join(parts), values
    visible = ods.hierarchy.below_as_json(ods.hierarchy.claims(client))
    if target.organization:
        parts.append("organization IN (SELECT value FROM json_each(?))")
        values.append(visible)
    if target.student:
        parts.append(
            "student IN (SELECT student FROM (SELECT student, kind, organization FROM items"
            " UNION ALL SELECT student, kind, organization FROM deletes)"
            " WHERE kind=? AND organization IN (SELECT value FROM json_each(?)))"
        )
        values += [ENROLLMENTS, visible]
    return " AND ".join(parts), values


def _paged(ods: Ods, call: Call, found: list[dict[str, Any]]) -> Reply:
    limit, offset = number(call.query, "limit"), number(call.query, "offset")
    most = ods.options.page_limit
    if limit is not None and not 1 <= limit <= most:
        raise problems.parameter(f"Limit must be omitted or set to a value between 1 and {most}.", _INVALID)
    if offset is not None and offset < 0:
        raise problems.parameter("Offset must be greater than or equal to 0.", _INVALID)
    headers = {"Total-Count": str(len(found))} if flag(call.query, "totalCount") else {}
    start = offset or 0
    return json_reply(found[start : start + (limit or most)], headers=headers)
