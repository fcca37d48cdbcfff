"""The engine's tables. Timestamps are UTC; ids are integers but for users and edges; versions have UUIDs as names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, MetaData, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from jupyter_edge.core.naming import new_uuid


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamp that comes back with its offset, also from SQLite, which keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC with its offset."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def timestamp(value: datetime) -> str:
    """Return the moment as the API writes it: ``2023-10-31T20:36:33.093439+00:00``."""
    return value.isoformat(timespec="microseconds")


class Base(DeclarativeBase):
    """Base of all tables: named constraints, so that migrations can alter them; no deleted row's id comes back."""

    __table_args__: Any = {"sqlite_autoincrement": True}  # noqa: RUF012 (the name and form that SQLAlchemy reads)
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (the name and form that SQLAlchemy reads)
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class User(Base):
    """Somebody who makes things; the engine's owner is the first."""

    __tablename__ = "user"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    email: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Workspace(Base):
    """A named place for models and pipelines."""

    __tablename__ = "workspace"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    archived: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str] = mapped_column(ForeignKey("user.id"))
    models: Mapped[list[Model]] = relationship(back_populates="workspace", order_by="Model.id")
    pipelines: Mapped[list[Pipeline]] = relationship(back_populates="workspace", order_by="Pipeline.id")


class Model(Base):
    """A model's name in a workspace; each upload under it is a version."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("workspace_id", "name"), Base.__table_args__)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    workspace: Mapped[Workspace] = relationship(back_populates="models")
    versions: Mapped[list[ModelVersion]] = relationship(
        back_populates="model", order_by="ModelVersion.id", cascade="all, delete-orphan"
    )


class ModelVersion(Base):
    """One uploaded file; ``sha`` is the hex SHA-256 under which the blob store keeps it."""

    __tablename__ = "model_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    version: Mapped[str] = mapped_column(unique=True, default=new_uuid)
    sha: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]
    file_name: Mapped[str]
    visibility: Mapped[str] = mapped_column(default="private")
    status: Mapped[str] = mapped_column(default="ready")
    conversion: Mapped[dict[str, Any]]
    schema: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    model: Mapped[Model] = relationship(back_populates="versions")
    configs: Mapped[list[ModelConfig]] = relationship(
        back_populates="model_version", order_by="ModelConfig.id", cascade="all, delete-orphan"
    )


class ModelConfig(Base):
    """Runtime settings of one model version; the newest one counts where none is named."""

    __tablename__ = "model_config"
    id: Mapped[int] = mapped_column(primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    runtime: Mapped[str] = mapped_column(default="onnx")
    tensor_fields: Mapped[list[str] | None]
    filter_threshold: Mapped[float | None]
    input_schema: Mapped[str | None]
    output_schema: Mapped[str | None]
    batch_config: Mapped[str | None]
    dynamic_batching_config: Mapped[dict[str, Any] | None]
    model_version: Mapped[ModelVersion] = relationship(back_populates="configs")


class Pipeline(Base):
    """A pipeline's name in a workspace."""

    __tablename__ = "pipeline"
    __table_args__ = (UniqueConstraint("workspace_id", "name"), Base.__table_args__)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    workspace: Mapped[Workspace] = relationship(back_populates="pipelines")
    versions: Mapped[list[PipelineVersion]] = relationship(
        back_populates="pipeline", order_by="PipelineVersion.id.desc()", cascade="all, delete-orphan"
    )
    deployment: Mapped[Deployment | None] = relationship(back_populates="pipeline", cascade="all, delete-orphan")


class PipelineVersion(Base):
    """One state of a pipeline's steps, never changed once made."""

    __tablename__ = "pipeline_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id"))
    version: Mapped[str] = mapped_column(unique=True, default=new_uuid)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)
    pipeline: Mapped[Pipeline] = relationship(back_populates="versions")
    publishes: Mapped[list[Publish]] = relationship(back_populates="pipeline_version", order_by="Publish.id")


class Deployment(Base):
    """How and whether a pipeline runs here: one row for each pipeline that was ever deployed.

    ``deployed`` is what is wanted, so that a restarted engine brings back what was running; ``port`` stays the same.
    """

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipeline.id"), unique=True)
    pipeline_version_id: Mapped[int] = mapped_column(ForeignKey("pipeline_version.id"))
    deployed: Mapped[bool]
    model_config_ids: Mapped[list[int]] = mapped_column(JSON)
    engine_config: Mapped[dict[str, Any]]
    port: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    pipeline: Mapped[Pipeline] = relationship(back_populates="deployment")
    pipeline_version: Mapped[PipelineVersion] = relationship()


class Publish(Base):
    """One publication of a pipeline version to the edge registry."""

    __tablename__ = "publish"
    id: Mapped[int] = mapped_column(primary_key=True)
    pipeline_version_id: Mapped[int] = mapped_column(ForeignKey("pipeline_version.id"))
    status: Mapped[str] = mapped_column(default="PendingPublish")
    created_by: Mapped[str] = mapped_column(ForeignKey("user.id"))
    model_config_ids: Mapped[list[int]] = mapped_column(JSON)
    engine_config: Mapped[dict[str, Any]]
    pipeline_url: Mapped[str | None]
    engine_url: Mapped[str | None]
    helm: Mapped[dict[str, Any] | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    pipeline_version: Mapped[PipelineVersion] = relationship(back_populates="publishes")
    edges: Mapped[list[Edge]] = relationship(back_populates="publish", order_by="Edge.created_at")


class Edge(Base):
    """A place where a publish runs; join token and credential are kept as hashes only.

    ``state`` is waiting, online, lost or stopped; the columns after it are what the edge last said of itself.
    """

    __tablename__ = "edge"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_uuid)
    name: Mapped[str] = mapped_column(unique=True)
    publish_id: Mapped[int] = mapped_column(ForeignKey("publish.id"))
    tags: Mapped[list[str]]
    cpus: Mapped[float]
    memory: Mapped[str]
    join_token_hash: Mapped[str | None]
    credential_hash: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    joined_at: Mapped[datetime | None]
    last_seen: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="waiting", server_default="waiting")
    agent_version: Mapped[str | None]
    pipeline_version: Mapped[str | None]
    started_at: Mapped[datetime | None]
    backlog_rows: Mapped[int | None] = mapped_column(BigInteger)
    backlog_bytes: Mapped[int | None] = mapped_column(BigInteger)
    dropped_rows: Mapped[int | None] = mapped_column(BigInteger)
    publish: Mapped[Publish] = relationship(back_populates="edges")


class EdgeEvent(Base):
    """What happened to an edge: it joined, was lost, came back, stopped or was removed; it may be gone by now."""

    __tablename__ = "edge_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    edge_id: Mapped[str]
    edge_name: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    time: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """Long work of the engine on its subject: an upload's check, a deploy, an undeploy, a publish."""

    __tablename__ = "job"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(default="", server_default="")
    state: Mapped[str] = mapped_column(default="queued")
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(default="")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
