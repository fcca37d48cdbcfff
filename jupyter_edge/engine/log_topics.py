"""Names of logs: a topic is the log of one pipeline."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from jupyter_edge.engine.tables import Pipeline

_TOPIC = re.compile(r"workspace-(\d{1,18})-pipeline-(.+)-inference")


def topic_of(pipeline: Pipeline) -> str:
    """Return the name of a pipeline's log."""
    return f"workspace-{pipeline.workspace_id}-pipeline-{pipeline.name}-inference"


def find_topic(session: Session, topic: str) -> int | None:
    """Return the id of the pipeline whose log has this name; ``None`` if there is none."""
    match = _TOPIC.fullmatch(topic)
    return find_pipeline_id(session, int(match[1]), match[2]) if match else None


def find_pipeline_id(session: Session, workspace_id: int, name: str) -> int | None:
    """Return the id of a workspace's pipeline of this name; ``None`` if there is none."""
    return session.scalar(select(Pipeline.id).where(Pipeline.workspace_id == workspace_id, Pipeline.name == name))
