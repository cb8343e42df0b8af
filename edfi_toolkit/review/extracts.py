"""What was read from a source, what could not be read, and what changed in it since the extract before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import counted
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.meanings import meanings_of
from edfi_toolkit.review.summaries import by_rule, rows_aside
from edfi_toolkit.review.views import Block, View

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.tables.shapes import TableShape

CHANGED = ["table", "rows_then", "rows_now", "new", "gone", "columns_new", "columns_gone"]
_IN_A_SENTENCE = 3  # tables that a sentence counts


@dataclass(frozen=True)
class Earlier:
    """The extract before: when, as a person reads it, and what its tables looked like. Empty for the first one.

    files: those of the source that are not as they were then. unreadable: why it is not known which one that is.
    """

    at: str = ""
    shapes: Mapping[str, TableShape] = field(default_factory=dict)
    files: Sequence[str] = ()
    unreadable: str = ""


def extracted_view(
    tables: Tables, masker: Masker, earlier: Earlier | None = None, losses: Sequence[str] = ()
) -> View:
    """What was read from where, what changed, and the rows that could not be read.

    earlier: None where it is not asked for. losses: what published records rest on and the source no longer has, as
        the guardrails of the plan say it.
    """
    read, aside, missing = tables.summary(), tables.skipped, tables.not_read()
    changed = source_changes(earlier.shapes if earlier and earlier.at else tables.shapes, tables.shapes)
    says = [_read_text(tables, read)]
    blocks = [Block("Every row that was read: rows = kept + unreadable + collapsed (identical twice)", read)]
    if losses:
        lost = pd.DataFrame({"says": list(losses)})
        blocks.insert(0, Block("Lost since the last publish: this stops the plan", lost, tone="bad"))
    if earlier == Earlier():
        says.append("It is the first extract of this source and year: there is none to compare it with.")
    elif earlier and earlier.unreadable:
        says.append(earlier.unreadable)
    if earlier and earlier.at:
        says.append(
            f"Since the extract of {earlier.at}: {_changes_text(changed)}.{_files_text(earlier.files)}"
        )
        nothing = "The same tables, columns and rows."
        blocks.append(Block(f"Changed since the extract of {earlier.at}", changed, nothing))
    blocks += [
        Block(
            "Unreadable: these rows publish nothing, and what they published earlier stays",
            by_rule(aside, "rule"),
            "Every row could be read.",
            tone="bad",
        ),
        Block(
            "Not found, or left alone",
            missing[["code", "table", "detail"]],
            "All tables are there, and everything in the source was read.",
            tone="check",
        ),
    ]
    return View(
        title="Extract",
        says=" ".join(says),
        tone="bad" if losses else "check" if len(aside) or len(missing) else "good",
        blocks=blocks,
        next_step="Export from the SIS again, whole, and read it again: notebook 30 stops a plan from this source."
        if losses
        else "Correct the bad cells in the SIS and read the source again, or go on to notebook 20 without them."
        if len(aside)
        else "Go on to notebook 20.",
        masker=masker,
        frames={"unreadable": rows_aside(aside), "read": read, "notices": tables.notices, "changed": changed},
        empty={
            "unreadable": "Every row could be read.",
            "changed": "The same tables, columns and rows; changed cells are not among them.",
        },
        meanings=meanings_of(aside["rule"].unique()),
        picture=lambda: panels().bars(read.set_index("table")["kept"].astype("int64"), "Rows kept, by table"),
        value=tables,
    )


def source_changes(then: Mapping[str, TableShape], now: Mapping[str, TableShape]) -> pd.DataFrame:
    """CHANGED: one row for each table whose rows or columns are not those of the extract before."""
    found = [(table, *_change(then.get(table), now.get(table))) for table in {**now, **then}]
    changed = pd.DataFrame([row for row in found if any(row[3:])], columns=CHANGED)
    return changed.astype(dict.fromkeys(CHANGED[1:5], "int64"))


def _change(then: TableShape | None, now: TableShape | None) -> tuple[int, int, int, int, str, str]:
    return (
        then.rows.num_rows if then else 0,
        now.rows.num_rows if now else 0,
        int(now.rows_not_in(then).sum()) if now else 0,
        int(then.rows_not_in(now).sum()) if then else 0,
        _columns_not_in(now, then),
        _columns_not_in(then, now),
    )


def _columns_not_in(shape: TableShape | None, other: TableShape | None) -> str:
    """The headers of the columns that another shape of the table lacks, those that nothing reads too."""
    theirs = {*other.columns, *other.unread} if other else set()
    names = [*shape.columns, *shape.unread] if shape else []
    return ", ".join(shape.names.get(name, name) for name in names if name not in theirs) if shape else ""


def _files_text(files: Sequence[str]) -> str:
    """That these files have changed, and where to see a cell that was changed in them."""
    if not files:
        return ""
    named = ", ".join(files[:_IN_A_SENTENCE]) + (
        f" and {len(files) - _IN_A_SENTENCE:,} more" * (len(files) > _IN_A_SENTENCE)
    )
    return (
        f" Changed since then: {named}. Cells are not compared one by one: what comes of a cell that you changed is in "
        "notebook 20, and among the changes in notebook 30."
    )


def _read_text(tables: Tables, read: pd.DataFrame) -> str:
    aside, kept = len(tables.skipped), int(read["kept"].sum())
    says = f"Read {counted(int(read['rows'].sum()), 'row')} from {counted(len(read), 'table')}; {kept:,} can be used"
    says += f", {aside:,} could not be read because of a bad cell." if aside else "."
    if tables.corrected_cells:
        says += f" {counted(tables.corrected_cells, 'cell')} read as people corrected them."
    return says


def _changes_text(changed: pd.DataFrame) -> str:
    """For example `enrollments 14 new, 2 gone; students 1 new`."""
    texts = []
    for row in changed.to_dict("records"):
        parts = [f"{row[name]:,} {name}" for name in ("new", "gone") if row[name]]
        parts += [
            f"column {row[f'columns_{name}']} {name}" for name in ("new", "gone") if row[f"columns_{name}"]
        ]
        texts.append(f"{row['table']} {', '.join(parts)}")
    left = len(texts) - _IN_A_SENTENCE
    more = [f"{counted(left, 'further table')} changed"] if left > 0 else []
    return "; ".join([*texts[:_IN_A_SENTENCE], *more]) or "no row and no column is new or gone"
