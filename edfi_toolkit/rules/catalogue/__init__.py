"""The catalogue: per rule id the sentence a steward reads, what to do about it, and where the rule comes from.

One TOML file for what all profiles share, one for publishing, and one in the folder of each profile:
`["COM-KEY-1"]` with `says`, `hint`, `severity`, `source`, and where it is known `cell`, the one to be corrected,
`lists`, the one that lists a student, and `who`.
`docs/rules/` is generated from it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from edfi_toolkit.errors import RulesError

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """One rule in a steward's words. `hint` is the next step, `source` a public page or a page of docs/.

    cell: as `table.column` the one to be corrected, where that is sure: of the row that the rule skips, or of a row it
    points to, its student's, school's or calendar's; of `preferences` that of the profile. `organization`: the one that
    the organization id comes from, in the row of the student or the school.
    lists: as `table.column` the cell that a record is there for which this rule shaped, in a row that it rests on; a
    record without such a rule is there for its first row.
    who: who can do what `hint` says, where that is not who enters the row.
    """

    id: str
    says: str
    hint: str
    severity: Severity
    source: str
    cell: str = ""
    lists: str = ""
    who: str = ""


def catalogue_files() -> dict[str, Path]:
    """Every catalogue by its section: `common`, `publish`, and each installed profile's by its name."""
    from edfi_toolkit.rules.contract import profiles  # a profile's rules report by this catalogue

    common = {name: Path(__file__).with_name(f"{name}.toml") for name in ("common", "publish")}
    return common | {name: each.catalogue for name, each in profiles().items()}


@cache
def _rules() -> dict[str, Rule]:
    catalogue: dict[str, Rule] = {}
    for path in catalogue_files().values():
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        if twice := catalogue.keys() & entries.keys():
            raise RulesError(
                f"{path} defines {', '.join(sorted(twice))}, as another catalogue does. Rename it."
            )
        catalogue |= {rule_id: Rule(rule_id, **entry) for rule_id, entry in entries.items()}
    return catalogue


def rule(rule_id: str) -> Rule:
    """The catalogue's entry of a rule id or notice code. KeyError when there is none."""
    return _rules()[rule_id]


class _Catalogue(Mapping[str, Rule]):
    """All rules, read at first use."""

    def __getitem__(self, rule_id: str) -> Rule:
        return _rules()[rule_id]

    def __iter__(self) -> Iterator[str]:
        return iter(_rules())

    def __len__(self) -> int:
        return len(_rules())


RULES: Mapping[str, Rule] = _Catalogue()
