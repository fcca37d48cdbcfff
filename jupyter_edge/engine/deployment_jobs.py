"""The jobs of deployments: deploy, which undeploys again when it is cancelled, and undeploy."""

from __future__ import annotations

from concurrent.futures import wait

from jupyter_edge.core.errors import JobCancelledError
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.deployments import Deployments
from jupyter_edge.engine.jobs import JobContext, Jobs

_LOOK_SECONDS = 0.1


def run_deploy(jobs: Jobs, job_id: int, sessions: Sessions, deployments: Deployments, deployment_id: int) -> None:
    """Bring about what the deployment's row asks for, in a job that was added with that wish."""
    jobs.run(job_id, lambda job: _deploy(job, sessions, deployments, deployment_id))


def run_undeploy(jobs: Jobs, job_id: int, deployments: Deployments, deployment_id: int) -> None:
    """End a deployment whose row asks for nothing any more, in a job that was added with that wish."""
    jobs.run(job_id, lambda _: deployments.submit(deployments.undeploy(deployment_id)).result())


def _deploy(job: JobContext, sessions: Sessions, deployments: Deployments, deployment_id: int) -> None:
    outcome = deployments.submit(deployments.deploy(deployment_id))
    try:
        while wait([outcome], _LOOK_SECONDS).not_done:
            job.report(*deployments.progress(deployment_id))
    except JobCancelledError:
        if not deployments.stopping:
            with sessions.begin() as session:
                deployments.unwant(session, deployment_id)
            deployments.submit(deployments.undeploy(deployment_id)).result()
        raise
    outcome.result()
