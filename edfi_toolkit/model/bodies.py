"""A column of JSON bodies, kept as bytes until somebody looks at one.

A statewide build has half a million bodies; as dicts they would cost more time and memory than all rules together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype, take


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
        return BodyArray(_objects(texts.to_pylist()))


class BodyArray(ExtensionArray):  # type: ignore[misc]
    """Bodies by position, not to be changed. `texts` are their JSON; an element is a new dict each time it is read."""

    def __init__(self, texts: np.ndarray) -> None:
        self.texts = texts

    @classmethod
    def _from_sequence(cls, scalars: Iterable[Any], *, dtype: Any = None, copy: bool = False) -> BodyArray:
        texts = [None if body is None or body is pd.NA else orjson.dumps(body) for body in scalars]
        return cls(_objects(texts))

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[BodyArray]) -> BodyArray:
        return cls(np.concatenate([each.texts for each in to_concat]))

    @property
    def dtype(self) -> BodyDtype:
        return BodyDtype()

    @property
    def nbytes(self) -> int:
        return self.texts.nbytes + sum(len(text) for text in self.texts if text is not None)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, at: Any) -> Any:
        at = pd.api.indexers.check_array_indexer(self, at)
        found = self.texts[at]
        if isinstance(found, np.ndarray):
            return BodyArray(found)
        return None if found is None else orjson.loads(found)

    def __iter__(self) -> Iterator[Any]:
        return (None if text is None else orjson.loads(text) for text in self.texts)

    def __arrow_array__(self, type: Any = None) -> pa.Array:
        return pa.array(self.texts, pa.large_binary())

    def isna(self) -> np.ndarray:
        return np.array([text is None for text in self.texts], dtype=bool)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> BodyArray:
        texts = take(self.texts, np.asarray(indices), allow_fill=allow_fill)
        if allow_fill:
            texts[np.asarray(indices) < 0] = None
        return BodyArray(texts)

    def copy(self) -> BodyArray:
        return BodyArray(self.texts.copy())

    def __eq__(self, other: object) -> Any:
        """Element by element, as dicts: neither the order of members nor spaces matter."""
        others = (
            other if isinstance(other, BodyArray | pd.Series | list | np.ndarray) else [other] * len(self)
        )
        return np.array([mine == its for mine, its in zip(self, others, strict=True)], dtype=bool)

    def _formatter(self, boxed: bool = False) -> Any:
        return str


def texts_of(bodies: pd.Series) -> list[bytes | None]:
    """The JSON of each body of a column, whether the column keeps texts or dicts."""
    if isinstance(bodies.array, BodyArray):
        return bodies.array.texts.tolist()
    return [None if body is None else orjson.dumps(body) for body in bodies]


def _objects(texts: list[bytes | None]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
