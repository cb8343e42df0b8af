"""A column of JSON bodies, kept as text until one is read.

A statewide build has half a million bodies; as dicts they would cost more time and memory than all rules together.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype

from edfi_toolkit.model.equality import body_hash, digest_of

_TEXT = pa.large_binary()


@register_extension_dtype
class BodyDtype(ExtensionDtype):  # type: ignore[misc] # pandas has no types
    """The type of a column of bodies: each element reads as a dict, or None where there is none."""

    name = "body"
    type = dict
    na_value = None

    @classmethod
    def construct_array_type(cls) -> Any:
        return BodyArray

    def __from_arrow__(self, texts: pa.Array | pa.ChunkedArray) -> BodyArray:
        """A column as Parquet keeps it."""
        chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
        return BodyArray(pa.concat_arrays([pa.array([], _TEXT), *(chunk.cast(_TEXT) for chunk in chunks)]))


class BodyArray(ExtensionArray):  # type: ignore[misc]
    """Bodies by position, not to be changed. `texts` are their JSON; an element is a new dict each time it is read."""

    def __init__(self, texts: pa.LargeBinaryArray) -> None:
        self.texts = texts

    @classmethod
    def of(cls, texts: Iterable[bytes | None]) -> BodyArray:
        """Bodies by their JSON."""
        return cls(pa.array(texts, _TEXT))

    @classmethod
    def _from_sequence(cls, scalars: Iterable[Any], *, dtype: Any = None, copy: bool = False) -> BodyArray:
        """Bodies given as mappings or as JSON text; anything else is none."""
        if isinstance(scalars, pd.arrays.ArrowStringArray):
            return BodyDtype().__from_arrow__(pa.array(scalars))
        return cls.of([_text(body) for body in scalars])

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[BodyArray]) -> BodyArray:
        return cls(pa.concat_arrays([part.texts for part in to_concat]))

    @property
    def dtype(self) -> BodyDtype:
        return BodyDtype()

    @property
    def nbytes(self) -> int:
        return int(self.texts.nbytes)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, at: Any) -> Any:
        at = pd.api.indexers.check_array_indexer(self, at)
        if isinstance(at, int | np.integer):
            return _read(self.texts[int(at)].as_py())
        if isinstance(at, slice):
            return BodyArray(self.texts[at])
        return BodyArray(self.texts.take(pa.array(np.arange(len(self))[at])))

    def __iter__(self) -> Iterator[Any]:
        return map(_read, self.texts.to_pylist())

    def __arrow_array__(self, type: Any = None) -> pa.Array:
        return self.texts

    def isna(self) -> np.ndarray:
        return self.texts.is_null().to_numpy(zero_copy_only=False)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> BodyArray:
        at = np.asarray(indices, dtype=np.int64)
        return BodyArray(self.texts.take(pa.array(at, mask=at < 0))) if allow_fill else self[at]

    def copy(self) -> BodyArray:
        return BodyArray(self.texts)

    def __eq__(self, other: object) -> Any:
        """Element by element, as dicts: neither the order of members nor spaces matter."""
        others = (
            other if isinstance(other, BodyArray | pd.Series | list | np.ndarray) else [other] * len(self)
        )
        return np.array([mine == its for mine, its in zip(self, others, strict=True)], dtype=bool)

    def _formatter(self, boxed: bool = False) -> Any:
        return str


def _read(text: bytes | None) -> Any:
    return None if text is None else orjson.loads(text)


def _text(body: Any) -> bytes | None:
    if isinstance(body, dict):
        return orjson.dumps(body)
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, Mapping):
        return orjson.dumps(dict(body))
    return body if isinstance(body, bytes) else None


def text_column(bodies: pd.Series) -> pa.LargeBinaryArray:
    """The JSON of each body of a column, whether the column has bodies, mappings or JSON text."""
    return bodies.astype("body").array.texts


def texts_of(bodies: pd.Series) -> list[bytes | None]:
    """The same as a list."""
    texts: list[bytes | None] = text_column(bodies).to_pylist()
    return texts


def json_texts(bodies: pd.Series) -> pd.Series:
    """The same as a column of texts (str), missing where there is none."""
    return pd.Series(text_column(bodies).cast(pa.large_string()), index=bodies.index, dtype="str")


def hex_digests(parts: Iterable[Iterable[bytes]]) -> pa.LargeStringArray:
    """The `digest_of` each text, as 32 hex digits. parts: texts, as many at once as may be in memory."""
    digests = hexlify(b"".join(b"".join(map(digest_of, texts)) for texts in parts))
    ends = np.arange(0, len(digests) + 1, 32)
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(digests))


def hashes_of(bodies: pd.Series) -> list[str | None]:
    """The `body_hash` of each body of a column; None where there is none."""
    return [None if body is None else body_hash(body) for body in bodies.astype("body")]
