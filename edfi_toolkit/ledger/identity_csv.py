"""The identity map as a CSV file: taken out of a ledger, or brought in from another tool that published before.

1. A file is taken whole or not at all: every wrong cell is listed, by row and column, and nothing is written then.
2. A body is optional: without it what was sent last is unknown, so the next plan updates that record.
3. What the ledger has already stays; a file that gives another id for it is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit.errors import SourceError, SourceShapeError, SourceUnavailable
from edfi_toolkit.ledger.attempts import Attempt, AttemptResult
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.model import KEY_COLUMNS, associations, body_hash, natural_key
from edfi_toolkit.model.bodies import json_texts
from edfi_toolkit.model.keys import key_rows, typed_keys
from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning.comparison import IDENTITY_MAP
from edfi_toolkit.storage import json_column, write_private

COLUMNS = tuple(name for name in IDENTITY_MAP if name != "feed")
NEEDED = ("resource", "school_year", *KEY_COLUMNS, "ed_fi_id")
SHOWN = 20  # wrong cells listed one by one
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ID = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def export_map(ledger: Ledger, feed: Feed, file: str | os.PathLike[str]) -> int:
    """Write the feed's identity map as CSV (COLUMNS) with mode 0600; returns the number of records."""
    rows = ledger.identity_map(feed)
    days = rows["begin_date"].dt.strftime("%Y-%m-%d")
    refs, bodies = json_column(rows["source_refs"]), json_texts(rows["last_body"])
    text = rows.assign(begin_date=days, last_body=bodies, source_refs=refs)[list(COLUMNS)].to_csv(index=False)
    write_private(file, text)
    return len(rows)


def import_map(ledger: Ledger, feed: Feed, file: str | os.PathLike[str]) -> int:
    """Take the identities of a CSV file into a feed; returns how many were new.

    file: NEEDED columns, and from COLUMNS what is known besides. Raises SourceUnavailable, SourceShapeError for
    missing columns, SourceError listing every wrong cell by row (as a text editor counts) and column, and
    LedgerBusy while a run of the feed is at work.
    """
    rows = _read(Path(file))
    wrong_cells = _wrong_cells(rows)
    if not wrong_cells:
        rows = _with_types(rows)
        wrong_cells = _repetitions(rows)
    if wrong_cells:
        raise _refused(Path(file), wrong_cells)
    with ledger.exclusive(feed):
        known = _known(ledger.identity_map(feed))
        keys = _keys(rows)
        moved = [
            (line, "ed_fi_id", "the ledger knows another id for this record")
            for line, key, ed_fi_id in zip(rows.index, keys, rows["ed_fi_id"], strict=True)
            if known.get(key, ed_fi_id) != ed_fi_id
        ]
        if moved:
            raise _refused(Path(file), moved)
        new = rows[[key not in known for key in keys]]
        for year, part in new.groupby("school_year"):
            Journal(ledger, feed, int(year)).update_identities([], _adoptions(part))
    return len(new)


def _read(file: Path) -> pd.DataFrame:
    """The cells as texts; the index is the line as an editor counts it, when no cell holds a line break."""
    try:
        rows = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SourceUnavailable(
            f"{file} cannot be read as CSV ({type(error).__name__}). Give a UTF-8 file with a line of column "
            "names."
        ) from None
    missing = [name for name in NEEDED if name not in rows]
    if missing:
        raise SourceShapeError(
            f"{file} lacks the columns {', '.join(missing)}. It needs {', '.join(NEEDED)}; export-map shows the "
            "form."
        )
    rows.index = pd.RangeIndex(2, len(rows) + 2)
    return rows.reindex(columns=list(COLUMNS), fill_value="").map(str.strip)


_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "resource": (lambda cell: cell in associations(), "no student program association resource of the API"),
    "school_year": (lambda cell: bool(re.fullmatch(r"20\d\d", cell)), "no school year such as 2026"),
    "begin_date": (lambda cell: _is_day(cell), "no date such as 2025-08-23"),
    "education_organization_id": (str.isdecimal, "no number of an organization"),
    "program_education_organization_id": (str.isdecimal, "no number of an organization"),
    "program_name": (lambda cell: 0 < len(cell) <= 60, "a program's name has 1 to 60 characters"),
    "program_type_descriptor": (
        lambda cell: "://" in cell and "#" in cell,
        "no descriptor such as uri://ed-fi.org/ProgramTypeDescriptor#Bilingual",
    ),
    "student_unique_id": (
        lambda cell: 0 < len(cell) <= 32 and not re.fullmatch(r"\d+\.0|\d(\.\d+)?E\+\d+", cell),
        "empty, too long, or a number that a spreadsheet has changed",
    ),
    "ed_fi_id": (lambda cell: bool(_ID.fullmatch(cell)), "no id of the API (32 hexadecimal digits)"),
    "last_body": (lambda cell: not cell or _is_json(cell, dict), "no JSON object"),
    "source_refs": (lambda cell: not cell or _is_json(cell, list), "no JSON list"),
    "last_status": (lambda cell: not cell or cell.isdecimal(), "no number"),
}
WrongCell = tuple[int, str, str]  # line, column, what is wrong; never the value, which may be a student's


def _wrong_cells(rows: pd.DataFrame) -> list[WrongCell]:
    found = [
        (line, column, why)
        for column, (holds, why) in _CHECKS.items()
        for line, cell in rows[column].items()
        if not holds(cell)
    ]
    return sorted(found)


def _repetitions(rows: pd.DataFrame) -> list[WrongCell]:
    """Records and ids that are there twice, and bodies that belong to another record."""
    found = [
        (line, "student_unique_id", "the same record is in an earlier row")
        for line in rows.index[pd.Series(_keys(rows), index=rows.index).duplicated()]
    ]
    found += [
        (line, "ed_fi_id", "another record has this id")
        for line in rows.index[rows.duplicated(["resource", "ed_fi_id"])]
    ]
    own = [tuple(key) for key in _wire_keys(rows)]
    found += [
        (line, "last_body", "it is the body of another record, or lacks a member of the key")
        for line, body, key in zip(rows.index, rows["last_body"], own, strict=True)
        if body and _key_of(body) != key
    ]
    return sorted(found)


def _with_types(rows: pd.DataFrame) -> pd.DataFrame:
    bodies = [orjson.loads(cell) if cell else {} for cell in rows["last_body"]]
    refs = [orjson.loads(cell) if cell else [] for cell in rows["source_refs"]]
    typed = typed_keys(rows.assign(ed_fi_id=rows["ed_fi_id"].str.lower().str.replace("-", "")))
    typed["last_body"], typed["source_refs"] = (
        pd.Series(column, index=rows.index, dtype=object) for column in (bodies, refs)
    )
    return typed


def _wire_keys(rows: pd.DataFrame) -> list[list[Any]]:
    """The six parts of each key as a body spells them."""
    return [[row[name] for name in KEY_COLUMNS] for row in key_rows(rows)]


def _keys(rows: pd.DataFrame) -> list[tuple[int, str, str]]:
    named = key_rows(rows)
    years = rows["school_year"].astype(int)
    return [(year, each["resource"], each["key_hash"]) for year, each in zip(years, named, strict=True)]


def _known(mapped: pd.DataFrame) -> dict[tuple[int, str, str], str]:
    return dict(zip(_keys(mapped), mapped["ed_fi_id"], strict=True))


def _adoptions(rows: pd.DataFrame) -> list[AttemptResult]:
    columns = (
        rows[name].tolist() for name in ("ed_fi_id", "etag", "last_body", "source_refs", "last_status")
    )
    results = []
    for item, (row, ed_fi_id, etag, body, refs, status) in enumerate(
        zip(key_rows(rows), *columns, strict=True)
    ):
        text, refs = orjson.dumps(body), orjson.dumps(refs).decode()
        attempt = Attempt(item, "ADOPT", row, ed_fi_id, text, body_hash(body), refs)
        outcome = Outcome(
            item,
            "delivered",
            status=int(status) if status else None,
            ed_fi_id=ed_fi_id,
            etag=etag or None,
        )
        results.append(AttemptResult(attempt, outcome))
    return results


def _refused(file: Path, wrong_cells: list[WrongCell]) -> SourceError:
    lines = [f"  row {line}, column {column}: {why}" for line, column, why in wrong_cells[:SHOWN]]
    more = len(wrong_cells) - len(lines)
    lines += [f"  and {more} more"] if more else []
    return SourceError(
        f"{file} was not taken in; nothing has changed. Correct these cells and import it again:\n"
        + "\n".join(lines)
    )


def _key_of(body: dict[str, Any]) -> tuple[Any, ...] | None:
    try:
        return natural_key(body)
    except (KeyError, TypeError):
        return None


def _is_day(cell: str) -> bool:
    return bool(_DAY.fullmatch(cell)) and pd.notna(pd.to_datetime(cell, errors="coerce"))


def _is_json(cell: str, kind: type) -> bool:
    try:
        return isinstance(orjson.loads(cell), kind)
    except orjson.JSONDecodeError:
        return False
