"""What the rules do with whole columns: words for codes, rows of one table with rows of another, spans of days.

Numbers are compared several times faster than texts, so an id that is looked for more than once is numbered first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api.extensions import take

from edfi_toolkit.rules.account import Account
from edfi_toolkit.tables import Tables

# What decides which enrollment a program record belongs to.
ENROLLED = [
    "enrollment",
    "student",
    "start_date",
    "end_date",
    "school_number",
    "service_order",
    "enrollment_order",
]


def translate(values: pd.Series, word: Callable[[str], str | None]) -> pd.Series:
    """Each value by another word, found once for each distinct value; missing stays missing."""
    codes, distinct = pd.factorize(values)
    words = pd.array([*map(word, distinct), None], dtype="str")
    return pd.Series(words.take(codes), values.index, copy=False)


def rank_texts(texts: pd.Series) -> np.ndarray:
    """Each text by its rank among the distinct ones: numbers with the equality and the order of the texts."""
    ranks, _ = pd.factorize(texts, sort=True)
    return ranks


def row_numbers(known: pd.Series, *others: pd.Series) -> list[np.ndarray]:
    """Where each of the other ids is in `known`, which has each once: its row number, or -1 if it is not there."""
    numbers, _ = pd.factorize(pd.concat([known, *others], ignore_index=True))
    numbers[numbers >= len(known)] = -1
    return np.split(numbers, np.cumsum([len(known), *map(len, others[:-1])]))[1:]


def with_student_numbers(t: Tables, *names: str) -> Tables:
    """The tables, where each row of `students` and of these has in `student` the row number of its student, or -1."""
    numbers = row_numbers(t.students["student_id"], *(t[name]["student_id"] for name in names))
    own = {name: t[name].assign(student=each) for name, each in zip(names, numbers, strict=True)}
    own["students"] = t.students.assign(student=np.arange(len(t.students)))
    return Tables({**t, **own})


def numbers_of(*columns: pd.Series) -> np.ndarray:
    """A number per row in the order in which they first appear; rows that are equal in all columns share one."""
    numbers = np.zeros(len(columns[0]), dtype="int64")
    for column in columns:
        codes, distinct = pd.factorize(column, use_na_sentinel=False)
        numbers = pd.factorize(numbers * len(distinct) + codes)[0]
    return numbers


def look_up(rows: pd.DataFrame, others: pd.DataFrame, key: str, **columns: str) -> pd.DataFrame:
    """The rows with columns of another table, found by its key: new name = its name there. Missing where none is.

    others: unique in `key`, which both tables have.
    """
    (at,) = row_numbers(others[key], rows[key])
    found = {name: others[column] for name, column in columns.items()}
    arrays = {
        name: (column.astype("boolean") if column.dtype == bool else column).array
        for name, column in found.items()
    }
    return rows.assign(
        **{
            name: pd.Series(take(array, at, allow_fill=True), index=rows.index)
            for name, array in arrays.items()
        }
    )


def lists_of(values: pd.Series, owners: pd.Series, wanted: pd.Series) -> list[list[str]]:
    """Per wanted owner all of its values, in their order; none gives an empty list."""
    numbers, names = pd.factorize(owners)
    ordered = values.to_numpy(dtype=object)[np.argsort(numbers, kind="stable")].tolist()
    ends = [0, *np.cumsum(np.bincount(numbers, minlength=len(names))).tolist(), 0]
    return [ordered[ends[at] : ends[at + 1]] for at in pd.Index(names).get_indexer(wanted).tolist()]


def first_per(rows: pd.DataFrame, column: str, by: list[str], ascending: list[bool]) -> pd.DataFrame:
    """One row per value of `column`: the first in this order. Most values have one row only, which needs no sorting.

    rows: with a unique index.
    """
    chosen = ~rows.duplicated(column, keep=False)
    rivals = rows.loc[~chosen, [column, *by]].sort_values(by, ascending=ascending)
    chosen[rivals.drop_duplicates(column).index] = True
    return rows[chosen]


def id_order(ids: pd.Series) -> pd.Series:
    """Ids as a sortable rank, numeric if numeric: `10` is higher than `9`, and any number below any text."""
    texts = pa.array(ids, pa.large_string())
    numeric, longest = pc.ascii_is_decimal(texts), pc.max(pc.binary_length(texts)).as_py() or 0
    if pc.all(numeric).as_py() and longest < 19:
        return ids.astype("int64[pyarrow]").astype("int64")
    # Filled with zeros, numbers are in order as texts; a colon comes after every digit.
    filled, marked = pc.ascii_lpad(texts, longest, "0"), pa.array(":" + ids, pa.large_string())
    rank = pc.rank(pc.if_else(numeric, filled, marked), tiebreaker="dense")
    return pd.Series(rank, index=ids.index, dtype="int64")


def later_of(left: pd.Series, right: pd.Series) -> pd.Series:
    """The later of two days, row by row; the one that exists when the other is missing."""
    return left.where(left.ge(right) | right.isna(), right)


def earlier_of(left: pd.Series, right: pd.Series) -> pd.Series:
    """The earlier of two days, row by row; the one that exists when the other is missing."""
    return left.where(left.le(right) | right.isna(), right)


def active_on(rows: pd.DataFrame, days: pd.Series, start: str, end: str) -> pd.Series:
    """Where a day lies in a span, both ends included; a missing end means open."""
    return rows[start].le(days) & (rows[end].ge(days) | rows[end].isna())


def shares_a_day(rows: pd.DataFrame, start: str, end: str, other_start: str, other_end: str) -> pd.Series:
    """Where two spans have a day in common; missing ends mean open."""
    begins_in_time = rows[start].le(rows[other_end]) | rows[other_end].isna()
    return begins_in_time & (rows[other_start].le(rows[end]) | rows[end].isna())


def with_each_enrollment(records: pd.DataFrame, enrollments: pd.DataFrame) -> pd.DataFrame:
    """Every record with every enrollment of its student, with the numbers of both in `record` and `enrollment`.

    enrollments: their days become `enrolled_from` and `enrolled_to`, their school `enrolled_at`.
    """
    renamed = {"start_date": "enrolled_from", "end_date": "enrolled_to", "school_number": "enrolled_at"}
    return records.assign(record=records.index).merge(
        enrollments[ENROLLED].rename(columns=renamed), on="student"
    )


def skip_unmatched(
    records: pd.DataFrame,
    pairs: pd.DataFrame,
    table: str,
    rule_id: str,
    account: Account,
    *,
    unknown: pd.Series | bool = False,
) -> None:
    """Skip the records of a table that found no enrollment. It is an error where what they name is `unknown`, as a
    student that is in no row."""
    left = records[~records.index.isin(pairs["record"])]
    errors = left["student"].lt(0) | (unknown if isinstance(unknown, bool) else unknown[left.index])
    account.skip(left["record_id"], table, rule_id, errors=errors)
