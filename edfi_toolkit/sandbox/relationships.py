"""May this caller touch this item: the organization hierarchy, and students through their enrollments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.catalog import Catalog
from edfi_toolkit.sandbox.names import pascal
from edfi_toolkit.sandbox.security import DISTRICTS, Client
from edfi_toolkit.sandbox.shapes import ENROLLMENTS, ORGANIZATION, Shape, at
from edfi_toolkit.sandbox.store import Row, Store

_HINT = "Hint: You may need to create a corresponding 'StudentSchoolAssociation' item."
_SHOWN_CLAIMS = 5


class Hierarchy:
    """Who is below whom; read again from the store after an organization changed."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self.stale = True  # set by whoever changes an organization

    def _refresh(self) -> None:
        if self.stale:
            self.stale = False
            self._read()

    def _read(self) -> None:
        self.kinds: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.parents: dict[int, tuple[int, ...]] = {}
        self._claims: dict[tuple[int, ...] | str, tuple[int, ...]] = {}
        self._below: dict[tuple[int, ...], frozenset[int]] = {}
        self._json: dict[tuple[int, ...], str] = {}
        for endpoint, facts in self._catalog.resources.items():
            if facts["superclass"] != ORGANIZATION:
                continue
            parents = self._catalog.shape(endpoint).parents
            for row in self._store.rows("kind=?", (endpoint,)):
                body = orjson.loads(row.body)
                number = int(row.key)
                self.kinds[number] = endpoint
                self.names[number] = body["nameOfInstitution"]
                above = (at(body, path) for path in parents)
                self.parents[number] = tuple(parent for parent in above if parent is not None)

    def claims(self, client: Client) -> tuple[int, ...]:
        """The organizations of a client, ascending: its own, or what the ODS holds now.

        "districts" is every district, or, as long as there is none, every organization on top.
        """
        self._refresh()
        asked = client.organizations
        found = self._claims.get(asked)
        if found is None:
            found = self._claims[asked] = tuple(
                sorted(self._held(asked) if isinstance(asked, str) else asked)
            )
        return found

    def _held(self, level: str) -> list[int]:
        districts = [number for number, kind in self.kinds.items() if kind == "localEducationAgencies"]
        if level == DISTRICTS and districts:
            return districts
        return [number for number, above in self.parents.items() if not above]

    def below(self, numbers: tuple[int, ...]) -> frozenset[int]:
        """These organizations and all that lie below them."""
        self._refresh()
        found = self._below.get(numbers)
        if found is None:
            reached, size = set(numbers), 0
            while size != len(reached):
                size = len(reached)
                reached |= {number for number, above in self.parents.items() if not reached.isdisjoint(above)}
            found = self._below[numbers] = frozenset(reached)
        return found

    def above(self, numbers: Iterable[int]) -> frozenset[int]:
        """These organizations and all that lie above them."""
        self._refresh()
        reached: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in reached:
                reached.add(number)
                waiting.extend(self.parents.get(number, ()))
        return frozenset(reached)

    def below_as_json(self, numbers: tuple[int, ...]) -> str:
        """`below` as a JSON list, for a query."""
        self._refresh()
        if numbers not in self._json:
            self._json[numbers] = orjson.dumps(sorted(self.below(numbers))).decode()
        return self._json[numbers]


class Gate:
    """The relationship checks of the stock claim sets."""

    def __init__(self, store: Store, hierarchy: Hierarchy) -> None:
        self._store, self._hierarchy = store, hierarchy

    def check(self, client: Client, target: Shape, action: str, body: dict[str, Any]) -> None:
        """Refuse with 403 when no relationship leads from the caller to what the item names.

        action: "Create", "Read", "Update" or "Delete". `body` is the stored item or the proposed one.
        """
        if target.descriptor and action != "Read":
            client.demand_namespace(body["namespace"])
        secured = () if client.unrestricted or client.by_ownership(target) else _secured(target, action)
        if not secured:
            return
        claims = self._hierarchy.claims(client)
        visible = self._hierarchy.below(claims)
        missing = False
        if "organization" in secured:
            organization = at(body, target.organization or ())
            missing = organization not in visible
            if missing and target.endpoint == "programs" and action == "Read":
                missing = organization not in self._hierarchy.above(claims)
        if "student" in secured and not missing:
            student = at(body, target.student or ())
            missing = visible.isdisjoint(self._store.schools_of(student))
        if missing:
            raise _no_relationship(claims, _names(target, secured), hint="student" in secured)

    def check_stored(
        self, client: Client, target: Shape, action: str, row: Row, body: dict[str, Any]
    ) -> None:
        """Refuse with 403 what the caller may not do with an item that is there.  `body` is the row's."""
        if not client.by_ownership(target):
            self.check(client, target, action, body)
        elif row.owner != client.key:
            raise problems.not_owned(without_owner=row.owner is None)

    def condition(self, client: Client, target: Shape) -> tuple[str, list[Any]]:
        """The part of a WHERE clause that leaves only what the caller may read."""
        if client.by_ownership(target):
            return "owner=?", [client.key]
        secured = () if client.unrestricted else _secured(target, "Read")
        claims = self._hierarchy.claims(client)
        visible = self._hierarchy.below_as_json(claims)
        parts, values = ["1"], []
        if "organization" in secured:
            seen = visible
            if target.endpoint == "programs":
                both = self._hierarchy.below(claims) | self._hierarchy.above(claims)
                seen = orjson.dumps(sorted(both)).decode()
            parts.append("organization IN (SELECT value FROM json_each(?))")
            values.append(seen)
        if "student" in secured:
            parts.append(
                "EXISTS (SELECT 1 FROM items AS enrolled WHERE enrolled.student=items.student"
                " AND enrolled.kind=? AND enrolled.organization IN (SELECT value FROM json_each(?)))"
            )
            values += [ENROLLMENTS, visible]
        return " AND ".join(parts), values


def _secured(target: Shape, action: str) -> tuple[str, ...]:
    """Which of an item's two secured properties the stock strategy checks."""
    stands_in = target.branch
    if stands_in in ("systemDescriptors", "edFiTypes", "educationOrganizations"):
        return ()
    if stands_in == "people":
        return ("student",) if action in ("Read", "Update") else ()
    if stands_in == "primaryRelationships" and action == "Create":
        return ("organization",)
    found = ("organization",) if target.organization else ()
    return (*found, "student") if target.student else found


def _names(target: Shape, secured: tuple[str, ...]) -> list[str]:
    paths = {"organization": target.organization, "student": target.student}
    return [pascal(path[-1]) for part in secured if (path := paths[part])]


def _no_relationship(claims: tuple[int, ...], names: list[str], *, hint: bool) -> problems.Refusal:
    shown = [str(number) for number in claims[:_SHOWN_CLAIMS]]
    if len(claims) > _SHOWN_CLAIMS:
        shown.append("...")
    word = "claims" if len(claims) > 1 else "claim"
    numbers = ", ".join(shown) or "none"
    what = (
        f"the resource item's '{names[0]}' value."
        if len(names) == 1
        else "one or more of the following properties of the resource item: '" + "', '".join(names) + "'."
    )
    return problems.denied(
        "",
        _HINT if hint else "",
        f"No relationships have been established between the caller's education organization id {word} "
        f"({numbers}) and {what}",
    )
