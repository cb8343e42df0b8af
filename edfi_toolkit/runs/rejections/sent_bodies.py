"""The bodies that were sent for refused records, from the plans of the runs that sent them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.folder import RunFolder


class SentBodies:
    """What was sent for refusals. runs: the folder of the runs. refused: with key_hash; those that may be asked for."""

    def __init__(self, runs: Path, refused: pd.DataFrame) -> None:
        self._runs, self._hashes = runs, set(refused["key_hash"])
        self._bodies: dict[str, dict[Any, Any]] = {}  # by run, then resource and hash of the key

    def of(self, row: Mapping[str, Any] | pd.Series) -> dict[str, Any] | None:
        """The body as it was sent; None where the folder of its run is gone, or nothing was sent."""
        run_id = str(row["run_id"])
        if run_id not in self._bodies:
            self._bodies[run_id] = self._of_run(run_id)
        body = self._bodies[run_id].get((row["resource"], row["key_hash"]))
        return None if body is None else dict(body)

    def _of_run(self, run_id: str) -> dict[Any, Any]:
        from edfi_toolkit.planning.plan import bodies_in

        with suppress(ConfigError, OSError, ValueError):  # published from Python, a run may have any name
            return bodies_in(RunFolder(self._runs, run_id).path, self._hashes)
        return {}
