"""Many ODSs behind one address: a tenant and a school year as leading path segments, each with own data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from edfi_toolkit.sandbox import metadata, problems
from edfi_toolkit.sandbox.refusal import PROBLEM_DETAILS, PROBLEM_JSON
from edfi_toolkit.sandbox.wire import call_of, json_reply, read_body, send_reply

_TENANT, _YEAR = "{tenantIdentifier}", "{schoolYearFromRoute}"


class Contexts:
    """An ASGI application that hands each request to the ODS its path names.

    `apps` is keyed by prefix: ("/acme/2026", ...). The root document asked without a segment prints its
    placeholder, as the host does.
    """

    def __init__(
        self,
        make: Callable[[str], Starlette],
        *,
        tenants: Sequence[str] = (),
        school_years: Sequence[int] = (),
        standard: str = "5.2",
    ) -> None:
        self._standard = standard
        levels = [(_TENANT, [*tenants]), (_YEAR, [str(year) for year in school_years])]
        self._levels = [(placeholder, names) for placeholder, names in levels if names]
        self.apps = {
            "".join(f"/{name}" for name in names): make("".join(f"/{name}" for name in names))
            for names in product(*(names for _, names in self._levels))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = [part for part in scope["path"].split("/") if part]
        known = 0
        for part, (_, names) in zip(parts, self._levels, strict=False):
            if part not in names:
                break
            known += 1
        prefix = "".join(f"/{part}" for part in parts[:known])
        if known == len(self._levels):
            path = scope["path"] if len(parts) > known else f"{prefix}/"
            await self.apps[prefix]({**scope, "root_path": prefix, "path": path}, receive, send)
            return
        call = call_of(scope)
        await read_body(call, receive)
        if known == len(parts):
            missing = "".join(f"/{placeholder}" for placeholder, _ in self._levels[known:])
            call.base_url += prefix + missing
            await send_reply(metadata.answer_root(self._standard, call), send)
            return
        refusal = problems.not_found(
            "The specified data could not be found.",
            f"'{parts[known]}' is not a known {self._levels[known][0].strip('{}')}.",
            media=PROBLEM_JSON,
        )
        body = refusal.body(call.correlation_id, style=PROBLEM_DETAILS)
        await send_reply(json_reply(body, 404, media=refusal.media), send)
