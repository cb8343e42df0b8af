"""Loading items without authorization: JSON lines of `{"resource": ..., "body": {...}}`.

A line may also have a rule of the host (`{"rule": {...}}`), or what a client may do (`{"client": {...}}`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable, what_failed
from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.core import Ods


def seed(ods: Ods, lines: bytes) -> dict[str, Any]:
    """Load items, rules of the host and clients, one a line, in order and without authorization.

    Returns `loaded`, `unchanged` (rules and clients too: they are no items), and `refused`: line number, resource and
    reason of each line that was refused.
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
        if set_up := entry.keys() & {"rule", "client"}:
            return _set_up(ods, entry, set_up.pop())
        resource, body = entry["resource"], entry["body"]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        return {
            "resource": None,
            "status": 400,
            "messages": ["Not a JSON object with `resource` and `body`."],
        }
    endpoint = ods.catalog.endpoints.get(str(resource).lower())
    if endpoint is None:
        return {"resource": resource, "status": 404, "messages": ["The sandbox holds no such resource."]}
    try:
        ods.save(ods.catalog.shape(endpoint), orjson.dumps(body), client=None)
    except problems.Refusal as refusal:
        texts = [text for found in refusal.validation.values() for text in found]
        return {
            "resource": endpoint,
            "status": refusal.status,
            "messages": texts or refusal.errors or [refusal.detail],
        }
    return None


def _set_up(ods: Ods, entry: dict[str, Any], what: str) -> dict[str, Any] | None:
    try:
        if what == "rule":
            ods.host_rules.add(entry[what])
        else:
            ods.directory.add_as_written(entry[what])
    except ConfigError as error:
        return {"resource": what, "status": 400, "messages": [str(error)]}
    return None


def load_seed(ods: Ods, path: Path) -> None:
    """Load one JSONL file.  Raises SourceUnavailable or SourceShapeError; they name file and lines."""
    try:
        lines = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(
            f"Seed file {path} could not be read ({what_failed(error)}): check the path."
        ) from None
    refused = seed(ods, lines)["refused"]
    if refused:
        first = ", ".join(
            f"{entry['line']} ({entry['resource']}, {entry['status']})" for entry in refused[:5]
        )
        raise SourceShapeError(
            f"Seed file {path}: {len(refused)} lines were refused, the first are {first}. "
            "POST the file to control/seed to see the reasons."
        )
