"""The way in for tests and demos, from this machine only: seed, reset, count, disturb."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, fields
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import problems, shapes
from edfi_toolkit.sandbox.core import Ods, Options
from edfi_toolkit.sandbox.faults import Faults
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost")


class Counters:
    """How many requests were answered, by method, resource and status."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def note(self, method: str, resource: str, status: int) -> None:
        """Count one answer; status 0 stands for a dropped connection."""
        self._counts[method, resource, status] += 1

    def clear(self) -> None:
        """Start again from zero."""
        self._counts.clear()

    def shown(self) -> dict[str, Any]:
        """`requests`, a list of counts, and `writes`: POST, PUT and DELETE on data."""
        collections = set(shapes.endpoints().values())
        counted = sorted(self._counts.items())
        return {
            "writes": sum(n for (method, name, _), n in counted if method in _WRITES and name in collections),
            "total": sum(n for _, n in counted),
            "requests": [
                {"method": method, "resource": name, "status": status, "count": n}
                for (method, name, status), n in counted
            ],
        }


_WRITES = ("POST", "PUT", "DELETE")


def seed(ods: Ods, lines: bytes) -> dict[str, Any]:
    """Load `{"resource": ..., "body": {...}}`, one a line, in order and without authorization.

    Returns `loaded`, `unchanged`, and `refused`: line number, resource and reason of each line not taken.
    All is one transaction; a refused line does not stop the others.
    """
    loaded = unchanged = 0
    refused: list[dict[str, Any]] = []
    with ods.store.transaction():
        for number, line in enumerate(lines.splitlines(), 1):
            if not line.strip():
                continue
            before = ods.store.version
            reason = _seed_line(ods, line)
            if reason is not None:
                refused.append({"line": number, **reason})
            elif ods.store.version == before:
                unchanged += 1
            else:
                loaded += 1
    return {"loaded": loaded, "unchanged": unchanged, "refused": refused}


def _seed_line(ods: Ods, line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
        resource, body = entry["resource"], entry["body"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {
            "resource": None,
            "status": 400,
            "messages": ["Not a JSON object with `resource` and `body`."],
        }
    endpoint = shapes.endpoints().get(str(resource).lower())
    if endpoint is None:
        return {"resource": resource, "status": 404, "messages": ["The sandbox holds no such resource."]}
    try:
        ods.save(shapes.shape(endpoint), orjson.dumps(body), client=None)
    except problems.Refusal as refusal:
        texts = [text for found in refusal.validation.values() for text in found]
        return {
            "resource": endpoint,
            "status": refusal.status,
            "messages": texts or refusal.errors or [refusal.detail],
        }
    return None


def clients_shown(ods: Ods) -> list[dict[str, Any]]:
    """Name, key, secret and organizations of every client."""
    return [
        {
            "name": client.name,
            "key": client.key,
            "secret": client.secret,
            "organizations": list(ods.hierarchy.claims(client)),
        }
        for client in ods.directory.clients.values()
    ]


def answer(ods: Ods, counters: Counters, faults: Faults, call: Call) -> Reply:
    """Answer one request under /control.  403 for callers from elsewhere, 400 for a wrong one."""
    if call.client_host not in _LOOPBACK:
        return json_reply({"message": "The control endpoints answer on this machine only."}, 403)
    what = call.path.strip("/").partition("/")[2]
    try:
        match call.method, what:
            case "POST", "reset":
                ods.reset()
                counters.clear()
                faults.put([])
                return json_reply({"clients": clients_shown(ods)})
            case "POST", "seed":
                return json_reply(seed(ods, call.body))
            case "GET", "counters":
                return json_reply(counters.shown())
            case ("POST", "counters/reset") | ("DELETE", "counters"):
                counters.clear()
                return Reply(204)
            case "GET", "faults":
                return json_reply(faults.shown())
            case "PUT", "faults":
                faults.put(_read(call))
                return json_reply(faults.shown())
            case "GET", "options":
                return json_reply(asdict(ods.options))
            case "PUT", "options":
                _set_options(ods, _read(call))
                return json_reply(asdict(ods.options))
            case "GET", "clients":
                return json_reply(clients_shown(ods))
            case "POST", "clients":
                _add_client(ods, _read(call))
                return json_reply(clients_shown(ods))
            case "POST", "tokens/revoke":
                return json_reply({"revoked": ods.directory.revoke()})
    except (ConfigError, orjson.JSONDecodeError, TypeError) as error:
        return json_reply({"message": str(error)}, 400)
    return json_reply({"message": f"No control endpoint {call.method} {what}."}, 404)


def _read(call: Call) -> Any:
    return orjson.loads(call.body)


def _set_options(ods: Ods, wanted: Any) -> None:
    known = {member.name for member in fields(Options)}
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise ConfigError(f"No such option: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    for name, value in wanted.items():
        setattr(ods.options, name, value)
    ods.apply_options()


def _add_client(ods: Ods, wanted: Any) -> None:
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in wanted.items()}
    name = facts.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError("A client needs a name.")
    ods.directory.add(name, **facts)
