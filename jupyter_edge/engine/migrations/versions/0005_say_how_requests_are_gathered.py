"""Say how requests are gathered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("model_config", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dynamic_batching_config", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("model_config", schema=None) as batch_op:
        batch_op.drop_column("dynamic_batching_config")
