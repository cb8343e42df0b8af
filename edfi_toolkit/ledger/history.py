"""What became of the records of one feed: every request for them, and which the ODS refused last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pandas as pd
from sqlalchemy import func, select, update

from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import INSTANT, NUMBER, TEXT, with_types


class History:
    """The requests and refusals of one feed, whichever run sent them."""

    def __init__(self, ledger: Ledger, feed: Feed) -> None:
        self._ledger, self._feed = ledger, feed

    def of_record(self, resource: str, key_hash: str) -> pd.DataFrame:
        """Every attempt for one record, oldest first: run_id, action, outcome, status, correlation_id, begun_at,
        body_hash.
        """
        table, runs = schema.attempts, schema.runs
        names = ("action", "outcome", "status", "correlation_id", "begun_at", "body_hash")
        query = select(runs.c.run_id, *(table.c[name] for name in names))
        query = query.join_from(table, runs, table.c.run == runs.c.id).where(
            runs.c.feed_id == self._feed.id, table.c.resource == resource, table.c.key_hash == key_hash
        )
        return self._ledger.frame(query.order_by(table.c.id))

    def of_student(self, student: str, key_hashes: Iterable[str]) -> pd.DataFrame:
        """Every attempt under a student's id or for one of these records, oldest first.

        resource, key_hash, the six key columns, run_id, action,
        outcome and status (missing while there is none), begun_at.
        """
        table, runs = schema.attempts, schema.runs
        names = ("resource", "key_hash", *KEY_COLUMNS, "action", "outcome", "status", "begun_at")
        query = select(runs.c.run_id, *(table.c[name] for name in names))
        query = query.join_from(table, runs, table.c.run == runs.c.id).where(
            runs.c.feed_id == self._feed.id,
            (table.c.student_unique_id == student) | table.c.key_hash.in_(list(key_hashes)),
        )
        rows = self._ledger.frame(query.order_by(table.c.id))
        kinds = {"education_organization_id": NUMBER, "status": NUMBER, "begun_at": INSTANT}
        kinds["program_education_organization_id"] = NUMBER
        return with_types(rows, {name: kinds.get(name, TEXT) for name in rows.columns})

    def delivered_by_others(self, than: str, *, since: dt.datetime) -> pd.DataFrame:
        """What other runs delivered last for each record since then: resource, key_hash, action, body_hash."""
        table, runs = schema.attempts, schema.runs
        names = ("resource", "key_hash", "action", "body_hash")
        query = select(*(table.c[name] for name in names))
        query = query.join_from(table, runs, table.c.run == runs.c.id)
        query = query.where(runs.c.feed_id == self._feed.id, runs.c.run_id != than)
        query = query.where(table.c.settled_at >= since, table.c.outcome == "delivered")
        found = self._ledger.frame(query.order_by(table.c.id)).astype("str")
        return found.drop_duplicates(["resource", "key_hash"], keep="last", ignore_index=True)

    def refused_last(self, *, before: str) -> pd.DataFrame:
        """Records whose last answer was a refusal: resource, key_hash, action, body_hash, run_id.

        before: a run; what it and later ones were answered does not count. One that has sent nothing follows all.
        """
        table, runs = schema.attempts, schema.runs
        own = runs.c.feed_id == self._feed.id
        first = select(func.min(runs.c.id)).where(own, runs.c.run_id == before).scalar_subquery()
        refused = schema.rejections.c.feed_id == self._feed.id
        last = (
            select(func.max(table.c.id))
            .join_from(table, runs, table.c.run == runs.c.id)
            .where(own, runs.c.id < func.coalesce(first, runs.c.id + 1))
            .where(table.c.key_hash.in_(select(schema.rejections.c.key_hash).where(refused)))
            .where(table.c.outcome.in_(("delivered", "refused")))
            .group_by(table.c.resource, table.c.key_hash)
        )
        names = ("resource", "key_hash", "action", "body_hash")
        query = select(*(table.c[name] for name in names), runs.c.run_id)
        query = query.join_from(table, runs, table.c.run == runs.c.id)
        query = query.where(table.c.id.in_(last), table.c.outcome == "refused")
        return self._ledger.frame(query.order_by(table.c.id)).astype("str")

    def close_rejections(self, keys: Iterable[tuple[str, str]], how: str) -> None:
        """Close the open rejections of these records, by resource and key hash."""
        table, now = schema.rejections, self._ledger.clock()
        with self._ledger.writing() as connection:
            for resource, key_hash in keys:
                own = (table.c.feed_id == self._feed.id, table.c.open.is_(True))
                record = (table.c.resource == resource, table.c.key_hash == key_hash)
                ended = {"open": False, "closed_at": now, "closed_how": how}
                connection.execute(update(table).where(*own, *record).values(**ended))
