"""The first ledger: targets, feeds, runs, identity map, attempts, rejections, watermarks, overrides."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "targets",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "feeds",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("target_id", _ID, sa.ForeignKey("targets.id"), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.UniqueConstraint("target_id", "profile", "source"),
    )
    op.create_table(
        "identity_map",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("begin_date", sa.Text, nullable=False),
        sa.Column("education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_name", sa.Text, nullable=False),
        sa.Column("program_type_descriptor", sa.Text, nullable=False),
        sa.Column("student_unique_id", sa.Text, nullable=False),
        sa.Column("ed_fi_id", sa.Text, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("last_body", sa.Text, nullable=False),
        sa.Column("body_hash", sa.Text, nullable=False),
        sa.Column("source_refs", sa.Text, nullable=False),
        sa.Column("last_status", sa.Integer),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("feed_id", "school_year", "resource", "key_hash"),
    )
    op.create_table(
        "runs",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("feed_id", "run_id", "fingerprint"),
    )
    op.create_table(
        "watermarks",
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run", _ID, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("item", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("begin_date", sa.Text, nullable=False),
        sa.Column("education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_name", sa.Text, nullable=False),
        sa.Column("program_type_descriptor", sa.Text, nullable=False),
        sa.Column("student_unique_id", sa.Text, nullable=False),
        sa.Column("ed_fi_id", sa.Text),
        sa.Column("body_hash", sa.Text),
        sa.Column("intent", sa.Text),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("problem_type", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("requests", sa.Integer),
    )
    op.create_index("attempts_by_settled", "attempts", ["settled_at"])
    op.create_index("attempts_of_a_run", "attempts", ["run", "item"])
    op.create_table(
        "overrides",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("run", _ID, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("breach", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "rejections",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), nullable=False),
        sa.Column("run", _ID, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("school_year", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("begin_date", sa.Text, nullable=False),
        sa.Column("education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_education_organization_id", sa.BigInteger, nullable=False),
        sa.Column("program_name", sa.Text, nullable=False),
        sa.Column("program_type_descriptor", sa.Text, nullable=False),
        sa.Column("student_unique_id", sa.Text, nullable=False),
        sa.Column("ed_fi_id", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("problem_type", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("messages", sa.Text, nullable=False),
        sa.Column("source_refs", sa.Text, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("rejections_of_a_feed", "rejections", ["feed_id", "open"])
