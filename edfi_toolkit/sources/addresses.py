"""What an address is: a path, a database, or files that fsspec reads (`s3://`, `sftp://`, `https://`)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings.credentials import check_address, holds_credentials, without_credentials
from edfi_toolkit.settings.targets import is_local

_SCHEME = re.compile(r"([a-z][a-z0-9+]*)(?:://|::)")
_DATABASES = frozenset({"mariadb", "mssql", "mysql", "oracle", "postgresql", "sqlite"})
_OPEN = {"http": "https", "ftp": "sftp"}  # whoever is between reads them


def is_database(source: str) -> bool:
    """Whether a source is a database URL; so is an address of a kind that is not known."""
    return _SCHEME.match(source) is not None and not is_remote(source)


def is_remote(source: str) -> bool:
    """Whether a source is files at an address that fsspec knows; never without the extra `remote`."""
    found = _SCHEME.match(source)
    if found is None or found[1].partition("+")[0] in _DATABASES:
        return False
    try:
        from fsspec.registry import known_implementations, registry
    except ImportError:
        return False
    return found[1] in known_implementations or found[1] in registry


def check_remote(address: str) -> None:
    """Raises ConfigError for an address that holds more than a place, or that others could read along."""
    shown = without_credentials(address)
    if "::" in address:
        raise ConfigError(f"{shown} is a chain of addresses. Unpack the files there, and give one address.")
    if holds_credentials(address) or "?" in address or "#" in address:
        raise ConfigError(
            f"{shown}: an address of files holds no password, token, ? or #. Cut it. Logins are found by fsspec in "
            "its own configuration and environment (docs/sources.md, Files at an address)."
        )
    check_address(address)
    parts = urlsplit(address)
    if parts.scheme in _OPEN and not is_local(parts.hostname or ""):
        raise ConfigError(
            f"{shown}: {parts.scheme} would send students unprotected. Use {_OPEN[parts.scheme]}://."
        )
