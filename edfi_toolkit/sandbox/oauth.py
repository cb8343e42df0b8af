"""How a client asks for a token: its credentials, in whichever of the two places, and a scope."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edfi_toolkit.sandbox.security import Client, Directory


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
            "The supplied 'scope' was not a number (it should be an EducationOrganizationId that is explicitly "
            "associated with the client).",
        )
    if int(text) not in linked:
        raise OAuthError(
            400,
            "invalid_scope",
            "The client is not explicitly associated with the EducationOrganizationId specified in the "
            "requested 'scope'.",
        )
    return int(text)
