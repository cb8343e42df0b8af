"""What one run writes into the ledger: attempts before requests leave, results and identities after.

1. An attempt is on disk before its request leaves. A chunk of attempts and the results known by then are one commit.
2. An attempt that was begun and not finished is unsure: the next run of the feed checks the ODS, then sends again if
   needed.
3. Result, identity map and rejection of one record change in one commit, so no crash can tear them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd
from sqlalchemy import Connection, bindparam, func, insert, select, update

from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.attempts import (
    Attempt,
    AttemptResult,
    LastAttempt,
    MapKey,
    UnsettledAttempt,
)
from edfi_toolkit.ledger.bulk import BEGIN, BEGUN, FINISH, FORGET, MAP, NEWEST, execute_many
from edfi_toolkit.ledger.columns import DELIVERED
from edfi_toolkit.ledger.last_sync import remember
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.ledger.source_shapes import remember_shapes
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import NUMBER, TEXT, with_types

_IDENTITY = dict.fromkeys(("resource", "key_hash", "ed_fi_id", "body_hash"), TEXT) | {
    "education_organization_id": NUMBER
}


class Journal:
    """The ledger's rows of one feed and school year, for one holder of the feed's lock."""

    def __init__(self, ledger: Ledger, feed: Feed, school_year: int) -> None:
        self._ledger, self._feed, self._year = ledger, feed, school_year
        self._run: int | None = None
        self._begun: dict[int, int] = {}  # by item: the row of its attempt that is not finished
        self._rejected = self._open_rejections()

    # Before anything is sent

    def lost(self, about_the_record: Collection[int]) -> set[tuple[str, str]]:
        """Resource and student of records that a pair has deleted, and that are not created since, for a reason that is
        not theirs (COM-KEY-3).

        In a plan a DELETE that stands before a POST is its pair. about_the_record: statuses of answers that are.
        """
        post, delete, refused = schema.attempts, schema.attempts.alias(), schema.rejections
        query = (
            select(refused.c.resource, refused.c.student_unique_id)
            .distinct()
            .join_from(
                refused,
                post,
                (post.c.resource == refused.c.resource) & (post.c.key_hash == refused.c.key_hash),
            )
            .join(delete, (delete.c.run == post.c.run) & (delete.c.item == post.c.item - 1))
            .where(
                refused.c.feed_id == self._feed.id,
                refused.c.school_year == self._year,
                refused.c.open.is_(True),
                refused.c.status.is_(None) | refused.c.status.not_in(list(about_the_record)),
                post.c.action == "POST",
                delete.c.action == "DELETE",
                delete.c.outcome == "delivered",
            )
        )
        with self._ledger.reading() as connection:
            return {(row[0], row[1]) for row in connection.execute(query)}

    def identities(self, resources: Sequence[str]) -> pd.DataFrame:
        """The identity map as it is now: resource, key_hash, ed_fi_id, body_hash, education_organization_id."""
        table = schema.identity_map
        columns = (table.c[name] for name in _IDENTITY)
        query = select(*columns).where(
            table.c.feed_id == self._feed.id,
            table.c.school_year == self._year,
            table.c.resource.in_(resources),
        )
        return with_types(self._ledger.frame(query), _IDENTITY)

    def unsettled(self) -> list[UnsettledAttempt]:
        """Attempts of this feed and year that a crash left open, oldest first."""
        table, runs = schema.attempts, schema.runs
        query = (
            select(table)
            .join_from(table, runs, table.c.run == runs.c.id)
            .where(
                runs.c.feed_id == self._feed.id,
                runs.c.school_year == self._year,
                table.c.settled_at.is_(None),
            )
            .order_by(table.c.id)
        )
        with self._ledger.reading() as connection:
            found = connection.execute(query).mappings().all()
        return [UnsettledAttempt(row["id"], row["run"], _attempt_of(dict(row))) for row in found]

    def last_attempts(self, fingerprint: str) -> dict[int, LastAttempt]:
        """By item: the last finished attempt in earlier runs of this very plan."""
        table, runs = schema.attempts, schema.runs
        columns = (table.c[name] for name in ("item", *LastAttempt._fields))
        query = (
            select(*columns)
            .join_from(table, runs, table.c.run == runs.c.id)
            .where(
                runs.c.feed_id == self._feed.id,
                runs.c.fingerprint == fingerprint,
                table.c.settled_at.is_not(None),
            )
            .order_by(table.c.id)
        )
        with self._ledger.reading() as connection:
            return {row[0]: LastAttempt(*row[1:]) for row in connection.execute(query)}

    def begin(
        self,
        run_id: str | None,
        fingerprint: str,
        mode: str,
        overrides: Iterable[tuple[str, str]],
    ) -> str:
        """Open a run, or open again the one that did not end; returns its id.

        run_id: None continues the unended run of this plan, or starts one under a new name.
        """
        table, now = schema.runs, self._ledger.clock()
        with self._ledger.writing() as connection:
            of_plan = (table.c.feed_id == self._feed.id, table.c.fingerprint == fingerprint)
            named = table.c.ended_at.is_(None) if run_id is None else table.c.run_id == run_id
            query = select(table.c.id, table.c.run_id).where(*of_plan, named).order_by(table.c.id.desc())
            found = connection.execute(query).first()
            if found is not None:
                self._run, run_id = found
                opened = update(table).where(table.c.id == self._run).values(ended_at=None, unsent=None)
                connection.execute(opened)
            else:
                run_id = run_id or self._new_name(connection, fingerprint)
                row = {
                    "run_id": run_id,
                    "feed_id": self._feed.id,
                    "school_year": self._year,
                    "fingerprint": fingerprint,
                    "mode": mode,
                    "started_at": now,
                }
                self._run = connection.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()
            given = [{"run": self._run, "breach": b, "person": p, "given_at": now} for b, p in overrides]
            if given:
                connection.execute(insert(schema.overrides), given)
        return str(run_id)

    def _new_name(self, connection: Connection, fingerprint: str) -> str:
        number = connection.execute(select(func.count()).select_from(schema.runs)).scalar_one() + 1
        return f"{self._ledger.clock():%Y%m%d-%H%M%S}-{fingerprint[:6]}-{number}"

    # While it runs

    def commit(self, results: Sequence[AttemptResult], attempts: Sequence[Attempt] = ()) -> None:
        """Record what is known and write what leaves next, in one commit."""
        if not results and not attempts:
            return
        with self._ledger.writing() as connection:
            own = [(self._begun.get(result.attempt.item), self._run, result) for result in results]
            self._record(connection, own)
            begun = self._begin(connection, attempts)
        for result in results:
            self._begun.pop(result.attempt.item, None)
        self._begun |= begun

    def finish(self, unsettled: UnsettledAttempt, result: AttemptResult) -> None:
        """Record what became of an attempt that was left open."""
        with self._ledger.writing() as connection:
            self._record(connection, [(unsettled.id, unsettled.run, result)])

    def update_identities(self, forget: Sequence[Attempt], adopt: Sequence[AttemptResult]) -> None:
        """What only the ledger learns: identities to forget and identities to take over."""
        with self._ledger.writing() as connection:
            self._forget(connection, [attempt.key for attempt in forget])
            self._map(connection, adopt)

    def end(
        self,
        *,
        still_open: set[MapKey],
        resources: Sequence[str],
        preferences: pd.DataFrame,
        shapes: pd.DataFrame,
        resynced: bool,
        unsent: int,
    ) -> None:
        """Close the run, and the rejections of records that are no longer to be sent.

        preferences, shapes: PREFERENCES and SHAPES, remembered for the next plan. resynced: whether this was a resync.
        unsent: changes that are still to send all the same.
        """
        moot = [key for key in self._rejected if key not in still_open and key[0] in resources]
        now, table = self._ledger.clock(), schema.runs
        with self._ledger.writing() as connection:
            self._close_rejections(connection, moot, "no longer wanted")
            remember(connection, self._feed, self._year, preferences, resynced=resynced, now=now)
            remember_shapes(connection, self._feed, self._year, shapes, now=now)
            connection.execute(
                update(table).where(table.c.id == self._run).values(ended_at=now, unsent=unsent)
            )

    def stop(self, unsent: int) -> None:
        """Leave the run open, which was stopped with so many changes still to send."""
        table = schema.runs
        with self._ledger.writing() as connection:
            connection.execute(update(table).where(table.c.id == self._run).values(unsent=unsent))

    # One commit's parts

    def _begin(self, connection: Connection, attempts: Sequence[Attempt]) -> dict[int, int]:
        if not attempts:
            return {}
        now = self._ledger.clock()
        rows = [
            {
                "run": self._run,
                "item": attempt.item,
                "action": attempt.action,
                **attempt.row,
                "ed_fi_id": attempt.ed_fi_id,
                "body_hash": attempt.body_hash,
                "intent": _intent(attempt),
                "begun_at": now,
            }
            for attempt in attempts
        ]
        newest = connection.execute(NEWEST).scalar_one()
        execute_many(connection, BEGIN, rows)
        found = connection.execute(BEGUN, {"run": self._run, "newest": newest})
        return dict(found.all())

    def _record(
        self, connection: Connection, results: Sequence[tuple[int | None, int | None, AttemptResult]]
    ) -> None:
        """Attempts with their rows and runs: how each ended, its identity and its rejection."""
        if not results:
            return
        self._finish_attempts(connection, [(row, each) for row, _, each in results if row is not None])
        every = [each for _, _, each in results]
        self._forget(connection, [result.attempt.key for result in every if result.drops_identity])
        self._map(
            connection, [result for result in every if result.delivered and result.attempt.body is not None]
        )
        delivered = [result.attempt.key for result in every if result.delivered]
        self._close_rejections(connection, delivered, DELIVERED)
        for _, run, each in results:
            if each.reported and not each.delivered:
                self._reject(connection, run, each)

    def _finish_attempts(self, connection: Connection, results: Sequence[tuple[int, AttemptResult]]) -> None:
        """What is unsure stays open."""
        now = self._ledger.clock()
        rows = []
        for row, result in results:
            outcome, attempt = result.outcome, result.attempt
            unsure = outcome.outcome == "unsure"
            rows.append(
                {
                    "attempt": row,
                    "outcome": outcome.outcome,
                    "status": outcome.status,
                    "problem_type": outcome.problem_type,
                    "correlation_id": outcome.correlation_id,
                    "attempts": outcome.attempts,
                    "ed_fi_id": outcome.ed_fi_id or attempt.ed_fi_id,
                    "settled_at": None if unsure else now,
                    "intent": _intent(attempt) if unsure else None,
                }
            )
        execute_many(connection, FINISH, rows)

    def _forget(self, connection: Connection, keys: Sequence[MapKey]) -> None:
        here = {"of_feed": self._feed.id, "of_year": self._year}
        execute_many(
            connection, FORGET, [{**here, "of_resource": resource, "of_key": key} for resource, key in keys]
        )

    def _map(self, connection: Connection, delivered: Sequence[AttemptResult]) -> None:
        now = self._ledger.clock()
        rows = [
            {
                "feed_id": self._feed.id,
                "school_year": self._year,
                **result.attempt.row,
                "ed_fi_id": result.outcome.ed_fi_id,
                "etag": result.outcome.etag,
                "last_body": _text(result.attempt.body),
                "body_hash": result.attempt.body_hash,
                "source_refs": result.attempt.source_refs,
                "last_status": result.outcome.status,
                "updated_at": now,
            }
            for result in delivered
        ]
        execute_many(connection, MAP[connection.dialect.name], rows)

    def _open_rejections(self) -> dict[MapKey, int]:
        table = schema.rejections
        query = select(table.c.resource, table.c.key_hash, table.c.id).where(
            table.c.feed_id == self._feed.id, table.c.school_year == self._year, table.c.open.is_(True)
        )
        with self._ledger.reading() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def _close_rejections(self, connection: Connection, keys: Sequence[MapKey], how: str) -> None:
        closed = [{"rejection": self._rejected.pop(key)} for key in keys if key in self._rejected]
        if closed:
            table = schema.rejections
            ended = {"open": False, "closed_at": self._ledger.clock(), "closed_how": how}
            connection.execute(
                update(table).where(table.c.id == bindparam("rejection")).values(**ended), closed
            )

    def _reject(self, connection: Connection, run: int | None, result: AttemptResult) -> None:
        """A record that was not delivered: one open rejection per record, from first to last time seen."""
        now, table, attempt, outcome = self._ledger.clock(), schema.rejections, result.attempt, result.outcome
        values = {
            "run": run,
            "action": attempt.action,
            "ed_fi_id": outcome.ed_fi_id or attempt.ed_fi_id,
            "outcome": outcome.outcome,
            "status": outcome.status,
            "problem_type": outcome.problem_type,
            "correlation_id": outcome.correlation_id,
            "attempts": outcome.attempts,
            "messages": orjson.dumps(result.messages).decode(),
            "source_refs": attempt.source_refs,
            "rules": attempt.rules,
            "last_seen_at": now,
        }
        known = self._rejected.get(attempt.key)
        if known is not None:
            connection.execute(update(table).where(table.c.id == known).values(**values))
            return
        row = {"feed_id": self._feed.id, "school_year": self._year, **attempt.row, **values}
        new = insert(table).values(**row, open=True, first_seen_at=now).returning(table.c.id)
        self._rejected[attempt.key] = connection.execute(new).scalar_one()


def _text(body: bytes | None) -> str:
    return "null" if body is None else body.decode()


def _intent(attempt: Attempt) -> str:
    """What a resend after a crash needs, as JSON; its parts are JSON already."""
    body = _text(attempt.body)
    return f'{{"body":{body},"source_refs":{attempt.source_refs},"rules":{attempt.rules}}}'


def _attempt_of(row: Mapping[str, Any]) -> Attempt:
    intent = orjson.loads(row["intent"])
    body = intent["body"]
    return Attempt(
        item=row["item"],
        action=row["action"],
        row={name: row[name] for name in ("resource", "key_hash", *KEY_COLUMNS)},
        ed_fi_id=row["ed_fi_id"],
        body=None if body is None else orjson.dumps(body),
        body_hash=row["body_hash"],
        source_refs=orjson.dumps(intent["source_refs"]).decode(),
        rules=orjson.dumps(intent["rules"]).decode(),
    )
