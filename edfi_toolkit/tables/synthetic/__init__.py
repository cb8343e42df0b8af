"""Invented districts of any size: the same seed gives the same district, on every machine.

Nobody in them exists. The frames hold text, as files would, so that a district can be written out and read back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.tables.synthetic import certification, new_mexico, wisconsin
from edfi_toolkit.tables.synthetic.seed import entries

PROFILES = {
    "certification": certification,
    "nm-powerschool": new_mexico,
    "wi-infinite-campus": wisconsin,
}
# The table that tells for which profile a district was made.
_TELLS = {
    "program_participation": certification,
    "cte_records": new_mexico,
    "instruction_mode_records": wisconsin,
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
    makes = PROFILES[profile]
    number = organization or makes.ORGANIZATION
    return makes.district(np.random.default_rng([seed, number]), students, school_year, number)


def ods_seed(tables: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    """What an ODS must hold before a district of `district` can be published: `resource` and `body`, in order."""
    made_by = next(module for table, module in _TELLS.items() if table in tables)
    return entries(tables, made_by.needs(tables))


def write(folder: str | Path, tables: Mapping[str, pd.DataFrame]) -> Path:
    """One CSV file per table and `ods-seed.jsonl`, readable by the owner only; gives the folder."""
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    contents = {f"{name}.csv": frame.to_csv(index=False).encode() for name, frame in tables.items()}
    contents["ods-seed.jsonl"] = b"".join(orjson.dumps(each) + b"\n" for each in ods_seed(tables))
    for name, content in contents.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
    return folder
