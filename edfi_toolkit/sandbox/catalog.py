"""The model compiled for serving: the collections of one data standard, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from edfi_toolkit import model
from edfi_toolkit.model import standards
from edfi_toolkit.sandbox import checks, convert
from edfi_toolkit.sandbox.names import pascal, singular
from edfi_toolkit.sandbox.shapes import (
    ENROLLMENTS,
    ORGANIZATION,
    STUDENTS,
    Member,
    Node,
    Shape,
    Target,
    steps,
)

_OWN_BRANCH = {"schoolYearTypes": "edFiTypes", STUDENTS: "people", ENROLLMENTS: "primaryRelationships"}


class Catalog:
    """What a host of one data standard serves.  ConfigError when there is no such standard.

    `endpoints` has every collection by its lower-case name, `descriptor_names` the descriptor of each collection of
    descriptors, `descriptor_values` their default values as full URIs.
    """

    def __init__(self, standard: str) -> None:
        self.standard = standard
        self.resources = standards.resources(standard)
        descriptors = standards.descriptors(standard)
        self.descriptor_names = {endpoint: name for name, (endpoint, _) in descriptors.items()}
        self.descriptor_values = {name: values for name, (_, values) in descriptors.items()}
        self.endpoints = {name.lower(): name for name in [*self.resources, *self.descriptor_names]}
        self._shapes: dict[str, Shape] = {}

    def shape(self, endpoint: str) -> Shape:
        """The compiled collection.  KeyError when there is none of that (exact) name."""
        found = self._shapes.get(endpoint)
        if found is None:
            name = self.descriptor_names.get(endpoint)
            found = self._shapes[endpoint] = (
                self._resource_shape(endpoint) if name is None else _descriptor_shape(endpoint, name)
            )
        return found

    def names_of(self, superclass: str) -> list[str]:
        """The names of the resources that are of an abstract type, sorted."""
        return sorted(facts["name"] for facts in self.resources.values() if facts["superclass"] == superclass)

    def _resource_shape(self, endpoint: str) -> Shape:
        facts = self.resources[endpoint]
        superclass = facts["superclass"]
        root = _Compiler(self.resources, facts["properties"]).node(facts["name"], "$")
        names = {tuple(paths): name for name, paths in facts["queryParameters"].items()}
        organization = _organization_path(facts["identity"])
        student = _student_path(endpoint, facts["identity"])
        return Shape(
            endpoint=endpoint,
            name=facts["name"],
            branch=_branch(endpoint, superclass),
            space=superclass or facts["name"],
            table=superclass or facts["name"],
            root=root,
            identity=tuple(steps(path) for path in facts["identity"]),
            key_names=tuple(_key_name(path, names) for path in facts["identity"]),
            equal=tuple((steps(a), steps(b)) for a, b in facts["equalityConstraints"]),
            asked=tuple(facts["queryParameters"]),
            parameters={
                name.lower(): tuple(steps(path) for path in paths)
                for name, paths in facts["queryParameters"].items()
            },
            organization=organization,
            student=student,
            held_by_columns=frozenset(f"$.{path[0]}" for path in (organization, student) if path),
            key_may_change=facts["allowIdentityUpdates"],
            parents=tuple(_parent_paths(root)) if superclass == ORGANIZATION else (),
        )


@cache
def catalog(standard: str = standards.STANDARDS[0]) -> Catalog:
    """The catalog of a data standard, made once."""
    return Catalog(standard)


def _branch(endpoint: str, superclass: str | None) -> str:
    if superclass == ORGANIZATION:
        return "educationOrganizations"
    return _OWN_BRANCH.get(endpoint, "relationshipBasedData")


def _organization_path(identity: list[str]) -> tuple[str, ...] | None:
    paths = ("$.educationOrganizationReference.educationOrganizationId", "$.schoolReference.schoolId")
    return next((steps(path) for path in identity if path in paths), None)


def _student_path(endpoint: str, identity: list[str]) -> tuple[str, ...] | None:
    if endpoint == STUDENTS:
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


class _Compiler:
    """Turns the properties of one resource, by JSON path, into nested nodes."""

    def __init__(self, resources: dict[str, Any], properties: dict[str, Any]) -> None:
        self._resources, self._properties = resources, properties

    def node(self, entity: str, prefix: str) -> Node:
        """The object at `prefix`: its direct members, each compiled."""
        start = len(prefix) + 1
        members = [
            self._member(entity, path, facts)
            for path, facts in self._properties.items()
            if path.startswith(f"{prefix}.") and "." not in path[start:]
        ]
        members.sort(key=_print_order)
        return Node(
            entity=entity,
            members=tuple(members),
            by_name={
                spelling: member for member in members for spelling in (member.name, member.name.lower())
            },
            names=frozenset(member.name for member in members),
            linked=tuple(
                m for m in members if (m.target and m.target.held) or (m.array and m.node and m.node.linked)
            ),
        )

    def _member(self, entity: str, path: str, facts: dict[str, Any]) -> Member:
        name = path.rsplit(".", 1)[-1]
        common: dict[str, Any] = {
            "name": name,
            "shown": pascal(name),
            "facts": facts,
            "required": facts["required"],
        }
        if facts["type"] == "array":
            base = facts.get("from", entity)  # what a collection is inherited from gives it its name
            own = common["shown"].removeprefix(base) if base != entity else common["shown"]
            child = base + singular(own)
            return Member(
                **common,
                convert=None,
                node=self.node(child, f"{path}[*]"),
                array=True,
                collection=base + own,
                key=tuple(steps(f"$.{part}") for part in facts["key"]),
            )
        if facts["type"] == "object":
            return Member(
                **common,
                convert=None,
                node=self.node(f"{entity}{pascal(name)}", path),
                target=self._target(facts["reference"]),
            )
        return Member(
            **common,
            convert=convert.converter(facts),
            check=checks.checker(common["shown"], facts),
            descriptor=facts.get("descriptor"),
        )

    def _target(self, reference: dict[str, Any]) -> Target:
        endpoint, name = reference["endpoint"], reference["resource"]
        resources = self._resources
        if endpoint is None:
            facts = model.data_standard()["abstract"][name]
            space = name
        else:
            facts = resources.get(endpoint)
            space = (facts["superclass"] or name) if facts else name
        here = {path: member for member, path in reference["keys"].items()}
        members = tuple(here[path] for path in facts["identity"]) if facts else tuple(here.values())
        return Target(name, endpoint, space, members, held=endpoint is None or endpoint in resources)


def _print_order(member: Member) -> tuple[int, str]:
    if member.target:
        return 0, member.name
    return (3 if member.array else 1 if member.facts.get("isIdentity") else 2), member.name


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


def _descriptor_shape(endpoint: str, name: str) -> Shape:
    return Shape(
        endpoint=endpoint,
        name=name,
        branch="systemDescriptors",
        space=endpoint,
        table=name,
        root=_Compiler({}, _DESCRIPTOR_PROPERTIES).node(name, "$"),
        identity=(("namespace",), ("codeValue",)),
        key_names=("namespace", "codeValue"),
        equal=(),
        asked=tuple(steps(path)[0] for path in _DESCRIPTOR_PROPERTIES),
        parameters={steps(path)[0].lower(): (steps(path),) for path in _DESCRIPTOR_PROPERTIES},
        organization=None,
        student=None,
        held_by_columns=frozenset(),
        key_may_change=False,
        descriptor=name,
    )
