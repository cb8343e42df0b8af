"""Which rows of a frame a filter keeps, and in which order: computed once a column, whatever a person asks next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.display.tables import column_texts, columns_on_a_line
from edfi_toolkit.display.values import search_text
from edfi_toolkit.privacy import QUOTES, STUDENT_IDS, Masker, is_personal
from edfi_toolkit.review.places import STUDENT_AT
from edfi_toolkit.validation.check_texts import SEVERITIES

FEW = 60  # distinct values of a column that are offered as a list
SHORT = 20  # rows of a frame in which one value that is there twice is enough for that
NOTHING = "(empty)"  # the choice of rows without a value
_ORDERED = "biufmM"  # kinds of columns that sort as they are: numbers, yes and no, times


class Arrangement:
    """The rows of a frame by position. masker: hides, so that a person is found by id, pseudonym and name."""

    def __init__(self, frame: pd.DataFrame, masker: Masker) -> None:
        self._frame, self._masker = frame.reset_index(drop=True), masker
        self._names = [str(name) for name in frame.columns]
        self._haystacks: dict[str, pa.Array] = {}
        self._ranks: dict[tuple[str, bool], np.ndarray] = {}

    def order(self, words: str, by_column: Mapping[str, str], sort_by: str) -> np.ndarray:
        """Positions of the rows that have all words somewhere and each column's text, sorted.

        by_column: a text that the column contains in any case, or one of its choices; a school also finds records of
        its students that go elsewhere. sort_by: a column, with a minus for descending.
        """
        found = np.ones(len(self._frame), dtype=bool)
        for word in words.lower().split() if len(self._frame) else ():
            found &= _contains(self.haystack, word)
        for name, text in by_column.items() if len(self._frame) else ():
            found &= self._column_has(name, text)
        kept = np.flatnonzero(found)
        if not sort_by:
            return kept
        ranks = self._ranked(sort_by.removeprefix("-"), sort_by.startswith("-"))
        return kept[np.argsort(ranks[kept], kind="stable")]

    def prepare(self) -> None:
        """Make ahead of the first search what takes most of it: the texts of columns that name persons."""
        for name in filter(is_personal, self._names):
            self._haystack_of(name)

    @cached_property
    def haystack(self) -> pa.Array:
        """One lower-case text a row: every column's."""
        arrays = [self._haystack_of(name) for name in self._names]
        return pc.binary_join_element_wise(*arrays, pa.scalar("\n", pa.large_string()))

    @cached_property
    def choices(self) -> dict[str, dict[str, int]]:
        """Rows by value, in the order of sorting, of the columns that have few values and name no person."""
        return {name: self._counts(name) for name in self._few}

    @cached_property
    def _few(self) -> dict[str, np.ndarray]:
        """The text of each row as it is shown, masked, of columns with few values.

        What a row says of a person is hidden by what its other columns say it is about: so they are masked together.
        """
        few = [at for at in columns_on_a_line(self._frame) if self._has_few(at)]
        about = [at for at, name in enumerate(self._names) if name in QUOTES and at not in few]
        shown = self._masker.frame(self._frame.iloc[:, [*few, *about]])
        texts = {self._names[at]: column_texts(shown.iloc[:, place]) for place, at in enumerate(few)}
        return {
            name: np.array([text or NOTHING for text in column], dtype=object)
            for name, column in texts.items()
        }

    def _has_few(self, at: int) -> bool:
        column = self._frame.iloc[:, at]
        try:
            codes, distinct = pd.factorize(column)
        except TypeError:  # lists and bodies cannot be compared
            return False
        values = len(distinct) + bool((codes < 0).any())
        most = len(column) - 1 if len(column) <= SHORT else len(column) // 2
        return not is_personal(self._names[at]) and 1 < values <= min(FEW, most)

    def _counts(self, name: str) -> dict[str, int]:
        texts = pd.Series(self._few[name])
        counts = texts.value_counts().to_dict()
        for text in [text for text in counts if STUDENT_AT in text]:
            if (school := text.partition(STUDENT_AT)[2]) in counts:
                counts[school] += counts[text]
        first = np.flatnonzero(~texts.duplicated())  # one row of each text is enough to sort them
        cells = self._frame.iloc[first, self._names.index(name)]
        return {text: counts[text] for text in texts[first[np.argsort(_ranks(cells, name), kind="stable")]]}

    def _column_has(self, name: str, text: str) -> np.ndarray:
        if name in self._few:
            own = pd.Series(self._few[name])
            return (own.eq(text) | own.str.endswith(f"{STUDENT_AT}{text}")).to_numpy(dtype=bool)
        return _contains(self._haystack_of(name), text.lower())

    def _haystack_of(self, name: str) -> pa.Array:
        """One lower-case text a row; of bodies, the values; of a person, pseudonym and name too."""
        if name not in self._haystacks:
            at = self._names.index(name)
            parts = [self._frame.iloc[:, at]]
            if is_personal(name):
                parts.append(self._masker.persons(self._frame.iloc[:, at]))
            if name in STUDENT_IDS and (names := self._masker.names()):
                parts.append(self._frame.iloc[:, at].astype("str").map(names))
            texts = [pa.array(column_texts(part, search_text), pa.large_string()) for part in parts]
            joined = pc.binary_join_element_wise(*texts, pa.scalar("\n", pa.large_string()))
            self._haystacks[name] = pc.utf8_lower(joined)
        return self._haystacks[name]

    def _ranked(self, name: str, descending: bool) -> np.ndarray:
        if (name, descending) not in self._ranks:
            cells = self._frame.iloc[:, self._names.index(name)]
            self._ranks[name, descending] = _ranks(cells, name, descending)
        return self._ranks[name, descending]


def _ranks(cells: pd.Series, name: str, descending: bool = False) -> np.ndarray:
    """The place of each cell of a column when sorted: what has an order by it, numbers by size; missing last."""
    values = pa.array(_comparable(cells, name), from_pandas=True)
    ranks = pc.rank(values, "descending" if descending else "ascending", tiebreaker="dense")
    return ranks.to_numpy()


def _comparable(cells: pd.Series, name: str) -> pd.Series:
    """Cells as values that sort as a person expects: severities by weight, numbers by size, also in text."""
    if name == "severity":
        return cells.astype(object).map({word: weight for weight, word in enumerate(SEVERITIES)})
    if isinstance(cells.dtype, pd.CategoricalDtype) and cells.cat.ordered:
        return cells.cat.codes.mask(cells.isna())
    if cells.dtype.kind in _ORDERED:
        return cells
    words = pd.Series(column_texts(cells, search_text), dtype="str").replace("", None)
    numbers = pd.to_numeric(words, errors="coerce")
    return numbers if numbers.notna().eq(words.notna()).all() else words.str.casefold()


def _contains(texts: pa.Array, part: str) -> np.ndarray:
    return pc.match_substring(texts, part).to_numpy(zero_copy_only=False)
