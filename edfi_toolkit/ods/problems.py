"""One reading of every error an Ed-Fi API, an older release or a gateway in front of it may answer with.

Messages quote values, so a Problem is student data: its repr names only type, status and correlation id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson

PREFIX = "urn:ed-fi:api:"
GATEWAY = "gateway"  # the page came from something in front of the API, never from the API itself
_SHOWN = 200
_RAW = 2_000
_READ = 2**20  # bytes of an answer that are read for its texts
_MOST_TEXTS = 500
_DEEPEST = 20  # levels of nested texts; an honest answer has three

_BY_STATUS = {
    400: "bad-request",
    401: "security:authentication",
    403: "security:authorization",
    404: "not-found",
    405: "method-not-allowed",
    409: "data-conflict",
    412: "optimistic-lock-failed",
    415: "unsupported-media-type",
    429: "too-many-requests",
    500: "system",
    502: "bad-gateway",
    503: "service-unavailable",
    504: "gateway-timeout",
}
# Releases before 7.2 say in words what later ones say by type; the first phrase that occurs decides.
_BY_PHRASE = (
    (400, "limit must be", "bad-request:parameter-validation-failed"),
    (400, "offset ", "bad-request:parameter-validation-failed"),
    (400, "key values for this resource", "bad-request:data-validation-failed:key-change-not-supported"),
    (400, "non-empty request body", "bad-request"),
    (400, "", "bad-request:data-validation-failed"),
    (409, "because it is a dependency", "data-conflict:dependent-item-exists"),
    (409, "does not exist", "data-conflict:unresolved-reference"),
    (409, "natural key conflict", "data-conflict:non-unique-identity"),
    (409, "identifying value", "data-conflict:non-unique-identity"),
    (409, "is not unique", "data-conflict:non-unique-values"),
    (409, "modified or deleted by another", "data-conflict:multi-user-conflict"),
)


@dataclass(frozen=True)
class Problem:
    """What was answered in place of success.

    type: the API's own type; for older releases the type their words amount to; GATEWAY for a page of HTML.
    texts: every text that says what was wrong, as (JSON path of the member of the body it is about, text); the path
        is empty where none is named.
    raw: the answer as it came, capped.
    """

    type: str
    title: str
    detail: str
    texts: tuple[tuple[str, str], ...]
    status: int
    correlation_id: str | None = None
    raw: str = field(default="", compare=False)

    @property
    def messages(self) -> tuple[str, ...]:
        """The texts as lines, `path: text` where a member is named."""
        return tuple(text if path in ("", "$") else f"{path}: {text}" for path, text in self.texts)

    def __repr__(self) -> str:
        return f"Problem({self.type!r}, status={self.status}, correlation_id={self.correlation_id!r})"

    def is_a(self, *kinds: str) -> bool:
        """Whether the type is one of these or below it in the hierarchy; kinds are without the prefix."""
        return any(self.type == PREFIX + kind or self.type.startswith(f"{PREFIX}{kind}:") for kind in kinds)


def parse_problem(
    status: int, content: bytes, *, content_type: str = "", correlation_id: str | None = None
) -> Problem:
    """Read an error answer of any shape: problem details, older JSON, OAuth, HTML, plain text, nothing."""
    content = content[:_READ]
    text = content.decode("utf-8", "replace").lstrip("\ufeff").strip()
    title = _phrase(status)
    if not text:
        return Problem(_type(status, ""), title, "", (("", title),), status, correlation_id)
    document = _json(content)
    if isinstance(document, str):
        document = {"message": document}
    if not isinstance(document, Mapping):
        html = "html" in content_type.lower() or text[:500].lstrip().lower().startswith(
            ("<!doctype", "<html")
        )
        line = _first_line(text)
        kind = GATEWAY if html else _type(status, line)
        return Problem(kind, title, line, (("", line or title),), status, correlation_id, text[:_RAW])

    members = {name.lower(): value for name, value in document.items()}
    detail = _text(members.get("detail"))
    texts = tuple(
        dict.fromkeys(islice(_texts_in(members), _MOST_TEXTS))
    )  # DMS repeats itself; the order stays
    if detail and "See '" not in detail:
        texts = (*texts, ("", detail))
    named = _text(members.get("title"))
    return Problem(
        type=_text(members.get("type")) or _type(status, " ".join(text for _, text in texts)),
        title=named or title,
        detail=detail or (texts[0][1] if texts else ""),
        texts=texts or (("", detail or named or title),),
        status=status,
        correlation_id=_text(members.get("correlationid")) or correlation_id,
        raw=text[:_RAW],
    )


def _texts_in(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("validationerrors", "errors", "modelstate", "message", "error_description", "error"):
        yield from _texts(members.get(name))


def _texts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for inner, texts in value.items():
            yield from _texts(
                texts, re.sub(r"^request(?=\.|$)", "$", str(inner)), depth + 1
            )  # as releases before 7.2 name it
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path, depth + 1)
    elif value is not None:
        for line in str(value).splitlines():
            if line := line.strip():
                yield path, line


def _type(status: int, words: str) -> str:
    words = words.lower()
    for known, phrase, kind in _BY_PHRASE:
        if words and status == known and phrase in words:
            return PREFIX + kind
    return PREFIX + _BY_STATUS.get(status, f"http-{status}")


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def _first_line(text: str) -> str:
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<!--.*?-->", "\n", text[:10_000])
    text = re.sub(r"(?s)<[^>]*>", "\n", text)
    return next((line.strip()[:_SHOWN] for line in text.splitlines() if line.strip()), "")


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"
