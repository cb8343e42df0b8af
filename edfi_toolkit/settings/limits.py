"""The limits of guardrails and of reading, each default written once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Shares of the feed's mapped records; the first two are in force above `free_changes` affected records.

    mass_delete_threshold: the share from which four deletes or more are a breach. max_shrink_share: of a table's rows,
    ten or more of which are gone.
    """

    max_delete_share: float = 0.10
    max_update_share: float = 0.50
    free_changes: int = 25
    mass_delete_threshold: float = 0.50
    max_shrink_share: float = 0.10


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class ReadingLimits:
    """Where reading a source stops, far above a state's whole year: bounds against files that are broken or hostile.

    max_rows, max_cells: of one table. max_unpacked_mb: of one text or Parquet file. max_workbook_mb: of one workbook,
        which needs several times its unpacked size in memory. max_workbook_texts: different ones, as Excel stores each
        once and openpyxl takes long for it.
    """

    max_rows: int = 3_000_000
    max_cells: int = 100_000_000
    max_unpacked_mb: int = 2_000
    max_workbook_mb: int = 250
    max_workbook_texts: int = 600_000


DEFAULT_READING = ReadingLimits()
