"""The way in for tests and demos, from this machine only: read, seed, reset, count, disturb."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from edfi_toolkit.errors import ConfigError, what_failed
from edfi_toolkit.sandbox import status
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.loopback import why_not
from edfi_toolkit.sandbox.seeds import seed as seed
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

if TYPE_CHECKING:
    from edfi_toolkit.sandbox.app import Sandbox

_UNFRAMED = {"Content-Security-Policy": "frame-ancestors 'none'"}
_DROPPABLE = ("seed", "descriptors")


def clients_shown(ods: Ods) -> list[dict[str, Any]]:
    """Name, key, secret, claim set and organizations of every client."""
    return [
        {
            "name": client.name,
            "key": client.key,
            "secret": client.secret,
            "claim_set": client.claim_set,
            "organizations": list(ods.hierarchy.claims(client)),
        }
        for client in ods.directory.clients.values()
    ]


def answer(sandbox: Sandbox, call: Call) -> Reply:
    """Answer one request under /control.  403 for callers from elsewhere, 400 for a wrong one."""
    if reason := why_not(call):
        return json_reply({"message": reason}, 403)
    ods, what = sandbox.ods, call.path.strip("/").partition("/")[2]
    try:
        match call.method, what:
            case "GET", "":
                return Reply(200, status.page(sandbox, call), "text/html; charset=utf-8", _UNFRAMED)
            case "POST", "reset":
                return json_reply({"clients": clients_shown(ods), "reset": _reset(sandbox, call)})
            case "POST", "seed":
                return json_reply(seed(ods, call.body))
            case "GET", "counters":
                return json_reply(sandbox.counters.shown())
            case ("POST", "counters/reset") | ("DELETE", "counters"):
                sandbox.counters.clear()
                return Reply(204)
            case "GET", "faults":
                return json_reply(sandbox.faults.shown())
            case "PUT", "faults":
                sandbox.faults.put(_read(call))
                return json_reply(sandbox.faults.shown())
            case "GET", "options":
                return json_reply(asdict(ods.options))
            case "PUT", "options":
                ods.options.change(_read(call))
                ods.apply_options()
                return json_reply(asdict(ods.options))
            case "GET", "clients":
                return json_reply(clients_shown(ods))
            case "POST", "clients":
                ods.directory.add_as_written(_read(call))
                return json_reply(clients_shown(ods))
            case "POST", "tokens/revoke":
                return json_reply({"revoked": ods.directory.revoke()})
    except ConfigError as error:
        return json_reply({"message": str(error)}, 400)
    except (orjson.JSONDecodeError, TypeError, AttributeError) as error:
        return json_reply({"message": f"The body is not what {what} takes ({what_failed(error)})."}, 400)
    return json_reply({"message": f"No control endpoint {call.method} {what}."}, 404)


def _read(call: Call) -> Any:
    return orjson.loads(call.body)


def _reset(sandbox: Sandbox, call: Call) -> dict[str, Any]:
    wanted = _read(call) if call.body else {}
    options = asdict(sandbox.ods.options)
    for what, known in (("drop", _DROPPABLE), ("keep", tuple(options))):
        unknown = sorted(set(wanted.get(what, [])) - set(known))
        if unknown:
            raise ConfigError(f"A reset cannot {what} {', '.join(unknown)}, only {', '.join(known)}.")
    dropped, kept = wanted.get("drop", []), wanted.get("keep", [])
    found = sandbox.reset(seeds="seed" not in dropped, descriptors="descriptors" not in dropped)
    sandbox.ods.options.change({name: options[name] for name in kept})
    sandbox.ods.apply_options()
    return found | {"options": asdict(sandbox.ods.options)}
