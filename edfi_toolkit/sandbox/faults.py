"""Faults on purpose: rules that make answers fail, wait or vanish."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox.wire import Call

_Z99 = 2.326  # the 99th percentile of the normal distribution


@dataclass(slots=True)
class Fault:
    """One rule.  Where it matches, the first rule that is due acts.

    method, resource: what it matches, "*" is everything; the token endpoint is the resource "oauth/token".
    after: let that many matching requests pass first. every: then act on each n-th only. rate: act on that
    share of them, by lot; equal `lots` draw the same. times: act that often, None is for ever.
    status: answer that at once, without looking at the request; of a list one after the other, over and
    over. retry_after: in seconds, next to a status. html: the answer is a gateway's page.
    latency_ms: wait first; with latency_p99_ms the waits are spread (log-normal) around that median, and one
    in a hundred is longer than the other. drop_before_commit, drop_after_commit: close the connection
    without an answer, with the write not done or done. truncate: close it in the middle of the answer's
    body. revoke_tokens: end all tokens first.
    """

    method: str = "*"
    resource: str = "*"
    status: int | list[int] | None = None
    times: int | None = None
    after: int = 0
    every: int = 1
    rate: float = 1.0
    lots: int = 0
    retry_after: int | None = None
    html: bool = False
    latency_ms: int = 0
    latency_p99_ms: int | None = None
    drop_before_commit: bool = False
    drop_after_commit: bool = False
    truncate: bool = False
    revoke_tokens: bool = False
    matched: int = 0
    acted: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.lots)  # noqa: S311  # faults, not secrets

    def due(self, call: Call) -> bool:
        """Count the request, and say whether the rule acts on it."""
        if self.method not in ("*", call.method) or self.resource not in ("*", call.resource):
            return False
        if self.times is not None and self.acted >= self.times:
            return False
        self.matched += 1
        if self.matched <= self.after or (self.matched - self.after) % self.every:
            return False
        if self.rate < 1 and self._random.random() >= self.rate:
            return False
        self.acted += 1
        return True

    def next_status(self) -> int | None:
        """The status to answer, None when the request is to be judged as usual."""
        if isinstance(self.status, list):
            return self.status[(self.acted - 1) % len(self.status)]
        return self.status

    def wait_s(self) -> float:
        """How long to wait, in seconds."""
        if not self.latency_ms or self.latency_p99_ms is None:
            return self.latency_ms / 1000
        spread = math.log(self.latency_p99_ms / self.latency_ms) / _Z99
        return self._random.lognormvariate(math.log(self.latency_ms), spread) / 1000


_MEMBERS = {member.name: str(member.type) for member in fields(Fault) if member.init}
_SUITS: dict[str, Any] = {
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: type(value) is int,
    "float": lambda value: type(value) in (int, float) and 0 <= value <= 1,
    "int | None": lambda value: value is None or type(value) is int,
    "int | list[int] | None": lambda value: (
        value is None
        or type(value) is int
        or (isinstance(value, list) and bool(value) and all(type(item) is int for item in value))
    ),
}


def _wrong(rule: Mapping[str, Any]) -> str | None:
    """The first member that cannot have its value."""
    for name, value in rule.items():
        if not _SUITS[_MEMBERS[name]](value) or (name, value) == ("every", 0):
            return name
    if rule.get("latency_p99_ms") is not None and rule["latency_p99_ms"] < rule.get("latency_ms", 0):
        return "latency_p99_ms"
    return None


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def put(self, rules: Any) -> None:
        """Replace all rules by a list of objects with the members of Fault.  ConfigError on a wrong one."""
        if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
            raise ConfigError("Fault rules are a JSON list of objects.")
        unknown = sorted({name for rule in rules for name in rule} - _MEMBERS.keys())
        if unknown:
            raise ConfigError(
                f"No such member of a fault rule: {', '.join(unknown)}. Known: {', '.join(sorted(_MEMBERS))}."
            )
        for rule in rules:
            name = _wrong(rule)
            if name is not None:
                raise ConfigError(f"The member {name} of a fault rule cannot be {rule[name]!r}.")
        self.rules = [Fault(**rule) for rule in rules]

    def shown(self) -> list[dict[str, Any]]:
        """The rules with their counts."""
        return [{name: getattr(rule, name) for name in _MEMBERS} for rule in self.rules]

    def due(self, call: Call) -> Fault | None:
        """The first rule that acts on this request."""
        return next((rule for rule in self.rules if rule.due(call)), None) if self.rules else None
