"""Alembic's entry: the ledger hands its open connection over, so no URL is ever configured."""

from __future__ import annotations

from alembic import context

from edfi_toolkit.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
