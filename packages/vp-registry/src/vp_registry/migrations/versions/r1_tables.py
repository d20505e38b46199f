"""The tables of vp-registry 0.1: versions, aliases and events, the first and the last append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vp_registry.schema import append_only

revision = "r1"
down_revision = None


def upgrade() -> None:
    """Create them."""
    time = sa.String(27)
    op.create_table(
        "serving_versions",
        sa.Column("id", sa.String(96), primary_key=True),
        sa.Column("spec_path", sa.String(128), nullable=False),
        sa.Column("spec_sha256", sa.String(64), nullable=False),
        sa.Column("source_run", sa.String(16), nullable=False),
        sa.Column("experiment", sa.String(64), nullable=False),
        sa.Column("config_hash", sa.String(16), nullable=False),
        sa.Column("created", time, nullable=False),
    )
    op.create_table(
        "serving_aliases",
        sa.Column("alias", sa.String(64), primary_key=True),
        sa.Column("serving_id", sa.String(96), sa.ForeignKey("serving_versions.id"), nullable=False),
        sa.Column("updated", time, nullable=False),
    )
    op.create_table(
        "promotion_events",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), sa.CheckConstraint("kind IN ('promote', 'move', 'rollback')"), nullable=False),
        sa.Column("from_id", sa.String(96), sa.ForeignKey("serving_versions.id"), nullable=True),
        sa.Column("to_id", sa.String(96), sa.ForeignKey("serving_versions.id"), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("time", time, nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
    )
    op.create_index("promotion_events_by_alias", "promotion_events", ["alias", "seq"])
    for table in ("serving_versions", "promotion_events"):
        for statement in append_only(table, op.get_bind().dialect.name):
            op.execute(sa.text(statement))
