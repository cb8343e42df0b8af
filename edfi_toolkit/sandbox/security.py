"""Clients, their claim sets and their tokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Container
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.shapes import Shape
from edfi_toolkit.sandbox.store import Store

ALL = frozenset({"Create", "Read", "Update", "Delete", "ReadChanges"})
READ = frozenset({"Read", "ReadChanges"})
SIS_VENDOR, SANDBOX, UNRESTRICTED = "SIS Vendor", "Ed-Fi Sandbox", "Unrestricted"
OWNERSHIP = "Ownership Based Test"
DISTRICTS, TOP = "districts", "top"  # organizations by what the ODS holds, see `Client`
_CLAIM = "http://ed-fi.org/identity/claims/"
_BRANCHES = (
    "systemDescriptors",
    "edFiTypes",
    "educationOrganizations",
    "people",
    "primaryRelationships",
    "relationshipBasedData",
)
_HOSTS = dict.fromkeys(_BRANCHES[:3], READ)
# What a claim set grants, by the branch of the claim tree; the names are those of the shipped claim sets.
CLAIM_SETS: dict[str, dict[str, frozenset[str]]] = {
    SIS_VENDOR: {**_HOSTS, **dict.fromkeys(_BRANCHES[3:], ALL)},
    SANDBOX: dict.fromkeys(_BRANCHES, ALL),
    "Roster Vendor": dict.fromkeys(_BRANCHES[:5], READ),
    "Assessment Vendor": {**_HOSTS, "people": READ},
    "Bootstrap Descriptors and EdOrgs": dict.fromkeys(_BRANCHES[:3], frozenset({"Create", "Read"})),
    OWNERSHIP: {**_HOSTS, **dict.fromkeys(_BRANCHES[3:], ALL)},
    UNRESTRICTED: dict.fromkeys(_BRANCHES, ALL),
}


@dataclass(frozen=True, slots=True)
class Client:
    """A key of the API.

    organizations: their ids, or what the ODS holds when it is asked (`Hierarchy.claims`): "districts", every district,
    or "top", every organization on top. without: takes whole collections ("programs") or single actions
    ("programs:Update") from the claim set.
    """

    name: str
    key: str
    secret: str = field(repr=False)
    claim_set: str = SIS_VENDOR
    organizations: tuple[int, ...] | str = DISTRICTS
    namespaces: tuple[str, ...] = ("uri://ed-fi.org", "uri://gbisd.edu")
    without: tuple[str, ...] = ()

    @property
    def unrestricted(self) -> bool:
        """No relationship and no namespace is checked."""
        return self.claim_set == UNRESTRICTED

    def by_ownership(self, target: Shape) -> bool:
        """An item is judged by who created it, not by relationships."""
        return self.claim_set == OWNERSHIP and target.branch in _BRANCHES[3:]

    def actions(self, target: Shape) -> frozenset[str]:
        """What the claim set grants on a collection."""
        granted = CLAIM_SETS[self.claim_set].get(target.branch, frozenset())
        if not self.without:
            return granted
        if target.endpoint in self.without:
            return frozenset()
        return granted - {
            entry.partition(":")[2] for entry in self.without if entry.startswith(f"{target.endpoint}:")
        }

    def demand(self, target: Shape, action: str) -> None:
        """Refuse with 403 what the claim set does not grant."""
        granted = self.actions(target)
        if action in granted:
            return
        name = f"{target.name[:1].lower()}{target.name[1:]}"
        claims = f"{_CLAIM}ed-fi/{name}', '{_CLAIM}domains/{target.branch}"
        who = f"The API client's assigned claim set (currently '{self.claim_set}')"
        if not granted:
            raise problems.denied(
                ":access-denied:resource",
                "You do not have permissions to access this data.",
                f"{who} must include one of the following resource claims to provide access to this "
                f"resource: '{claims}'.",
            )
        uri = f"http://ed-fi.org/odsapi/actions/{action[:1].lower()}{action[1:]}"
        raise problems.denied(
            ":access-denied:action",
            "You do not have permissions to perform the requested operation on the data.",
            f"{who} must grant permission of the '{uri}' action on one of the following resource claims: "
            f"'{claims}'.",
        )

    def demand_namespace(self, namespace: str) -> None:
        """Refuse with 403 to write a descriptor outside the namespaces of the client."""
        if self.unrestricted or namespace.startswith(self.namespaces):
            return
        if not self.namespaces:
            raise problems.no_namespaces()
        prefixes = "', '".join(self.namespaces)
        raise problems.denied(
            ":namespace:access-denied:namespace-mismatch",
            "The 'Namespace' value of the data does not start with any of the caller's associated "
            f"namespace prefixes ('{prefixes}').",
        )


@dataclass(slots=True)
class _Token:
    client: str
    expires_at: float
    scope: int | None


class Directory:
    """Who may come in: clients by key, and their live tokens.  Clients outlive a restart, tokens do not."""

    def __init__(
        self, store: Store, *, lifetime_s: float, limit: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._now = store, now
        self.lifetime_s, self.limit = lifetime_s, limit
        self._tokens: dict[str, _Token] = {}
        self.clients: dict[str, Client] = {}
        for (facts,) in store.connection.execute("SELECT facts FROM clients ORDER BY rowid"):
            known = orjson.loads(facts)
            known = {
                name: tuple(value) if isinstance(value, list) else value for name, value in known.items()
            }
            self.clients[known["key"]] = Client(**known)

    def add(self, name: str, **facts: Any) -> Client:
        """A new client with a new key and secret, or the one of that name with the facts given.

        ConfigError on a claim set or organizations that cannot be, and on a client without key or secret.
        """
        if facts.get("claim_set", SIS_VENDOR) not in CLAIM_SETS:
            raise ConfigError(f"No claim set {facts['claim_set']!r}: choose one of {', '.join(CLAIM_SETS)}.")
        old = next((client for client in self.clients.values() if client.name == name), None)
        key, secret = (
            (old.key, old.secret) if old else (f"{name}-{secrets.token_hex(6)}", secrets.token_hex(16))
        )
        client = Client(**{"name": name, "key": key, "secret": secret, **facts})
        if isinstance(client.organizations, str) and client.organizations not in (DISTRICTS, TOP):
            raise ConfigError(f"The organizations of {name} are a list of ids, {DISTRICTS!r} or {TOP!r}.")
        if not (client.key and client.secret):
            raise ConfigError(f"{name} needs a key and a secret: leave them out to have them made.")
        self.clients.pop(key, None)
        self.clients[client.key] = client
        self._store.connection.execute(
            "INSERT INTO clients VALUES (?,?) ON CONFLICT (name) DO UPDATE SET facts=excluded.facts",
            (name, orjson.dumps(asdict(client)).decode()),
        )
        return client

    def add_as_written(self, wanted: dict[str, Any]) -> Client:
        """`add`, from JSON. ConfigError without a name."""
        facts = {name: tuple(value) if isinstance(value, list) else value for name, value in wanted.items()}
        name = facts.pop("name", None)
        if not isinstance(name, str):
            raise ConfigError("A client needs a name.")
        return self.add(name, **facts)

    def keep(self, names: Container[str]) -> None:
        """Forget every client but these."""
        for key, client in list(self.clients.items()):
            if client.name not in names:
                del self.clients[key]
                self._store.connection.execute("DELETE FROM clients WHERE name=?", (client.name,))

    def issue(self, client: Client, scope: int | None = None) -> str:
        """A new token, for one organization when a scope is given; 429 when too many are live."""
        now = self._now()
        self._tokens = {text: token for text, token in self._tokens.items() if token.expires_at > now}
        live = sum(token.client == client.key for token in self._tokens.values())
        if 0 < self.limit <= live:
            raise problems.too_many_tokens(self.limit)
        text = secrets.token_hex(16)
        self._tokens[text] = _Token(client.key, now + self.lifetime_s, scope)
        return text

    def revoke(self) -> int:
        """End all tokens at once, as a restart of the host does."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def caller(self, authorization: str | None) -> Client:
        """The client of a bearer header; 401 else."""
        if not authorization:
            raise problems.unauthenticated("Authorization header is missing.")
        scheme, _, text = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            raise problems.unauthenticated("Unknown Authorization header scheme.")
        text = text.strip()
        if not text:
            raise problems.unauthenticated("Missing Authorization header bearer token value.")
        token = self._tokens.get(text)
        if token is None or token.expires_at <= self._now() or token.client not in self.clients:
            raise problems.unauthenticated("Invalid token")
        client = self.clients[token.client]
        return client if token.scope is None else replace(client, organizations=(token.scope,))
