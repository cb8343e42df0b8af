"""From JSON values to typed values, as lenient and as strict as the host's own reader."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any

LOWEST_DATE = "0001-01-01"
_BOUNDS = {"int32": (-(2**31), 2**31 - 1, "System.Int32"), "int64": (-(2**63), 2**63 - 1, "System.Int64")}
_TRUE, _FALSE = ("true", "1"), ("false", "0")
_GUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LAX = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Unconvertible(Exception):
    """The value has no reading as the wanted type.

    placed: the host's message ends in the position; it may then hold `{}` for the value as it was written.
    """

    def __init__(self, message: str, *, placed: bool = True) -> None:
        super().__init__(message)
        self.message, self.placed = message, placed


def converter(facts: dict[str, Any]) -> Callable[[Any], Any]:
    """The reader for one scalar property of the model."""
    kind, form = facts["type"], facts.get("format")
    if kind == "boolean":
        return boolean
    if kind == "integer":
        return int32 if form == "int32" else int64
    if kind == "number":
        places = facts.get("decimalPlaces", 4)
        return lambda value: decimal(value, places)
    return day if form == "date" else text


def guid(value: Any) -> str | None:
    """A GUID as it is stored, without hyphens and in lower case; None when the value is none."""
    return value.replace("-", "").lower() if isinstance(value, str) and _GUID.fullmatch(value) else None


def text(value: Any) -> str:
    """Text as it is; numbers and booleans printed."""
    if type(value) is str:
        return value
    if isinstance(value, dict | list):
        first = "{" if isinstance(value, dict) else "["
        raise Unconvertible(f"Unexpected character encountered while parsing value: {first}.")
    return str(value)


def int32(value: Any) -> int:
    """A whole number of 32 bits."""
    return _whole(value, "int32")


def int64(value: Any) -> int:
    """A whole number of 64 bits."""
    return _whole(value, "int64")


def _whole(value: Any, form: str) -> int:
    low, high, kind = _BOUNDS[form]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unconvertible(f"Error converting value {{}} to type '{kind}'.")
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            raise Unconvertible("Could not convert string to integer: {}.") from None
    elif isinstance(value, float):
        if abs(value) > high:
            raise Unconvertible(f"Error converting value {{}} to type '{kind}'.")
        raise Unconvertible(f"Input string '{{}}' is not a valid {kind}.")
    else:
        number = value
    if not low <= number <= high:
        raise Unconvertible(f"Error converting value {{}} to type '{kind}'.")
    return number


def decimal(value: Any, places: int) -> float | int:
    """A number, rounded to the column's scale."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Unconvertible("Could not convert string to decimal: {}.") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unconvertible(f"Unexpected character encountered while parsing value: {_shown(value)[:1]}.")
    return round(value, places)


def boolean(value: Any) -> bool:
    """true and false, as JSON, as text in any case, or as 0 and 1."""
    if type(value) is bool:
        return value
    if value in (0, 1) and not isinstance(value, float):
        return bool(value)
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    kind = {int: "Integer", float: "Float", str: "String", dict: "StartObject", list: "StartArray"}[
        type(value)
    ]
    raise Unconvertible(f"Unexpected value for boolean: {_shown(value)} (type: {kind})", placed=False)


def day(value: Any) -> str:
    """A day as YYYY-MM-DD; the month-first local form is read too, a time part is refused."""
    if isinstance(value, str):
        try:
            if len(value) == 10 and value[4] == value[7] == "-":
                date.fromisoformat(value)
                return value
            if lax := _LAX.fullmatch(value):
                return date(int(lax[3]), int(lax[1]), int(lax[2])).isoformat()
        except ValueError:
            pass
    raise Unconvertible("The supplied value is invalid.", placed=False)


def _shown(value: Any) -> str:
    return (
        str(value)
        if not (isinstance(value, bool) or value is None)
        else {True: "True", False: "False", None: "null"}[value]
    )
