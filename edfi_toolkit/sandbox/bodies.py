"""What stored bodies alone show: whether two are equal, and where a value is in one."""

from __future__ import annotations

from typing import Any

import orjson

from edfi_toolkit.sandbox.shapes import Node


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two bodies hold the same; the items of a collection are matched by key, so their order is no matter."""
    return one == other or _unordered(one) == _unordered(other)


def without_empties(value: Any) -> Any:
    """The same without its empty collections, at any depth."""
    if isinstance(value, dict):
        return {name: without_empties(member) for name, member in value.items() if member != []}
    return [without_empties(item) for item in value] if isinstance(value, list) else value


def _unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unordered(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted(
            map(_unordered, value), key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
        )
    return value


def holder(node: Node, body: dict[str, Any], uri: str, via: str = "") -> str | None:
    """The child row (empty: the root) whose member holds a value; None when nothing here does."""
    for member in node.members:
        value = body.get(member.name)
        if value == uri:
            return via
        if member.array:
            found = [holder(member.node, item, uri, member.node.entity) for item in value or ()]  # type: ignore
            if any(entity is not None for entity in found):
                return next(entity for entity in found if entity is not None)
        elif member.node is not None and value:
            held = holder(member.node, value, uri, via)
            if held is not None:
                return held
    return None
