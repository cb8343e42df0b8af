"""Everything under /data/v3: token first, then the route, then the verb."""

from __future__ import annotations

from edfi_toolkit.sandbox import changes, problems
from edfi_toolkit.sandbox.convert import guid
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.query import answer_list, answer_partitions
from edfi_toolkit.sandbox.security import Client
from edfi_toolkit.sandbox.shapes import Shape
from edfi_toolkit.sandbox.store import Row
from edfi_toolkit.sandbox.validate import NO_BODY
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_WRITES = ("POST", "PUT", "DELETE")
_NO_PUT = (
    'Resource collections cannot be replaced. To "upsert" an item in the collection, use POST. '
    'To update a specific item, use PUT and include the "id" in the route.'
)
_NO_DELETE = (
    "Resource collections cannot be deleted. "
    'To delete a specific item, use DELETE and include the "id" in the route.'
)
_NO_POST = (
    'Resource items can only be updated using PUT. To "upsert" an item in the resource collection using '
    'POST, remove the "id" from the route.'
)


def locate(ods: Ods, call: Call) -> None:
    """Tell the call which collection it is about, and what follows that in its path; nothing when it is about none."""
    parts = [part for part in call.path.split("/") if part]
    if len(parts) not in (4, 5) or [part.lower() for part in parts[:3]] != ["data", "v3", "ed-fi"]:
        return
    endpoint = ods.catalog.endpoints.get(parts[3].lower())
    if endpoint is not None:
        call.resource, call.target = endpoint, ods.catalog.shape(endpoint)
        call.last = parts[4] if len(parts) == 5 else None


def answer(ods: Ods, call: Call) -> Reply:
    """Answer one request for data.  Raises a Refusal for every error."""
    client = ods.directory.caller(call.headers.get("authorization"))
    call.client = client.name
    if "use-snapshot" in call.headers:
        _refuse_snapshot(call)
    target, last = call.target, call.last
    if target is None:
        raise problems.no_such_path(call.path)
    if last is None:
        return _collection(ods, client, target, call)
    if call.method == "GET":
        match last.lower():
            case "partitions":
                return answer_partitions(ods, client, target, call)
            case "deletes":
                return changes.answer_deletes(ods, client, target, call)
            case "keychanges":
                return changes.answer_key_changes(ods, client, target, call)
    return _item(ods, client, target, call, last)


def _refuse_snapshot(call: Call) -> None:
    if call.method in _WRITES:
        raise problems.snapshot_is_read_only()
    if call.headers["use-snapshot"].lower() == "true":
        raise problems.not_found(
            "Snapshot not found.", "The snapshot connection for the ODS has not been configured."
        )


def _collection(ods: Ods, client: Client, target: Shape, call: Call) -> Reply:
    if call.method == "GET":
        return answer_list(ods, client, target, call)
    if call.method == "POST":
        _demand_json(call)
        client.demand(target, "Create")
        with ods.store.transaction():
            row, created = ods.save(target, call.body, client=client, if_match=call.headers.get("if-match"))
        return Reply(201 if created else 200, headers=_written(call, target, row))
    if call.method == "PUT":
        raise problems.wrong_method(_NO_PUT, "GET, POST")
    if call.method == "DELETE":
        raise problems.wrong_method(_NO_DELETE, "GET, POST")
    raise problems.unsupported(call.method, "GET, POST")


def _item(ods: Ods, client: Client, target: Shape, call: Call, last: str) -> Reply:
    id = guid(last)
    if call.method == "POST":
        raise problems.wrong_method(_NO_POST, "GET, PUT, DELETE")
    if call.method not in ("GET", "PUT", "DELETE") or (call.method == "GET" and id is None):
        raise problems.unsupported(call.method, "GET, PUT, DELETE")
    if call.method == "GET":
        client.demand(target, "Read")
        return _get(ods, client, target, call, str(id))
    if call.method == "PUT":
        _demand_json(call)
    client.demand(target, "Update" if call.method == "PUT" else "Delete")
    if id is None:
        found = {"$.id": [f"The value '{last}' is not valid."]}
        if call.method == "PUT" and not call.body.strip():
            found |= {"$": [NO_BODY]}
        raise problems.invalid(found)
    if_match = call.headers.get("if-match")
    with ods.store.transaction():
        if call.method == "DELETE":
            ods.delete(target, id, client=client, if_match=if_match)
            return Reply(204)
        row = ods.replace(target, id, call.body, client=client, if_match=if_match)
    return Reply(204, headers=_written(call, target, row))


def _get(ods: Ods, client: Client, target: Shape, call: Call, id: str) -> Reply:
    row = ods.store.by_id(target.endpoint, id)
    if row is None:
        raise problems.not_found()
    shown = ods.shown(target, row)
    ods.gate.check_stored(client, target, "Read", row, shown)
    seen = call.headers.get("if-none-match")
    if seen is not None:
        if ods.options.lenient_etags:
            seen = row.etag if seen == "*" else seen.strip('"')
        if seen == row.etag:  # the host compares the header as it came: a quoted value never matches
            return Reply(304, headers={"ETag": f'"{row.etag}"'})
    return json_reply(shown, headers={"ETag": f'"{row.etag}"'})


def _written(call: Call, target: Shape, row: Row) -> dict[str, str]:
    return {
        "Location": f"{call.base_url}/data/v3/ed-fi/{target.endpoint}/{row.id}",
        "ETag": f'"{row.etag}"',
    }


def _demand_json(call: Call) -> None:
    media = call.headers.get("content-type")
    if media is None:
        raise problems.wrong_media("The 'Content-Type' header is missing.")
    if media.partition(";")[0].strip().lower() not in ("application/json", "text/json"):
        raise problems.wrong_media(problems.NOT_JSON)
