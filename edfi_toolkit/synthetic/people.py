"""What all invented districts share: texts as files hold them, people, and who is enrolled where and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

_SYLLABLES = [
    *("ba", "den", "fil", "gor", "hin", "jas", "kel", "lom", "mir", "nox"),
    *("pal", "quen", "ros", "sib", "tor", "ulv", "wen", "yar", "zel"),
]
_STUDENTS_A_SCHOOL = 700
_SCHOOLS = 450  # at most: a building has three digits in New Mexico, and a school may have two numbers there

# What happens in a year, as shares of the students: a further period elsewhere or at the same school, one in the
# year before.
MOVES, RE_ENTRIES, LAST_YEAR = 0.12, 0.02, 0.03
LATE, LEAVES = 0.06, 0.04  # enters during the year, leaves before its end


def texts(values: Any) -> pd.Series:
    """Numbers as a column of text."""
    return pd.Series(np.asarray(values)).astype("str")


def day_texts(days: Any) -> pd.Series:
    """Days as ISO text; no day as an empty cell."""
    written = np.datetime_as_string(np.asarray(days, dtype="datetime64[D]"))
    return pd.Series(written, dtype="str").mask(written == "NaT")


def drawn(random: np.random.Generator, shares: Mapping[str, float], count: int) -> pd.Series:
    """Cells drawn by share; what the shares leave of 1 is empty."""
    values = np.array([*shares, None], dtype=object)
    chances = [*shares.values(), 1 - sum(shares.values())]
    return pd.Series(values[random.choice(len(values), count, p=chances)], dtype="str")


def some(random: np.random.Generator, share: float, count: int) -> np.ndarray:
    """That share of `count` positions, each once, ascending."""
    return np.sort(random.permutation(count)[: round(share * count)])


def first_day(school_year: int) -> np.datetime64:
    """The first day of school."""
    return np.datetime64(f"{school_year - 1}-08-18", "D")


def people(random: np.random.Generator, students: int, organization: int) -> pd.DataFrame:
    """Students 1 to `students` with their state ids, which begin with the organization's, and names."""
    ids = texts(np.arange(1, students + 1))
    return pd.DataFrame(
        {
            "student_id": ids,
            "student_unique_id": f"{organization}" + ids.str.zfill(8),
            "first_name": _names(random, students, 2),
            "last_name": _names(random, students, 3),
        }
    )


def _names(random: np.random.Generator, count: int, syllables: int) -> pd.Series:
    parts = [pd.Series(random.choice(_SYLLABLES, count), dtype="str") for _ in range(syllables)]
    return sum(parts[1:], parts[0]).str.capitalize()


def school_count(students: int) -> int:
    """How many schools so many students go to; two at least, so that they can move."""
    return min(_SCHOOLS, max(2, -(-students // _STUDENTS_A_SCHOOL)))


def stays(random: np.random.Generator, students: int, schools: int, school_year: int) -> pd.DataFrame:
    """Every enrollment period, by student and first day.

    Columns: student and school (from 1), year (school year), first and last (days; last is missing while the
    period goes on), current (the student's latest period).
    """
    opening = first_day(school_year)
    students_from_1 = np.arange(1, students + 1)
    school = random.integers(1, schools + 1, students)
    first = opening + np.where(random.random(students) < LATE, random.integers(1, 150, students), 0)
    last = _open(students)
    here = {"student": students_from_1, "school": school, "first": first, "last": last, "year": school_year}

    again = some(random, MOVES + RE_ENTRIES, students)
    back = random.random(len(again)) < RE_ENTRIES / (MOVES + RE_ENTRIES)
    elsewhere = (school[again] - 1 + random.integers(1, schools, len(again))) % schools + 1
    last[again] = first[again] + random.integers(14, 80, len(again))
    then = {
        "student": students_from_1[again],
        "school": np.where(back, school[again], elsewhere),
        "first": last[again] + random.integers(1, 15, len(again)),
        "last": _open(len(again)),
        "year": school_year,
    }
    old = some(random, LAST_YEAR, students)
    before = {
        "student": students_from_1[old],
        "school": random.integers(1, schools + 1, len(old)),
        "first": opening - 364,
        "last": opening - 80,
        "year": school_year - 1,
    }
    every = pd.concat([pd.DataFrame(people) for people in (before, here, then)])
    every = every.sort_values(["student", "first"], ignore_index=True)
    every["current"] = ~every.duplicated("student", keep="last")
    leaves = every["current"] & (random.random(len(every)) < LEAVES)
    stayed = pd.to_timedelta(random.integers(1, 40, len(every)), unit="D")
    every["last"] = every["last"].mask(leaves, every["first"] + stayed)
    return every


def _open(count: int) -> np.ndarray:
    return np.full(count, np.datetime64("NaT", "D"))
