"""One embedded ODS: its data, its clients, and the operations that every way in shares."""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from edfi_toolkit.sandbox import bodies, problems
from edfi_toolkit.sandbox.catalog import Catalog, catalog
from edfi_toolkit.sandbox.host_rules import HostRules
from edfi_toolkit.sandbox.options import OWN_CLIENTS, Options
from edfi_toolkit.sandbox.refusal import DMS
from edfi_toolkit.sandbox.relationships import Gate, Hierarchy
from edfi_toolkit.sandbox.security import Client, Directory
from edfi_toolkit.sandbox.shapes import ORGANIZATION, STUDENTS, Node, Shape, at
from edfi_toolkit.sandbox.store import Row, Store
from edfi_toolkit.sandbox.validate import Reference, judge, parse

Spelled: TypeAlias = dict[str, dict[str, str]]  # by descriptor each URI by its case-folded form
SCHOOL_YEARS = "schoolYearTypes"
SHIPPED_YEARS = range(1991, 2051)


class Ods:
    """The data of one district or state, with everything needed to judge a request.

    data: the SQLite file, in memory when None. Raises ConfigError when it cannot be used, or when there is no such data
    standard.
    """

    def __init__(
        self, data: Path | None = None, options: Options | None = None, standard: str = "5.2"
    ) -> None:
        self._at_start = options or Options()
        self.options = replace(self._at_start)
        self.catalog = catalog(standard)
        self.store = Store(data, standard)
        if data is None:
            self.descriptors = self._copy(*_as_new(standard))
        self.directory = Directory(
            self.store, lifetime_s=self.options.token_lifetime_s, limit=self.options.token_limit
        )
        self.hierarchy = Hierarchy(self.store, self.catalog)
        self.gate = Gate(self.store, self.hierarchy)
        self.host_rules = HostRules(self.store)
        known = {client.name for client in self.directory.clients.values()}
        self._add_own_clients(known)
        if data is not None:
            self.descriptors = self._stored_descriptors() if known else _ship(self.store, self.catalog)

    def reset(self, *, descriptors: bool = True) -> dict[str, Any]:
        """As good as new: shipped school years and descriptors, the sandbox's own clients, the options of the start.

        Keys and secrets of the own clients stay, so that whoever has them can go on; tokens end.
        descriptors: False leaves the shipped ones out too. Returns how many items and tokens are gone, and the
        names of the clients that are.
        """
        found: dict[str, Any] = {
            "items": self.store.connection.execute("SELECT COUNT(*) FROM items").fetchone()[0],
            "clients": [c.name for c in self.directory.clients.values() if c.name not in OWN_CLIENTS],
        }
        self.options = replace(self._at_start)
        self.store.clear()
        self.host_rules.load()
        found["tokens"] = self.directory.revoke()
        self.directory.keep(OWN_CLIENTS)
        self._add_own_clients()
        self.apply_options()
        self.hierarchy.stale = True
        self.descriptors = _ship(self.store, self.catalog, descriptors=descriptors)
        return found

    def apply_options(self) -> None:
        """Let changed options take effect."""
        self.directory.lifetime_s, self.directory.limit = (
            self.options.token_lifetime_s,
            self.options.token_limit,
        )

    def _add_own_clients(self, known: Container[str] = ()) -> None:
        """All but those that are known, which may do what they were last given."""
        for name, facts in OWN_CLIENTS.items():
            if name not in known:
                self.directory.add(name, **facts)

    def _copy(self, store: Store, descriptors: Spelled) -> Spelled:
        self.store.copy(store)
        return {name: dict(spelled) for name, spelled in descriptors.items()}

    def _stored_descriptors(self) -> Spelled:
        found = _no_descriptors(self.catalog)
        names = self.catalog.descriptor_names
        rows = self.store.connection.execute(
            "SELECT kind, body ->> '$.namespace' || '#' || (body ->> '$.codeValue') FROM items"
            " WHERE kind IN (SELECT value FROM json_each(?))",
            (orjson.dumps(sorted(names)).decode(),),
        ).fetchall()
        for kind, uri in rows:
            found[names[kind]][uri.casefold()] = uri
        return found

    def save(
        self, target: Shape, raw: bytes, *, client: Client | None, if_match: str | None = None
    ) -> tuple[Row, bool]:
        """Create or replace by natural key.  Returns the item and whether it is new.

        client None writes without authorization. Raises a Refusal, and then nothing is written.
        """
        body, references = judge(
            target, parse(raw, once=self.options.error_style == DMS), raw, self.descriptors
        )
        key = target.key(body)
        holder = self.store.by_key(target.space, key)
        old = holder if holder is not None and holder.kind == target.endpoint else None
        if client is not None:
            if old is not None:
                client.demand(target, "Update")
                self.gate.check_stored(client, target, "Update", old, orjson.loads(old.body))
                demand_match(if_match, old)
            self.gate.check(client, target, "Create" if old is None else "Update", body)
            self.host_rules.check(target, key, body)
        if holder is not None and old is None:
            raise problems.key_in_use(target.table)
        if old is not None:
            return self._replace(target, old, key, body, references), False
        links = self._resolve(target, references)
        row = self.store.insert(
            id=_new_id(),
            kind=target.endpoint,
            space=target.space,
            key=key,
            organization=at(body, target.organization) if target.organization else None,
            student=at(body, target.student) if target.student else None,
            body=orjson.dumps(body),
            links=links,
            owner=client.key if client else None,
        )
        self._noticed(target, body)
        return row, True

    def replace(
        self, target: Shape, id: str, raw: bytes, *, client: Client, if_match: str | None = None
    ) -> Row:
        """Replace the item with that id.  Raises a Refusal, and then nothing is written."""
        members = parse(raw, put=True, once=self.options.error_style == DMS)
        if self.options.error_style == DMS:
            demand_same_id(members.get("id"), id)
        body, references = judge(target, members, raw, self.descriptors, new_id_allowed=True)
        old = self.store.by_id(target.endpoint, id)
        if old is None:
            raise problems.not_found("Resource to update was not found.")
        self.gate.check_stored(client, target, "Update", old, orjson.loads(old.body))
        demand_match(if_match, old)
        key = target.key(body)
        if key != old.key and not target.key_may_change:
            raise problems.key_change(target.name, descriptor=bool(target.descriptor))
        self.gate.check(client, target, "Update", body)
        self.host_rules.check(target, key, body)
        if key != old.key and self.store.by_key(target.space, key) is not None:
            raise problems.key_in_use(target.table)
        return self._replace(target, old, key, body, references)

    def _replace(
        self, target: Shape, old: Row, key: str, body: dict[str, Any], references: Sequence[Reference]
    ) -> Row:
        before = orjson.loads(old.body)
        if target.descriptor:  # a change of case in the key is accepted and not stored
            body["namespace"], body["codeValue"] = before["namespace"], before["codeValue"]
        if bodies.equal(body, before):
            return old
        links = self._resolve(target, references)
        row = self.store.replace(
            old,
            key=key,
            organization=at(body, target.organization) if target.organization else None,
            student=at(body, target.student) if target.student else None,
            body=orjson.dumps(body),
            links=links,
        )
        if key != old.key:
            self.store.note_key_change(row, target.key_values(before), target.key_values(body))
        self._noticed(target, body)
        return row

    def delete(self, target: Shape, id: str, *, client: Client, if_match: str | None = None) -> None:
        """Delete the item with that id.  Raises a Refusal, and then nothing is written."""
        row = self.store.by_id(target.endpoint, id)
        if row is None:
            raise problems.not_found("Resource to delete was not found.")
        body = orjson.loads(row.body)
        self.gate.check_stored(client, target, "Delete", row, body)
        demand_match(if_match, row)
        referring = self._use_of(body) if target.descriptor else self._reference_to(target, row)
        if referring:
            raise self._still_used(target, row, body, *referring)
        self.store.delete(row, space=target.space, key_values=target.key_values(body))
        if target.descriptor:
            del self.descriptors[target.descriptor][row.key]
        self._noticed(target, None)

    def _still_used(
        self, target: Shape, row: Row, body: dict[str, Any], kind: str, via: str
    ) -> problems.Refusal:
        """409 of a delete, for one item that refers to the row, and the child row that does."""
        users = self._users_of(body) if target.descriptor else self._referring(target, row)
        names = sorted({self.catalog.shape(user).name for user in users})
        shape = self.catalog.shape(kind)
        if not via:
            return problems.dependent(shape.name, users=names)
        inherited = shape.space != shape.name and via.startswith(shape.space)
        within = self.catalog.names_of(shape.space) if inherited else [shape.name]
        return problems.dependent(via, *within, users=names)

    def _referring(self, target: Shape, row: Row) -> list[str]:
        return self.store.kinds_referring(row, **_as_columns(target, row))

    def _reference_to(self, target: Shape, row: Row) -> tuple[str, str] | None:
        """An item that points to a row, and the child row that does."""
        return self.store.referring(row, **_as_columns(target, row))

    def _users_of(self, descriptor: dict[str, Any]) -> list[str]:
        sql = "SELECT DISTINCT kind FROM items WHERE instr(body, ?) > 0"
        text = orjson.dumps(_uri_of(descriptor)).decode()
        return [kind for (kind,) in self.store.connection.execute(sql, (text,))]

    def _use_of(self, descriptor: dict[str, Any]) -> tuple[str, str] | None:
        """An item that uses a descriptor, and the child row that does."""
        uri = _uri_of(descriptor)
        users = self.store.rows(
            "instr(body, ?) > 0", (orjson.dumps(uri).decode(),), tail="ORDER BY seq LIMIT 1"
        )
        if not users:
            return None
        root = self.catalog.shape(users[0].kind).root
        return users[0].kind, bodies.holder(root, orjson.loads(users[0].body), uri) or ""

    def _resolve(self, shape: Shape, references: Sequence[Reference]) -> list[tuple[int, str]]:
        """The numbers of the items that are referred to, each with the child row that refers.

        Without those that the columns organization and student hold. Raises a 409 when one is not there.
        """
        links = []
        missing = []
        for reference in references:
            target = reference.target
            found = self.store.target(target.space, reference.key)
            if found is None or target.endpoint not in (None, found.kind):
                missing.append((reference.path, target.name))
            elif reference.path not in shape.held_by_columns:
                links.append((found.seq, reference.via))
        if missing:
            raise problems.unresolved(missing)
        return links

    def _noticed(self, target: Shape, body: dict[str, Any] | None) -> None:
        if target.space == ORGANIZATION:
            self.hierarchy.stale = True
        elif target.descriptor and body is not None:
            uri = _uri_of(body)
            self.descriptors[target.descriptor][uri.casefold()] = uri

    def shown(self, target: Shape, row: Row) -> dict[str, Any]:
        """An item as GET prints it; the successor of the ODS leaves empty collections out."""
        body = orjson.loads(row.body)
        if self.options.error_style == DMS:
            body = bodies.without_empties(body)
        self._link(target.root, body)
        return {"id": row.id, **body, "_etag": row.etag, "_lastModifiedDate": row.modified_at}

    def _link(self, node: Node, body: dict[str, Any]) -> None:
        for member in node.linked:
            value = body.get(member.name)
            if not value:
                continue
            if member.array:
                for item in value:
                    self._link(member.node, item)  # type: ignore[arg-type]  # a collection has an item
                continue
            target = member.target
            key = "\x1f".join([str(value[name]) for name in target.members])  # type: ignore[union-attr]
            found = self.store.target(target.space, key)  # type: ignore[union-attr]
            if found:
                rel = self.catalog.shape(found.kind).name
                value["link"] = {"rel": rel, "href": f"/ed-fi/{found.kind}/{found.id}"}


@cache
def _as_new(standard: str) -> tuple[Store, Spelled]:
    """A store in memory as an ODS comes, and its descriptors: each further one is a copy, which takes no time."""
    store = Store(None, standard)
    return store, _ship(store, catalog(standard))


def _ship(store: Store, known: Catalog, *, descriptors: bool = True) -> Spelled:
    """What an ODS comes with: the school years, none of them the current one, and the descriptors, which it returns."""
    spelled = _no_descriptors(known)
    space = known.resources[SCHOOL_YEARS]["name"]
    items = [
        (SCHOOL_YEARS, space, str(year), orjson.dumps(_school_year(year)).decode()) for year in SHIPPED_YEARS
    ]
    for endpoint, name in known.descriptor_names.items() if descriptors else ():
        for uri in known.descriptor_values[name]:
            namespace, _, code = uri.partition("#")
            body = {"codeValue": code, "namespace": namespace, "shortDescription": code[:75]}
            key = uri.casefold()
            spelled[name][key] = uri
            items.append((endpoint, endpoint, key, orjson.dumps(body).decode()))
    with store.transaction():
        store.insert_shipped(items)
    return spelled


def _no_descriptors(known: Catalog) -> Spelled:
    return {name: {} for name in known.descriptor_values}


def _uri_of(descriptor: dict[str, Any]) -> str:
    return f"{descriptor['namespace']}#{descriptor['codeValue']}"


def _as_columns(target: Shape, row: Row) -> dict[str, Any]:
    """What other items have in their columns organization and student when they belong to this one."""
    return {
        "organization": int(row.key) if target.space == ORGANIZATION else None,
        "student": row.key if target.endpoint == STUDENTS else None,
    }


def _school_year(year: int) -> dict[str, Any]:
    return {"schoolYear": year, "currentSchoolYear": False, "schoolYearDescription": f"{year - 1}-{year}"}


def _new_id() -> str:
    return f"{random.getrandbits(128):032x}"  # no secret, and a good deal cheaper than one


def demand_same_id(given: Any, id: str) -> None:
    """Refuse with 400, as the successor of the ODS does, a PUT whose body does not repeat the id of its URL."""
    if given is None:
        raise problems.invalid({"$.id": ["id is required."]})
    if str(given).replace("-", "").lower() != id:
        raise problems.invalid({"$.id": ["Request body id must match the id in the url."]})


def demand_match(if_match: str | None, row: Row) -> None:
    """Refuse with 412 when the ETag the caller saw, quoted or bare, is not the current one."""
    if if_match is not None and if_match.strip().strip('"') != row.etag:
        raise problems.modified_meanwhile()
