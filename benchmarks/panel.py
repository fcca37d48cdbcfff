"""Print how JupyterLab's panel fares with 5,000 models, 2,000 edges and 1,000,000 rows of a log, beside its budgets.

Usage: python -m benchmarks.panel
Times of the browser are its own: of a click until rows are drawn, and of its long tasks (W3C Long Tasks, over 50 ms).
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Locator, Page, Request, sync_playwright

from benchmarks.rounds import table
from jupyter_edge import Client
from jupyter_edge.client.discovery import stop_engine
from jupyter_edge.core.home import Home
from tests.browser.conftest import CHROMIUM, FLAGS, command
from tests.browser.crowd import PIPELINE, fill
from tests.browser.lab import TOKEN, Lab

ROUNDS = 7
LISTS = ("Models", "Edges", "Log")
# Notes how many milliseconds pass from a click on the sidebar's tab until a list has rows.
_OPEN = """() => {
  window.opened = new Promise(resolve => {
    document.addEventListener('pointerdown', ({ timeStamp }) => {
      const look = () => {
        const row = document.querySelector('[role="treegrid"][aria-label="Models"] [role="row"]');
        if (row?.getClientRects().length) resolve(performance.now() - timeStamp); else requestAnimationFrame(look);
      };
      look();
    }, { capture: true, once: true });
  });
}"""
_WATCH = """() => {
  window.longTasks = [];
  new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(task => task.duration)))
    .observe({ type: 'longtask', buffered: false });
}"""
# Scrolls by half a view at each frame; at the end once nothing has come for three seconds.
_SCROLL = """async grid => {
  const view = grid.parentElement;
  window.longTasks = [];
  let still = performance.now();
  let frames = 0;
  while (performance.now() - still < 3000) {
    const before = view.scrollTop;
    view.scrollTop += view.clientHeight / 2;
    await new Promise(requestAnimationFrame);
    frames += 1;
    if (view.scrollTop !== before) still = performance.now();
  }
  const last = [...grid.querySelectorAll('[role="row"]')].at(-1);
  return { row: Number(last.getAttribute('aria-rowindex')), frames, longest: Math.max(0, ...window.longTasks) };
}"""
# Notes when a list first has a row with a text, in milliseconds since the epoch.
_AWAIT = """text => {
  window.noted = new Promise(resolve => {
    const look = () => {
      const shown = [...document.querySelectorAll('[role="row"]')].some(row => row.textContent.includes(text));
      if (shown) resolve(Date.now()); else requestAnimationFrame(look);
    };
    look();
  });
}"""


LINES: list[list[str]] = []


def show(name: str, found: float, unit: str, budget: float | None, more: str = "") -> None:
    """Add a line to the table."""
    LINES.append([name, f"{found:.0f} {unit}", "" if budget is None else f"<= {budget:.0f} {unit}", more])


class Panel:
    """The panel in a page of JupyterLab, and how often it asks the server."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.requests = 0
        page.on("request", self._count)
        page.goto(f"{lab.url}/lab?reset&token={TOKEN}")
        self.tab = page.get_by_role("tab", name="Edge")
        self.tab.wait_for()
        page.wait_for_load_state("networkidle")
        page.evaluate(_WATCH)

    def asked(self, work: Callable[[], Any]) -> tuple[Any, int]:
        """Return what ``work`` returns, and how many requests were made from its start until nothing was asked."""
        before = self.requests
        result = work()
        self.page.wait_for_load_state("networkidle")
        return result, self.requests - before

    def open(self) -> float:
        """Return the milliseconds from the click that shows the panel until there are rows."""
        self.page.evaluate(_OPEN)
        self.tab.click()
        self.page.get_by_role("treegrid", name="Models").get_by_role("row").first.wait_for()
        return float(self.page.evaluate("() => window.opened"))

    def open_only(self, title: str) -> Locator:
        """Open one section, and return its rows' grid."""
        expanded = self.page.locator("#jupyter-edge-panel .lm-AccordionPanel-title.lm-mod-expanded")
        while expanded.count():
            expanded.first.click()
        command(self.page, "jupyter-edge:open-section", section=title.lower())
        grid = self.page.get_by_role("treegrid", name=title, exact=True)
        grid.get_by_role("row").first.wait_for()
        return grid

    def _count(self, request: Request) -> None:
        self.requests += "/jupyter-edge/" in request.url


def measure_panel(page: Page, lab: Lab, client: Client) -> None:
    """Measure opening, scrolling, and how soon a change shows."""
    panel = Panel(page, lab)
    opened, asked = panel.asked(panel.open)
    show("panel, from the click to rows", opened, "ms", 1000, f"{asked} requests")
    for title in LISTS:
        grid = panel.open_only(title)
        found, asked = panel.asked(partial(grid.evaluate, _SCROLL))
        more = f"row {found['row']:,} in {found['frames']} frames, {asked} requests"
        show(f"{title}, scrolled to the end: longest task", found["longest"], "ms", 100, more)
    panel.open_only("Pipelines")
    delays, counts = [], []
    for number in range(ROUNDS):
        page.evaluate(_AWAIT, f"new-{number}")
        client.build_pipeline(f"new-{number}")
        made = time.time() * 1000
        noted, asked = panel.asked(lambda: page.evaluate("() => window.noted"))
        delays.append(noted - made)
        counts.append(asked)
    show("a notebook's change until it is shown, worst", max(delays), "ms", 500, f"{max(counts)} requests")


def measure_engine(client: Client, pipeline_id: int) -> None:
    """Measure how long the engine itself takes for a page of each list, and for timings over all rows."""
    session = requests.Session()
    session.headers.update(client.auth.auth_header())
    workspace_id = client.get_current_workspace().id()
    day_ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    asked: dict[str, dict[str, Any]] = {
        "workspaces/list": {"limit": 100},
        "models/list": {"limit": 100, "workspace_id": workspace_id},
        "pipelines/list_edges": {"limit": 100, "workspace_id": workspace_id},
        "edges/events": {"limit": 10_000},
        "pipelines/get_logs": {"workspace_id": workspace_id, "pipeline_name": PIPELINE, "page_size": 100},
        "pipelines/timings": {"pipeline_id": pipeline_id, "start": day_ago, "buckets": 90},
    }
    for endpoint, body in asked.items():
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            session.post(f"{client.api_endpoint}/v1/api/{endpoint}", json=body, timeout=60).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
        show(f"engine, {endpoint}, median", statistics.median(times), "ms", 200, f"first {times[0]:.0f} ms")


def main() -> None:
    """Fill a home of its own, and measure all."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        os.environ["JUPYTER_EDGE_HOME"] = str(home.path)
        began = time.perf_counter()
        pipeline_id = fill(home)
        show("filling the home", time.perf_counter() - began, "s", None)
        client = Client()
        measure_engine(client, pipeline_id)
        lab = Lab(Path(folder))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                measure_panel(browser.new_page(viewport={"width": 1280, "height": 1000}), lab, client)
                browser.close()
        finally:
            lab.stop()
            stop_engine(home)
    print(table(["JupyterLab's panel, 5,000 models, 2,000 edges, 1,000,000 rows", "measured", "target", ""], LINES))


if __name__ == "__main__":
    main()
