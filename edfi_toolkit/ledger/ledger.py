"""The ledger: what each feed published, what was begun and what became of it, kept across runs and crashes.

1. SQLite (WAL) in one file by default, readable by its owner only; PostgreSQL by URL when machines share it.
2. Identity belongs to a feed (target, profile, source name): no feed ever sees another's rows.
3. One run at a time per feed. The lock is the system's, so it is gone when the process is, however it ended.
4. It holds real data. Its errors name the ledger and the next step, never a row.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pandas as pd
from sqlalchemy import Connection, Select, case, func, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from edfi_toolkit.errors import LedgerBusy, LedgerError
from edfi_toolkit.ledger import database, schema
from edfi_toolkit.ledger.columns import REJECTION_COLUMNS
from edfi_toolkit.ledger.database import engine_of, make_private, url_of
from edfi_toolkit.ledger.lock import file_lock
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import INSTANT, NUMBER, TEXT, as_list, typed, with_types
from edfi_toolkit.model.keys import KEY_SCHEMA
from edfi_toolkit.planning.comparison import IDENTITY_MAP, feed_label
from edfi_toolkit.planning.preferences import PREFERENCES, typed_preferences
from edfi_toolkit.settings import without_credentials
from edfi_toolkit.tables.shapes import SHAPES

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = "alembic_version"
_AT_A_TIME = 500  # keys asked for in one statement
_ADVISORY = 0x45644669  # "EdFi": keeps our PostgreSQL locks apart from other programs'


@dataclass(frozen=True)
class Feed:
    """One target, profile and source name: what identities belong to."""

    id: int
    name: str


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Ledger:
    """One ledger, by file path or database URL; a context manager. Made or migrated when needed.

    Raises LedgerError when it cannot be opened or was written by a newer version, LedgerBusy when it stays locked.
    """

    def __init__(self, where: str | os.PathLike[str], *, clock: Callable[[], dt.datetime] = _now) -> None:
        self.clock = clock
        self.url = url_of(where)
        self.path = Path(self.url.database) if self.url.get_backend_name() == "sqlite" else None  # type: ignore[arg-type]
        if self.path is not None:
            make_private(self.path)
        with self._guarded():
            self.engine = engine_of(self.url)
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger {self.shown}>"

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return str(self.path or without_credentials(self.url.render_as_string(hide_password=False)))

    # Opening

    def _prepare(self) -> None:
        if self._version() == schema.HEAD:
            return
        with self._alone("schema", "Another process is preparing the ledger {}. Run again."):
            version = self._version()
            if version is not None and version not in {
                migration.name[:4] for migration in _MIGRATIONS.glob("versions/0*.py")
            }:
                raise LedgerError(
                    f"The ledger {self.shown} was written by a newer version of the toolkit. Update the "
                    "toolkit, or name another ledger."
                )
            if version != schema.HEAD:
                self._migrate()

    def _version(self) -> str | None:
        """The migration the ledger is at, None for a new one; read without Alembic: opening must stay cheap.

        Raises LedgerError when tables are missing: a half-copied ledger forgets what was published.
        """
        with self.reading() as connection:
            missing = {_VERSION, *schema.metadata.tables} - set(inspect(connection).get_table_names())
            if missing.issuperset(schema.metadata.tables):
                return None
            version = None
            if _VERSION not in missing:
                version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if version is None or (version == schema.HEAD and missing):
            raise database.damaged(self.shown, f"it lacks {', '.join(sorted(missing)) or 'its version'}")
        return str(version)

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    # Access

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Every database error as a LedgerError that shows no statement and no value."""
        try:
            yield
        except SQLAlchemyError as error:
            raise database.ledger_error(
                error, self.shown
            ) from None  # a server's message quotes a row's values

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that only reads."""
        with self.engine.connect() as connection:
            yield connection.execution_options(only_reads=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on disk when the block ends without an error."""
        with self._guarded(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def exclusive(self, feed: Feed) -> Iterator[None]:
        """Hold the feed for one run. Raises LedgerBusy when another run holds it."""
        busy = "Another run of this feed is at work in the ledger {}. Wait until it has finished, then run again."
        with self._alone(f"feed-{feed.id}", busy, number=feed.id):
            yield

    @contextmanager
    def _alone(self, name: str, busy: str, *, number: int = 0) -> Iterator[None]:
        if self.path is not None:
            wait_s = 0.0 if number else database.BUSY_S
            path = self.path.with_name(f"{self.path.name}.locks") / name
            with file_lock(path, busy=busy.format(self.shown), wait_s=wait_s):
                yield
            return
        with self._guarded(), self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            lock = {"family": _ADVISORY, "number": number}
            # A busy feed is refused at once; the short work on the schema is waited for.
            take = (
                "pg_try_advisory_lock(:family, :number)"
                if number
                else "pg_advisory_lock(:family, :number) IS NULL"
            )
            if connection.execute(text(f"SELECT {take}"), lock).scalar() is False and number:
                raise LedgerBusy(busy.format(self.shown))
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:family, :number)"), lock)

    # Feeds and what is kept of them

    def feed(self, target_identity: str, profile: str, source: str) -> Feed:
        """The feed of a target, a profile and a source name; made when it is new, for which alone writers wait."""
        targets, feeds, named = schema.targets, schema.feeds, {"profile": profile, "source": source}
        query = select(feeds.c.id).join_from(feeds, targets, feeds.c.target_id == targets.c.id)
        query = query.where(targets.c.identity == target_identity)
        with self._guarded(), self.reading() as connection:
            own = (feeds.c[name] == value for name, value in named.items())
            feed_id = connection.execute(query.where(*own)).scalar()
        if feed_id is None:
            with self.writing() as connection:
                target_id = _id_of(connection, targets, {"identity": target_identity})
                feed_id = _id_of(connection, feeds, {"target_id": target_id, **named})
        return Feed(feed_id, f"{target_identity}|{feed_label(profile, source)}")

    def identity_map(self, feed: Feed, *, school_year: int | None = None) -> pd.DataFrame:
        """What the feed has published and still holds, as `plan` takes it (IDENTITY_MAP)."""
        table = schema.identity_map
        names = [name for name in IDENTITY_MAP if name != "feed"]
        query = select(table.c.id, *(table.c[name] for name in names)).where(table.c.feed_id == feed.id)
        if school_year is not None:
            query = query.where(table.c.school_year == school_year)
        # Put in order here: a database would carry the bodies through its sorting.
        rows = self.frame(query).sort_values("id")
        return typed(rows.assign(feed=feed.name), IDENTITY_MAP)

    def last_sync(self, feed: Feed, *, school_year: int) -> pd.DataFrame:
        """Each resource's switch and mapping version at the feed's last sync (PREFERENCES)."""
        table = schema.last_sync
        query = select(*(table.c[name] for name in PREFERENCES))
        query = query.where(table.c.feed_id == feed.id, table.c.school_year == school_year)
        return typed_preferences(self.frame(query.order_by(table.c.resource)))

    def source_shapes(self, feed: Feed, *, school_year: int) -> pd.DataFrame:
        """What each table of the feed's source looked like at its last publish (SHAPES)."""
        table = schema.source_shapes
        query = select(*(table.c[name].label(name) for name in SHAPES))
        query = query.where(table.c.feed_id == feed.id, table.c.school_year == school_year)
        return self.frame(query.order_by(table.c.table)).astype(SHAPES)

    def claims(self, feed: Feed) -> pd.DataFrame:
        """What other feeds published to the same target: `resource, ed_fi_id, feed`.

        Put below this feed's identity map, these rows keep a resync from taking another district's records for
        records without an owner.
        """
        table, feeds, targets = schema.identity_map, schema.feeds, schema.targets
        query = (
            select(table.c.resource, table.c.ed_fi_id, feeds.c.profile, feeds.c.source, targets.c.identity)
            .join_from(table, feeds, table.c.feed_id == feeds.c.id)
            .join(targets, feeds.c.target_id == targets.c.id)
            .where(
                feeds.c.id != feed.id,
                feeds.c.target_id == select(feeds.c.target_id).where(feeds.c.id == feed.id).scalar_subquery(),
            )
            .order_by(table.c.id)
        )
        rows = self.frame(query)
        rows["feed"] = _feed_names(rows)
        return rows[["resource", "ed_fi_id", "feed"]].astype("str")

    def delivered_elsewhere(self, feed: Feed, keys: pd.DataFrame, *, school_year: int) -> pd.DataFrame:
        """Which of these keys other feeds of the same target and profile hold: `resource, key_hash, source`.

        keys: `resource` and `key_hash`.
        """
        table, feeds = schema.identity_map, schema.feeds
        own = select(feeds.c.target_id, feeds.c.profile).where(feeds.c.id == feed.id).subquery()
        query = (
            select(table.c.resource, table.c.key_hash, feeds.c.source)
            .join_from(table, feeds, table.c.feed_id == feeds.c.id)
            .join(own, (feeds.c.target_id == own.c.target_id) & (feeds.c.profile == own.c.profile))
            .where(feeds.c.id != feed.id, table.c.school_year == school_year)
        )
        hashes = as_list(keys["key_hash"])
        parts = [
            self.frame(query.where(table.c.key_hash.in_(hashes[start : start + _AT_A_TIME])))
            for start in range(0, len(hashes), _AT_A_TIME)
        ]
        found = pd.concat(parts) if parts else pd.DataFrame(columns=["resource", "key_hash", "source"])
        return found.astype("str").merge(keys[["resource", "key_hash"]].astype("str").drop_duplicates())

    def rejections(self, run_id: str | None = None, feed: Feed | None = None) -> pd.DataFrame:
        """Records not delivered (REJECTION_COLUMNS, then `run_id`): of one run, of one feed, or all."""
        table, runs = schema.rejections, schema.runs
        columns = [table.c[name] for name in REJECTION_COLUMNS]
        query = select(*columns, runs.c.run_id).join_from(table, runs, table.c.run == runs.c.id)
        if run_id is not None:
            query = query.where(runs.c.run_id == run_id)
        if feed is not None:
            query = query.where(table.c.feed_id == feed.id)
        rows = self.frame(query.order_by(table.c.id))
        for name in ("messages", "source_refs", "rules"):
            rows[name] = pd.Series([orjson.loads(text) for text in rows[name]], dtype=object)
        rows["open"] = rows["open"].astype(bool)
        return _typed(
            rows, integers=("status", "attempts"), instants=("first_seen_at", "last_seen_at", "closed_at")
        )

    def runs(self) -> pd.DataFrame:
        """Every run: `run_id, feed, school_year, fingerprint, mode, started_at, ended_at`, then its requests by
        what became of them, `delivered, refused, unsettled`, and `pending`: the changes that it left to send.
        """
        runs, feeds, targets, attempts = schema.runs, schema.feeds, schema.targets, schema.attempts
        settled = {name: attempts.c.outcome == name for name in ("delivered", "refused", "pending")}
        tallies = {**settled, "unsettled": attempts.c.settled_at.is_(None)}
        counts = (
            select(
                attempts.c.run, *(func.sum(case((hit, 1), else_=0)).label(n) for n, hit in tallies.items())
            )
            .group_by(attempts.c.run)
            .subquery()
        )
        query = (
            select(runs, feeds.c.profile, feeds.c.source, targets.c.identity, *(counts.c[n] for n in tallies))
            .join_from(runs, feeds, runs.c.feed_id == feeds.c.id)
            .join(targets, feeds.c.target_id == targets.c.id)
            .outerjoin(counts, counts.c.run == runs.c.id)
            .order_by(runs.c.id)
        )
        rows = self.frame(query)
        rows["feed"] = _feed_names(rows)
        rows["pending"] = rows["unsent"].fillna(rows["pending"])
        names = ["run_id", "feed", "school_year", "fingerprint", "mode", "started_at", "ended_at", *tallies]
        typed = _typed(rows[names], integers=("school_year", *tallies), instants=("started_at", "ended_at"))
        return typed.fillna(dict.fromkeys(tallies, 0))

    def attempts(self, run_id: str | None = None) -> pd.DataFrame:
        """Every attempt in the order begun: `run_id, item, action`, resource, key, ids, outcome and times."""
        table, runs = schema.attempts, schema.runs
        names = ["item", "action", "resource", *KEY_COLUMNS, "ed_fi_id", "body_hash", "outcome", "status"]
        names += ["problem_type", "correlation_id", "attempts", "begun_at", "settled_at"]
        query = select(runs.c.run_id, *(table.c[name].label(name) for name in names))
        query = query.join_from(table, runs, table.c.run == runs.c.id).order_by(table.c.id)
        if run_id is not None:
            query = query.where(runs.c.run_id == run_id)
        rows = self.frame(query)
        return _typed(rows, integers=("item", "status", "attempts"), instants=("begun_at", "settled_at"))

    def delivered_by(self, run_id: str) -> dict[str, int]:
        """How many records a run itself delivered, by action; what an earlier run of its plan did is not among them."""
        table, runs = schema.attempts, schema.runs
        query = (
            select(table.c.action, func.count(table.c.id))
            .join_from(table, runs, table.c.run == runs.c.id)
            .where(runs.c.run_id == run_id, table.c.outcome == "delivered")
            .group_by(table.c.action)
        )
        with self._guarded(), self.reading() as connection:
            return {action: int(count) for action, count in connection.execute(query)}

    def overrides(self, run_id: str | None = None) -> pd.DataFrame:
        """Every override: `run_id, breach, person, given_at`."""
        table, runs = schema.overrides, schema.runs
        query = select(runs.c.run_id, table.c.breach, table.c.person, table.c.given_at)
        query = query.join_from(table, runs, table.c.run == runs.c.id).order_by(table.c.id)
        if run_id is not None:
            query = query.where(runs.c.run_id == run_id)
        return _typed(self.frame(query), integers=(), instants=("given_at",))

    def frame(self, query: Select[Any]) -> pd.DataFrame:
        """What a query finds, columns by name."""
        with self._guarded(), self.reading() as connection:
            result = connection.execute(query)
            names, rows = list(result.keys()), result.all()
            columns = zip(*rows, strict=True) if rows else [()] * len(names)
            return pd.DataFrame(dict(zip(names, columns, strict=True)))


def _feed_names(rows: pd.DataFrame) -> list[str]:
    """As `Feed.name`, from the columns identity, profile and source."""
    labels = zip(rows["identity"], rows["profile"], rows["source"], strict=True)
    return [f"{identity}|{feed_label(profile, source)}" for identity, profile, source in labels]


def _typed(rows: pd.DataFrame, *, integers: tuple[str, ...], instants: tuple[str, ...]) -> pd.DataFrame:
    plain = {"messages", "source_refs", "rules", "open"}
    kinds = dict.fromkeys(rows.columns.difference(plain), TEXT)
    kinds |= {name: kind for name, kind in KEY_SCHEMA.items() if name in kinds}
    kinds |= {**dict.fromkeys(integers, NUMBER), **dict.fromkeys(instants, INSTANT)}
    return with_types(rows, kinds)


def _id_of(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    """The id of a row by its unique values; added when it is not there, whoever else adds it meanwhile."""
    query = select(table.c.id).where(*(table.c[name] == value for name, value in row.items()))
    found = connection.execute(query).scalar()
    if found is None:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(table).values(**row).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return int(found)
