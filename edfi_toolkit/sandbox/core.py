"""One embedded ODS: its data, its clients, and the operations that every way in shares."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit import model
from edfi_toolkit.sandbox import problems, shapes
from edfi_toolkit.sandbox.relationships import Gate, Hierarchy
from edfi_toolkit.sandbox.security import SANDBOX, Client, Directory
from edfi_toolkit.sandbox.shapes import Shape
from edfi_toolkit.sandbox.store import Row, Store
from edfi_toolkit.sandbox.validate import Reference, judge, parse

_OWN_CLIENTS: dict[str, dict[str, Any]] = {
    "district": {},
    "host": {"claim_set": SANDBOX, "namespaces": ("uri://",)},
}


@dataclass
class Options:
    """How the sandbox behaves; all of it may be changed while it runs.

    error_style: "problem" (7.2 on), "legacy" (before) or "dms". lenient_etags: If-None-Match may be quoted.
    """

    page_limit: int = 500
    token_lifetime_s: float = 1800.0
    token_limit: int = 15
    error_style: str = "problem"
    lenient_etags: bool = False


class Ods:
    """The data of one district or state, with everything needed to judge a request."""

    def __init__(self, data: Path | None = None, options: Options | None = None) -> None:
        self._at_start = options or Options()
        self.options = replace(self._at_start)
        self.store = Store(data)
        self.directory = Directory(
            self.store, lifetime_s=self.options.token_lifetime_s, limit=self.options.token_limit
        )
        self.hierarchy = Hierarchy(self.store)
        self.gate = Gate(self.store, self.hierarchy)
        self._add_own_clients()
        self._load_descriptors()

    def reset(self) -> None:
        """As good as new: the shipped descriptors, the sandbox's own two clients, the options of the start.

        Their keys and secrets stay, so that whoever was told them can go on; tokens end.
        """
        self.options = replace(self._at_start)
        self.store.clear()
        self.directory.revoke()
        self.directory.keep(_OWN_CLIENTS)
        self._add_own_clients()
        self.apply_options()
        self.hierarchy.stale = True
        self._load_descriptors()

    def apply_options(self) -> None:
        """Let changed options take effect."""
        self.directory.lifetime_s, self.directory.limit = (
            self.options.token_lifetime_s,
            self.options.token_limit,
        )

    def _add_own_clients(self) -> None:
        for name, facts in _OWN_CLIENTS.items():
            self.directory.add(name, **facts)

    def _load_descriptors(self) -> None:
        self.descriptors: dict[str, dict[str, str]] = {name: {} for name in model.descriptor_endpoints()}
        names = shapes.descriptor_names()
        rows = self.store.connection.execute(
            "SELECT kind, body ->> '$.namespace' || '#' || (body ->> '$.codeValue') FROM items"
            " WHERE kind IN (SELECT value FROM json_each(?))",
            (orjson.dumps(sorted(names)).decode(),),
        ).fetchall()
        for kind, uri in rows:
            self.descriptors[names[kind]][uri.casefold()] = uri
        if not rows:
            self._ship_descriptors()

    def _ship_descriptors(self) -> None:
        endpoints = model.descriptor_endpoints()
        with self.store.transaction():
            for name, uris in model.descriptor_values().items():
                for uri in uris:
                    namespace, _, code = uri.partition("#")
                    body = {"codeValue": code, "namespace": namespace, "shortDescription": code[:75]}
                    self.store.insert(
                        id=uuid.uuid4().hex,
                        kind=endpoints[name],
                        space=endpoints[name],
                        key=uri.casefold(),
                        organization=None,
                        student=None,
                        body=orjson.dumps(body),
                    )
                    self.descriptors[name][uri.casefold()] = uri

    def save(
        self, target: Shape, raw: bytes, *, client: Client | None, if_match: str | None = None
    ) -> tuple[Row, bool]:
        """Create or replace by natural key.  Returns the item and whether it is new.

        client None writes without authorization. Raises a Refusal, and then nothing is written.
        """
        body, references = judge(target, parse(raw), raw, self.descriptors)
        key = target.key(body)
        holder = self.store.by_key(target.space, key)
        old = holder if holder is not None and holder.kind == target.endpoint else None
        if client is not None:
            if old is not None:
                client.demand(target.endpoint, "Update")
                self.gate.check(client, target, "Update", orjson.loads(old.body))
                demand_match(if_match, old)
            self.gate.check(client, target, "Create" if old is None else "Update", body)
        if holder is not None and old is None:
            raise problems.taken(target.table)
        if old is not None:
            return self._replace(target, old, key, body, references), False
        self._resolve(references)
        row = self.store.insert(
            id=uuid.uuid4().hex,
            kind=target.endpoint,
            space=target.space,
            key=key,
            organization=shapes.at(body, target.organization) if target.organization else None,
            student=shapes.at(body, target.student) if target.student else None,
            body=orjson.dumps(body),
            links=_links(references),
        )
        self._noticed(target, body)
        return row, True

    def replace(
        self, target: Shape, id: str, raw: bytes, *, client: Client, if_match: str | None = None
    ) -> Row:
        """Replace the item with that id.  Raises a Refusal, and then nothing is written."""
        body, references = judge(target, parse(raw, put=True), raw, self.descriptors, new_id_allowed=True)
        old = self.store.by_id(target.endpoint, id)
        if old is None:
            raise problems.not_found("Resource to update was not found.")
        self.gate.check(client, target, "Update", orjson.loads(old.body))
        demand_match(if_match, old)
        key = target.key(body)
        if key != old.key and not target.key_may_change:
            raise problems.key_change(target.name)
        self.gate.check(client, target, "Update", body)
        if key != old.key and self.store.by_key(target.space, key) is not None:
            raise problems.taken(target.table)
        return self._replace(target, old, key, body, references)

    def _replace(
        self, target: Shape, old: Row, key: str, body: dict[str, Any], references: Sequence[Reference]
    ) -> Row:
        before = orjson.loads(old.body)
        if target.descriptor:  # a change of case in the key is accepted and not stored
            body["namespace"], body["codeValue"] = before["namespace"], before["codeValue"]
        if body == before or _unordered(body) == _unordered(before):
            return old
        self._resolve(references)
        row = self.store.replace(
            old,
            key=key,
            organization=shapes.at(body, target.organization) if target.organization else None,
            student=shapes.at(body, target.student) if target.student else None,
            body=orjson.dumps(body),
            links=_links(references),
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
        self.gate.check(client, target, "Delete", body)
        demand_match(if_match, row)
        referring = self._use_of(body) if target.descriptor else self.store.referring(target.space, row.key)
        if referring:
            kind, via = referring
            name = shapes.shape(kind).name
            raise problems.dependent(via, name) if via else problems.dependent(name)
        self.store.delete(row, space=target.space, key_values=target.key_values(body))
        if target.descriptor:
            del self.descriptors[target.descriptor][row.key]
        self._noticed(target, None)

    def _use_of(self, descriptor: dict[str, Any]) -> tuple[str, str] | None:
        """An item that uses a descriptor, and the child row that does."""
        uri = f"{descriptor['namespace']}#{descriptor['codeValue']}"
        text = orjson.dumps(uri).decode()
        users = self.store.rows("instr(body, ?) > 0", (text,), tail="ORDER BY seq LIMIT 1")
        if not users:
            return None
        root = shapes.shape(users[0].kind).root
        return users[0].kind, _holder(root, orjson.loads(users[0].body), uri) or ""

    def _resolve(self, references: Iterable[Reference]) -> None:
        for reference in references:
            target = reference.target
            found = self.store.target(target.space, reference.key)
            if found is None or target.endpoint not in (None, found[0]):
                raise problems.unresolved(target.name)

    def _noticed(self, target: Shape, body: dict[str, Any] | None) -> None:
        if target.space == shapes.ORGANIZATION:
            self.hierarchy.stale = True
        elif target.descriptor and body is not None:
            uri = f"{body['namespace']}#{body['codeValue']}"
            self.descriptors[target.descriptor][uri.casefold()] = uri

    def shown(self, target: Shape, row: Row) -> dict[str, Any]:
        """An item as GET prints it."""
        body = orjson.loads(row.body)
        self._link(target.root, body)
        return {"id": row.id, **body, "_etag": row.etag, "_lastModifiedDate": row.modified_at}

    def _link(self, node: shapes.Node, body: dict[str, Any]) -> None:
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
                kind, id = found
                value["link"] = {"rel": shapes.shape(kind).name, "href": f"/ed-fi/{kind}/{id}"}


def demand_match(if_match: str | None, row: Row) -> None:
    """Refuse with 412 when the ETag the caller saw, quoted or bare, is not the current one."""
    if if_match is not None and if_match.strip().strip('"') != row.etag:
        raise problems.modified_meanwhile()


def _links(references: Sequence[Reference]) -> list[tuple[str, str, str]]:
    return [(reference.target.space, reference.key, reference.via) for reference in references]


def _unordered(value: Any) -> Any:
    """The value with the items of its collections in one order: they are matched by key, not by place."""
    if isinstance(value, dict):
        return {name: _unordered(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted(
            map(_unordered, value), key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
        )
    return value


def _holder(node: shapes.Node, body: dict[str, Any], uri: str, via: str = "") -> str | None:
    """The child row (empty: the root) whose member holds a value; None when nothing here does."""
    for member in node.members:
        value = body.get(member.name)
        if value == uri:
            return via
        if member.array:
            found = [_holder(member.node, item, uri, member.node.entity) for item in value or ()]  # type: ignore
            if any(entity is not None for entity in found):
                return next(entity for entity in found if entity is not None)
        elif member.node is not None and value:
            held = _holder(member.node, value, uri, via)
            if held is not None:
                return held
    return None
