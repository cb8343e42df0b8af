"""What the switch and the mapping version of each resource were at the last sync."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "last_sync",
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), primary_key=True),
        sa.Column("school_year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("mapping_version", sa.Text),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
