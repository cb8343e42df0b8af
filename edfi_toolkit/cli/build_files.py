"""A build as files for other programs: bodies as JSON lines, the rest as CSV; real data, mode 0600."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.model.bodies import texts_of
from edfi_toolkit.privacy import safe_cell
from edfi_toolkit.storage import private_draft, write_private

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build


def write_build(build: Build, folder: Path) -> list[Path]:
    """One `<resource>.jsonl` for each resource, `skipped.csv` and `notices.csv`; gives the paths."""
    written = []
    for resource, records in build.records.groupby("resource", sort=True):
        with private_draft(folder / f"{resource}.jsonl") as file:
            file.writelines(text + b"\n" for text in texts_of(records["body"]) if text is not None)
        written.append(folder / f"{resource}.jsonl")
    for name, frame in (("skipped", build.skipped), ("notices", build.notices)):
        written.append(write_private(folder / f"{name}.csv", _csv(frame)))
    return written


def _csv(frame: pd.DataFrame) -> bytes:
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    safe = frame.assign(**{name: frame[name].map(safe_cell, na_action="ignore") for name in texts})
    return safe.to_csv(index=False, lineterminator="\r\n").encode()
