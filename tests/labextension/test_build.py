"""The front end's package: one version, and a lock that names no host."""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_edge.core.version import VERSION

ROOT = Path(__file__).parents[2] / "labextension"


def test_the_front_end_has_the_packages_version() -> None:
    assert json.loads((ROOT / "package.json").read_text())["version"] == VERSION


def test_the_lock_names_packages_and_no_host() -> None:
    for name in ("yarn.lock", ".yarnrc.yml", "package.json"):
        assert "://" not in (ROOT / name).read_text(), name
    resolutions = [line for line in (ROOT / "yarn.lock").read_text().splitlines() if line.startswith("  resolution:")]
    assert resolutions
    assert all("@npm:" in line or "@patch:" in line or "@workspace:" in line for line in resolutions)
