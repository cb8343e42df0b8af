"""A build as files for other programs: bodies as JSON lines, the rest as CSV; real data, mode 0600."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
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
        written.append(_write(folder / f"{name}.csv", (line.encode() for line in _csv_lines(frame))))
    return written


def _csv_lines(frame: pd.DataFrame) -> Iterator[str]:
    class Lines(list[str]):
        write = list.append

    lines = Lines()
    writer = csv.writer(lines)
    writer.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        writer.writerow("" if pd.isna(cell) else safe_cell(cell) for cell in row)
    yield from lines


def _write(path: Path, parts: Iterator[bytes] | list[bytes]) -> Path:
    draft = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(parts)
    os.replace(draft, path)
    return path
