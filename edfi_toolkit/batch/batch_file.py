"""The result of a batch as a file that grows district by district: one JSON object a line, the totals last.

A batch that was killed has its file too, without the totals. The next one can take up what failed (`failed_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.report import SCHEMA, Report
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.storage import append_private

_PREFIX = "batch-"
_REPAIRED = (Exit.DONE, Exit.ATTENTION)  # running again changes nothing


class BatchFile:
    """`batch-<id>.jsonl` in the folder of the runs."""

    def __init__(self, runs_dir: Path, batch_id: str) -> None:
        self.batch_id = batch_id
        self.path = runs_dir / f"{_PREFIX}{batch_id}.jsonl"

    def begin(self, names: Iterable[str]) -> None:
        """Which sources the batch is about, so that a killed one says what it never came to."""
        self._add({"sources": list(names)})

    def add(self, facts: Mapping[str, Any]) -> None:
        """One run that has ended."""
        self._add(facts)

    def end(self, facts: Mapping[str, Any]) -> None:
        """The totals; no line follows."""
        self._add({"ended": True, **facts})

    def _add(self, facts: Mapping[str, Any]) -> None:
        line = orjson.dumps({"schema": SCHEMA, "batch": self.batch_id, **facts}, default=str)
        append_private(self.path, line)


def failed_of(runs_dir: Path) -> list[str]:
    """The sources of the newest batch that failed or were never come to, in its order.

    Raises ConfigError when there has been no batch.
    """
    files = sorted(runs_dir.glob(f"{_PREFIX}*.jsonl")) if runs_dir.is_dir() else []
    lines = [orjson.loads(line) for file in files[-1:] for line in file.read_bytes().splitlines() if line]
    if not lines:
        raise ConfigError("--failed: there has been no batch here. Run one without it first.")
    asked: list[str] = lines[0]["sources"]
    ended = [line for line in lines if "source" in line]
    done = {line["source"] for line in ended} - {
        line["source"] for line in ended if line["exit"] not in _REPAIRED
    }
    return [name for name in asked if name not in done]


def totals(reports: Iterable[Report]) -> dict[str, int]:
    """What all runs of a batch did together; what a ledger could not say is not in it."""
    sums: dict[str, int] = {}
    for report in reports:
        for name, count in report.facts["counts"].items():
            sums[name] = sums.get(name, 0) + (count or 0)
    return sums
