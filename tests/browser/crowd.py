"""Fill an engine's home with as much as a busy place has after a while, through the engine's own tables and log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy import insert, select

from jupyter_edge import Client, Framework
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from jupyter_edge.core.naming import new_uuid
from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.engine.database import Sessions, open_database
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.log_tables import LogSource
from jupyter_edge.engine.tables import Edge, EdgeEvent, Model, ModelConfig, ModelVersion, Pipeline, Publish, now
from jupyter_edge.logs.records import encode
from jupyter_edge.samples import path

PIPELINE = "busy"
_REQUEST_ROWS, _BATCH_REQUESTS = 100, 100
_DAY_MS = 86_400_000
_STATES = ("online", "online", "online", "lost", "stopped", "waiting")


@dataclass(frozen=True)
class Crowd:
    """How much of everything there is; rows in whole batches of 10,000, spread over the day before now."""

    models: int = 5000
    edges: int = 2000
    rows: int = 1_000_000
    logging_edges: int = 20


def fill(home: Home, crowd: Crowd = Crowd()) -> int:
    """Fill the home that the environment names, with its engine stopped; return the pipeline's id.

    One model, with its pipeline and publish, is uploaded; the others are like it.
    """
    client = Client()
    model = client.upload_model("model-0000", path("ccfraud.onnx"), framework=Framework.ONNX)
    client.build_pipeline(PIPELINE).add_model_step(model.configure(tensor_fields=["tensor"])).publish()
    stop_engine(home)
    sessions = open_database(home.database)
    with sessions() as session:
        pipeline_id = session.scalars(select(Pipeline.id)).one()
    _add_models(sessions, crowd.models)
    _add_edges(sessions, crowd.edges)
    _add_rows(LogStore(sessions, home.inference_log), pipeline_id, crowd)
    return pipeline_id


def _add_models(sessions: Sessions, count: int) -> None:
    """Add models like the one that is there."""
    with sessions.begin() as session:
        version = session.scalars(select(ModelVersion)).one()
        like = {name: getattr(version, name) for name in ("sha", "size", "file_name", "conversion", "schema")}
        workspace_id = version.model.workspace_id
        names = [{"workspace_id": workspace_id, "name": f"model-{number:04}"} for number in range(1, count)]
        ids = session.scalars(insert(Model).returning(Model.id, sort_by_parameter_order=True), names).all()
        versions = [{**like, "model_id": model_id} for model_id in ids]
        ids = session.scalars(insert(ModelVersion).returning(ModelVersion.id), versions).all()
        session.execute(insert(ModelConfig), [{"model_version_id": version_id} for version_id in ids])


def _add_edges(sessions: Sessions, count: int) -> None:
    """Add edges in all states, and when they came and went."""
    moment = now()
    edges, events = [], []
    for number in range(count):
        edge_id, name, state = new_uuid(), f"edge-{number:04}", _STATES[number % len(_STATES)]
        joined = None if state == "waiting" else moment - timedelta(seconds=number * 40)
        edges.append({"id": edge_id, "name": name, "state": state, "joined_at": joined, "last_seen": joined})
        kinds = {"waiting": [], "online": ["joined"]}.get(state, ["joined", state])
        events += [{"edge_id": edge_id, "edge_name": name, "kind": kind, "time": joined} for kind in kinds]
    with sessions.begin() as session:
        same = {"publish_id": session.scalars(select(Publish.id)).one(), "tags": [], "cpus": 1.0, "memory": "1Gi"}
        session.execute(insert(Edge), [edge | same for edge in edges])
        session.execute(insert(EdgeEvent), events)


def _add_rows(logs: LogStore, pipeline_id: int, crowd: Crowd) -> None:
    """Add rows as replicas and edges send them, and let them become files, as the engine does after a while."""
    writers = ["engine-crowd", *(f"edge-{number:04}" for number in range(crowd.logging_edges))]
    batches = crowd.rows // (_REQUEST_ROWS * _BATCH_REQUESTS)
    end = time.time_ns() // 1_000_000
    step = _DAY_MS // max(1, batches * _BATCH_REQUESTS)
    random = np.random.default_rng(7)
    for number in range(batches):
        first = end - (batches - number) * _BATCH_REQUESTS * step
        records = [_record(first + request * step, random) for request in range(_BATCH_REQUESTS)]
        payloads = [payload for _, payload in encode(records)]
        source = LogSource(pipeline_id, writers[number % len(writers)], "crowd")
        numbered = list(enumerate(payloads, number * len(payloads) + 1))
        logs.ingest(source, numbered, dropped_rows=0)
    logs.compact()


def _record(moment: int, random: np.random.Generator) -> InferenceRecord:
    scores = random.random((_REQUEST_ROWS, 1), dtype=np.float32)
    return InferenceRecord(
        time=moment,
        rows=_REQUEST_ROWS,
        inputs={"tensor": random.random((_REQUEST_ROWS, 29), dtype=np.float32)},
        outputs={"dense_1": scores},
        check_failures=[["too sure"] if score > 0.99 else [] for (score,) in scores],
        elapsed=[int(nanoseconds) for nanoseconds in random.integers(50_000, 5_000_000, 2)],
        last_model='{"model_name":"model-0000","model_sha":"00"}',
        pipeline_version="11111111-1111-1111-1111-111111111111",
        dropped=[],
    )
