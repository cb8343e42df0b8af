"""Rules that a host adds to the standard's, as states do: what an item of a resource must have, or may not be.

1. A rule is about the values at a `path` of one `resource`, where `when` holds: by path a value, or true for any.
2. `required`: there is one. `longest`: so many characters. `earliest`, `latest`: days. `retired`: codes of a descriptor
   that are still listed and no longer taken.
3. `once`: no two items of the resource have the same values at these paths.
4. Seeds are not judged: what was there before a rule stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.names import pascal
from edfi_toolkit.sandbox.shapes import Shape
from edfi_toolkit.sandbox.store import Store


@dataclass(frozen=True)
class HostRule:
    """One rule; the module says what each part means."""

    resource: str
    path: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False
    longest: int | None = None
    earliest: str | None = None
    latest: str | None = None
    retired: tuple[str, ...] = ()
    once: tuple[str, ...] = ()

    def holds_for(self, body: Any) -> bool:
        """Whether the rule is about this item."""
        return all(
            any(wanted is True or value == wanted for value in values_at(body, path))
            for path, wanted in self.when.items()
        )

    def broken(self, body: Any) -> list[str]:
        """What the host says of an item that does not keep it."""
        name = pascal(self.path.rpartition(".")[2])
        values = list(map(str, values_at(body, self.path))) if self.path else []
        found = [f"{name} is required."] if self.required and not values else []
        for value in values:
            if self.longest is not None and len(value) > self.longest:
                found.append(f"{name} must be at most {self.longest} characters in length.")
            if self.earliest is not None and value < self.earliest:
                found.append(f"{name} must not be before {self.earliest}.")
            if self.latest is not None and value > self.latest:
                found.append(f"{name} must not be after {self.latest}.")
            if value.rpartition("#")[2] in self.retired:
                found.append(f"{name} value '{value}' is no longer in use.")
        return list(dict.fromkeys(found))


def rule_of(facts: Mapping[str, Any]) -> HostRule:
    """A rule as it is written in JSON. Raises ConfigError for one that cannot be."""
    known = {part.name for part in fields(HostRule)}
    if unknown := sorted(facts.keys() - known):
        raise ConfigError(f"A rule has no {', '.join(unknown)}, only {', '.join(sorted(known))}.")
    if "resource" not in facts or not ("path" in facts or "once" in facts):
        raise ConfigError("A rule names a resource, and a path or what may be there once.")
    parts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()
    }
    return HostRule(**parts)


class HostRules:
    """The rules of one ODS, kept with its data."""

    def __init__(self, store: Store) -> None:
        self._store, self._rules = store, list[HostRule]()
        self.load()

    def load(self) -> None:
        """Read them again from the store."""
        rows = self._store.connection.execute("SELECT facts FROM rules ORDER BY rowid")
        self._rules = [rule_of(orjson.loads(facts)) for (facts,) in rows]

    def add(self, facts: Mapping[str, Any]) -> None:
        """A rule from now on."""
        self._rules.append(rule_of(facts))
        text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
        self._store.connection.execute("INSERT OR IGNORE INTO rules VALUES (?)", (text,))

    def check(self, shape: Shape, key: str, body: dict[str, Any]) -> None:
        """Refuse an item that breaks one: 400 with all that is wrong, or 409 where it is there already."""
        rules = [rule for rule in self._rules if rule.resource == shape.endpoint and rule.holds_for(body)]
        found: dict[str, list[str]] = {}
        for rule in rules:
            if texts := rule.broken(body):
                found.setdefault(rule.path.replace("[*]", "[0]"), []).extend(texts)
        if found:
            raise problems.invalid(found, shape.name)
        for rule in rules:
            if rule.once and self._is_there(rule, shape, key, body):
                raise problems.values_in_use(pascal(path.rpartition(".")[2]) for path in rule.once)

    def _is_there(self, rule: HostRule, shape: Shape, key: str, body: dict[str, Any]) -> bool:
        mine = [list(values_at(body, path)) for path in rule.once]
        others = (
            orjson.loads(row.body) for row in self._store.rows("kind=? AND key<>?", (shape.endpoint, key))
        )
        return any(
            rule.holds_for(other) and [list(values_at(other, path)) for path in rule.once] == mine
            for other in others
        )


def values_at(body: Any, path: str) -> Iterator[Any]:
    """The values at a path of the model, such as `$.cteProgramServices[*].cipCode`."""
    head, _, rest = path.removeprefix("$.").partition(".")
    name, many = head.removesuffix("[*]"), head.endswith("[*]")
    found = body.get(name) if isinstance(body, Mapping) else None
    for value in (found or []) if many else [found]:
        if rest:
            yield from values_at(value, rest)
        elif value is not None:
            yield value
