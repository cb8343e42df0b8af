"""What hides the students of a run, made once in a process: the notebooks of a run share its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edfi_toolkit.privacy import STUDENT_IDS, Masker, masker_of

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_STUDENTS = "tables/students.parquet"
_made: dict[tuple[bytes, str], Masker] = {}  # the newest one only


def own_masker(run: Run) -> Masker:
    """Hides the students whom the run has read, by the table of them that its manifest names."""
    key = run.installation.mask_key
    if not run.folder.has("extract"):
        return masker_of(key)
    table = run.folder.manifest.get("artifacts", {}).get(_STUDENTS)
    if table is None:
        return masker_of(key, run.tables["students"][STUDENT_IDS])
    made = _made.get((key, table))
    if made is None:
        made = masker_of(key, run.tables["students"][STUDENT_IDS])
        _made.clear()
        _made[key, table] = made
    return made
