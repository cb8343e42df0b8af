"""The refusals of a run's feed with their causes, each with the next step and the owner of its own record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.review.answers import refusals_block
from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.review.meanings import who_enters
from edfi_toolkit.review.places import CELL_COLUMNS, EMPTY
from edfi_toolkit.rules.owners import PROGRAM_OFFICE, SIS_PUBLISHING_TEAM
from edfi_toolkit.runs.ledger_now import rejection_rows
from edfi_toolkit.runs.rejections.fixed_in_source import reading_of, with_fixed
from edfi_toolkit.runs.rejections.named_in_answer import organizations_of_the_key
from edfi_toolkit.runs.rejections.sent_bodies import SentBodies
from edfi_toolkit.runs.rejections.source_cells import (
    NOT_ENROLLED,
    Answered,
    Behind,
    Row,
    is_in_a_cell,
    rows_referred_to,
)
from edfi_toolkit.tables.corrections import written

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables

_NEWEST = 8  # refusals that are shown while more may come
# What is asked of a refusal to explain it; all columns of many would take long.
_ASKED = ["resource", "key_hash", "run_id", "education_organization_id", "messages", "source_refs"]
_ASKED += ["cause_id", "todo", "who"]
_EXPLAINED = "_explained"  # what a run keeps: its tables and build, the refusals, and these explained
_OTHERS = 3  # cells that a sentence names
_OF_A_CELL = (*CELL_COLUMNS, "value")


def refusals(run: Run, read: Run | None = None) -> pd.DataFrame:
    """All refusals of the run's feed, open and closed, as of `with_fixed`; each caller may change its own.

    read: the run that read the source last, where that is another one.
    A run's steps ask several times, and many take long: they are explained again only where one has changed.
    """
    read = read or run
    refused, tables, reading = rejection_rows(run), _tables(read), reading_of(read)
    known = vars(read).get(_EXPLAINED)
    built = reading.build if reading else None
    if known is None or known[0] is not tables or known[1] is not built or not known[2].equals(refused):
        known = vars(read)[_EXPLAINED] = tables, built, refused, _explained(read, refused)
    found: pd.DataFrame = known[3]
    return found.copy(deep=False)


def _tables(run: Run) -> Tables | None:
    """What was read of the run's source; None where nothing was."""
    return run.tables if run.folder.has("extract") else None


def _explained(run: Run, refused: pd.DataFrame) -> pd.DataFrame:
    runs = run.installation.runs_dir
    return with_fixed(explained(refused, _tables(run), run.profile, runs), reading_of(run), runs)


def explained(refused: pd.DataFrame, tables: Tables | None, profile: str, runs: Path) -> pd.DataFrame:
    """Refusals with the columns of `with_causes`, and with the cell that each is about: table, row_id, field, value.

    value: as the source has it, EMPTY where nothing is written there. The cell is missing where none is known. `todo`
    says which it is, or which relationship is missing, and `who` whose that is. tables: what was read of the source;
    None says that nothing was. runs: the folder of the runs.
    """
    found = with_causes(refused)
    found = found.assign(**dict.fromkeys(_OF_A_CELL, pd.Series(None, found.index, dtype="str")))
    is_here = is_in_a_cell(found)
    if tables is None or not is_here.any():
        return found
    in_a_cell = found[is_here].assign(key_hash=key_hashes(found[is_here]))
    behind = Behind(tables, profile, in_a_cell, SentBodies(runs, in_a_cell))
    columns = [*_OF_A_CELL, "todo", "who"]
    said = pd.DataFrame(_of_each(in_a_cell, behind), in_a_cell.index, columns, dtype="str")
    return found.assign(**{name: said[name].reindex(found.index).fillna(found[name]) for name in columns})


def _of_each(refused: pd.DataFrame, behind: Behind) -> Iterator[tuple[str | None, ...]]:
    """_OF_A_CELL of the cell that each is about, what to do, and who can; worked out once a kind."""
    known = dict[tuple[Any, ...], tuple[int | None, str | None, str, str]]()
    columns = (refused[name].to_numpy(dtype=object) for name in _ASKED)  # row by row Arrow would take long
    for values in zip(*columns, strict=True):
        row = dict(zip(_ASKED, values, strict=True))
        answered, rows = Answered(behind, row), list(rows_referred_to(row["source_refs"]))
        kind = answered.kind()
        if kind not in known:
            cell = answered.wrong[0] if answered.wrong else None
            place = (rows.index(cell[:2]), cell.column) if cell else (None, None)
            known[kind] = (*place, *_next_step(row, answered, behind))
        at, column, *said = known[kind]
        if at is None or column is None:
            yield (None, None, None, None, *said)
        else:
            yield (*rows[at], column, _value(*rows[at], column, behind), *said)


def _value(table: str, row_id: str, field: str, behind: Behind) -> str:
    """What the source has in a cell, also where it was read as people corrected it."""
    cell = {"table": table, "id": row_id, "column": field}
    texts = [text for part in behind.written[table, row_id] for path, text in part or () if path == field]
    found = dict.fromkeys(written(behind.tables.corrections, {**cell, "value": text}) for text in texts)
    return "; ".join(filter(None, found)) or EMPTY


def _next_step(row: Row, answered: Answered, behind: Behind) -> tuple[str, str]:
    """What to do about one record, and who can."""
    todo, who, wrong = row["todo"], row["who"], answered.wrong
    if row["cause_id"] == NOT_ENROLLED and behind.schools:
        todo, who = _of_a_relationship(row, answered, behind)
    elif wrong:
        others = list(dict.fromkeys(cell.name for cell in wrong[1:] if cell.name != wrong[0].name))
        more = f" or {len(others) - _OTHERS} more" if len(others) > _OTHERS else ""
        may_be = f"; it may also be {', '.join(others[:_OTHERS])}{more}" if others else ""
        todo += f" The {'likeliest ' if others else ''}cell is {wrong[0].name}{may_be}."
    return todo, who_enters(wrong[0].table) if wrong and who == PROGRAM_OFFICE else who


def _of_a_relationship(row: Row, answered: Answered, behind: Behind) -> tuple[str, str]:
    organization = cell_text(row["education_organization_id"])
    if answered.is_foreign:
        keys = ", ".join(organizations_of_the_key(" ".join(row["messages"]))) or "not named"
        cell = answered.organization_cell
        comes_from = f"{cell}, which it comes from" if cell else "the cell that it comes from"
        return (
            f"Organization {organization} is not one that the target's login may write for ({keys}), nor a school of "
            f"the source. Correct {comes_from}. If it is meant, ask the ODS administrator to add it to the login."
        ), PROGRAM_OFFICE
    name = cell_text(behind.schools.get(organization))
    named = f" ({name})" if name else ""
    return (
        f"Organization {organization}{named} is one of yours: the student's enrollment there is missing in the ODS, or "
        "the student is. Publish it from the SIS, then retry. Correct a cell only where the student's id is wrong."
    ), SIS_PUBLISHING_TEAM


def refused_before(run: Run) -> pd.DataFrame | None:
    """resource, key_hash and cause of the open refusals of the run's feed; None where it has no target yet."""
    if run.target_name not in run.installation.targets:
        return None
    refused = rejection_rows(run)
    still = with_causes(refused[refused["open"].astype(bool)])
    return still.assign(key_hash=key_hashes(still))[["resource", "key_hash", "cause"]]


def newest_refusals(run: Run) -> str:
    """The newest refusals of this run with their causes as HTML, masked; empty until the ledger has one."""
    rejected = rejection_rows(run)
    mine = rejected[rejected["run_id"].eq(run.id)].sort_values("last_seen_at", ascending=False, kind="stable")
    if mine.empty:
        return ""
    return refusals_block(_explained(run, mine.head(_NEWEST)), run.masker(mine), count=len(mine))
