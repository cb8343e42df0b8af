"""The ASGI application: routes, faults, counters, and errors as the host prints them."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sandbox import changes, control, data, metadata, openapi, problems, tokens
from edfi_toolkit.sandbox.core import Ods, Options
from edfi_toolkit.sandbox.faults import Fault, Faults
from edfi_toolkit.sandbox.wire import Call, Handler, Reply, json_reply, read_call, send_reply

log = logging.getLogger(__name__)
_GATEWAY_PAGE = b"<html><head><title>Gateway error</title></head><body><h1>Try again later</h1></body></html>"


class Sandbox:
    """One ODS with its counters and faults, behind an ASGI application."""

    def __init__(self, data: Path | None = None, options: Options | None = None) -> None:
        self.ods = Ods(data, options)
        self.counters, self.faults = control.Counters(), Faults()
        self.app = self._application()

    def _application(self) -> Starlette:
        ods = self.ods
        routes: list[tuple[str, str, Handler]] = [  # the busiest first
            ("/data/{rest:path}", "unknown", lambda call: data.answer(ods, call)),
            ("/", "discovery", metadata.answer_root),
            ("/health", "health", metadata.answer_health),
            ("/oauth/token", "oauth/token", lambda call: tokens.answer_token(ods, call)),
            ("/oauth/token_info", "oauth/token_info", lambda call: tokens.answer_token_info(ods, call)),
            ("/metadata/data/v3/dependencies", "dependencies", metadata.answer_dependencies),
            (
                "/changeQueries/{rest:path}",
                "changeQueries",
                lambda call: changes.answer_versions(ods, call),
            ),
            ("/metadata", "metadata", openapi.answer),
            ("/metadata/{rest:path}", "metadata", openapi.answer),
            (
                "/control/{rest:path}",
                "control",
                lambda call: control.answer(ods, self.counters, self.faults, call),
            ),
            ("/{rest:path}", "unknown", _nowhere),
        ]
        return _Application(
            routes=[Route(path, _Endpoint(self, name, handler)) for path, name, handler in routes]
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
            return Reply(refusal.status, headers=refusal.headers)
        return json_reply(body, refusal.status, media=refusal.media, headers=refusal.headers)


class _Application(Starlette):
    """Keeps the server's own `send` at hand, which a fault needs to close the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["sandbox.send"] = send
        await super().__call__(scope, receive, send)


def _nowhere(call: Call) -> Reply:
    raise problems.no_such_path(call.path)


class _Endpoint:
    """One route: reads the request, lets the faults have their way, answers and counts."""

    def __init__(self, sandbox: Sandbox, resource: str, handler: Handler) -> None:
        self._sandbox, self._resource, self._handler = sandbox, resource, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sandbox = self._sandbox
        call = await read_call(scope, receive)
        if self._resource == "control":
            await send_reply(sandbox.answer(self._handler, call), send)
            return
        call.resource = data.collection_of(call) or self._resource
        fault = sandbox.faults.due(call)
        reply = None
        if fault is not None:
            if fault.latency_ms:
                await asyncio.sleep(fault.latency_ms / 1000)
            if fault.revoke_tokens:
                sandbox.ods.directory.revoke()
            reply = _failure(sandbox, fault, call)
        if reply is None and not (fault and fault.drop_before_commit):
            reply = sandbox.answer(self._handler, call)
        if reply is None or (fault and fault.drop_after_commit):
            sandbox.counters.note(call.method, call.resource, 0)
            _drop(scope["sandbox.send"])
            return
        sandbox.counters.note(call.method, call.resource, reply.status)
        log.info("%s %s %s", call.method, call.resource, reply.status)  # a query may name a student
        await send_reply(reply, send)


def _failure(sandbox: Sandbox, fault: Fault, call: Call) -> Reply | None:
    if fault.status is None:
        return None
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.html:
        return Reply(fault.status, _GATEWAY_PAGE, "text/html", headers)
    reply = sandbox.refused(problems.on_purpose(fault.status), call)
    reply.headers |= headers
    return reply


def _drop(send: Send) -> None:
    """Close the connection without a byte of an answer."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:  # in-process: there is no connection, so the caller sees the error itself
        raise ConnectionResetError("The sandbox dropped the connection, as a fault rule asked.")
    transport.abort()


def create_app(
    data: Path | str | None = None, seeds: Sequence[Path | str] = (), options: Options | None = None
) -> Starlette:
    """The sandbox as an ASGI application, for in-process tests; `app.state.sandbox` is the `Sandbox`.

    data: the SQLite file, in memory when None. seeds: JSONL files loaded first; SourceShapeError when a line
    is refused.
    """
    sandbox = Sandbox(None if data is None else Path(data), options)
    for path in seeds:
        load_seed(sandbox, Path(path))
    sandbox.app.state.sandbox = sandbox
    return sandbox.app


def load_seed(sandbox: Sandbox, path: Path) -> None:
    """Load one JSONL file.  Raises SourceUnavailable or SourceShapeError; they name file and lines."""
    try:
        lines = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(
            f"Seed file {path} could not be read ({error.strerror}): check the path."
        ) from None
    refused = control.seed(sandbox.ods, lines)["refused"]
    if refused:
        first = ", ".join(
            f"{entry['line']} ({entry['resource']}, {entry['status']})" for entry in refused[:5]
        )
        raise SourceShapeError(
            f"Seed file {path}: {len(refused)} lines were refused, the first are {first}. "
            "POST the file to control/seed to see the reasons."
        )
