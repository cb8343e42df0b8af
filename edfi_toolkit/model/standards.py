"""Data standards other than the one the toolkit is built on, as far as their difference from it is known.

Data Standard 4.0 is there for the sandbox, which can stand in for an ODS that still has it: only the resources that New
Mexico's career and technical education needs. `ds-4.0.json` holds the difference from 5.2.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError

STANDARDS = ("5.2", "4.0")


def resources(version: str) -> dict[str, dict[str, Any]]:
    """The resources of a data standard by endpoint, in the shape of `model.data_standard()`.

    Raises ConfigError when the standard is none of STANDARDS.
    """
    return model.data_standard()["resources"] if version == STANDARDS[0] else _older(version)[0]


def descriptors(version: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every descriptor of a data standard by name: its API collection and its default values, as full URIs."""
    if version == STANDARDS[0]:
        values = model.descriptor_values()
        return {name: (endpoint, values[name]) for name, endpoint in model.descriptor_endpoints().items()}
    return _older(version)[1]


@cache
def _older(
    version: str,
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, tuple[str, ...]]]]:
    if version not in STANDARDS:
        raise ConfigError(f"No data standard {version!r}: choose one of {', '.join(STANDARDS)}.")
    changed = orjson.loads(files(model.__package__).joinpath(f"ds-{version}.json").read_bytes())
    found = {
        endpoint: _changed(
            model.resource(endpoint),
            frozenset(changed["without"].get(endpoint, ())),
            changed["with"].get(endpoint, {}),
        )
        for endpoint in changed["resources"]
    }
    known = descriptors(STANDARDS[0]) | {
        name: (facts["endpoint"], tuple(model.descriptor_uri(name, code) for code in facts["codes"]))
        for name, facts in changed["descriptors"].items()
    }
    used = {
        facts.get("descriptor") for resource in found.values() for facts in resource["properties"].values()
    }
    return found, {name: facts for name, facts in known.items() if name in used}


def _changed(facts: dict[str, Any], without: frozenset[str], more: dict[str, Any]) -> dict[str, Any]:
    kept = {path: about for path, about in facts["properties"].items() if path not in without}
    asked = {
        name: [path for path in paths if path not in without]
        for name, paths in facts["queryParameters"].items()
    }
    return {
        **facts,
        "properties": dict(sorted((kept | more).items())),
        "queryParameters": {name: paths for name, paths in asked.items() if paths},
    }
