"""Make the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import jupyter_edge.engine.tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "user",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["user.id"], name=op.f("fk_workspace_created_by_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("name", name=op.f("uq_workspace_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_model_workspace_id_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_model_workspace_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "pipeline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_pipeline_workspace_id_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_pipeline_workspace_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_partition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("dropped_rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name=op.f("fk_log_partition_pipeline_id_pipeline"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_partition")),
        sa.UniqueConstraint("pipeline_id", "name", name=op.f("uq_log_partition_pipeline_id")),
    )
    op.create_table(
        "log_schema",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name=op.f("fk_log_schema_pipeline_id_pipeline"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_schema")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("log_schema", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_log_schema_pipeline_id"), ["pipeline_id"], unique=False)

    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("visibility", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("conversion", sa.JSON(), nullable=False),
        sa.Column("schema", sa.JSON(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_version_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint("version", name=op.f("uq_model_version_version")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_version_sha"), ["sha"], unique=False)

    op.create_table(
        "pipeline_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name=op.f("fk_pipeline_version_pipeline_id_pipeline")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_version")),
        sa.UniqueConstraint("version", name=op.f("uq_pipeline_version_version")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("pipeline_version_id", sa.Integer(), nullable=False),
        sa.Column("deployed", sa.Boolean(), nullable=False),
        sa.Column("model_config_ids", sa.JSON(), nullable=False),
        sa.Column("engine_config", sa.JSON(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["pipeline_id"], ["pipeline.id"], name=op.f("fk_deployment_pipeline_id_pipeline")),
        sa.ForeignKeyConstraint(
            ["pipeline_version_id"],
            ["pipeline_version.id"],
            name=op.f("fk_deployment_pipeline_version_id_pipeline_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
        sa.UniqueConstraint("pipeline_id", name=op.f("uq_deployment_pipeline_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_epoch",
        sa.Column("partition_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partition_id"],
            ["log_partition.id"],
            name=op.f("fk_log_epoch_partition_id_log_partition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("partition_id", "epoch", name=op.f("pk_log_epoch")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", sa.Integer(), nullable=False),
        sa.Column("schema_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipeline.id"], name=op.f("fk_log_file_pipeline_id_pipeline"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["schema_id"], ["log_schema.id"], name=op.f("fk_log_file_schema_id_log_schema"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_file")),
        sa.UniqueConstraint("name", name=op.f("uq_log_file_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "model_config",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("runtime", sa.String(), nullable=False),
        sa.Column("tensor_fields", sa.JSON(), nullable=True),
        sa.Column("filter_threshold", sa.Double(), nullable=True),
        sa.Column("input_schema", sa.String(), nullable=True),
        sa.Column("output_schema", sa.String(), nullable=True),
        sa.Column("batch_config", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_version.id"], name=op.f("fk_model_config_model_version_id_model_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_config")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "publish",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pipeline_version_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("model_config_ids", sa.JSON(), nullable=False),
        sa.Column("engine_config", sa.JSON(), nullable=False),
        sa.Column("pipeline_url", sa.String(), nullable=True),
        sa.Column("engine_url", sa.String(), nullable=True),
        sa.Column("helm", sa.JSON(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["user.id"], name=op.f("fk_publish_created_by_user")),
        sa.ForeignKeyConstraint(
            ["pipeline_version_id"],
            ["pipeline_version.id"],
            name=op.f("fk_publish_pipeline_version_id_pipeline_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publish")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "edge",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("publish_id", sa.Integer(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("cpus", sa.Double(), nullable=False),
        sa.Column("memory", sa.String(), nullable=False),
        sa.Column("join_token_hash", sa.String(), nullable=True),
        sa.Column("credential_hash", sa.String(), nullable=True),
        sa.Column("created_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("joined_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_seen", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["publish_id"], ["publish.id"], name=op.f("fk_edge_publish_id_publish")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_edge_credential_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_edge_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_segment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Integer(), nullable=False),
        sa.Column("schema_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("min_time", sa.BigInteger(), nullable=False),
        sa.Column("max_time", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", jupyter_edge.engine.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("row_group", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_id"], ["log_file.id"], name=op.f("fk_log_segment_file_id_log_file"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["partition_id"],
            ["log_partition.id"],
            name=op.f("fk_log_segment_partition_id_log_partition"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["schema_id"], ["log_schema.id"], name=op.f("fk_log_segment_schema_id_log_schema"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_segment")),
    )
    with op.batch_alter_table("log_segment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_log_segment_file_id"), ["file_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_log_segment_partition_id"), ["partition_id", "start"], unique=False)


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("log_segment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_log_segment_partition_id"))
        batch_op.drop_index(batch_op.f("ix_log_segment_file_id"))

    op.drop_table("log_segment")
    op.drop_table("edge")
    op.drop_table("publish")
    op.drop_table("model_config")
    op.drop_table("log_file")
    op.drop_table("log_epoch")
    op.drop_table("deployment")
    op.drop_table("pipeline_version")
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_version_sha"))

    op.drop_table("model_version")
    with op.batch_alter_table("log_schema", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_log_schema_pipeline_id"))

    op.drop_table("log_schema")
    op.drop_table("log_partition")
    op.drop_table("pipeline")
    op.drop_table("model")
    op.drop_table("workspace")
    op.drop_table("user")
    op.drop_table("job")
