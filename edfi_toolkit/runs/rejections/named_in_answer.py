"""What an answer of the ODS names: members, values and words; and what a body and a cell have of those."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from edfi_toolkit.display.values import DESCRIPTOR, cell_text
from edfi_toolkit.tables.corrections import members_with_texts

_CLAIMS = re.compile(r"\bclaims? \(([^)]*)\)")
_TELLING = 4  # characters from which a cell is looked for in an answer
# Quoted, or written together: BeginDate, $.beginDate
_MEMBER = re.compile(r"'(\w+)'|\b([A-Za-z]+[a-z][A-Z]\w*)")


def organizations_of_the_key(answer: str) -> list[str]:
    """Those that an answer names as the key's own; not of the record."""
    claims = _CLAIMS.search(answer)
    return claims[1].split(", ") if claims else []


def members_named(messages: Iterable[str]) -> set[str]:
    """The members that an answer names, in lower case, as it says what is wrong with one without its value."""
    answer = without_claims(" ".join(messages))
    return {(quoted or plain).casefold() for quoted, plain in _MEMBER.findall(answer)}


def without_claims(answer: str) -> str:
    """What the ODS said, without the organizations of the key."""
    return _CLAIMS.sub("claim", answer)


def texts(cell: Any) -> list[tuple[str, str]]:
    """A cell as texts by member; an empty one has none."""
    if isinstance(cell, dict):
        return list(members_with_texts(cell))
    if isinstance(cell, pd.Timestamp):
        return [("", f"{cell:%Y-%m-%d}")]
    return [("", text)] if (text := cell_text(cell)) else []


def values_of(body: Any, members: set[str]) -> Iterator[str]:
    """The values, as texts, that a body has for these members, wherever they are in it."""
    pairs = body.items() if isinstance(body, Mapping) else enumerate(body if isinstance(body, list) else ())
    for name, value in pairs:
        if isinstance(value, (Mapping, list)):
            yield from values_of(value, members)
        elif str(name).casefold() in members:
            yield cell_text(value)


def texts_by_name(body: Any, shape: list[Any], found: list[tuple[str, str]]) -> None:
    """Add to found each text of a body by its member, as `values_of`, and to shape what the body is made of."""
    for name, value in body.items() if isinstance(body, dict) else enumerate(body):
        shape.append(name)
        if isinstance(value, (dict, list)):
            shape.append(())
            texts_by_name(value, shape, found)
            shape.append(None)
        else:
            is_plain = type(value) is str and value.isprintable() and not value.startswith(DESCRIPTOR)
            found.append((str(name), value if is_plain else cell_text(value)))


def values_at(body: Mapping[str, Any], members: set[str]) -> Iterator[str]:
    """As `values_of`; of a member within another one that is named as well, only there: programReference.x."""
    for name in members:
        within = [
            value
            for outer, value in body.items()
            if outer.casefold() in members and isinstance(value, (Mapping, list))
        ]
        inner = [text for value in within for text in values_of(value, {name})]
        yield from inner or values_of(body, {name})


def names_in(body: Any) -> Iterator[str]:
    """The names of all members of a body, wherever they are in it."""
    for name, value in body.items() if isinstance(body, Mapping) else ((None, entry) for entry in body):
        if name is not None:
            yield name
        if isinstance(value, (Mapping, list)):
            yield from names_in(value)


def is_named(text: str, said: frozenset[str]) -> bool:
    """Whether all words of a text are among those of an answer; one as short as "no" is in any."""
    own = words(text)
    return len(text) >= _TELLING and bool(own) and own <= said


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(re.findall(r"[\w.-]*\w", text.casefold()))


def code(text: str) -> str:
    """The code of a descriptor; any other text as it is."""
    return text.rpartition("#")[2]
