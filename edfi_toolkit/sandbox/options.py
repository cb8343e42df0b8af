"""How a sandbox behaves, and who may come in from the start."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox.refusal import STYLES
from edfi_toolkit.sandbox.security import SANDBOX, TOP, UNRESTRICTED

# A district, a state, two vendors who may do less, the host, and one for loading and for conformance suites.
OWN_CLIENTS: dict[str, dict[str, Any]] = {
    "district": {},
    "host": {"claim_set": SANDBOX, "organizations": TOP, "namespaces": ("uri://",)},
    "state": {"organizations": TOP},
    "roster-vendor": {"claim_set": "Roster Vendor"},
    "assessment-vendor": {"claim_set": "Assessment Vendor", "namespaces": ()},
    "unrestricted": {"claim_set": UNRESTRICTED, "organizations": (), "namespaces": ()},
}


@dataclass
class Options:
    """How the sandbox behaves; all of it may be changed while it runs.

    error_style: "problem-details" (7.2 on), "legacy" (before) or "dms" (the successor). lenient_etags:
    If-None-Match may be quoted.
    """

    page_limit: int = 500
    token_lifetime_s: float = 1800.0
    token_limit: int = 15
    error_style: str = STYLES[0]
    lenient_etags: bool = False

    def change(self, wanted: dict[str, Any]) -> None:
        """Take over some.  ConfigError on an unknown name or a value that cannot be; then nothing changes."""
        known = {member.name: type(getattr(self, member.name)) for member in fields(self)}
        unknown = sorted(wanted.keys() - known.keys())
        if unknown:
            raise ConfigError(f"No such option: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        for name, value in wanted.items():
            if not _suits(value, known[name]):
                raise ConfigError(f"The option {name} cannot be {value!r}: it is a {known[name].__name__}.")
        if wanted.get("error_style", STYLES[0]) not in STYLES:
            raise ConfigError(f"No error style {wanted['error_style']!r}: choose one of {', '.join(STYLES)}.")
        for name, value in wanted.items():
            setattr(self, name, value)


def _suits(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind
