"""Faults on purpose: rules that make answers fail, wait or vanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox.wire import Call

_TEXTS = ("method", "resource")
_FLAGS = ("html", "drop_before_commit", "drop_after_commit", "revoke_tokens")


def _kind(member: str) -> type:
    return str if member in _TEXTS else bool if member in _FLAGS else int


@dataclass(slots=True)
class Fault:
    """One rule.  Where it matches, the first rule that is due acts.

    method, resource: what it matches, "*" is everything; the token endpoint is the resource "oauth/token".
    after: let that many matching requests pass first. every: then act on each n-th only. times: act that
    often, None is for ever. status: answer that at once, without looking at the request. retry_after: in
    seconds, beside a status. html: the answer is a gateway's page. latency_ms: wait first.
    drop_before_commit, drop_after_commit: close the connection without an answer, with the write not done or
    done. revoke_tokens: end all tokens first.
    """

    method: str = "*"
    resource: str = "*"
    status: int | None = None
    times: int | None = None
    after: int = 0
    every: int = 1
    retry_after: int | None = None
    html: bool = False
    latency_ms: int = 0
    drop_before_commit: bool = False
    drop_after_commit: bool = False
    revoke_tokens: bool = False
    matched: int = 0
    acted: int = 0

    def due(self, call: Call) -> bool:
        """Count the request, and say whether the rule acts on it."""
        if self.method not in ("*", call.method) or self.resource not in ("*", call.resource):
            return False
        if self.times is not None and self.acted >= self.times:
            return False
        self.matched += 1
        if self.matched <= self.after or (self.matched - self.after) % self.every:
            return False
        self.acted += 1
        return True


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def put(self, rules: Any) -> None:
        """Replace all rules by a list of objects with the members of Fault.  ConfigError on a wrong one."""
        known = {member.name for member in fields(Fault)}
        if not isinstance(rules, list) or not all(isinstance(rule, Mapping) for rule in rules):
            raise ConfigError("Fault rules are a JSON list of objects.")
        unknown = sorted({name for rule in rules for name in rule} - known)
        if unknown:
            raise ConfigError(
                f"No such member of a fault rule: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
            )
        for rule in rules:
            for name, value in rule.items():
                if not isinstance(value, _kind(name)) or (name, value) == ("every", 0):
                    raise ConfigError(f"The member {name} of a fault rule cannot be {value!r}.")
        self.rules = [Fault(**rule) for rule in rules]

    def shown(self) -> list[dict[str, Any]]:
        """The rules with their counts."""
        return [asdict(rule) for rule in self.rules]

    def due(self, call: Call) -> Fault | None:
        """The first rule that acts on this request."""
        return next((rule for rule in self.rules if rule.due(call)), None) if self.rules else None
