"""A build as files for other programs: bodies as JSON lines, the rest as CSV; real data, mode 0600."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.model.bodies import texts_of
from edfi_toolkit.privacy import safe_cell

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build


def write_build(build: Build, folder: Path) -> list[Path]:
    """One `<resource>.jsonl` for each resource, `skipped.csv` and `notices.csv`; gives the paths."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for resource, records in build.records.groupby("resource", sort=True):
        lines = (text + b"\n" for text in texts_of(records["body"]))
        written.append(_write(folder / f"{resource}.jsonl", lines))
    for name, frame in (("skipped", build.skipped), ("notices", build.notices)):
        written.append(_write(folder / f"{name}.csv", [_csv(frame)]))
    return written


def _csv(frame: pd.DataFrame) -> bytes:
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    safe = frame.assign(**{name: frame[name].map(safe_cell, na_action="ignore") for name in texts})
    return safe.to_csv(index=False, lineterminator="\r\n").encode()


def _write(path: Path, parts: Iterable[bytes]) -> Path:
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(parts)
    os.replace(draft, path)
    return path
