"""Single items, natural keys and filters, in the spelling of the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from edfi_toolkit import model
from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.ods.session import Answer, Session

Row = dict[str, Any]
ODS_COLUMNS = ("resource", "id", "etag", "body")  # of items in a frame

_A_FEW = 25
_DIGITS = re.compile(r"[0-9]{1,18}")
_ETAG = re.compile(r"[ !#-~]{0,256}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # a GUID, with or without dashes


@dataclass(frozen=True, slots=True)
class Found:
    """One item as the ODS holds it; the body is without id, etag and date of change."""

    id: str
    etag: str | None
    body: Row = field(repr=False)


def found_of(row: Row) -> Found:
    """Split an item as it came into id, etag and body."""
    body = dict(row)
    etag = body.pop("_etag", None)
    body.pop("_lastModifiedDate", None)
    return Found(_check_id(body.pop("id", None)), etag_of(etag), body)


async def get_one(session: Session, resource: str, ed_fi_id: str) -> Found | None:
    """One item by id; None when there is none."""
    answer = await session.ask(
        "GET", f"{(await session.discovery()).collection(resource)}/{ed_fi_id}", accept=(404,)
    )
    if answer.status == 404:
        return None
    found = found_of({"_etag": answer.etag, **object_of(session, answer)})
    if _bare(found.id) != _bare(ed_fi_id):
        raise OdsError(
            "The API answered with another record than was asked for. Tell the host, and run again."
        )
    return found


async def find_one(
    session: Session, resource: str, body_or_key: Mapping[str, Any] | Sequence[Any]
) -> Found | None:
    """One item by natural key, given as a body, as query parameters, or as a tuple in the key's order."""
    key = _query_key(resource, body_or_key)
    url = (await session.discovery()).collection(resource)
    answer = await session.ask("GET", url, params={**key, "limit": _A_FEW})
    for row in rows_of(session, answer):
        # An unknown parameter filters nothing and says nothing: only a row of this very key is the one.
        if comparable(row_key(resource, row)) == comparable(key):
            return found_of(row)
    return None


def _query_key(resource: str, body_or_key: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    """The natural key as query parameters; their names are not the body's. KeyError if none is known."""
    facts = model.resource(resource)
    names = {path: name for name, paths in facts["queryParameters"].items() for path in paths}
    keys = [(names[path], path) for path in facts["identity"]]
    if not isinstance(body_or_key, Mapping):
        return {name: _wire(value) for (name, _), value in zip(keys, body_or_key, strict=True)}
    if all(name in body_or_key for name, _ in keys):
        return {name: _wire(body_or_key[name]) for name, _ in keys}
    return {name: _wire(_member(body_or_key, path)) for name, path in keys}


def row_key(resource: str, row: Row) -> dict[str, Any]:
    """`_query_key` of what was read. Raises OdsError for a row that lacks a part of its key."""
    try:
        return _query_key(resource, row)
    except (KeyError, TypeError):
        raise OdsError(
            f"The API answered with a record of {resource} that lacks a part of its key. Tell the host, and run again."
        ) from None


def text_of(row: Row, name: str) -> str:
    """A text member of what was read. Raises OdsError when it is none."""
    found = row.get(name)
    if isinstance(found, str):
        return found
    raise OdsError(f"The API answered with a record whose {name} is no text. Tell the host, and run again.")


def member_of(row: Row, name: str) -> Row:
    """An object in what was read. Raises OdsError when it is none."""
    found = row.get(name)
    if isinstance(found, dict):
        return found
    raise OdsError(f"The API answered with a record whose {name} is no object. Tell the host, and run again.")


def list_of(row: Row, name: str) -> list[Any]:
    """A list in what was read; empty where there is none. Raises OdsError for anything else."""
    found = row.get(name) or []
    if isinstance(found, list):
        return found
    raise OdsError(f"The API answered with a record whose {name} is no list. Tell the host, and run again.")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A part of a description that may be anything; empty when it is no object."""
    return value if isinstance(value, Mapping) else {}


def rows_of(session: Session, answer: Answer) -> list[Row]:
    """The rows of a list. Raises OdsError when it is none."""
    rows = session.json(answer)
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise OdsError(
            "The API answered a list with something else. Check the address with the host, and run again."
        )
    return rows


def object_of(session: Session, answer: Answer) -> Row:
    """The object that was answered. Raises OdsError when it is none."""
    found = session.json(answer)
    if not isinstance(found, dict):
        raise OdsError(
            "The API answered an object with something else. Check the address with the host, and run again."
        )
    return found


def whole_number(value: Any, what: str) -> int:
    """A number that was answered, also as digits. Raises OdsError when it is none that can be counted with."""
    if not isinstance(value, bool) and isinstance(value, int | str) and _DIGITS.fullmatch(str(value)):
        return int(value)
    raise OdsError(f"The API answered with a {what} that is no whole number. Tell the host, and run again.")


def check_ids(rows: list[Row]) -> None:
    """`_check_id` of each item, without a call for each that is right."""
    ids: list[Any] = [row.get("id") for row in rows]
    if not (set(map(type, ids)) <= {str} and all(map(_ID.fullmatch, ids))):
        for value in ids:
            _check_id(value)


def _check_id(value: Any) -> str:
    """The id of an item. Raises OdsError for what cannot be the last part of an address."""
    if isinstance(value, str) and is_id(value):
        return value
    raise OdsError("The API answered with a record whose id cannot be one. Tell the host, and run again.")


def etag_of(value: Any) -> str | None:
    """The `_etag` of an item without quotes. Raises OdsError for what no header can carry."""
    if value is None:
        return None
    if isinstance(value, str) and _ETAG.fullmatch(plain := value.strip('"')):
        return plain
    raise OdsError("The API answered with a record whose _etag cannot be one. Tell the host, and run again.")


def _bare(ed_fi_id: str) -> str:
    return ed_fi_id.replace("-", "").casefold()


def is_id(text: str) -> bool:
    """Whether a text can be the id of an item."""
    return _ID.fullmatch(text) is not None


def _member(body: Mapping[str, Any], path: str) -> Any:
    value: Any = body
    for name in path.removeprefix("$.").split("."):
        value = value[name]
    return value


def _wire(value: Any) -> Any:
    return value.isoformat()[:10] if isinstance(value, date) else value


def comparable(key: Mapping[str, Any]) -> dict[str, str]:
    """A key as `_query_key` gives it, such that equal keys are equal: descriptors ignore case."""
    return {
        name: str(value).casefold() if name.endswith("Descriptor") else str(value)
        for name, value in key.items()
    }


def checked_filters(resource: str, filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Filters for the wire. Raises ConfigError for a name the model lacks, which the API would ignore."""
    filters = dict(filters or {})
    resources = model.data_standard()["resources"]
    if resource in resources:
        known = {*resources[resource]["queryParameters"], "id", "minChangeVersion", "maxChangeVersion"}
        if unknown := sorted(set(filters) - known):
            raise ConfigError(
                f"{resource} cannot be filtered by {', '.join(unknown)}; the API would return everything. "
                f"Use one of: {', '.join(sorted(known))}."
            )
    return {name: _wire(value) for name, value in filters.items()}
