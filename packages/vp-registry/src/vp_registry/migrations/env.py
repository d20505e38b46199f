"""Run by alembic: the revisions that are missing, on the connection and in the transaction that it was given."""

from __future__ import annotations

from alembic import context

from vp_registry.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
