"""What one run writes into the ledger: intents before requests leave, outcomes and identities after.

1. An intent is on disk before its request leaves. A chunk of intents and the outcomes known by then are one
   commit.
2. An attempt that was begun and not settled is unsure: the next run of the feed looks, then sends again if
   needed.
3. Outcome, identity map and rejection of one record change in one commit, so no crash can tear them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import pandas as pd
from sqlalchemy import Connection, bindparam, func, insert, select, update

from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.bulk import BEGIN, BEGUN, FORGET, MAP, NEWEST, SETTLE, execute_many
from edfi_toolkit.ledger.last_sync import remember
from edfi_toolkit.ledger.ledger import Feed, Ledger
from edfi_toolkit.model import KEY_COLUMNS, Body

MapKey = tuple[str, str]  # resource, key hash


class Mapped(NamedTuple):
    """One row of the identity map, as far as comparing goes."""

    ed_fi_id: str
    body_hash: str
    organization: int


# Not frozen, like all that a run makes once a record: that would take three times as long.
@dataclass(slots=True, repr=False)
class Intent:
    """One request about to leave. row: resource, key_hash and the key columns as the ledger stores them."""

    item: int
    action: str
    row: Mapping[str, Any]
    ed_fi_id: str | None
    body: Body | None
    body_hash: str | None
    source_refs: Sequence[str] = ()
    rules: Sequence[str] = ()

    @property
    def key(self) -> MapKey:
        """What names the record within feed and year."""
        return self.row["resource"], self.row["key_hash"]


@dataclass(slots=True, repr=False)
class Settled:
    """What became of one attempt."""

    intent: Intent
    outcome: str
    status: int | None = None
    ed_fi_id: str | None = None
    etag: str | None = None
    problem_type: str | None = None
    messages: Sequence[str] = ()
    correlation_id: str | None = None
    requests: int = 0
    reported: bool = field(default=True)  # False where another request follows for the same record

    @property
    def drops_identity(self) -> bool:
        """Whether the ODS holds nothing under the id any more (REC-P3, REC-P4)."""
        gone = self.intent.action == "PUT" and self.status == 404 and self.outcome == "refused"
        return gone or (self.intent.action == "DELETE" and self.outcome == "delivered")


class Open(NamedTuple):
    """An attempt of a crashed run that was never settled."""

    attempt: int
    run: int
    intent: Intent


class Past(NamedTuple):
    """The last settled attempt for an item, in runs of the same plan."""

    action: str
    outcome: str
    status: int | None
    ed_fi_id: str | None
    correlation_id: str | None
    requests: int


class Journal:
    """The ledger's rows of one feed and school year, for one holder of the feed's lock."""

    def __init__(self, ledger: Ledger, feed: Feed, school_year: int) -> None:
        self._ledger, self._feed, self._year = ledger, feed, school_year
        self._run: int | None = None
        self._attempts: dict[int, int] = {}
        self._rejected = self._open_rejections()

    # Before anything is sent

    def identities(self, resources: Sequence[str]) -> dict[MapKey, Mapped]:
        """The identity map as it is now."""
        table = schema.identity_map
        facts = table.c.ed_fi_id, table.c.body_hash, table.c.education_organization_id
        query = select(table.c.resource, table.c.key_hash, *facts).where(
            table.c.feed_id == self._feed.id,
            table.c.school_year == self._year,
            table.c.resource.in_(resources),
        )
        with self._ledger.reading() as connection:
            return {(row[0], row[1]): Mapped(*row[2:]) for row in connection.execute(query)}

    def unsettled(self) -> list[Open]:
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
        return [Open(row["id"], row["run"], _intent_of(dict(row))) for row in found]

    def past(self, fingerprint: str) -> dict[int, Past]:
        """By item: what became of it in earlier runs of this very plan."""
        table, runs = schema.attempts, schema.runs
        columns = (table.c[name] for name in ("item", *Past._fields))
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
            return {row[0]: Past(*row[1:]) for row in connection.execute(query)}

    def begin(
        self, run_id: str | None, fingerprint: str, mode: str, overrides: Iterable[tuple[str, str]]
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
                connection.execute(update(table).where(table.c.id == self._run).values(ended_at=None))
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

    def turn(self, settled: Sequence[Settled], intents: Sequence[Intent] = ()) -> None:
        """Settle what is known and write what leaves next, in one commit."""
        if not settled and not intents:
            return
        with self._ledger.writing() as connection:
            self._settle(
                connection, [(self._attempts.get(each.intent.item), self._run, each) for each in settled]
            )
            begun = self._begin(connection, intents)
        for each in settled:
            self._attempts.pop(each.intent.item, None)
        self._attempts |= begun

    def settle_open(self, attempt: Open, settled: Settled) -> None:
        """Settle an attempt that a crash left open."""
        with self._ledger.writing() as connection:
            self._settle(connection, [(attempt.attempt, attempt.run, settled)])

    def remap(self, forget: Sequence[Intent], adopt: Sequence[Settled]) -> None:
        """What only the ledger learns: identities to forget and identities to take over."""
        with self._ledger.writing() as connection:
            self._forget(connection, [intent.key for intent in forget])
            self._map(connection, adopt)

    def end(
        self, *, still_open: set[MapKey], resources: Sequence[str], preferences: pd.DataFrame, resynced: bool
    ) -> None:
        """Close the run, and the rejections of records that are no longer to be sent.

        preferences: PREFERENCES, remembered for the next plan. resynced: whether this was a resync.
        """
        moot = [key for key in self._rejected if key not in still_open and key[0] in resources]
        with self._ledger.writing() as connection:
            self._close(connection, moot)
            remember(
                connection, self._feed, self._year, preferences, resynced=resynced, now=self._ledger.clock()
            )
            table = schema.runs
            connection.execute(
                update(table).where(table.c.id == self._run).values(ended_at=self._ledger.clock())
            )

    # One commit's parts

    def _begin(self, connection: Connection, intents: Sequence[Intent]) -> dict[int, int]:
        if not intents:
            return {}
        now = self._ledger.clock()
        rows = [
            {
                "run": self._run,
                "item": intent.item,
                "action": intent.action,
                **intent.row,
                "ed_fi_id": intent.ed_fi_id,
                "body_hash": intent.body_hash,
                "intent": _intent_json(intent),
                "begun_at": now,
            }
            for intent in intents
        ]
        newest = connection.execute(NEWEST).scalar_one()
        execute_many(connection, BEGIN, rows)
        return dict(connection.execute(BEGUN, {"run": self._run, "newest": newest}).all())

    def _settle(
        self, connection: Connection, settled: Sequence[tuple[int | None, int | None, Settled]]
    ) -> None:
        """One attempt, its identity and its rejection. What is unsure stays open."""
        if not settled:
            return
        self._note_outcomes(
            connection, [(attempt, each) for attempt, _, each in settled if attempt is not None]
        )
        every = [each for _, _, each in settled]
        self._forget(connection, [each.intent.key for each in every if each.drops_identity])
        self._map(
            connection,
            [each for each in every if each.outcome == "delivered" and each.intent.body is not None],
        )
        self._close(connection, [each.intent.key for each in every if each.outcome == "delivered"])
        for _, run, each in settled:
            if each.reported and each.outcome != "delivered":
                self._reject(connection, run, each)

    def _note_outcomes(self, connection: Connection, settled: Sequence[tuple[int, Settled]]) -> None:
        now = self._ledger.clock()
        rows = [
            {
                "attempt": attempt,
                "outcome": each.outcome,
                "status": each.status,
                "problem_type": each.problem_type,
                "correlation_id": each.correlation_id,
                "requests": each.requests,
                "ed_fi_id": each.ed_fi_id or each.intent.ed_fi_id,
                "settled_at": None if each.outcome == "unsure" else now,
                "intent": _intent_json(each.intent) if each.outcome == "unsure" else None,
            }
            for attempt, each in settled
        ]
        execute_many(connection, SETTLE, rows)

    def _forget(self, connection: Connection, keys: Sequence[MapKey]) -> None:
        here = {"of_feed": self._feed.id, "of_year": self._year}
        execute_many(
            connection, FORGET, [{**here, "of_resource": resource, "of_key": key} for resource, key in keys]
        )

    def _map(self, connection: Connection, delivered: Sequence[Settled]) -> None:
        now = self._ledger.clock()
        rows = [
            {
                "feed_id": self._feed.id,
                "school_year": self._year,
                **each.intent.row,
                "ed_fi_id": each.ed_fi_id,
                "etag": each.etag,
                "last_body": _json(each.intent.body),
                "body_hash": each.intent.body_hash,
                "source_refs": _json(each.intent.source_refs),
                "last_status": each.status,
                "updated_at": now,
            }
            for each in delivered
        ]
        execute_many(connection, MAP[connection.dialect.name], rows)

    def _open_rejections(self) -> dict[MapKey, int]:
        table = schema.rejections
        query = select(table.c.resource, table.c.key_hash, table.c.id).where(
            table.c.feed_id == self._feed.id, table.c.school_year == self._year, table.c.open.is_(True)
        )
        with self._ledger.reading() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}

    def _close(self, connection: Connection, keys: Sequence[MapKey]) -> None:
        closed = [{"rejection": self._rejected.pop(key)} for key in keys if key in self._rejected]
        if closed:
            table = schema.rejections
            connection.execute(
                update(table).where(table.c.id == bindparam("rejection")).values(open=False), closed
            )

    def _reject(self, connection: Connection, run: int | None, settled: Settled) -> None:
        """A record that was not delivered: one open rejection per record, from first to last time seen."""
        now, table, intent = self._ledger.clock(), schema.rejections, settled.intent
        facts = {
            "run": run,
            "action": intent.action,
            "ed_fi_id": settled.ed_fi_id or intent.ed_fi_id,
            "outcome": settled.outcome,
            "status": settled.status,
            "problem_type": settled.problem_type,
            "correlation_id": settled.correlation_id,
            "attempts": settled.requests,
            "messages": _json(settled.messages),
            "source_refs": _json(intent.source_refs),
            "rules": _json(intent.rules),
            "last_seen_at": now,
        }
        known = self._rejected.get(intent.key)
        if known is not None:
            connection.execute(update(table).where(table.c.id == known).values(**facts))
            return
        row = {"feed_id": self._feed.id, "school_year": self._year, **intent.row, **facts}
        new = insert(table).values(**row, open=True, first_seen_at=now).returning(table.c.id)
        self._rejected[intent.key] = connection.execute(new).scalar_one()


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _intent_json(intent: Intent) -> str:
    return _json({"body": intent.body, "source_refs": list(intent.source_refs), "rules": list(intent.rules)})


def _intent_of(row: Mapping[str, Any]) -> Intent:
    kept = orjson.loads(row["intent"])
    names = ("resource", "key_hash", *KEY_COLUMNS)
    return Intent(
        item=row["item"],
        action=row["action"],
        row={name: row[name] for name in names},
        ed_fi_id=row["ed_fi_id"],
        body=kept["body"],
        body_hash=row["body_hash"],
        source_refs=kept["source_refs"],
        rules=kept["rules"],
    )
