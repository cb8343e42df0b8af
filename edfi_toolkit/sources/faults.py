"""What goes wrong while a source is read, in the toolkit's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edfi_toolkit.errors import EdfiToolkitError, SourceShapeError, SourceUnavailable, what_failed
from edfi_toolkit.settings.limits import ReadingLimits

MEGABYTE = 2**20
LONGEST = 16 * MEGABYTE  # bytes of one row of a text file, and of one value of a database
MOST_COLUMNS = 5_000  # no table has as many: the wrong character separates its columns, or it is no table


@contextmanager
def own_words(name: str, cannot: str, fix: str) -> Iterator[None]:
    """Turn whatever a library raises into SourceUnavailable: file and kind of error, never the library's text.

    A parser's text quotes what it could not parse, and that may be a student; so its exception is not chained either.
    The reason of an OSError with a number is a fixed text of the system.
    """
    try:
        yield
    except EdfiToolkitError:
        raise
    except OSError as error:
        if error.errno is None:
            raise SourceUnavailable(f"{name} {cannot}. {fix}") from None
        raise SourceUnavailable(f"{name} cannot be read: {what_failed(error)}. {fix}") from None
    except Exception as error:
        raise SourceUnavailable(f"{name} {cannot} ({what_failed(error)}). {fix}") from None


def shown(path: Path) -> str:
    """The name of a file as text that every output can take, whatever bytes it is made of."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in path.name
    )


def check_columns(name: str, columns: int) -> None:
    """Raises SourceShapeError when a header has more names than any table."""
    if columns > MOST_COLUMNS:
        raise SourceShapeError(
            f"{name} has {columns:,} columns; at most {MOST_COLUMNS:,} are read. Export only those that are needed."
        )


def check_size(name: str, *, rows: int, cells: int, limits: ReadingLimits) -> None:
    """Raises SourceShapeError when a table has become larger than the settings allow; reading stops there."""
    if rows > limits.max_rows or cells > limits.max_cells:
        most, key = (limits.max_rows, "rows") if rows > limits.max_rows else (limits.max_cells, "cells")
        raise SourceShapeError(
            f"{name} has more than {most:,} {key}, so reading stopped. "
            f"If that is right, set max_{key} higher in [reading] of edfi.toml."
        )


def check_bytes(name: str, count: int, most_mb: int, key: str) -> None:
    """Raises SourceShapeError when a file is larger, once unpacked, than the settings allow."""
    if count > most_mb * MEGABYTE:
        raise SourceShapeError(
            f"{name} holds {count / MEGABYTE:,.0f} MB, once unpacked; at most {most_mb:,} MB are read. "
            f"If that is right, set {key} higher in [reading] of edfi.toml."
        )
