"""When two bodies are equal (COM-EQ-1), and the hash that stands for all equal ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

Body = dict[str, Any]

# What an ODS adds to a record: at its root, and to each reference in it.
SERVER_MEMBERS = frozenset({"id", "_etag", "_lastModifiedDate", "link"})


def canonical(body: Mapping[str, Any]) -> bytes:
    """One text for all equal bodies (COM-EQ-1): server members, nulls and empties gone, descriptors without case,
    collections and members in a fixed order."""
    return _sortable(_canonical(dict(body)))


def _canonical(value: Any, name: str = "") -> Any:
    """Written for speed, since every record of a build passes here: plain texts leave by the first branch."""
    kind = type(value)
    if kind is str:
        return value.casefold() if name.endswith("Descriptor") else value
    if kind is dict:
        members = {}
        for key, member in value.items():
            if key not in SERVER_MEMBERS and member is not None:
                plain = _canonical(member, key)
                if plain != [] and plain != {}:
                    members[key] = plain
        return members
    if kind is list:
        items = [_canonical(item) for item in value]
        return items if len(items) < 2 else sorted(items, key=_sortable)
    if kind is float and value.is_integer():
        return int(value)  # 25.00 and 25 are one number in JSON
    return value


def _sortable(item: Any) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


_NOTHING = hashlib.blake2b(digest_size=16)


def digest_of(canonical_text: bytes) -> bytes:
    """The 16 bytes that `body_hash` writes as hex. A copy of an empty hash is quicker than a new one."""
    hashed = _NOTHING.copy()
    hashed.update(canonical_text)
    return hashed.digest()


def body_hash(body: Mapping[str, Any]) -> str:
    """32 hex digits that are equal exactly when two bodies are equal by COM-EQ-1."""
    return digest_of(canonical(body)).hex()


def same_body(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two bodies hold the same values (COM-EQ-1)."""
    return canonical(a) == canonical(b)
