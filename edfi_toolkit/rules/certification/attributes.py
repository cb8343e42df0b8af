"""COM-SHOW-1: what `attributes` say of a member that has a column of its own.

The column is what is shown, so it is what is sent. Attributes that say the same are ignored; others are an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.rules.common import Descriptors
from edfi_toolkit.tables.cells import convert
from edfi_toolkit.tables.schema import Column

_DAY = Column(name="day", type="date")
# Member, or member of a reference -> the column that it is taken from
COLUMN_OF = {
    ("beginDate",): "begin_date",
    ("endDate",): "end_date",
    ("educationOrganizationReference", "educationOrganizationId"): "education_organization_id",
    ("programReference", "educationOrganizationId"): "program_education_organization_id",
    ("programReference", "programName"): "program_name",
    ("programReference", "programTypeDescriptor"): "program_type_descriptor",
    ("studentReference", "studentUniqueId"): "student_unique_id",
}
_NAMES = {path[0].casefold() for path in COLUMN_OF}


def with_end_dates(p: pd.DataFrame) -> pd.DataFrame:
    """The participations, the end taken from the attributes where the column is empty."""
    ends = (
        _naming_own(p)["attributes"].map(lambda attributes: _at(attributes, ("endDate",))).map(_day).dropna()
    )
    ends = ends[p["end_date"].reindex(ends.index).isna()]
    if ends.empty:
        return p
    return p.assign(end_date=p["end_date"].fillna(ends.astype("datetime64[us]")))


def contradictions(p: pd.DataFrame, descriptors: Descriptors) -> pd.Series:
    """Per row the members that attributes give another value than their column has, joined by commas."""
    found = pd.Series("", index=p.index)
    rows = _naming_own(p)
    columns = [rows[name] for name in COLUMN_OF.values()]
    for index, attributes, *values in zip(rows.index, rows["attributes"], *columns, strict=True):
        found[index] = ", ".join(dict.fromkeys(_contradicting(attributes, values, descriptors)))
    return found


def _naming_own(p: pd.DataFrame) -> pd.DataFrame:
    own = [_names_own(attributes) for attributes in p["attributes"]]
    return p[np.array(own, dtype=bool)] if any(own) else p.iloc[:0]


def _names_own(attributes: Any) -> bool:
    return isinstance(attributes, dict) and any(name.casefold() in _NAMES for name in attributes)


def _contradicting(
    attributes: Mapping[str, Any], values: list[Any], descriptors: Descriptors
) -> Iterator[str]:
    for (path, column), value in zip(COLUMN_OF.items(), values, strict=True):
        for said in _all_at(attributes, path):
            if said is not None and not _same(column, said, value, descriptors):
                yield path[0]


def _same(column: str, said: Any, value: Any, descriptors: Descriptors) -> bool:
    if pd.isna(value):  # what is missing is skipped by its own rule; an end that was not taken over is no day
        return column != "end_date"
    if column in ("begin_date", "end_date"):
        return bool(_day(said) == value)
    if column == "program_type_descriptor":
        return (
            isinstance(said, str)
            and descriptors.uri("ProgramTypeDescriptor", said).casefold() == value.casefold()
        )
    return not isinstance(said, bool) and str(said) == str(value)


def _day(said: Any) -> Any:
    """A day as the table's own columns are read; what is none equals no day."""
    return convert(pd.Series([said], dtype=object), _DAY)[0].iloc[0]


def _at(attributes: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    return next(_all_at(attributes, path), None)


def _all_at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What is at a path, whatever the case of its names. A reference that is no object is there as it is."""
    if not path or not isinstance(value, dict):
        yield value
        return
    for name, member in value.items():
        if name.casefold() == path[0].casefold():
            yield from _all_at(member, path[1:])
