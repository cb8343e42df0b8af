"""Judge a body: phase A, can every value be read; phase B, does it keep the rules. All findings at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.checks import descriptor_problem, new_descriptor_problems
from edfi_toolkit.sandbox.convert import Unconvertible, guid
from edfi_toolkit.sandbox.shapes import Member, Node, Shape, Target, at

Descriptors = Mapping[str, Mapping[str, str]]  # name -> lower-case URI -> stored URI
NO_BODY = "A non-empty request body is required."
_TRAILING_COMMA = re.compile(rb'("(?:\\.|[^"\\])*")|,(\s*[}\]])')


class Reference(NamedTuple):
    """A key that the body points to, from a path; `via` names the child row that holds it, empty at the root."""

    target: Target
    key: str
    via: str
    path: str


@dataclass(slots=True)
class _Reading:
    descriptors: Descriptors
    raw: bytes
    unreadable: dict[str, list[str]] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)

    def cannot_read(self, path: str, error: Unconvertible) -> None:
        message = error.message
        if error.placed:
            written, line, position = _place(self.raw, path)
            message = f"{message.replace('{}', written)} Path '{path[2:]}', line {line}, position {position}."
        self.unreadable.setdefault(path, []).append(message)

    def breaks(self, path: str, *messages: str) -> None:
        self.broken.setdefault(path, []).extend(messages)


def parse(raw: bytes, *, put: bool = False, once: bool = False) -> dict[str, Any]:
    """The JSON object of a request body; one trailing comma is tolerated, as the host does.

    once: refuse that comma and a member that is there twice, as the successor does; the host takes the last.
    """
    if not raw.strip():
        if put:
            raise problems.invalid({"$": [NO_BODY]})
        raise problems.bad_request(NO_BODY)
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        found = _parse_leniently(raw, comma=not once)
    if not isinstance(found, dict):
        raise problems.bad_request(_unexpected(raw))
    if once:
        _refuse_doubled(raw)
    return found


def _refuse_doubled(raw: bytes) -> None:
    def checked(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            names = [name for name, _ in members]
            twice = next(name for name in names if names.count(name) > 1)
            raise problems.invalid(
                {f"$.{twice}": [f"An item with the same key has already been added. Key: {twice}"]}
            )
        return found

    try:
        json.loads(raw, object_pairs_hook=checked)
    except RecursionError:
        raise problems.bad_request(_unexpected(raw)) from None


def _parse_leniently(raw: bytes, *, comma: bool) -> Any:
    try:
        return orjson.loads(_TRAILING_COMMA.sub(lambda m: m[1] or m[2], raw) if comma else raw)
    except orjson.JSONDecodeError as error:
        head = raw[: error.pos]
        line, position = head.count(b"\n") + 1, error.pos - head.rfind(b"\n")
        member = re.findall(rb'[{,]\s*"(\w+)"\s*:', head)
        if error.pos >= len(raw.rstrip()) and member:  # the body breaks off inside a member
            name = member[-1].decode()
            text = (
                f"Unexpected end when deserializing object. Path '{name}', line {line}, position {position}."
            )
            raise problems.invalid({f"$.{name}": [text]}) from None
        raise problems.bad_request(_unexpected(raw)) from None


def _unexpected(raw: bytes) -> str:
    first = raw.strip()[:1].decode("utf-8", "replace")
    return f"Unexpected character encountered while parsing value: {first}. Path '', line 0, position 0."


def judge(
    shape: Shape,
    members: dict[str, Any],
    raw: bytes,
    descriptors: Descriptors,
    *,
    new_id_allowed: bool = False,
) -> tuple[dict[str, Any], list[Reference]]:
    """The body as it will be stored, and what it points to.  Raises a 400 with everything that is wrong.

    Names get their proper spelling, descriptors their stored one; members the model does not know are gone,
    and an absent collection is an empty one.
    """
    reading = _Reading(descriptors, raw)
    body = _read(reading, shape.root, members, "$", "")
    if shape.descriptor and new_id_allowed:
        _check_id(reading, members.get("id"))
    if reading.unreadable:
        raise problems.invalid(reading.unreadable, shape.name, unreadable=True)
    if not new_id_allowed and _has_id(shape.root, members):
        raise problems.id_in_body()
    for one, other in shape.equal:
        _compare(reading, body, one, other)
    if shape.descriptor and not reading.broken:
        reading.broken.update(new_descriptor_problems(body))
    if reading.broken:
        raise problems.invalid(reading.broken, shape.name)
    return body, reading.references


def _has_id(root: Node, members: dict[str, Any]) -> bool:
    if members.keys() <= root.names:
        return False
    return any(name.lower() == "id" and members[name] is not None for name in members)


def _check_id(reading: _Reading, given: Any) -> None:
    if given is not None and guid(given) is None:
        reading.cannot_read("$.id", Unconvertible("Error converting value \"{}\" to type 'System.Guid'."))


def _read(reading: _Reading, node: Node, raw: dict[str, Any], path: str, via: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    found = _spelled(node, raw)
    for member in node.members:
        name = member.name
        value = found.get(name)
        if member.convert is not None:
            if value is not None:
                body[name] = _scalar(reading, member, value, path)
            elif member.required:
                reading.breaks(f"{path}.{name}", f"{member.shown} is required.")
        elif member.array:
            body[name] = _collection(reading, member, value, path)
        elif value is not None:
            body[name] = _reference(reading, member, value, f"{path}.{name}", via)
        elif member.required:
            reading.breaks(f"{path}.{name}", f"{member.shown} is required.")
    return body


def _spelled(node: Node, raw: dict[str, Any]) -> dict[str, Any]:
    """The members that the model knows, under their proper names; of a repeated one the last counts."""
    if raw.keys() <= node.names:  # as most callers write them
        return raw
    by_name = node.by_name
    found = {}
    for name, value in raw.items():
        member = by_name.get(name) or by_name.get(name.lower())
        if member is not None:
            found[member.name] = value
    return found


def _scalar(reading: _Reading, member: Member, value: Any, path: str) -> Any:
    try:
        value = member.convert(value)  # type: ignore[misc]  # only references and collections have none
    except Unconvertible as error:
        reading.cannot_read(f"{path}.{member.name}", error)
        return value
    if member.descriptor is not None:
        stored = reading.descriptors[member.descriptor].get(value.casefold())
        if stored is not None:
            return stored
        if value or member.required:
            problem = descriptor_problem(member.descriptor, value, known=False)
            reading.breaks(f"{path}.{member.name}", str(problem))
    elif member.check is not None:
        messages = member.check(value)
        if messages:
            reading.breaks(f"{path}.{member.name}", *messages)
    return value


def _reference(reading: _Reading, member: Member, raw: Any, path: str, via: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        reading.cannot_read(path, Unconvertible(f"Error converting value {{}} to type '{member.shown}'."))
        return {}
    body: dict[str, Any] = {}
    missing = []
    node: Node = member.node  # type: ignore[assignment]  # a reference always has members
    target: Target = member.target  # type: ignore[assignment]  # and always points to something
    given = _spelled(node, raw)
    for part in node.members:
        value = given.get(part.name)
        if value is None or value == 0 or value == "":
            missing.append(part.shown)
        else:
            body[part.name] = _scalar(reading, part, value, path)
    if missing:
        reading.breaks(path, f"{member.shown} is missing the following properties: {', '.join(missing)}")
    elif target.held:
        key = "\x1f".join([str(body[name]) for name in target.members])
        reading.references.append(Reference(target, key, via, path))
    return body


def _collection(reading: _Reading, member: Member, raw: Any, path: str) -> list[Any]:
    if not raw and raw in (None, []) and not member.facts.get("minItems"):
        return []
    path = f"{path}.{member.name}"
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        reading.cannot_read(
            path, Unconvertible("Cannot deserialize the value into a collection: a JSON array is expected.")
        )
        return []
    if not raw and member.facts.get("minItems"):
        reading.breaks(path, f"{member.shown} must have at least one item.")
    node: Node = member.node  # type: ignore[assignment]  # a collection always has an item
    items: list[Any] = []
    seen: set[tuple[Any, ...]] = set()
    doubled = False
    for number, item in enumerate(raw):
        if not isinstance(item, dict):
            if item is not None:
                reading.cannot_read(
                    f"{path}[{number}]",
                    Unconvertible(f"Error converting value {{}} to type '{node.entity}'."),
                )
            continue
        body = _read(reading, node, item, f"{path}[{number}]", node.entity)
        key = tuple([str(at(body, part)) for part in member.key])
        if key in seen and not doubled:
            doubled = True  # the host stops at the first
            reading.breaks(
                path,
                f"The {ordinal(number + 1)} item of the {member.collection} has the same identifying values "
                "as another item earlier in the list.",
            )
        seen.add(key)
        items.append(body)
    return items


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th ..."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _compare(reading: _Reading, body: dict[str, Any], one: tuple[str, ...], other: tuple[str, ...]) -> None:
    a, b = at(body, one), at(body, other)
    if a is None or b is None or a == b:
        return
    values = ", ".join(f"'{value}'" for value in sorted((a, b)))
    message = (
        f"All values supplied for '{one[-1]}' must match. Review all references and align the following "
        f"conflicting values: {values}"
    )
    for path in (one, other):
        reading.breaks("$." + ".".join(path), message)


def _place(raw: bytes, path: str) -> tuple[str, int, int]:
    """The value at a path as written, and line and column just after it, where the host's parser gives up."""
    name = re.escape(path.rsplit(".", 1)[-1].split("[")[0]).encode()
    found = re.search(rb'(?i)"' + name + rb'"\s*:\s*("(?:\\.|[^"\\])*"|[^,}\]\s]+)', raw)
    end = found.end() if found else len(raw)
    written = found[1].decode("utf-8", "replace").strip('"') if found else ""
    head = raw[:end]
    return written, head.count(b"\n") + 1, end - (head.rfind(b"\n") + 1)
