"""What a collection looks like, compiled for serving; `catalog` makes it from the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edfi_toolkit.sandbox import checks

ORGANIZATION = "EducationOrganization"
ENROLLMENTS, STUDENTS = "studentSchoolAssociations", "students"


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference points to: its key is unique in `space`; `endpoint` is None for an abstract type."""

    name: str
    endpoint: str | None
    space: str
    members: tuple[str, ...]  # members of the reference, in the order of the target's identity
    held: bool  # whether the sandbox holds that kind at all


@dataclass(frozen=True, slots=True)
class Member:
    """One property of a resource, an item or a reference."""

    name: str
    shown: str
    facts: dict[str, Any]
    convert: Callable[[Any], Any] | None
    required: bool
    check: checks.Check | None = None
    node: Node | None = None
    array: bool = False
    collection: str = ""  # its name in messages, e.g. StudentCTEProgramAssociationCTEProgramServices
    target: Target | None = None
    key: tuple[tuple[str, ...], ...] = ()
    descriptor: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """The members of one JSON object, in the order they are printed."""

    entity: str
    members: tuple[Member, ...]
    by_name: dict[str, Member]  # by proper and by lower-case name
    names: frozenset[str]
    linked: tuple[Member, ...]  # members that carry, or contain, a reference to something held here


@dataclass(frozen=True, slots=True)
class Shape:
    """One collection of the API."""

    endpoint: str
    name: str
    branch: str  # of the claim tree
    space: str
    table: str  # the table that a primary key conflict names
    root: Node
    identity: tuple[tuple[str, ...], ...]
    key_names: tuple[str, ...]  # names of the key parts in query strings and `keyValues`
    equal: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    asked: tuple[str, ...]  # names of query parameters
    parameters: dict[str, tuple[tuple[str, ...], ...]]  # lower-case query name -> paths
    organization: tuple[str, ...] | None
    student: tuple[str, ...] | None
    held_by_columns: frozenset[str]  # paths of the references to those two
    key_may_change: bool
    descriptor: str | None = None
    parents: tuple[tuple[str, ...], ...] = field(default=())  # paths to the ids of organizations above

    def key(self, body: dict[str, Any]) -> str:
        """The natural key as one text."""
        if self.descriptor:
            return f"{body['namespace']}#{body['codeValue']}".casefold()
        return "\x1f".join([str(at(body, path)) for path in self.identity])

    def key_values(self, body: dict[str, Any]) -> dict[str, Any]:
        """The natural key under its flat query names."""
        return {name: at(body, path) for name, path in zip(self.key_names, self.identity, strict=True)}

    def member(self, path: tuple[str, ...]) -> Member:
        """The member at a path without arrays."""
        node, found = self.root, None
        for name in path:
            found = node.by_name[name.lower()]
            node = found.node or node
        if found is None:
            raise KeyError(path)
        return found


def at(body: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, or None."""
    for name in path:
        if not isinstance(body, dict):
            return None
        body = body.get(name)
    return body


def steps(path: str) -> tuple[str, ...]:
    """$.programReference.programName -> (programReference, programName)."""
    return tuple(path.removeprefix("$.").split("."))
