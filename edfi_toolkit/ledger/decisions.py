"""What people decided about a feed: corrections of its source, and findings and refusals that are dismissed.

Each has an author and a reason. Nothing is erased: what ended stays, with when and how.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import Table, insert, select, update

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.model.frames import INSTANT, NUMBER, TEXT, with_types

REMOVED, REPLACED = "removed", "replaced by another"


class Decisions:
    """The corrections and dismissals of one feed."""

    def __init__(self, ledger: Ledger, feed: Feed) -> None:
        self._ledger, self._feed = ledger, feed

    def corrections(self, *, closed: bool = False) -> pd.DataFrame:
        """The open corrections, oldest first: number, table, row_id (none: every cell that is written so), column,
        member, was, value, student_id, author, reason, given_at; with `closed` all of them, with closed_at, closed_how.
        """
        return self._rows(schema.corrections, closed=closed)

    def dismissals(self, *, closed: bool = False) -> pd.DataFrame:
        """The dismissals likewise: number, kind, rule_id, place, state, student_unique_id, then author and so on."""
        return self._rows(schema.dismissals, closed=closed)

    def correct(
        self,
        *,
        table: str,
        column: str,
        was: str,
        value: str,
        author: str,
        reason: str,
        row_id: str | None = None,
        member: str = "",
        student_id: str | None = None,
    ) -> int:
        """Keep a correction, in the place of an open one of the same cell; returns its number."""
        kept = {"table": table, "row_id": row_id, "column": column, "member": member}
        row = {**kept, "was": was, "value": value, "student_id": student_id}
        same = kept if row_id is not None else {**kept, "was": was}
        return self._add(schema.corrections, row, same, author, reason)

    def dismiss(
        self,
        *,
        kind: str,
        rule_id: str,
        place: str,
        state: str,
        author: str,
        reason: str,
        student_unique_id: str | None = None,
    ) -> int:
        """Keep a dismissal of a finding or refusal as its record is now; returns its number."""
        same = {"kind": kind, "rule_id": rule_id, "place": place}
        row = {**same, "state": state, "student_unique_id": student_unique_id}
        return self._add(schema.dismissals, row, same, author, reason)

    def close_corrections(self, numbers: Iterable[int], how: str) -> None:
        """Close these, which are open."""
        self._close(schema.corrections, numbers, how)

    def close_dismissals(self, numbers: Iterable[int], how: str) -> None:
        """Close these, which are open."""
        self._close(schema.dismissals, numbers, how)

    def _rows(self, table: Table, *, closed: bool) -> pd.DataFrame:
        columns = [
            table.c[name].label("number" if name == "id" else name)
            for name in table.c.keys()  # noqa: SIM118 - a collection of columns, by key
            if name != "feed_id" and (closed or name not in ("closed_at", "closed_how"))
        ]
        query = select(*columns).where(table.c.feed_id == self._feed.id)
        if not closed:
            query = query.where(table.c.closed_at.is_(None))
        rows = self._ledger.frame(query.order_by(table.c.id))
        others = {"number": NUMBER, "given_at": INSTANT, "closed_at": INSTANT}
        return with_types(rows, {name: others.get(name, TEXT) for name in rows.columns})

    def _add(
        self, table: Table, row: Mapping[str, Any], same: Mapping[str, Any], author: str, reason: str
    ) -> int:
        if not (author.strip() and reason.strip()):
            raise ConfigError("Who decides this, and why? Give your name and a reason.")
        now = self._ledger.clock()
        values = {"feed_id": self._feed.id, **row, "author": author.strip(), "reason": reason.strip()}
        open_one = [table.c.feed_id == self._feed.id, table.c.closed_at.is_(None)]
        open_one += [table.c[name].is_not_distinct_from(value) for name, value in same.items()]
        with self._ledger.writing() as connection:
            connection.execute(update(table).where(*open_one).values(closed_at=now, closed_how=REPLACED))
            new = insert(table).values({table.c[n]: v for n, v in values.items()} | {table.c.given_at: now})
            return int(connection.execute(new.returning(table.c.id)).scalar_one())

    def _close(self, table: Table, numbers: Iterable[int], how: str) -> None:
        wanted = [int(number) for number in numbers]
        if not wanted:
            return
        known = set(self._rows(table, closed=False)["number"])
        if missing := [str(number) for number in wanted if number not in known]:
            raise ConfigError(
                f"No open one has the number {', '.join(missing)}. List them, and give a number of the list."
            )
        now = self._ledger.clock()
        query = update(table).where(table.c.id.in_(wanted)).values(closed_at=now, closed_how=how)
        with self._ledger.writing() as connection:
            connection.execute(query)
