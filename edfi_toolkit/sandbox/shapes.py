"""The model compiled for serving: one `Shape` per collection, made when a collection is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from edfi_toolkit import model
from edfi_toolkit.sandbox import checks, convert
from edfi_toolkit.sandbox.names import pascal, singular

ORGANIZATION = "EducationOrganization"
ENROLLMENTS = "studentSchoolAssociations"


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
    by_name: dict[str, Member]
    arrays: tuple[str, ...]
    linked: tuple[Member, ...]  # members that carry, or contain, a reference to something held here


@dataclass(frozen=True, slots=True)
class Shape:
    """One collection of the API."""

    endpoint: str
    name: str
    space: str
    table: str  # the table that a primary key conflict names
    root: Node
    identity: tuple[tuple[str, ...], ...]
    key_names: tuple[str, ...]  # names of the key parts in query strings and `keyValues`
    equal: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    parameters: dict[str, tuple[tuple[str, ...], ...]]  # lower-case query name -> paths
    organization: tuple[str, ...] | None
    student: tuple[str, ...] | None
    key_may_change: bool
    descriptor: str | None = None
    parents: tuple[tuple[str, ...], ...] = field(default=())  # paths to the ids of organizations above

    def key(self, body: dict[str, Any]) -> str:
        """The natural key as one text."""
        if self.descriptor:
            return f"{body['namespace']}#{body['codeValue']}".casefold()
        return "\x1f".join(str(at(body, path)) for path in self.identity)

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


@cache
def endpoints() -> dict[str, str]:
    """Every collection by its lower-case name."""
    names = [*model.data_standard()["resources"], *model.descriptor_endpoints().values()]
    return {name.lower(): name for name in names}


@cache
def descriptor_names() -> dict[str, str]:
    """Descriptor name by its collection."""
    return {endpoint: name for name, endpoint in model.descriptor_endpoints().items()}


@cache
def shape(endpoint: str) -> Shape:
    """The compiled collection. KeyError when there is none of that (exact) name."""
    if endpoint in descriptor_names():
        return _descriptor_shape(endpoint)
    facts = model.resource(endpoint)
    superclass = facts["superclass"]
    root = _node(facts["name"], "$", facts["properties"])
    identity = tuple(steps(path) for path in facts["identity"])
    names = {tuple(paths): name for name, paths in facts["queryParameters"].items()}
    organization = next(
        (
            steps(path)
            for path in facts["identity"]
            if path
            in ("$.educationOrganizationReference.educationOrganizationId", "$.schoolReference.schoolId")
        ),
        None,
    )
    return Shape(
        endpoint=endpoint,
        name=facts["name"],
        space=superclass or facts["name"],
        table=superclass or facts["name"],
        root=root,
        identity=identity,
        key_names=tuple(_key_name(path, names) for path in facts["identity"]),
        equal=tuple((steps(a), steps(b)) for a, b in facts["equalityConstraints"]),
        parameters={
            name.lower(): tuple(steps(path) for path in paths)
            for name, paths in facts["queryParameters"].items()
        },
        organization=organization,
        student=_student_path(endpoint, facts["identity"]),
        key_may_change=facts["allowIdentityUpdates"],
        parents=tuple(_parent_paths(root)) if superclass == ORGANIZATION else (),
    )


def _student_path(endpoint: str, identity: list[str]) -> tuple[str, ...] | None:
    if endpoint == "students":
        return ("studentUniqueId",)
    path = "$.studentReference.studentUniqueId"
    return steps(path) if path in identity else None


def _key_name(path: str, names: dict[tuple[str, ...], str]) -> str:
    exact = names.get((path,))
    return exact or next(name for paths, name in names.items() if path in paths)


def _parent_paths(root: Node) -> Iterator[tuple[str, ...]]:
    for member in root.members:
        if member.target and member.target.space == ORGANIZATION:
            yield (member.name, member.target.members[0])


def _node(entity: str, prefix: str, properties: dict[str, Any]) -> Node:
    """The object at `prefix`: its direct members, each compiled."""
    start = len(prefix) + 1
    members = [
        _member(entity, path, facts, properties)
        for path, facts in properties.items()
        if path.startswith(f"{prefix}.") and "." not in path[start:]
    ]
    members.sort(key=_print_order)
    return Node(
        entity=entity,
        members=tuple(members),
        by_name={spelling: member for member in members for spelling in (member.name, member.name.lower())},
        arrays=tuple(member.name for member in members if member.array),
        linked=tuple(
            m for m in members if (m.target and m.target.held) or (m.array and m.node and m.node.linked)
        ),
    )


def _print_order(member: Member) -> tuple[int, str]:
    if member.target:
        return 0, member.name
    return (3 if member.array else 1 if member.facts.get("isIdentity") else 2), member.name


def _member(entity: str, path: str, facts: dict[str, Any], properties: dict[str, Any]) -> Member:
    name = path.rsplit(".", 1)[-1]
    common: dict[str, Any] = {
        "name": name,
        "shown": pascal(name),
        "facts": facts,
        "required": facts["required"],
    }
    if facts["type"] == "array":
        child = entity + pascal(singular(name))
        return Member(
            **common,
            convert=None,
            node=_node(child, f"{path}[*]", properties),
            array=True,
            collection=entity + common["shown"],
            key=tuple(steps(f"$.{part}") for part in facts["key"]),
        )
    if facts["type"] == "object":
        return Member(
            **common,
            convert=None,
            node=_node(f"{entity}{pascal(name)}", path, properties),
            target=_target(facts["reference"]),
        )
    return Member(
        **common,
        convert=convert.converter(facts),
        check=checks.checker(common["shown"], facts),
        descriptor=facts.get("descriptor"),
    )


def _target(reference: dict[str, Any]) -> Target:
    endpoint, name = reference["endpoint"], reference["resource"]
    resources = model.data_standard()["resources"]
    if endpoint is None:
        facts = model.data_standard()["abstract"][name]
        space = name
    else:
        facts = resources.get(endpoint)
        space = (facts["superclass"] or name) if facts else name
    here = {path: member for member, path in reference["keys"].items()}
    members = tuple(here[path] for path in facts["identity"]) if facts else tuple(here.values())
    return Target(name, endpoint, space, members, held=endpoint is None or endpoint in resources)


_DESCRIPTOR_PROPERTIES: dict[str, dict[str, Any]] = {
    "$.namespace": {
        "type": "string",
        "required": True,
        "isIdentity": True,
        "maxLength": 255,
        "noOuterWhitespace": True,
    },
    "$.codeValue": {
        "type": "string",
        "required": True,
        "isIdentity": True,
        "maxLength": 50,
        "noOuterWhitespace": True,
    },
    "$.description": {"type": "string", "required": False, "maxLength": 1024},
    "$.effectiveBeginDate": {"type": "string", "format": "date", "required": False},
    "$.effectiveEndDate": {"type": "string", "format": "date", "required": False},
    "$.shortDescription": {"type": "string", "required": True, "maxLength": 75},
}


def _descriptor_shape(endpoint: str) -> Shape:
    name = descriptor_names()[endpoint]
    return Shape(
        endpoint=endpoint,
        name=name,
        space=endpoint,
        table=name,
        root=_node(name, "$", _DESCRIPTOR_PROPERTIES),
        identity=(("namespace",), ("codeValue",)),
        key_names=("namespace", "codeValue"),
        equal=(),
        parameters={steps(path)[0].lower(): (steps(path),) for path in _DESCRIPTOR_PROPERTIES},
        organization=None,
        student=None,
        key_may_change=False,
        descriptor=name,
    )
