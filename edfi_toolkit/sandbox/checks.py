"""Rules of single values, with the host's sentences; a checker is made once for each property."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from edfi_toolkit.sandbox.convert import LOWEST_DATE

_DANGEROUS = re.compile(r"<[A-Za-z!/?]|&#")
_DESCRIPTOR_NAMESPACE = re.compile(r"uri://[A-Za-z0-9$\-_.+!*'(),]+/(.+)", re.DOTALL)
_DESCRIPTOR_NAME = re.compile(r"[A-Za-z0-9]+")
_INT32_MAX = 2**31 - 1
Check = Callable[[Any], list[str]]
_FINE: list[str] = []


def checker(shown: str, facts: dict[str, Any]) -> Check | None:
    """The rules of a scalar property; the check returns the sentences of those that are broken."""
    kind = facts["type"]
    if kind == "string":
        return _date(shown, facts) if facts.get("format") == "date" else _text(shown, facts)
    if kind in ("integer", "number"):
        return _number(shown, facts)
    return None


def _text(shown: str, facts: dict[str, Any]) -> Check:
    low, high = facts.get("minLength", 0), facts.get("maxLength", 2**31)
    required, trimmed = facts["required"], facts.get("noOuterWhitespace", False)
    limits = f"between {low} and {high} characters" if low else f"at most {high} characters"

    def check(value: str) -> list[str]:
        stripped = value.strip()
        if not stripped and required:
            return [f"{shown} is required and should not be left empty."]
        found = []
        if trimmed and len(stripped) != len(value):
            found.append(f"{shown} cannot contain leading or trailing spaces.")
        if value and not low <= len(value) <= high:
            found.append(f"{shown} must be {limits} in length.")
        if ("<" in value or "&" in value) and _DANGEROUS.search(value):
            found.append(
                f"{shown} contains a value that could be dangerous for downstream systems using this data. "
                "Try to avoid the use of special symbols like '<', '>' or '&' without surrounding spaces."
            )
        return found

    return check


def _date(shown: str, facts: dict[str, Any]) -> Check | None:
    if not facts["required"]:
        return None
    return lambda value: [f"{shown} is required."] if value == LOWEST_DATE else _FINE


def _number(shown: str, facts: dict[str, Any]) -> Check | None:
    low, high = _bounds(facts)
    nonzero = facts["type"] == "integer" and facts["required"]
    if low is None and not nonzero:
        return None

    def check(value: float) -> list[str]:
        if nonzero and value == 0:
            return [f"{shown} value must be different than 0."]
        if low is not None and high is not None and not low <= value <= high:
            return [f"{shown} must be between {low} and {high}."]
        return _FINE

    return check


def _bounds(facts: dict[str, Any]) -> tuple[float | None, float | None]:
    low = facts.get("minimum") if "ods" in facts.get("boundsIn", ()) else None
    if facts["type"] == "integer":
        return (low, _INT32_MAX) if low is not None else (None, None)
    digits, places = facts.get("totalDigits"), facts.get("decimalPlaces", 0)
    if digits is None or digits > 15:  # money: the column is wider than a double is exact
        return None, None
    high = round(10 ** (digits - places) - 10**-places, places)
    return (-high if low is None else low), high


def descriptor_problem(name: str, value: str, *, known: bool) -> str | None:
    """Why a value is no descriptor of that type, or None."""
    if known:
        return None
    if "#" not in value:
        return (
            f"{name} value '{value}' is not a valid value for use as a descriptor (a '#' is expected to "
            "delineate the namespace and code value portions)."
        )
    return f"{name} value '{value}' does not exist."


def new_descriptor_problems(body: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with the namespace and code of a descriptor resource."""
    found: dict[str, list[str]] = {}
    parts = _DESCRIPTOR_NAMESPACE.fullmatch(body["namespace"])
    if parts is None:
        found["$.namespace"] = [
            "Namespace has invalid format. Valid namespace format is uri://[organization name]/[descriptor "
            "name]. Example: 'uri://ed-fi.org/AcademicSubjectDescriptor'"
        ]
    elif not _DESCRIPTOR_NAME.fullmatch(parts[1]):
        found["$.namespace"] = [
            f"'{parts[1]}' is not a valid value for descriptor name. Descriptor names may only contain "
            "alphanumeric characters."
        ]
    if "#" in body["codeValue"]:
        found["$.codeValue"] = [
            f"'{body['codeValue']}' is not a valid value for CodeValue. Code values may not contain '#'."
        ]
    return found
