"""How many changes a run left to send, so that what it never began counts as pending too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column. Of a run before, only the requests that were kept back are known."""
    op.add_column("runs", sa.Column("unsent", sa.Integer))
