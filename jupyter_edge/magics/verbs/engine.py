"""Verbs of the engine, its workspaces and its jobs."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError
from jupyter_edge.display.twins import call_code, post
from jupyter_edge.magics.table import Argument, Verb
from jupyter_edge.magics.verbs.arguments import shown

if TYPE_CHECKING:
    from jupyter_edge.client import Job
    from jupyter_edge.magics.session import Session


def _status(session: Session, options: Namespace) -> Any:
    from jupyter_edge.client.status import engine_status

    client = session.running_client()
    return engine_status(client, "%config EdgeMagics.url" if session.url else None)


def _up(session: Session, options: Namespace) -> Any:
    session.forget_client()
    _ = session.client
    return _status(session, options)


def _down(session: Session, options: Namespace) -> str:
    from jupyter_edge.client.discovery import stop_engine
    from jupyter_edge.client.serving import local_edges

    if session.url or (session.known_client and not session.known_client.is_local):
        msg = f"The engine at {session.client.api_endpoint} is not of this machine's home: stop it where it runs."
        raise InvalidInputError(msg)
    for edge in local_edges():
        edge.stop()
    session.forget_client()
    return "The engine has stopped." if stop_engine() else "No engine runs in this home."


def _workspace(session: Session, options: Namespace) -> Any:
    if options.name is None:
        return session.client.list_workspaces()
    session.use_workspace(options.name)
    return session.client.get_current_workspace()


def _workspace_python(session: Session, options: Namespace) -> str:
    if options.name is None:
        return "print(client.list_workspaces())"
    return f"client.set_current_workspace(client.get_workspace({options.name!r}, create_if_not_exist=True))"


def _workspace_curl(session: Session, options: Namespace) -> str:
    if options.name is None:
        return post("workspaces/list", {})
    return post("workspaces/create", {"workspace_name": options.name})


def _jobs(session: Session, options: Namespace) -> Any:
    return session.client.jobs()


def _job(session: Session, options: Namespace) -> Job:
    """Return the job that is named, or the newest one under way."""
    if options.job is not None:
        return session.client.get_job(options.job)
    job = next((job for job in session.client.jobs() if not job.done), None)
    if job is None:
        msg = "No job is under way: there is nothing to cancel."
        raise EntityNotFoundError(msg)
    return job


def _help(session: Session, options: Namespace) -> str:
    from jupyter_edge.magics.documentation import help_text

    return help_text(" ".join(options.verb))


ENGINE_VERBS = (
    Verb(
        "status",
        "show where the engine is and what it holds; start none",
        "engine_status(client)",
        _status,
        **shown(_status),
    ),
    Verb(
        "up",
        "start the engine, if it does not run",
        "Client()",
        _up,
        python=lambda session, options: "",
        in_workspace=False,
    ),
    Verb(
        "down",
        "stop the engine and all that it started",
        "stop_engine()",
        _down,
        python=lambda session, options: call_code("stop_engine"),
        in_workspace=False,
    ),
    Verb(
        "workspace",
        "work in a workspace, made where needed; list them",
        "client.set_current_workspace(client.get_workspace(NAME, create_if_not_exist=True))",
        _workspace,
        python=_workspace_python,
        curl=_workspace_curl,
        arguments=(Argument("name", "the workspace's name", "workspaces", {"nargs": "?"}),),
        in_workspace=False,
    ),
)

JOB_VERBS = (
    Verb(
        "jobs",
        "list the engine's jobs, running and ended",
        "client.jobs()",
        _jobs,
        **shown(_jobs),
        in_workspace=False,
    ),
    Verb(
        "cancel",
        "cancel a job, or the newest that is under way",
        "client.get_job(JOB).cancel()",
        lambda session, options: _job(session, options).cancel(),
        python=lambda session, options: f"client.get_job({_job(session, options).id}).cancel()",
        curl=lambda session, options: post("jobs/cancel", {"id": _job(session, options).id}),
        arguments=(Argument("job", "the job's id", "jobs", {"nargs": "?", "type": int}),),
        in_workspace=False,
    ),
    Verb(
        "help",
        "show all verbs, or all about one",
        "help()",
        _help,
        arguments=(Argument("verb", "the verb", "verbs", {"nargs": "*"}),),
        in_workspace=False,
    ),
)
