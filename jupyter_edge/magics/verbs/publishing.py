"""Verbs of publishes and edges."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.errors import ConflictError, EntityNotFoundError, InvalidInputError
from jupyter_edge.display.twins import CONTAINERS, call_code, in_shell, pick, post
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import (
    AGAIN,
    LIMITS,
    NO_WAIT,
    PIPELINE,
    PUBLISH_ID,
    TAGS,
    config_code,
    config_of,
    get_pipeline_code,
    pipeline_of,
    publish_of,
    shown,
)

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session


def _publish(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ensure_published

    pipeline = pipeline_of(session, options)
    publish = ensure_published(pipeline, config_of(options), again=options.again, wait=not options.no_wait)
    return pipeline.job if options.no_wait and pipeline.job else publish


def _publish_python(session: Session, options: Namespace) -> str:
    code = call_code("ensure_published", get_pipeline_code(options), config_code(options), again=options.again)
    return f"print({code})"


def _publish_curl(session: Session, options: Namespace) -> str:
    pipeline = pipeline_of(session, options)
    builder = config_of(options)
    body: dict[str, Any] = {"pipeline_id": pipeline.id(), "pipeline_version_id": pipeline.latest_version().id()}
    return post("pipelines/publish", body | ({"engine_config": builder.build()} if builder else {}))


def _publishes(session: Session, options: Namespace) -> Any:
    if options.pipeline is None:
        return session.client.list_publishes()
    return pipeline_of(session, options).publishes()


def _container_twin(session: Session, options: Namespace) -> str:
    if options.pipeline is None:
        msg = "Name a pipeline, whose newest publish is meant."
        raise InvalidInputError(msg)
    return publish_of(session, options).show(options.show)


def _edge_add(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ensure_edge

    return ensure_edge(pipeline_of(session, options), options.name, options.tags, publish_of(session, options))


def _edge_add_python(session: Session, options: Namespace) -> str:
    publish = f", publish=client.get_publish({options.publish})" if options.publish else ""
    return f"print(ensure_edge({get_pipeline_code(options)}, {options.name!r}, {options.tags!r}{publish}))"


def _edge_add_requests(session: Session, options: Namespace) -> list[str]:
    """Return the requests that register the edge; one that has not joined yet is removed first."""
    from jupyter_edge.client.ensure import find_edge

    publish = publish_of(session, options)
    edge = find_edge(pipeline_of(session, options), options.name)
    if edge is not None and edge.joined_at is not None:
        msg = f"Edge {options.name} has joined: there is nothing to add."
        raise ConflictError(msg)
    tags = options.tags or (edge.tags if edge else [])
    add = post("pipelines/add_edge_to_publish", {"pipeline_publish_id": publish.id, "name": options.name, "tags": tags})
    return [post("pipelines/remove_edge", {"name": options.name}), add] if edge else [add]


def _edge_add_container(session: Session, options: Namespace) -> str:
    """Return what registers the edge, keeps its bundle in a variable, and runs it."""
    *before, add = _edge_add_requests(session, options)
    bundle = pick(add, 'answer["docker_run_variables"]["EDGE_BUNDLE"]')
    register = in_shell("\n".join([*before, f"export EDGE_BUNDLE=$({bundle})", ""]))
    run = publish_of(session, options)._container_twins(options.name)[options.show]()
    if options.show != "compose":
        return register + run
    return "".join(f"# {line.removeprefix('# ')}\n" for line in register.splitlines()) + run


def _edge_remove(session: Session, options: Namespace) -> str:
    session.client.remove_edge(options.name)
    return f"Edge {options.name} is not registered; its rows stay in the log."


def _edge_list(session: Session, options: Namespace) -> Any:
    return session.client.list_edges(pipeline_of(session, options) if options.pipeline else None)


def _serve(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.serving import local_edge, local_edges, serve_here

    if options.stop:
        local_edge(options.stop).stop()
        return f"Edge {options.stop} has stopped, and sent what was left of its log."
    if options.pipeline is None:
        return local_edges()
    publish = publish_of(session, options)
    pipeline = pipeline_of(session, options)
    return serve_here(pipeline, options.name, tags=options.tags, publish=publish, port=options.port)


def _serve_python(session: Session, options: Namespace) -> str:
    if options.stop or options.pipeline is None:
        msg = "Name a pipeline: what stops a process of this notebook has no twin elsewhere."
        raise EntityNotFoundError(msg)
    code = call_code("serve_here", get_pipeline_code(options), name=options.name, tags=options.tags, port=options.port)
    return f"edge = {code}\nprint(edge)\nedge.stop()"


PUBLISH_VERBS = (
    Verb(
        "publish",
        "push a pipeline to the edge registry, unless its newest publish is of these steps and limits",
        "ensure_published(client.get_pipeline(PIPELINE), CONFIG)",
        _publish,
        python=_publish_python,
        curl=_publish_curl,
        twin=_container_twin,
        kinds=CONTAINERS,
        arguments=(PIPELINE, *LIMITS, AGAIN, NO_WAIT),
    ),
    Verb(
        "publishes",
        "list the publishes, of a pipeline or of all",
        "client.get_pipeline(PIPELINE).publishes()",
        _publishes,
        **shown(_publishes),
        arguments=(Argument("pipeline", "the pipeline's name", "pipelines", {"nargs": "?"}),),
    ),
    Verb(
        "edge add",
        "register an edge; one that has not joined yet gets a new bundle",
        "ensure_edge(client.get_pipeline(PIPELINE), NAME, TAGS)",
        _edge_add,
        python=_edge_add_python,
        curl=lambda session, options: "\n".join(_edge_add_requests(session, options)),
        twin=_edge_add_container,
        kinds=CONTAINERS,
        arguments=(Argument("name", "the edge's name", "edges"), PIPELINE, TAGS, PUBLISH_ID),
    ),
    Verb(
        "edge remove",
        "remove an edge: its credential is void, its rows stay in the log",
        "client.remove_edge(NAME)",
        _edge_remove,
        python=lambda session, options: call_code("client.remove_edge", repr(options.name)),
        curl=lambda session, options: post("pipelines/remove_edge", {"name": options.name}),
        arguments=(Argument("name", "the edge's name", "edges"),),
        in_workspace=False,
    ),
    Verb(
        "edge list",
        "list the edges, of a pipeline or of all",
        "client.list_edges()",
        _edge_list,
        **shown(_edge_list),
        arguments=(Argument("pipeline", "the pipeline's name", "pipelines", {"nargs": "?"}),),
    ),
    Verb(
        "serve",
        "run a publish as an edge beside the notebook, until it is stopped or the notebook ends; list them",
        "serve_here(client.get_pipeline(PIPELINE), NAME)",
        _serve,
        python=_serve_python,
        twin=_container_twin,
        kinds=CONTAINERS,
        arguments=(
            Argument("pipeline", "the pipeline's name", "pipelines", {"nargs": "?"}),
            Argument(
                "--as",
                "the edge to be, registered where needed, whose rows come home",
                "edges",
                {"dest": "name", "metavar": "EDGE"},
            ),
            TAGS,
            PUBLISH_ID,
            Argument("--port", "where to listen; the first free one from 8080 up", options={"type": int}),
            Argument("--stop", "stop the edge of this name", "local_edges", {"metavar": "EDGE"}),
        ),
    ),
)
