"""Invented districts of any size: the same seed gives the same district, on every machine.

No person in them exists. The frames hold text, as files would, so that a district can be written out and read back.
What all districts share is here; how one of a profile is made is in the profile's folder, as a `Synthetic`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.storage import private_folder, write_private
from edfi_toolkit.synthetic.edits import Edit, Frames, replace_rows
from edfi_toolkit.synthetic.seed import Needs, entries


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """How the invented districts of a profile are made.

    organization: Ed-Fi id of the district where none is asked for. Districts of different ones share no student.
    tables: (random, students, school year, organization) -> the canonical tables of one district.
    needs: what an ODS must hold before a district is published. dirt, changes: what may be wrong in a district, and
        what may happen to it from one publish to the next.
    """

    organization: int
    tables: Callable[[np.random.Generator, int, int, int], dict[str, pd.DataFrame]]
    needs: Callable[[Frames], Needs]
    dirt: tuple[Edit, ...] = ()
    changes: tuple[Edit, ...] = ()

    def district(
        self, *, students: int, seed: int = 0, school_year: int = 2026, organization: int | None = None
    ) -> dict[str, pd.DataFrame]:
        """The canonical tables of one district, by name."""
        number = organization or self.organization
        return self.tables(np.random.default_rng([seed, number]), students, school_year, number)

    def ods_seed(self, tables: Frames) -> Iterator[dict[str, Any]]:
        """What an ODS must hold before this district can be published: `resource` and `body`, in order."""
        return entries(tables, self.needs(tables))

    def with_dirty_rows(
        self, tables: Frames, share: float, *, seed: int = 0
    ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
        """The district with dirty rows, and which they are: table, id, student_id, what, and the rule that must
        find it.

        share: of the rows of each table, 0 to 0.2. The seed of the ODS is made from the clean district.
        """
        return replace_rows(tables, self.dirt, share, np.random.default_rng([seed, 1]))

    def with_changes(
        self, tables: Frames, share: float, *, seed: int = 0
    ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
        """The district some months later, and what changed: moves, corrected days, records ended and removed.

        share: of the rows of each table that changes, 0 to 0.2. Dirty rows stay dirty.
        """
        return replace_rows(tables, self.changes, share, np.random.default_rng([seed, 2]))

    def write(
        self, folder: str | Path, tables: Frames, *, dirty: float = 0, churn: float = 0, seed: int = 0
    ) -> Path:
        """One CSV file per table and `ods-seed.jsonl`, readable by the owner only; gives the folder.

        dirty: share of rows of `with_dirty_rows` first; `_dirty.csv` then lists them, and no extract reads that.
        churn: share of rows of `with_changes` in a second state of the district, in the folder `after`, with
            `_changes.csv`.
        """
        folder = Path(folder)
        before, wrong = self.with_dirty_rows(tables, dirty, seed=seed)
        _write_tables(folder, before | ({"_dirty": wrong} if dirty else {}))
        if churn:
            after, changes = self.with_changes(before, churn, seed=seed)
            _write_tables(folder / "after", after | {"_changes": changes.drop(columns="rule")})
        lines = b"".join(orjson.dumps(record) + b"\n" for record in self.ods_seed(tables))
        write_private(folder / "ods-seed.jsonl", lines)
        return folder


def _write_tables(folder: Path, frames: Frames) -> None:
    private_folder(folder)
    for name, frame in frames.items():
        write_private(folder / f"{name}.csv", frame.to_csv(index=False).encode())
