"""Names of students next to their ids, for the screen of a person who asked to see them and for nothing else."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.privacy import STUDENT_IDS, Masker

_NAMED = 3  # students in one message


class Named(Masker):
    """Hides nothing, and puts the name of a student next to each id in a frame, where the source has names."""

    @classmethod
    def of(cls, masker: Masker) -> Named:
        """With the names that this masker knows."""
        other = cls.__new__(cls)
        vars(other).update(vars(masker), reveal=True)
        return other

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A copy of the frame, ids with their names."""
        columns = [name for name in STUDENT_IDS if name in frame]
        names = self.names() if columns else {}
        return frame.assign(
            **{
                column: [
                    f"{cell} {names[str(cell)]}" if str(cell) in names else cell for cell in frame[column]
                ]
                for column in columns
            }
        )


def whom(rows: pd.DataFrame | None, eyes: Masker) -> str:
    """The students of rows as these eyes may see them, to open a message about what was done to them."""
    columns = [] if rows is None else [name for name in STUDENT_IDS if name in rows][:1]
    if rows is None or not columns:
        return ""
    students = rows[columns].dropna().drop_duplicates()
    named = list(map(str, eyes.frame(students.head(_NAMED)).iloc[:, 0]))
    more = f" and {len(students) - _NAMED:,} more" if len(students) > _NAMED else ""
    return f"{', '.join(named)}{more}: " if named else ""
