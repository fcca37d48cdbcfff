"""Know how edges are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import jupyter_edge.engine.tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "edge_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edge_id", sa.String(), nullable=False),
        sa.Column("edge_name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("time", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge_event")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("edge_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edge_event_edge_name"), ["edge_name"], unique=False)

    with op.batch_alter_table("edge", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(), server_default="waiting", nullable=False))
        batch_op.add_column(sa.Column("agent_version", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("pipeline_version", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("started_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(sa.Column("backlog_rows", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("backlog_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("dropped_rows", sa.BigInteger(), nullable=True))

    op.execute("UPDATE edge SET state = 'online' WHERE joined_at IS NOT NULL")


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("edge", schema=None) as batch_op:
        batch_op.drop_column("dropped_rows")
        batch_op.drop_column("backlog_bytes")
        batch_op.drop_column("backlog_rows")
        batch_op.drop_column("started_at")
        batch_op.drop_column("pipeline_version")
        batch_op.drop_column("agent_version")
        batch_op.drop_column("state")

    with op.batch_alter_table("edge_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_edge_event_edge_name"))

    op.drop_table("edge_event")
