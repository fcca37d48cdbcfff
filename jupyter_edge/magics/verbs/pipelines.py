"""Verbs of pipelines and their deployments."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.display.twins import call_code, post
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import (
    AGAIN,
    LIMITS,
    NO_WAIT,
    PIPELINE,
    config_code,
    config_of,
    get_pipeline_code,
    model_of,
    pipeline_of,
    shown,
)

if TYPE_CHECKING:
    from jupyter_edge.magics.session import Session


def _pipeline(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ensure_steps

    if options.body:
        return _declared(session, options)
    if options.dry_run:
        msg = (
            "--dry-run shows what a declaration would change: write the declaration into the cell, or name its --file."
        )
        raise InvalidInputError(msg)
    if not options.model:
        return pipeline_of(session, options)
    return ensure_steps(session.client, options.pipeline, [model_of(session, name) for name in options.model])


def _declared(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.declaration import read_declaration
    from jupyter_edge.client.plan import apply_declaration, plan_declaration

    if options.model:
        msg = "The declaration names the models: leave them out of the line."
        raise InvalidInputError(msg)
    first_line = 1 if options.file else 2  # a cell's first line holds the magic
    declaration = read_declaration(options.body, first_line=first_line, variables=session.variables)
    run = plan_declaration if options.dry_run else apply_declaration
    return run(session.client, options.pipeline, declaration)


def _pipeline_python(session: Session, options: Namespace) -> str:
    if options.body:
        call = "plan_declaration" if options.dry_run else "apply_declaration"
        return f"print({call}(client, {options.pipeline!r}, read_declaration({options.body!r})))"
    if not options.model:
        return f"print({get_pipeline_code(options)})"
    models = ", ".join(f"client.get_model({name!r})" for name in options.model)
    return f"print(ensure_steps(client, {options.pipeline!r}, [{models}]))"


def _pipeline_curl(session: Session, options: Namespace) -> str:
    if options.body:
        msg = "A declaration is many calls: --show python does it in one."
        raise InvalidInputError(msg)
    from jupyter_edge.core.pipeline import definition_of

    if not options.model:
        return post("pipelines/get", {"id": pipeline_of(session, options).id()})
    models = [model_of(session, name).ref() for name in options.model]
    body = {
        "pipeline_id": options.pipeline,
        "workspace_id": session.client.get_current_workspace().id(),
        "definition": definition_of(options.pipeline, models),
    }
    return post("pipelines/create", body)


def _pipelines(session: Session, options: Namespace) -> Any:
    return session.client.list_pipelines(session.client.get_current_workspace())


def _deploy(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.ensure import ensure_deployed

    pipeline = pipeline_of(session, options)
    wait = not options.no_wait
    ensure_deployed(pipeline, config_of(options), again=options.again, wait=wait)
    return pipeline if wait or pipeline.job is None else pipeline.job


def _deploy_python(session: Session, options: Namespace) -> str:
    call = call_code("ensure_deployed", get_pipeline_code(options), config_code(options), again=options.again)
    return f"print({call})"


def _deploy_curl(session: Session, options: Namespace) -> str:
    pipeline = pipeline_of(session, options)
    version = pipeline.latest_version()
    if not version.steps():
        msg = f"Pipeline {pipeline.name()} has no steps: `%edge pipeline {pipeline.name()} MODEL` gives it one."
        raise InvalidInputError(msg)
    builder = config_of(options)
    body = {
        "deploy_id": pipeline.name(),
        "pipeline_id": pipeline.id(),
        "pipeline_version_pk_id": version.id(),
        "models": [step["ModelInference"]["models"][0] for step in version.steps()],
        "engine_config": builder.build() if builder else {},
    }
    return post("pipelines/deploy", body)


def _undeploy(session: Session, options: Namespace) -> Any:
    pipeline = pipeline_of(session, options)
    pipeline.undeploy(wait=not options.no_wait)
    return pipeline.job if options.no_wait and pipeline.job else pipeline


def _undeploy_curl(session: Session, options: Namespace) -> str:
    pipeline = pipeline_of(session, options)
    if pipeline.status()["status"] == "Undeployed":
        msg = f"Pipeline {pipeline.name()} is not deployed: there is nothing to undeploy."
        raise EntityNotFoundError(msg)
    return post("pipelines/undeploy", {"pipeline_id": pipeline.id()})


PIPELINE_VERBS = (
    Verb(
        "pipeline",
        "show a pipeline; give it models as its steps, or declare it whole",
        "ensure_steps(client, PIPELINE, MODELS), or apply_declaration(client, PIPELINE, read_declaration(YAML))",
        _pipeline,
        python=_pipeline_python,
        curl=_pipeline_curl,
        arguments=(
            PIPELINE,
            Argument("model", "the models that run one after the other", "models", {"nargs": "*"}),
            Argument(
                "--dry-run", "show what a declaration would change, and do nothing", options={"action": "store_true"}
            ),
        ),
        body="a declaration in YAML",
    ),
    Verb(
        "pipelines",
        "list the pipelines",
        "client.list_pipelines(client.get_current_workspace())",
        _pipelines,
        **shown(_pipelines),
    ),
    Verb(
        "deploy",
        "run a pipeline on the engine, unless it runs so already",
        "ensure_deployed(client.get_pipeline(PIPELINE), CONFIG)",
        _deploy,
        python=_deploy_python,
        curl=_deploy_curl,
        arguments=(PIPELINE, *LIMITS, AGAIN, NO_WAIT),
    ),
    Verb(
        "undeploy",
        "stop a pipeline on the engine",
        "client.get_pipeline(PIPELINE).undeploy()",
        _undeploy,
        python=lambda session, options: f"print({get_pipeline_code(options)}.undeploy())",
        curl=_undeploy_curl,
        arguments=(PIPELINE, NO_WAIT),
    ),
)
