"""Targets, sources and the secrets they need, as values."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings.credentials import without_credentials
from edfi_toolkit.settings.limits import DEFAULT_ANSWERS, AnswerLimits

# Names that no public registry hands out, so plain http to them stays on this machine or in its own network.
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".test", ".example", ".invalid")


class Secret:
    """A text that shows itself only when asked by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself; hand it to the wire and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('****')"

    def __str__(self) -> str:
        return "****"

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never written anywhere; pass the name of its target and read it there")


@dataclass(frozen=True)
class Target:
    """One ODS and the way in.

    base_url: the root of the API, the address that answers with version and URLs.
    concurrency: the most requests in flight at once. incremental: whether a resync reads only what changed there.
    token_cache: folder where a login is kept for other commands and notebooks; None keeps it in this process.
    answers: where its answers are not believed any more.
    Raises ConfigError for an address that cannot be used.
    """

    name: str
    base_url: str
    key: Secret | None = None
    secret: Secret | None = None
    school_year: int | None = None
    tenant: str | None = None
    instance: str | None = None
    ca_bundle: str | None = None
    concurrency: int = 8
    incremental: bool = False
    keyring: str | None = None
    token_cache: str | None = field(default=None, repr=False, compare=False)
    answers: AnswerLimits = field(default=DEFAULT_ANSWERS, repr=False, compare=False)
    credentials_from: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _root(self.base_url, f"Target '{self.name}'"))
        if self.concurrency < 1:
            raise ConfigError(f"Target '{self.name}': concurrency must be at least 1; set 8 or leave it out.")

    @property
    def identity(self) -> str:
        """What a ledger binds a feed to: the normalised address, then tenant, instance and year where set."""
        routes = (("tenant", self.tenant), ("instance", self.instance), ("year", self.school_year))
        return "|".join([self.base_url, *(f"{name}={value}" for name, value in routes if value is not None)])

    def check_year(self, school_year: int) -> None:
        """Raises ConfigError when the target is bound to another school year than these records."""
        if self.school_year not in (None, school_year):
            raise ConfigError(
                f"Target '{self.name}' holds the school year {self.school_year}, and these records belong to "
                f"{school_year}; nothing was sent. Name the target of {school_year}, or correct the school year."
            )

    def credentials(self) -> tuple[Secret, Secret]:
        """Key and secret. Raises ConfigError that names the places that were searched."""
        if self.key is None or self.secret is None:
            searched = self.credentials_from or "none were given"
            missing = " and ".join(n for n, v in (("key", self.key), ("secret", self.secret)) if v is None)
            raise ConfigError(
                f"Target '{self.name}' has no {missing} ({searched}). Provide it there and run again; "
                "never write it into the settings file."
            )
        return self.key, self.secret


@dataclass(frozen=True)
class Source:
    """One student information system's extract: a folder, a workbook, an address of one, or a database URL.

    profile, targets, school_years: what a batch runs it with.
    """

    name: str
    path: str
    mapping: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    path_env: str | None = None
    profile: str | None = None
    targets: tuple[str, ...] = ()
    school_years: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Source(name={self.name!r}, path={without_credentials(self.path)!r}, mapping={self.mapping!r}, "
            f"settings={dict(self.settings)!r})"
        )


def _root(url: str, whose: str) -> str:
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise ConfigError(f"{whose}: the url must look like https://host/path. Correct it and run again.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(f"{whose}: the url must hold no user, query or '#'. Cut it and run again.")
    if parts.scheme == "http" and not is_local(parts.hostname):
        raise ConfigError(
            f"{whose}: the url is http, so key and secret would travel unprotected. Use https://."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"http": 80, "https": 443}[parts.scheme]
    netloc = host if port in (None, default) else f"{host}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/"), "", ""))


def is_local(host: str) -> bool:
    """Whether plain http to a host stays on this machine or in its own network."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_NAMES)
    return address.is_loopback or address.is_private
