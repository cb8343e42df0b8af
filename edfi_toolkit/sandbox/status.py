"""The page that shows a sandbox to people: what is in it, who may come in, the last requests and refusals."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from edfi_toolkit.sandbox.faults import Fault
from edfi_toolkit.sandbox.journal import Entry
from edfi_toolkit.sandbox.metadata import VERSION
from edfi_toolkit.sandbox.wire import Call

if TYPE_CHECKING:
    from jinja2 import Template

    from edfi_toolkit.sandbox.app import Sandbox

_SHOWN = 15


@cache
def _template() -> Template:
    from jinja2 import Environment

    text = files(__package__).joinpath("status.html.j2").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)


def page(sandbox: Sandbox, call: Call) -> bytes:
    """The page as HTML; `?texts=show` lets refusals quote what was sent, `?every=5` reads it again every 5 seconds."""
    ods, counters = sandbox.ods, sandbox.counters
    texts = call.query.get("texts") == "show"
    every = call.query.get("every", "")
    held = dict(ods.store.connection.execute("SELECT kind, COUNT(*) FROM items GROUP BY kind"))
    descriptors = sum(count for kind, count in held.items() if kind in ods.catalog.descriptor_names)
    shown, usual = counters.shown(), asdict(Fault())
    return (
        _template()
        .render(
            version=VERSION,
            standard=ods.catalog.standard,
            options=ods.options,
            base_url=call.base_url,
            now=datetime.now(),
            every=int(every) if every.isdigit() and 0 < int(every) < 3600 else None,
            texts=texts,
            held=[(kind, held[kind]) for kind in ods.catalog.resources if kind in held],
            descriptors=descriptors,
            change_version=ods.store.version,
            total=shown["total"],
            writes=shown["writes"],
            refusals=sum(entry["count"] for entry in shown["requests"] if not 200 <= entry["status"] < 400),
            faults=[
                {name: value for name, value in rule.items() if value != usual[name]}
                for rule in sandbox.faults.shown()
            ],
            clients=[
                {
                    "name": client.name,
                    "claim_set": client.claim_set,
                    "organizations": [
                        f"{ods.hierarchy.names.get(number, '')} {number}".strip()
                        for number in ods.hierarchy.claims(client)
                    ],
                    "unrestricted": client.unrestricted,
                }
                for client in ods.directory.clients.values()
            ],
            last=[_entry_shown(entry, texts=texts) for entry in list(counters.last)[: -_SHOWN - 1 : -1]],
            refused=[
                _entry_shown(entry, texts=texts) for entry in list(counters.refused)[: -_SHOWN - 1 : -1]
            ],
        )
        .encode()
    )


def _entry_shown(entry: Entry, *, texts: bool) -> dict[str, Any]:
    refusal = entry.refusal
    shown: dict[str, Any] = {
        "at": time.strftime("%H:%M:%S", time.localtime(entry.at)),
        "client": entry.client or "-",
        "method": entry.method,
        "resource": entry.resource,
        "status": entry.status or "dropped",
        "tone": "bad"
        if entry.status == 0 or entry.status >= 500
        else "warn"
        if entry.status >= 400
        else "good",
        "took": f"{entry.took_ms:.1f} ms",
        "title": "Connection dropped by a fault rule" if refusal is None and not entry.status else "",
        "places": [],
    }
    if refusal is not None:
        shown["title"] = refusal.title
        shown["places"] = [(path, found if texts else []) for path, found in refusal.validation.items()]
        if texts:
            shown["places"] += [("", [refusal.detail, *refusal.errors])]
    return shown
