"""Which values are personal, and how they are hidden wherever people look.

Artifacts for eyes (notebooks, report, workbook, manifest, logs) pass through a `Masker` unless a person asked to
reveal; artifacts for machines (parquet, plan files, ledger) hold real data and are readable by their owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pandas as pd

PERSONAL_COLUMNS = frozenset(
    {
        "student_id",
        "student_unique_id",
        "first_name",
        "last_name",
        "studentUniqueId",
        "staffUniqueId",
        "firstName",
        "lastSurname",
        "birthDate",
    }
)
# Row ids of these tables name a person; row ids of all other tables name a row in the SIS, which a steward needs.
PERSONAL_TABLES = frozenset({"students"})
_WORD = re.compile(r"[\w.@-]*\w")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")


def pseudonym(value: object, key: bytes) -> str:
    """A stable stand-in for one person within one installation: `S-` and eight hex digits of a keyed hash."""
    digest = hmac.new(key, str(value).encode(), hashlib.blake2b).hexdigest()
    return f"S-{digest[:8]}"


def safe_cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, made harmless by a leading apostrophe; others unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_START) else value


class Masker:
    """Hides persons in frames and texts. `known` are ids to hide inside free text; `reveal` hides nothing."""

    def __init__(self, key: bytes, known: Collection[str] = (), *, reveal: bool = False) -> None:
        self._key, self._known, self.reveal = key, frozenset(known), reveal

    def knowing(self, ids: Iterable[str]) -> Masker:
        """The same masker with further ids to hide inside free text."""
        return Masker(self._key, self._known | {str(each) for each in ids}, reveal=self.reveal)

    def value(self, value: Any) -> Any:
        """The pseudonym of one personal value; missing stays missing."""
        if self.reveal or value is None or value is pd.NA or value != value:
            return value
        return pseudonym(value, self._key)

    def text(self, text: Any) -> Any:
        """A text with every known id replaced by its pseudonym."""
        if self.reveal or not isinstance(text, str):
            return text
        return _WORD.sub(lambda word: self.value(word[0]) if word[0] in self._known else word[0], text)

    def ref(self, ref: str) -> str:
        """A `table:id` source reference; ids of personal tables become pseudonyms."""
        table, _, row_id = ref.partition(":")
        return f"{table}:{self.value(row_id)}" if table in PERSONAL_TABLES else self.text(ref)

    def body(self, body: Any, name: str = "") -> Any:
        """A JSON body with personal members replaced."""
        if isinstance(body, Mapping):
            return {member: self.body(value, member) for member, value in body.items()}
        if isinstance(body, list):
            return [self.body(value, name) for value in body]
        return self.value(body) if name in PERSONAL_COLUMNS else self.text(body)

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A copy of a frame fit for eyes: personal columns, ids of personal tables, references, bodies and texts."""
        if self.reveal or frame.empty:
            return frame
        shown = frame.copy()
        about_person = self._rows_about_a_person(frame)
        for column in shown.columns:
            cells = shown[column]
            if column in PERSONAL_COLUMNS:
                shown[column] = cells.map(self.value)
            elif column in {"id", "row_id", "value"} and about_person is not None:
                shown[column] = cells.map(self.text).where(~about_person, cells.map(self.value))
            elif column == "source_refs":
                shown[column] = [[self.ref(each) for each in refs] if isinstance(refs, list) else refs for refs in cells]
            elif cells.dtype == object or pd.api.types.is_string_dtype(cells):
                shown[column] = cells.map(self._cell)
        if "detail" in shown and "value" in frame and about_person is not None:
            shown["detail"] = [
                detail.replace(str(value), self.value(value)) if person and isinstance(detail, str) and value == value and value
                else detail
                for detail, value, person in zip(shown["detail"], frame["value"], about_person, strict=True)
            ]
        return shown

    def _cell(self, cell: Any) -> Any:
        return self.body(cell) if isinstance(cell, Mapping | list) else self.text(cell)

    @staticmethod
    def _rows_about_a_person(frame: pd.DataFrame) -> pd.Series | None:
        """Rows whose `id` or `value` is a person's: the table is personal, or the bad cell's column is."""
        if "table" not in frame:
            return None
        about = frame["table"].isin(PERSONAL_TABLES)
        return about | frame["column"].isin(PERSONAL_COLUMNS) if "column" in frame else about
