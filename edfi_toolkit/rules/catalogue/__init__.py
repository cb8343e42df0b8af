"""The catalogue: per rule id the sentence a steward reads, what to do about it, and where the rule comes from.

One TOML file per section of the manual: `["CERT-SEL-1"]` with `says`, `hint`, `severity`, `source`.
`docs/rules/` is generated from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

PROFILES = ("certification", "nm_powerschool", "wi_infinite_campus")
Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """One rule in a steward's words. `hint` is the next step, `source` a public page or a page of docs/."""

    id: str
    says: str
    hint: str
    severity: Severity
    source: str


def catalogue_files() -> dict[str, Traversable]:
    """Every catalogue by its section: `common`, `publish`, and a profile's by the name of its folder."""
    rules = files("edfi_toolkit.rules")
    common = {name: rules / "catalogue" / f"{name}.toml" for name in ("common", "publish")}
    return common | {name: rules / name / "catalogue.toml" for name in sorted(PROFILES)}


@cache
def _rules() -> dict[str, Rule]:
    catalogue: dict[str, Rule] = {}
    for path in catalogue_files().values():
        for rule_id, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            catalogue[rule_id] = Rule(rule_id, **entry)
    return catalogue


def rule(rule_id: str) -> Rule:
    """The catalogue's entry of a rule id or notice code. KeyError when there is none."""
    return _rules()[rule_id]


class _Catalogue(Mapping[str, Rule]):
    """All rules, read when first looked at."""

    def __getitem__(self, rule_id: str) -> Rule:
        return _rules()[rule_id]

    def __iter__(self) -> Iterator[str]:
        return iter(_rules())

    def __len__(self) -> int:
        return len(_rules())


RULES: Mapping[str, Rule] = _Catalogue()
