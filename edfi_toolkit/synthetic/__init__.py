"""Invented districts of any size: the same seed gives the same district, on every machine.

Nobody in them exists. The frames hold text, as files would, so that a district can be written out and read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.storage import write_private
from edfi_toolkit.synthetic.changes import CHANGES
from edfi_toolkit.synthetic.dirt import DIRT
from edfi_toolkit.synthetic.edits import edited
from edfi_toolkit.synthetic.seed import entries

PROFILES = ("certification", "nm-powerschool", "wi-infinite-campus")
# The table that tells for which profile a district was made.
_TELLS = {
    "program_participation": "certification",
    "cte_records": "nm-powerschool",
    "instruction_mode_records": "wi-infinite-campus",
}


def district(
    *,
    students: int,
    profile: str = "certification",
    seed: int = 0,
    school_year: int = 2026,
    organization: int | None = None,
) -> dict[str, pd.DataFrame]:
    """The canonical tables that a profile reads, of one district, by name.

    organization: Ed-Fi id of the district (in New Mexico 35, three digits, 000); districts with different
        ones share no student. Raises ConfigError for a profile without invented districts.
    """
    if profile not in PROFILES:
        raise ConfigError(f"No invented districts for {profile!r}. There are: {', '.join(PROFILES)}.")
    makes = maker(profile)
    number = organization or makes.ORGANIZATION
    return makes.district(np.random.default_rng([seed, number]), students, school_year, number)


def maker(profile: str) -> Any:
    """The module that makes a profile's districts."""
    return import_module(f"edfi_toolkit.rules.{profile.replace('-', '_')}.synthetic")


def ods_seed(tables: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """What an ODS must hold before a district of `district` can be published: `resource` and `body`, in order."""
    return entries(tables, maker(_made_for(tables)).needs(tables))


def soiled(
    tables: Mapping[str, pd.DataFrame], share: float, *, seed: int = 0
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """A district with dirty rows, and which they are: table, id, student_id, what, and the rule that must find it.

    share: of the rows of each table, 0 to 0.2. The seed of the ODS is made from the clean district.
    """
    return edited(tables, DIRT[_made_for(tables)], share, np.random.default_rng([seed, 1]))


def changed(
    tables: Mapping[str, pd.DataFrame], share: float, *, seed: int = 0
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The same district some months later, and what changed: moves, corrected days, records ended and removed.

    share: of the rows of each table that changes, 0 to 0.2. Dirty rows stay dirty.
    """
    return edited(tables, CHANGES[_made_for(tables)], share, np.random.default_rng([seed, 2]))


def _made_for(tables: Mapping[str, pd.DataFrame]) -> str:
    for table, profile in _TELLS.items():
        if table in tables:
            return profile
    raise ConfigError(f"These tables are no invented district: they hold none of {', '.join(_TELLS)}.")


def write(
    folder: str | Path,
    tables: Mapping[str, pd.DataFrame],
    *,
    dirty: float = 0,
    churn: float = 0,
    seed: int = 0,
) -> Path:
    """One CSV file per table and `ods-seed.jsonl`, readable by the owner only; gives the folder.

    dirty: share of rows `soiled` first; `_dirty.csv` then says which, and no extract reads that.
    churn: share of rows `changed` in a second state of the district, in the folder `after`, with `_changes.csv`.
    """
    folder = Path(folder)
    before, wrong = soiled(tables, dirty, seed=seed)
    _write_tables(folder, before | ({"_dirty": wrong} if dirty else {}))
    if churn:
        after, changes = changed(before, churn, seed=seed)
        _write_tables(folder / "after", after | {"_changes": changes.drop(columns="rule")})
    write_private(
        folder / "ods-seed.jsonl", b"".join(orjson.dumps(each) + b"\n" for each in ods_seed(tables))
    )
    return folder


def _write_tables(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    for name, frame in frames.items():
        write_private(folder / f"{name}.csv", frame.to_csv(index=False).encode())
