"""What hides the students of a run, made once in a process: the notebooks of a run share its kernel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.privacy import STUDENT_IDS, Masker, masker_of

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_NAMES = ["first_name", "last_name"]
_STUDENTS = "tables/students"
_made: dict[tuple[bytes, str], Masker] = {}  # the newest one only


def own_masker(run: Run) -> Masker:
    """Hides the students whom the run has read, by the table of them that its manifest names."""
    key = run.installation.mask_key
    if not run.folder.has("extract"):
        return masker_of(key)
    table = run.folder.manifest.get("artifacts", {}).get(f"{_STUDENTS}.parquet")
    if table is None:
        return _masker(key, run.tables["students"])
    made = _made.get((key, table))
    if made is None:
        made = _masker(key, run.folder.load_frame(_STUDENTS, [*STUDENT_IDS, *_NAMES]))
        _made.clear()
        _made[key, table] = made
    return made


def _masker(key: bytes, students: pd.DataFrame) -> Masker:
    made = masker_of(key, students[STUDENT_IDS])
    made.names = partial(_names, students[[*STUDENT_IDS, *_NAMES]])
    return made


def _names(students: pd.DataFrame) -> Mapping[str, str]:
    """First and last name by either id; none of a student who has neither."""
    first, last = (students[name].fillna("") for name in _NAMES)
    full = (first + " " + last).str.strip()
    by_id = [pd.Series(full.array, students[column].astype("str")) for column in reversed(STUDENT_IDS)]
    named = pd.concat(by_id)
    return dict(named[named.ne("") & named.index.notna()])
