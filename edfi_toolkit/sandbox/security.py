"""Clients, their claim sets and their tokens."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import orjson

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import problems, shapes
from edfi_toolkit.sandbox.store import Store

ALL = frozenset({"Create", "Read", "Update", "Delete", "ReadChanges"})
READ = frozenset({"Read", "ReadChanges"})
SIS_VENDOR, SANDBOX = "SIS Vendor", "Ed-Fi Sandbox"
CLAIM_SETS = (SIS_VENDOR, SANDBOX)
_CLAIM = "http://ed-fi.org/identity/claims/"


@dataclass(frozen=True, slots=True)
class Client:
    """A key of the API.

    organizations: None stands for those the ODS holds (`Hierarchy.claims`). without: takes whole
    collections ("programs") or single actions ("programs:Update") from the claim set.
    """

    name: str
    key: str
    secret: str = field(repr=False)
    claim_set: str = SIS_VENDOR
    organizations: tuple[int, ...] | None = None
    namespaces: tuple[str, ...] = ("uri://ed-fi.org", "uri://gbisd.edu")
    without: tuple[str, ...] = ()

    def actions(self, endpoint: str) -> frozenset[str]:
        """What the claim set grants on a collection."""
        if endpoint in self.without:
            return frozenset()
        taken = {entry.partition(":")[2] for entry in self.without if entry.startswith(f"{endpoint}:")}
        return _granted(self.claim_set, endpoint) - taken

    def demand(self, endpoint: str, action: str) -> None:
        """Refuse with 403 what the claim set does not grant."""
        granted = self.actions(endpoint)
        if action in granted:
            return
        claims = "', '".join(_lineage(endpoint))
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


@cache
def branch(endpoint: str) -> str:
    """The branch of the claim tree that a collection stands in."""
    if endpoint in shapes.descriptor_names():
        return "systemDescriptors"
    if endpoint == "schoolYearTypes":
        return "edFiTypes"
    if endpoint == "students":
        return "people"
    if endpoint == shapes.ENROLLMENTS:
        return "primaryRelationships"
    if model.resource(endpoint)["superclass"] == shapes.ORGANIZATION:
        return "educationOrganizations"
    return "relationshipBasedData"


@cache
def _granted(claim_set: str, endpoint: str) -> frozenset[str]:
    if claim_set == SIS_VENDOR and branch(endpoint) in (
        "systemDescriptors",
        "edFiTypes",
        "educationOrganizations",
    ):
        return READ
    return ALL


@cache
def _lineage(endpoint: str) -> tuple[str, str]:
    name = shapes.shape(endpoint).name
    return f"{_CLAIM}ed-fi/{name[:1].lower()}{name[1:]}", f"{_CLAIM}domains/{branch(endpoint)}"


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
            for member in ("namespaces", "without", "organizations"):
                known[member] = None if known[member] is None else tuple(known[member])
            self.clients[known["key"]] = Client(**known)

    def add(self, name: str, **facts: Any) -> Client:
        """A new client with a new key and secret, or the one of that name with the facts given."""
        if facts.get("claim_set", SIS_VENDOR) not in CLAIM_SETS:
            raise ConfigError(f"No claim set {facts['claim_set']!r}: choose one of {', '.join(CLAIM_SETS)}.")
        old = next((client for client in self.clients.values() if client.name == name), None)
        key, secret = (
            (old.key, old.secret) if old else (f"{name}-{secrets.token_hex(6)}", secrets.token_hex(16))
        )
        client = Client(**{"name": name, "key": key, "secret": secret, **facts})
        self.clients.pop(key, None)
        self.clients[client.key] = client
        self._store.connection.execute(
            "INSERT INTO clients VALUES (?,?) ON CONFLICT (name) DO UPDATE SET facts=excluded.facts",
            (name, orjson.dumps(asdict(client)).decode()),
        )
        return client

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
        """The client a bearer header stands for; 401 else."""
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


class OAuthError(Exception):
    """A refusal of the token endpoint, in the shape of OAuth."""

    def __init__(self, status: int, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error} | ({"error_description": description} if description else {})


def credentials(authorization: str | None, form: Mapping[str, str]) -> tuple[str, str]:
    """Key and secret, from the Basic header or the body, never both."""
    in_body = "client_id" in form or "client_secret" in form
    if authorization is None:
        key, secret = form.get("client_id", ""), form.get("client_secret", "")
    else:
        parts = authorization.split()
        if len(parts) == 2 and parts[0].lower() != "basic":
            raise OAuthError(401, "invalid_client")
        if len(parts) != 2:
            raise OAuthError(400, "invalid_request")
        if in_body:
            raise OAuthError(400, "invalid_client")
        try:
            pair = base64.b64decode(parts[1], validate=True).decode().split(":")
        except (binascii.Error, UnicodeDecodeError):
            raise OAuthError(400, "invalid_request") from None
        if len(pair) != 2:
            raise OAuthError(400, "invalid_client")
        key, secret = pair
    if not key or not secret:
        raise OAuthError(401, "invalid_request")
    return key, secret


def token_request(
    directory: Directory,
    authorization: str | None,
    form: Mapping[str, str],
    organizations: Callable[[Client], Sequence[int]],
) -> dict[str, Any]:
    """Answer a request for a token.  Raises OAuthError, or 429 when too many are live.

    organizations: the ones a client is linked to, which a scope must be among.
    """
    if form.get("grant_type", "").lower() != "client_credentials":
        raise OAuthError(400, "unsupported_grant_type")
    key, secret = credentials(authorization, form)
    client = directory.clients.get(key)
    if client is None or not secrets.compare_digest(client.secret, secret):
        raise OAuthError(401, "invalid_client")
    scope = _scope(form.get("scope", "").strip(), organizations(client))
    answer: dict[str, Any] = {
        "access_token": directory.issue(client, scope),
        "expires_in": int(directory.lifetime_s),
        "token_type": "bearer",
    }
    return answer if scope is None else answer | {"scope": str(scope)}


def _scope(text: str, linked: Sequence[int]) -> int | None:
    if not text:
        return None
    if not text.isdigit():
        raise OAuthError(
            400,
            "invalid_scope",
            "The supplied 'scope' was not a number (it should be an EducationOrganizationId).",
        )
    if int(text) not in linked:
        raise OAuthError(
            400,
            "invalid_scope",
            "The client is not explicitly associated with the EducationOrganizationId specified in the "
            "requested 'scope'.",
        )
    return int(text)
