"""The limits of guardrails, of reading a source and of believing an ODS, each default written once."""

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


@dataclass(frozen=True)
class AnswerLimits:
    """Where the client stops believing an ODS; far above what an honest one needs (the reasons: docs/settings.md).

    max_connect_s, max_silent_s, max_answer_s: until a connection is made, without a byte, for one answer in all.
    max_wait_s: that an answer may ask to wait. max_reading_s: for one collection in all.
    max_answer_mb: of the bodies that come in at once, unpacked. max_values: values in one body of JSON.
    max_headers_kb: of all headers of one answer. max_token_kb: of a login token, or of one that names a page.
    max_records, max_pages, max_partitions: of one collection.
    """

    max_connect_s: float = 10
    max_silent_s: int = 60
    max_answer_s: float = 180
    max_wait_s: float = 300
    max_reading_s: float = 86_400
    max_answer_mb: float = 64
    max_values: int = 2_000_000
    max_headers_kb: float = 64
    max_token_kb: float = 16
    max_records: int = 50_000_000
    max_pages: int = 1_000_000
    max_partitions: int = 200


DEFAULT_ANSWERS = AnswerLimits()
