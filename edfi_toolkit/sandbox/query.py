"""Lists: filters, limit and offset, cursor paging, partitions."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.convert import LOWEST_DATE, Unconvertible, guid
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.refusal import PREFIX
from edfi_toolkit.sandbox.security import Client
from edfi_toolkit.sandbox.shapes import Shape
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

LAST_NUMBER = 2**31 - 1
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_TOKEN = re.compile(r"(-?[0-9]{1,10}),(-?[0-9]{1,10})")
_NO_OFFSET = "Offset must be a numeric value greater than or equal to 0."
_PARTITION_PAGES = 5  # a partition is at least that many full pages long


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for; `low` and `high` bound the aggregate numbers, both inclusive."""

    size: int
    offset: int = 0
    low: int = -(2**31)
    high: int = LAST_NUMBER


def page(query: Mapping[str, str], limit: int) -> Page:
    """Read the paging parameters.  Raises a 400 with the host's text for each mistake."""
    token, size = query.get("pagetoken"), number(query, "pageSize")
    no_count = f"Limit must be omitted or set to a numeric value between 0 and {limit}."
    count, offset = number(query, "limit", dms=no_count), number(query, "offset", dms=_NO_OFFSET)
    total = flag(query, "totalCount")
    if token is None:
        if size is not None:
            if count is not None:
                raise problems.parameter("Use limit instead of pageSize when using limit/offset paging.")
            raise problems.parameter("PageToken is required when pageSize is specified.")
        if count is not None and not 0 <= count <= limit:
            raise problems.parameter(
                f"Limit must be a value between 0 and {limit}.",
                dms=no_count,
            )
        if offset is not None and offset < 0:
            raise problems.parameter(
                "Offset cannot be a negative value.",
                dms=_NO_OFFSET,
            )
        return Page(limit if count is None else count, offset or 0)
    if offset is not None:
        raise problems.parameter(
            "Both offset and pageToken parameters were provided, but they support alternative paging "
            "approaches and cannot be used together."
        )
    if count is not None and size is None:
        raise problems.parameter("Use pageSize instead of limit when using cursor paging with pageToken.")
    if size is not None and not 0 <= size <= limit:
        raise problems.parameter(f"PageSize must be a value between 0 and {limit}.")
    if total:
        raise problems.parameter(
            "Total count cannot be determined while using cursor paging (when pageToken is specified)."
        )
    low, high = read_token(token)
    return Page(limit if size is None else size, 0, low, high)


def number(query: Mapping[str, str], name: str, *, dms: str | None = None) -> int | None:
    """A whole number from the query, or None; 400 when it is none. dms: what the successor says then."""
    text = query.get(name.lower())
    if text is None or text == "":
        return None
    if not _NUMBER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise not_valid(name, text, dms=dms)
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter says so; 400 when it says neither true nor false."""
    text = query.get(name.lower(), "")
    if text.lower() not in ("", "true", "false"):
        raise not_valid(name, text)
    return text.lower() == "true"


def not_valid(name: str, text: str, *, dms: str | None = None) -> problems.Refusal:
    """400 of a query parameter that cannot be converted. dms: what the successor says of it."""
    shown = name[:1].upper() + name[1:]
    successor = {
        "type": f"{PREFIX}bad-request:parameter-validation-failed",
        "title": "Parameter Validation Failed",
        "detail": problems.PARAMETERS,
        "validationErrors": {},
        "errors": [dms],
    }
    found = {f"$.{name}": [f"The value '{text}' is not valid for {shown}."]}
    return problems.invalid(found, dms=successor if dms else None)


def write_token(low: int, high: int) -> str:
    """base64url, without padding, of `low,high`."""
    return base64.urlsafe_b64encode(f"{low},{high}".encode()).decode().rstrip("=")


def read_token(token: str) -> tuple[int, int]:
    """The two numbers of a page token; 400 when it is damaged."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        text = ""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise problems.parameter("The page token provided was invalid.")
    return int(found[1]), int(found[2])


def selection(ods: Ods, client: Client, target: Shape, query: Mapping[str, str]) -> tuple[str, list[Any]]:
    """The condition for what the caller asks for and may see."""
    parts: list[str] = ["kind=?"]
    values: list[Any] = [target.endpoint]
    if text := query.get("id"):
        id = guid(text)
        if id is None:
            raise not_valid("id", text)
        parts.append("id=?")
        values.append(id)
    for name, comparison in (("minChangeVersion", "version>=?"), ("maxChangeVersion", "version<=?")):
        bound = number(query, name)
        if bound is not None:
            parts.append(comparison)
            values.append(bound)
    for name, text in query.items():
        if name in target.parameters and text:
            condition, found = _criterion(ods, target, target.parameters[name], text)
            parts.append(condition)
            values.extend(found)
    condition, found = ods.gate.condition(client, target)
    return " AND ".join([*parts, condition]), [*values, *found]


def _criterion(
    ods: Ods, target: Shape, paths: tuple[tuple[str, ...], ...], text: str
) -> tuple[str, list[Any]]:
    member = target.member(paths[0])
    try:
        value = member.convert(text)  # type: ignore[misc]  # only references and collections have none
    except Unconvertible:
        raise not_valid(member.name, text) from None
    if member.descriptor:
        value = ods.descriptors[member.descriptor].get(text.casefold())
        if value is None:
            return "0", []
    elif value in (False, 0, LOWEST_DATE):
        return "1", []
    if paths == (target.student,):
        return "student=?", [value]
    if target.organization in paths:
        return "organization=?", [value]
    if target.identity == paths:
        return "space=? AND key=?", [target.space, str(value)]
    same = " OR ".join("body ->> ? = ?" for _ in paths)
    return f"({same})", [part for path in paths for part in ("$." + ".".join(path), value)]


def answer_list(ods: Ods, client: Client, target: Shape, call: Call) -> Reply:
    """GET of a collection."""
    client.demand(target, "Read")
    asked = page(call.query, ods.options.page_limit)
    where, values = selection(ods, client, target, call.query)
    headers = {}
    if flag(call.query, "totalCount"):
        headers["Total-Count"] = str(_count(ods, where, values))
    rows = ods.store.rows(
        f"{where} AND seq BETWEEN ? AND ?",
        [*values, asked.low, asked.high, asked.size, asked.offset],
        tail="ORDER BY seq LIMIT ? OFFSET ?",
    )
    if rows:
        headers["Next-Page-Token"] = write_token(rows[-1].seq + 1, asked.high)
    return json_reply([ods.shown(target, row) for row in rows], headers=headers)


def _count(ods: Ods, where: str, values: list[Any]) -> int:
    sql = f"SELECT COUNT(*) FROM items WHERE {where}"  # noqa: S608  # made of constants and placeholders
    return int(ods.store.connection.execute(sql, values).fetchone()[0])


def answer_partitions(ods: Ods, client: Client, target: Shape, call: Call) -> Reply:
    """GET of /partitions: tokens from which several readers may start."""
    client.demand(target, "Read")
    count = number(call.query, "number")
    count = 10 if count is None else count
    if not 1 <= count <= 200:
        raise problems.parameter("Number of partitions must be between 1 and 200.")
    where, values = selection(ods, client, target, call.query)
    sql = f"SELECT seq FROM items WHERE {where} ORDER BY seq"  # noqa: S608  # made of constants and placeholders
    numbers = [row[0] for row in ods.store.connection.execute(sql, values)]
    size = -(-len(numbers) // count)
    if not flag(call.query, "allowSmallPartitions"):
        size = max(size, _PARTITION_PAGES * ods.options.page_limit)
    starts = numbers[:: max(size, 1)]
    ends = [start - 1 for start in starts[1:]] + [LAST_NUMBER]
    return json_reply(
        {"pageTokens": [write_token(low, high) for low, high in zip(starts, ends, strict=False)]}
    )
