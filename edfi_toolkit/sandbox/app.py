"""The ASGI application: routes, faults, counters, and errors as the host prints them."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edfi_toolkit.sandbox import changes, control, data, metadata, openapi, problems, tokens
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.faults import Fault, Faults
from edfi_toolkit.sandbox.journal import Counters
from edfi_toolkit.sandbox.loopback import why_not
from edfi_toolkit.sandbox.options import Options
from edfi_toolkit.sandbox.seeds import load_seed
from edfi_toolkit.sandbox.wire import (
    MOST_BODY,
    MOST_SEED,
    Call,
    Handler,
    Reply,
    call_of,
    json_reply,
    read_body,
    send_reply,
)

log = logging.getLogger(__name__)
_GATEWAY_PAGE = b"<html><head><title>Gateway error</title></head><body><h1>Try again later</h1></body></html>"


class Sandbox:
    """One ODS with its counters, faults and seeds, behind an ASGI application."""

    def __init__(
        self,
        data: Path | None = None,
        options: Options | None = None,
        *,
        standard: str = "5.2",
        seeds: Sequence[Path] = (),
        reset: bool = False,
    ) -> None:
        self.ods = Ods(data, options, standard)
        if reset:
            self.ods.reset()
        self.counters, self.faults = Counters(), Faults()
        self._seeds = seeds
        self._load_seeds()
        self.app = self._application()

    def _load_seeds(self) -> None:
        for path in self._seeds:
            load_seed(self.ods, path)

    def reset(self, *, seeds: bool = True, descriptors: bool = True) -> dict[str, Any]:
        """As it was at the start, unless seeds or shipped descriptors are to be left out.

        Returns what is gone: counts of items, tokens, requests and fault rules, and the names of added clients.
        """
        counts = {"requests": self.counters.shown()["total"], "faults": len(self.faults.shown())}
        found = self.ods.reset(descriptors=descriptors) | counts
        self.counters.clear()
        self.faults.put([])
        if seeds:
            self._load_seeds()
        return found

    def _application(self) -> _Application:
        ods, standard = self.ods, self.ods.catalog.standard
        routes: list[tuple[str, str, Handler]] = [
            ("/", "discovery", partial(metadata.answer_root, standard)),
            ("/health", "health", metadata.answer_health),
            ("/oauth/token", "oauth/token", partial(tokens.answer_token, ods)),
            ("/oauth/token_info", "oauth/token_info", partial(tokens.answer_token_info, ods)),
            (
                "/metadata/data/v3/dependencies",
                "dependencies",
                partial(metadata.answer_dependencies, standard),
            ),
            ("/changeQueries/{rest:path}", "changeQueries", partial(changes.answer_versions, ods)),
            ("/metadata", "metadata", partial(openapi.answer, standard)),
            ("/metadata/{rest:path}", "metadata", partial(openapi.answer, standard)),
            ("/control", "control", partial(control.answer, self)),
            ("/control/{rest:path}", "control", partial(control.answer, self)),
            ("/{rest:path}", "unknown", _nowhere),
        ]
        return _Application(
            _Endpoint(self, "unknown", partial(data.answer, ods)),
            [Route(path, _Endpoint(self, name, handler)) for path, name, handler in routes],
        )

    def answer(self, handler: Handler, call: Call) -> Reply:
        """The handler's answer, with a refusal turned into its body."""
        try:
            return handler(call)
        except problems.Refusal as refusal:
            return self.refused(refusal, call)
        except Exception as error:  # the host answers 500 too; its log must not quote data, so no message
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("%s in %s, line %s", type(error).__name__, place.filename, place.lineno)
            return self.refused(problems.system(), call)

    def refused(self, refusal: problems.Refusal, call: Call) -> Reply:
        """An error in the style that the options ask for."""
        body = refusal.body(call.correlation_id, style=self.ods.options.error_style)
        if body is None:
            reply = Reply(refusal.status, headers=refusal.headers)
        else:
            reply = json_reply(body, refusal.status, media=refusal.media, headers=refusal.headers)
        reply.refusal = refusal
        return reply


class _Application(Starlette):
    """Keeps the server's own `send` at hand, which a fault needs to close the connection.

    Requests for data, the many, do not go through the routes.
    """

    def __init__(self, data: _Endpoint, routes: Sequence[Route]) -> None:
        super().__init__(routes=routes)
        self._data = data

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["sandbox.send"] = send
        path = scope.get("path", "")[len(scope.get("root_path", "")) :]
        if scope["type"] == "http" and path.startswith("/data/"):
            await self._data(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _nowhere(call: Call) -> Reply:
    raise problems.no_such_path(call.path)


class _Endpoint:
    """One route: reads the request, lets the faults have their way, answers and counts."""

    def __init__(self, sandbox: Sandbox, resource: str, handler: Handler) -> None:
        self._sandbox, self._resource, self._handler = sandbox, resource, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sandbox = self._sandbox
        control = self._resource == "control"
        call = call_of(scope)
        await read_body(call, receive, most=MOST_SEED if control and not why_not(call) else MOST_BODY)
        if call.too_large:
            await send_reply(Reply(413, headers={"Connection": "close"}), send)
            return
        if control:
            await send_reply(sandbox.answer(self._handler, call), send)
            return
        begun = time.perf_counter()
        call.resource = self._resource
        data.locate(sandbox.ods, call)
        fault = sandbox.faults.due(call)
        reply = None if fault is None else await _disturb(sandbox, fault, call)
        if reply is None and not (fault and fault.drop_before_commit):
            reply = _preflight(call) or sandbox.answer(self._handler, call)
        if reply is None or (fault and fault.drop_after_commit):
            sandbox.counters.note(call, 0, time.perf_counter() - begun)
            _hang_up(scope["sandbox.send"], at_once=True)
            return
        sandbox.counters.note(call, reply.status, time.perf_counter() - begun, reply.refusal)
        log.info("%s %s %s", call.method, call.resource, reply.status)  # a query may name a student
        if fault and fault.truncate and reply.body:
            await send_reply(reply, send, cut_to=len(reply.body) // 2)
            _hang_up(scope["sandbox.send"], at_once=False)
            return
        await send_reply(reply, send)


def _preflight(call: Call) -> Reply | None:
    """The answer to what a browser asks before a request from another page: the host lets any page ask."""
    asked = call.headers.get("access-control-request-method")
    if call.method != "OPTIONS" or asked is None or "origin" not in call.headers:
        return None
    allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": asked}
    if names := call.headers.get("access-control-request-headers"):
        allowed["Access-Control-Allow-Headers"] = names
    return Reply(204, headers=allowed)


async def _disturb(sandbox: Sandbox, fault: Fault, call: Call) -> Reply | None:
    """Wait and revoke as the rule asks; the answer it wants in place of the host's own, if any."""
    wait_s = fault.wait_s()
    if wait_s:
        await asyncio.sleep(wait_s)
    if fault.revoke_tokens:
        sandbox.ods.directory.revoke()
    status = fault.next_status()
    if status is None:
        return None
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.html:
        return Reply(status, _GATEWAY_PAGE, "text/html", headers)
    reply = sandbox.refused(problems.on_purpose(status), call)
    reply.headers |= headers
    return reply


def _hang_up(send: Send, *, at_once: bool) -> None:
    """Close the connection: at once, or when what was written has gone out."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:  # in-process: there is no connection, so the caller sees the error itself
        raise ConnectionResetError("The sandbox dropped the connection, as a fault rule asked.")
    if at_once:
        transport.abort()
    else:
        transport.close()


def create_app(
    data: Path | str | None = None,
    seeds: Sequence[Path | str] = (),
    options: Options | None = None,
    *,
    standard: str = "5.2",
    reset: bool = False,
) -> Starlette:
    """The sandbox as an ASGI application, for in-process tests; `app.state.sandbox` is the `Sandbox`.

    data: the SQLite file, in memory when None; reset empties it first. seeds: JSONL files loaded first;
    SourceShapeError when a line is refused. standard: one of `model.standards.STANDARDS`.
    """
    sandbox = Sandbox(
        None if data is None else Path(data),
        options,
        standard=standard,
        seeds=[Path(path) for path in seeds],
        reset=reset,
    )
    sandbox.app.state.sandbox = sandbox
    return sandbox.app
