"""The data standards the toolkit knows, by version.

Data Standard 5.2 is kept whole; another one is `ds-<version>.json`, its difference from 5.2, read when it is asked for:
`resources` it has (all where it names none), members it is `without`, members it has `renamed` or has `with`, other
`lengths`, and `descriptors` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError

SHIPPED = "5.2"
STANDARDS = (SHIPPED, "4.0", "6.1")
# Bounded, since a host may name anything.
_VERSION = re.compile(r"(?P<major>[0-9]{1,4})(?:\.(?P<minor>[0-9]{1,4}))?(?:\.[0-9]{1,4}){0,2}")


def resources(version: str) -> dict[str, dict[str, Any]]:
    """The resources of a data standard by endpoint, in the shape of `model.data_standard()`.

    Raises ConfigError when the standard is none of STANDARDS.
    """
    return model.data_standard()["resources"] if version == SHIPPED else _other(version)[0]


def descriptors(version: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every descriptor of a data standard by name: its API collection and its default values, as full URIs."""
    if version == SHIPPED:
        values = model.descriptor_values()
        return {name: (endpoint, values[name]) for name, endpoint in model.descriptor_endpoints().items()}
    return _other(version)[1]


def associations(version: str) -> tuple[str, ...]:
    """The student program association endpoints of a data standard."""
    known = resources(version)
    return tuple(endpoint for endpoint in model.associations() if endpoint in known)


def members(endpoint: str, version: str) -> frozenset[str]:
    """The members of a resource's body, without what is inside of them; none where the standard lacks the resource."""
    facts = resources(version).get(endpoint, {"properties": ()})
    return frozenset(
        path.removeprefix("$.") for path in facts["properties"] if path.count(".") == 1 and "[" not in path
    )


@cache
def descriptor_properties(endpoint: str, version: str) -> dict[str, str]:
    """JSON path -> descriptor name, for every descriptor property of an endpoint (COM-PAY-3a)."""
    properties = resources(version)[endpoint]["properties"]
    return {path: facts["descriptor"] for path, facts in properties.items() if "descriptor" in facts}


def type_of_member(name: str) -> str:
    """The JSON type that all associations of all standards have under a name, wherever in the body; else string."""
    return _types_by_name().get(name, "string")


@cache
def _types_by_name() -> dict[str, str]:
    found = dict[str, set[str]]()
    for version in STANDARDS:
        for endpoint in associations(version):
            for path, facts in resources(version)[endpoint]["properties"].items():
                found.setdefault(path.rpartition(".")[2], set()).add(facts["type"])
    return {name: next(iter(types)) for name, types in found.items() if len(types) == 1}


@cache
def renamed(endpoint: str, version: str) -> dict[str, str]:
    """Members of a resource that other standards have under another name: that name -> the name here."""
    here = {theirs: own for own, theirs in _names(endpoint, version).items()}
    found = {}
    for other in STANDARDS:
        for name, shipped in _names(endpoint, other).items():
            own = here.get(shipped, shipped)
            if name != own and own in members(endpoint, version):
                found[name] = own
    return found


def _names(endpoint: str, version: str) -> dict[str, str]:
    """The name of each member of a resource in this standard -> in the shipped one."""
    changed = {} if version == SHIPPED else _difference(version).get("renamed", {}).get(endpoint, {})
    named = {own: shipped for shipped, own in changed.items()}
    return {name: named.get(name, name) for name in members(endpoint, version)}


@cache
def elsewhere(endpoint: str, version: str) -> frozenset[str]:
    """Members that some other standard has and this one, which has the resource, has not."""
    if endpoint not in resources(version):
        return frozenset()
    every = frozenset[str]().union(*(members(endpoint, other) for other in STANDARDS))
    return every - members(endpoint, version)


def major(version: str) -> int | None:
    """The first number of a version as a host or a person writes it (5.2, 5.2.0, DS 5); None where there is none."""
    found = _VERSION.search(version)
    return int(found["major"]) if found else None


def plain(version: str) -> str | None:
    """The numbers of a version and nothing that is written around them; None where there are none."""
    found = _VERSION.search(version)
    return found[0] if found else None


def is_known(version: str) -> bool:
    """Whether some standard of that major number is known here."""
    return major(version) in map(major, STANDARDS)


def agrees(version: str, known: str) -> bool:
    """Whether a known standard is the nearest to a version."""
    return major(version) is not None and nearest(version) == known


def nearest(version: str) -> str:
    """The known standard closest to a version: by its major number, then the newest that is not newer, else the oldest.

    Raises ConfigError for a text that is no version.
    """
    wanted = _numbers(version)
    same = [known for known in STANDARDS if _numbers(known)[0] == wanted[0]]
    older = [known for known in same or STANDARDS if _numbers(known) <= wanted]
    return max(older, key=_numbers) if older else min(same or STANDARDS, key=_numbers)


def fitting(version: str, served: Mapping[str, Iterable[str]]) -> str:
    """The known standard that a host has: the nearest to its version, unless its own description fits another exactly.

    served: by association endpoint the members that the host's description has; it outranks the version.
    """
    first = nearest(version)
    fits = [
        known for known in STANDARDS if all(_fits(known, name, listed) for name, listed in served.items())
    ]
    return first if first in fits or not fits else fits[0]


def _fits(known: str, endpoint: str, listed: Iterable[str]) -> bool:
    """Whether a description has of a resource's members that not all standards have just those of this one."""
    some = frozenset[str]().union(*(elsewhere(endpoint, other) for other in STANDARDS))
    return some & frozenset(listed) == some & members(endpoint, known)


def _numbers(version: str) -> tuple[int, int]:
    found = _VERSION.search(version)
    if not found:
        raise ConfigError(
            f"{version!r} names no data standard. Write data_standard as one of {', '.join(STANDARDS)}."
        )
    return int(found["major"]), int(found["minor"] or 0)


@cache
def _difference(version: str) -> dict[str, Any]:
    if version not in STANDARDS:
        raise ConfigError(f"No data standard {version!r}: choose one of {', '.join(STANDARDS)}.")
    found: dict[str, Any] = orjson.loads(files(model.__package__).joinpath(f"ds-{version}.json").read_bytes())
    return found


@cache
def _other(version: str) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, tuple[str, ...]]]]:
    changed = _difference(version)
    shipped = model.data_standard()["resources"]
    found = {
        endpoint: _changed(
            shipped[endpoint],
            tuple(changed["without"].get(endpoint, ())),
            changed["with"].get(endpoint, {}),
            changed.get("lengths", {}).get(endpoint, {}),
        )
        for endpoint in changed.get("resources", shipped)
    }
    known = descriptors(SHIPPED) | {
        name: (facts["endpoint"], tuple(model.descriptor_uri(name, code) for code in facts["codes"]))
        for name, facts in changed["descriptors"].items()
    }
    if "resources" not in changed:
        return found, known
    used = {
        facts.get("descriptor") for resource in found.values() for facts in resource["properties"].values()
    }
    return found, {name: facts for name, facts in known.items() if name in used}


def _changed(
    facts: dict[str, Any], without: tuple[str, ...], more: dict[str, Any], lengths: Mapping[str, int]
) -> dict[str, Any]:
    inside = tuple(f"{path}{sign}" for path in without for sign in (".", "["))
    kept = {
        path: {**about, "maxLength": lengths[path]} if path in lengths else about
        for path, about in facts["properties"].items()
        if path not in without and not path.startswith(inside)
    }
    asked = {
        name: [path for path in paths if path in kept] for name, paths in facts["queryParameters"].items()
    }
    own = {
        path.removeprefix("$."): [path]
        for path, about in more.items()
        if path.count(".") == 1 and about["type"] not in ("object", "array")
    }
    return {
        **facts,
        "properties": dict(sorted((kept | more).items())),
        "queryParameters": {name: paths for name, paths in asked.items() if paths} | own,
    }
