"""The jobs of deployments: deploy, which undeploys again when it is cancelled, and undeploy."""

from __future__ import annotations

from concurrent.futures import wait

from jupyter_edge.core.errors import JobCancelledError
from jupyter_edge.engine.deployments import Deployments
from jupyter_edge.engine.jobs import JobContext, Jobs

_LOOK_SECONDS = 0.1


def start_deploy(jobs: Jobs, deployments: Deployments, deployment_id: int) -> int:
    """Bring about what the deployment's row asks for, in a job, and return the job's id."""
    return jobs.start("deploy", lambda job: _deploy(job, deployments, deployment_id))


def start_undeploy(jobs: Jobs, deployments: Deployments, deployment_id: int) -> int:
    """Ask for the deployment to end, end it in a job, and return the job's id.

    Raises:
        EntityNotFoundError: if there is no such deployment.
    """
    deployments.unwant(deployment_id)
    return jobs.start("undeploy", lambda _: deployments.submit(deployments.undeploy(deployment_id)).result())


def _deploy(job: JobContext, deployments: Deployments, deployment_id: int) -> None:
    outcome = deployments.submit(deployments.deploy(deployment_id))
    try:
        while not outcome.done():
            wait([outcome], _LOOK_SECONDS)
            job.report(*deployments.progress(deployment_id))
    except JobCancelledError:
        if not deployments.stopping:
            deployments.unwant(deployment_id)
            deployments.submit(deployments.undeploy(deployment_id)).result()
        raise
    outcome.result()
