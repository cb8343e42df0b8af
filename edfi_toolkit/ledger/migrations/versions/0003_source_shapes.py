"""What each table of a feed's source looked like at the last publish."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table. Nothing is remembered yet: the rows that the identity map names stand in."""
    op.create_table(
        "source_shapes",
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), primary_key=True),
        sa.Column("school_year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("ordered", sa.Boolean, nullable=False),
        sa.Column("unread", sa.Text, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("layout", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
