"""What the manual leaves open, and this profile lets a district decide (docs/settings.md)."""

from __future__ import annotations

from edfi_toolkit.rules.settings import Setting, choice, flag

SETTINGS: tuple[Setting, ...] = (
    flag(
        "strict_certification",
        False,
        "CERT-SEL-5",
        "Sheet-required properties that are missing skip the row.",
    ),
    choice("cert_year_token", "CERT-YEAR", "How 8/23/[Current School Year] is read.", "split", "literal"),
)
