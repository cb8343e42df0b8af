"""Who approved which plan of a feed, and who answered for which of its limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table. What was approved before was approved by its fingerprint alone."""
    op.create_table(
        "approvals",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
    )
