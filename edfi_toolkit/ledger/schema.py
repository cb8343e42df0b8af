"""The tables of a ledger. A change here needs a migration; a test compares the two."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0007"  # the newest migration; a ledger at another one is migrated or, when newer, refused

metadata = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")


def _key_columns() -> list[Column[Any]]:
    """The six parts of a key, and `key_hash`, by which all of them are compared."""
    return [
        Column("resource", Text, nullable=False),
        Column("key_hash", Text, nullable=False),
        Column("begin_date", Text, nullable=False),
        Column("education_organization_id", BigInteger, nullable=False),
        Column("program_education_organization_id", BigInteger, nullable=False),
        Column("program_name", Text, nullable=False),
        Column("program_type_descriptor", Text, nullable=False),
        Column("student_unique_id", Text, nullable=False),
    ]


targets = Table(
    "targets",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("identity", Text, nullable=False, unique=True),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("target_id", _ID, ForeignKey("targets.id"), nullable=False),
    Column("profile", Text, nullable=False),
    Column("source", Text, nullable=False),
    UniqueConstraint("target_id", "profile", "source"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("school_year", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column(
        "unsent", Integer
    ),  # changes that it left to send; missing while it is at work, and after it was killed
    UniqueConstraint("feed_id", "run_id", "fingerprint"),
)

identity_map = Table(
    "identity_map",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("school_year", Integer, nullable=False),
    *_key_columns(),
    Column("ed_fi_id", Text, nullable=False),
    Column("etag", Text),
    Column("last_body", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    Column("source_refs", Text, nullable=False),
    Column("last_status", Integer),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("feed_id", "school_year", "resource", "key_hash"),
    Index("identity_map_of_a_feed", "feed_id", "id"),  # in the order in which the rows are stored
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run", _ID, ForeignKey("runs.id"), nullable=False),
    Column("item", Integer, nullable=False),  # position in the plan
    Column("action", Text, nullable=False),
    *_key_columns(),
    Column("ed_fi_id", Text),
    Column("body_hash", Text),
    Column("intent", Text),  # body, source references and rules as JSON, kept until the attempt is finished
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("outcome", Text),
    Column("status", Integer),
    Column("problem_type", Text),
    Column("correlation_id", Text),
    Column("requests", Integer, key="attempts"),  # `attempts` everywhere else; the name in the file is older
    Index("attempts_of_a_run", "run", "item"),
    Index("attempts_by_settled", "settled_at"),
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("run", _ID, ForeignKey("runs.id"), nullable=False),
    Column("school_year", Integer, nullable=False),
    Column("action", Text, nullable=False),
    *_key_columns(),
    Column("ed_fi_id", Text),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("problem_type", Text),
    Column("correlation_id", Text),
    Column("attempts", Integer, nullable=False),
    Column("messages", Text, nullable=False),
    Column("source_refs", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_how", Text),
    Index("rejections_of_a_feed", "feed_id", "open"),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("feed_id", _ID, ForeignKey("feeds.id"), primary_key=True),
    Column("resource", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

last_sync = Table(
    "last_sync",
    metadata,
    Column("feed_id", _ID, ForeignKey("feeds.id"), primary_key=True),
    Column("school_year", Integer, primary_key=True, autoincrement=False),
    Column("resource", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("mapping_version", Text),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

source_shapes = Table(
    "source_shapes",
    metadata,
    Column("feed_id", _ID, ForeignKey("feeds.id"), primary_key=True),
    Column("school_year", Integer, primary_key=True, autoincrement=False),
    Column("table_name", Text, key="table", primary_key=True),
    Column("files", Text, nullable=False),
    Column("ordered", Boolean, nullable=False),
    Column("unread", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("layout", LargeBinary, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run", _ID, ForeignKey("runs.id"), nullable=False),
    Column("breach", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("given_at", DateTime(timezone=True), nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("answers", Text, nullable=False),  # breach, person and reason of each as JSON
    Column("approved_at", DateTime(timezone=True), nullable=False),
)


def _decision() -> list[Column[Any]]:
    """Who decided something, why and when, and how it ended."""
    return [
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("given_at", DateTime(timezone=True), nullable=False),
        Column("closed_at", DateTime(timezone=True)),
        Column("closed_how", Text),
    ]


corrections = Table(
    "corrections",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("table_name", Text, key="table", nullable=False),
    Column("row_id", Text),  # none: every cell that is written so
    Column("column_name", Text, key="column", nullable=False),
    Column("member", Text, nullable=False),
    Column("was", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("student_id", Text),
    *_decision(),
    Index("corrections_of_a_feed", "feed_id", "closed_at"),
)

dismissals = Table(
    "dismissals",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("feed_id", _ID, ForeignKey("feeds.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("rule_id", Text, nullable=False),  # a rule, or the cause of a refusal
    Column("place", Text, nullable=False),  # the record by resource and key hash, or the row by table and id
    Column("state", Text, nullable=False),  # a digest of what the record or row was then
    Column("student_unique_id", Text),
    *_decision(),
    Index("dismissals_of_a_feed", "feed_id", "closed_at"),
)
