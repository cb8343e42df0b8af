"""What people decided: corrections and dismissals; and how a rejection was closed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the tables. Rejections that are closed already have no word on how."""
    op.add_column("rejections", sa.Column("closed_at", _AT))
    op.add_column("rejections", sa.Column("closed_how", sa.Text))
    _decisions(
        "corrections",
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text),
        sa.Column("column_name", sa.Text, nullable=False),
        sa.Column("member", sa.Text, nullable=False),
        sa.Column("was", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("student_id", sa.Text),
    )
    _decisions(
        "dismissals",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("student_unique_id", sa.Text),
    )


def _decisions(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", _ID, primary_key=True),
        sa.Column("feed_id", _ID, sa.ForeignKey("feeds.id"), nullable=False),
        *columns,
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("given_at", _AT, nullable=False),
        sa.Column("closed_at", _AT),
        sa.Column("closed_how", sa.Text),
    )
    op.create_index(f"{name}_of_a_feed", name, ["feed_id", "closed_at"])
