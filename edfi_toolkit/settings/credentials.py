"""What is a credential, and an address without one: the one way an address is shown or named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from edfi_toolkit.errors import ConfigError

_NAME = re.compile(
    r"secret|passw|pwd|credential|(?:api|access|account|private)[_-]?key|^(?:key|sig|token)$|[_-]key$|(?-i:[a-z]Key)$"
    r"|(?:access|api|auth|bearer|client|refresh|session)[_-]?token",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?![A-Za-z]:[\\/])[^/\\\s]*:.*@", re.DOTALL)  # user:password@host without a scheme
_PAIR = re.compile(r"([\w-]+)\s*=")
# The parameters of a query that say which database is meant; all others are left out.
_PLACE = frozenset({"host", "port", "server", "database", "dbname", "service_name"})


def names_a_credential(name: str) -> bool:
    """Whether a setting or parameter of that name would hold a key, a secret, a password or a token."""
    return _NAME.search(name) is not None and not name.lower().endswith("_env")


def holds_credentials(text: str) -> bool:
    """Whether a text is an address or a connection string with a password, a key or a token in it."""
    if any(names_a_credential(name) for name in _PAIR.findall(unquote_plus(text.rpartition("://")[2]))):
        return True
    if "://" not in text:
        return _BARE.match(text) is not None
    _, login, _ = _parts(text)
    return ":" in login or not _is_login(login)


def without_credentials(address: str) -> str:
    """An address as it may be shown: host, path, and which database; a path comes back as it is.

    User and password are cut out, and the query but for the database's name. Where an `@`, `/`, `?` or `#` stands
    unescaped in a password, it is not clear what belongs to it: then only the scheme is left.
    """
    if "://" not in address:
        return f"…{address.rpartition('@')[2]}" if _BARE.match(address) else address
    scheme, login, place = _parts(address)
    if not _is_login(login):
        return f"{scheme}://…"
    path, _, query = place.partition("#")[0].partition("?")
    named = [(name, value) for name, value in parse_qsl(query) if name.lower() in _PLACE]
    return f"{scheme}://{path}{f'?{urlencode(named)}' if named else ''}"


def check_address(address: str) -> None:
    """Raises ConfigError where a password's `@`, `/`, `?` or `#` is not escaped: a part would be taken for a host."""
    if "://" in address and not _is_login(_parts(address)[1]):
        raise ConfigError(
            f"The address {without_credentials(address)} cannot be taken apart. Write %40, %2F, %3F and %23 for "
            "@, /, ? and # in a user or password."
        )


def credentials_in(content: Mapping[str, Any], place: str = "") -> list[tuple[str, str]]:
    """Table and name of each value in nested settings that is a credential, or an address with one."""
    found: list[tuple[str, str]] = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            found += credentials_in(value, f"{place}.{name}".lstrip("."))
            continue
        values = value if isinstance(value, list) else [value]
        if names_a_credential(name) or any(isinstance(v, str) and holds_credentials(v) for v in values):
            found.append((place, name))
    return found


def _parts(address: str) -> tuple[str, str, str]:
    """Scheme, what stands before the last `@`, and the rest."""
    scheme, _, rest = address.partition("://")
    if rest.startswith("/") and scheme.startswith("sqlite"):
        return scheme, "", rest  # a file may have an @ in its name
    login, _, place = rest.rpartition("@")
    return scheme, login, place


def _is_login(text: str) -> bool:
    return not any(mark in text for mark in "@/?#")
