"""Cancel, pressed while the kernel runs a cell, which hears of no button before that has ended."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import command
from tests.browser.test_panels import MODEL, START, panel_of

pytestmark = pytest.mark.browser
Run = Callable[..., Page]
# The engine's newest job, as if it went on until it is cancelled from here.
ENDLESS = """from datetime import timedelta
from jupyter_edge.client import Job
class Endless(Job):
    def refresh(self):
        return self
    def cancel(self):
        self.state = "cancelled"
        return self
job = client.jobs()[0]
job.__class__ = Endless
job.state = "running"
"""
UNKNOWN = "job.created_at += timedelta(days=1)\n"  # to the Jupyter server's engine, as a job of another engine is
SLEEP = "import time\ntime.sleep(600)"


def start(workspace: str) -> str:
    return f"{START.format(workspace=workspace)}\n{MODEL.format(pipeline='cancel')}\n{ENDLESS}"


def test_the_engine_is_asked_past_a_kernel_that_runs_a_cell(run_cells: Run, workspace: str) -> None:
    page = run_cells(start(workspace) + "print('job', job.id)", "bar = JobProgress(); bar._begin(job); bar", SLEEP)
    cancel = panel_of(page).get_by_role("button", name="Cancel")
    expect(panel_of(page)).to_contain_text("running")
    with page.expect_response(re.compile("jobs/cancel$")) as asked:
        cancel.click()
    assert asked.value.ok
    expect(page.get_by_text(f"job {asked.value.json()['id']}", exact=True)).to_be_visible()
    command(page, "kernelmenu:interrupt")
    expect(cancel).to_be_disabled()


def test_a_cell_that_waits_for_a_job_of_another_engine_is_interrupted(run_cells: Run, workspace: str) -> None:
    page = run_cells(start(workspace) + UNKNOWN, "follow(job)")
    expect(panel_of(page)).to_contain_text("running")
    panel_of(page).get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("KeyboardInterrupt").first).to_be_visible()
    expect(panel_of(page)).to_contain_text("cancelled")


def test_where_nothing_helps_it_is_said_what_does(run_cells: Run, workspace: str) -> None:
    page = run_cells(start(workspace) + UNKNOWN, "bar = JobProgress(); bar._begin(job); bar", SLEEP)
    expect(panel_of(page)).to_contain_text("running")
    panel_of(page).get_by_role("button", name="Cancel").click()
    expect(panel_of(page).get_by_text("The kernel runs a cell: this is cancelled once")).to_be_visible()
    command(page, "kernelmenu:interrupt")
    expect(panel_of(page).get_by_text("The kernel runs a cell")).to_be_hidden()
