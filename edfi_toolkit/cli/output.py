"""Text for people goes to stderr, results to stdout; `--json` makes the results JSON."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edfi_toolkit.display.texts import visible
from edfi_toolkit.errors import StorageUnavailable, what_failed

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from edfi_toolkit.display.tables import TextTable
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.views import View


_NARROWEST = 9  # characters that a column takes with its border; narrower ones would lose what is in them
was_json = False  # whether a result was written as JSON


def say(text: str) -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(f"{visible(text)}\n")
    sys.stderr.flush()


def show_text(text: str) -> None:
    """A result as text on stdout. Raises StorageUnavailable when there is no room where it goes."""
    try:
        sys.stdout.write(f"{visible(text)}\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has read enough
        raise
    except OSError as error:
        sys.stdout = io.StringIO()  # else Python would try again as it ends, and change the exit code
        raise StorageUnavailable(
            f"The result cannot be written where stdout goes ({what_failed(error)}). Make room there; what was done is "
            "in the ledger and in the run's folder."
        ) from None


def show(view: View, *, as_json: bool = False, facts: Mapping[str, Any] | None = None) -> None:
    """The result of a command on stdout: a view as text, or its facts (else its tables) as JSON."""
    if not as_json:
        show_text(view.text(in_this_terminal) if sys.stdout.isatty() else repr(view))
    elif facts is not None:
        show_json(facts)
    else:
        show_json({block.caption: as_records(block.frame, view.masker) for block in view.blocks})


def show_table(shown: TextTable, empty: str) -> None:
    """The result of a command that is one table, or what to say of one without a row."""
    show_text((in_this_terminal(shown) if sys.stdout.isatty() else shown.text) or empty)


def show_rows(frame: pd.DataFrame, masker: Masker, empty: str, *, as_json: bool) -> None:
    """The result of a command that is one frame, masked: as JSON, or as a table; empty: what to say of one without a
    row."""
    if as_json:
        show_json(as_records(frame, masker))
        return
    from edfi_toolkit.display.tables import TextTable

    show_table(TextTable.of(frame, masker), empty)


def grid(shown: TextTable, title: str = "") -> Table:
    """A table whose cells wrap to the width of the terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", title_style="bold")
    for label, number in zip(shown.labels, shown.numbers, strict=True):
        table.add_column(Text(label), justify="right" if number else "left", overflow="fold")
    for row in shown.rows:
        table.add_row(*map(Text, row))
    return table


def in_this_terminal(shown: TextTable) -> str:
    """The same as text; a line a row where the columns have no room next to each other. Empty without a row."""
    from rich.console import Console

    out = Console(color_system=None)
    if out.width < _NARROWEST * len(shown.labels):
        return shown.text
    with out.capture() as written:
        out.print(grid(shown))
    return written.get().rstrip() if len(shown) else ""


def show_json(content: object) -> None:
    """Any result as one line of JSON on stdout."""
    global was_json
    import orjson

    was_json = True
    show_text(orjson.dumps(content, default=str).decode())


def as_records(frame: pd.DataFrame, masker: Masker) -> list[dict[str, Any]]:
    """Rows as plain objects, masked; missing values are null."""
    masked = masker.frame(frame).astype(object)
    records: list[dict[str, Any]] = masked.where(masked.notna(), None).to_dict("records")
    return records
