"""A real JupyterLab (with Notebook 7), or Voila, on loopback, with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import requests

TOKEN = "browser-tests"  # of a server that only this machine reaches, for as long as the tests run
_START_SECONDS = 120.0
_LAB_CONFIG = f"""
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.IdentityProvider.token = "{TOKEN}"
c.ServerApp.jpserver_extensions = {{"jupyter_lsp": False}}
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.LabApp.expose_app_in_browser = True
c.JupyterNotebookApp.expose_app_in_browser = True
"""
_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # what is out of sight is tested, too
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    "jupyter-edge:panel": {"refreshInterval": 3600},  # no poll hides that an event did not come
}


class JupyterProcess:
    """A server of notebooks in a folder; ``stop`` ends it."""

    def __init__(self, folder: Path, command: list[str], ready: str, **environ: str) -> None:
        self.folder = folder
        self._log = (folder / "server.log").open("wb")
        environment = _environment(folder) | environ
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=environment, stdout=self._log, stderr=self._log
        )
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(ready):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError((folder / "server.log").read_text())
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server, with its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Lab(JupyterProcess):
    """JupyterLab, which also serves Notebook 7; ``more`` are lines of its configuration."""

    def __init__(self, folder: Path, more: str = "", base_url: str = "", **environ: str) -> None:
        port = free_port()
        config = folder / "jupyter_server_config.py"
        config.write_text(f"{_LAB_CONFIG}\nc.ServerApp.base_url = {base_url + '/'!r}\n{more}\n")
        settings = folder / "app-settings"
        settings.mkdir()
        (settings / "overrides.json").write_text(json.dumps(_SETTINGS))
        self.url = f"http://127.0.0.1:{port}{base_url}"
        self._kept = folder / "kept"
        places = {
            "app_settings_dir": settings,
            "user_settings_dir": self._kept / "settings",
            "workspaces_dir": self._kept / "workspaces",
        }
        apps = ("LabApp", "JupyterNotebookApp")
        options = [f"--{app}.{name}={place}" for app in apps for name, place in places.items()]
        command = ["jupyterlab", f"--config={config}", f"--port={port}", *options]
        super().__init__(folder, command, f"{self.url}/api?token={TOKEN}", **environ)

    def renew(self) -> None:
        """Be as after the start: end all kernels, and forget settings and open pages."""
        headers = {"Authorization": f"token {TOKEN}"}
        for kind in ("sessions", "kernels"):
            for each in requests.get(f"{self.url}/api/{kind}", headers=headers, timeout=_START_SECONDS).json():
                ended = requests.delete(f"{self.url}/api/{kind}/{each['id']}", headers=headers, timeout=_START_SECONDS)
                assert ended.ok or ended.status_code == 404, ended.text
        shutil.rmtree(self._kept, ignore_errors=True)

    def address(self, notebook: str, host: str = "lab") -> str:
        """Return where a notebook of the folder is opened by itself, in ``lab`` or ``notebook``."""
        path = {"lab": f"doc/tree/{notebook}?reset&", "notebook": f"notebooks/{notebook}?"}[host]
        return f"{self.url}/{path}token={TOKEN}"


class Voila(JupyterProcess):
    """Voila, on the notebooks of a folder."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = ["voila", str(folder), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
        super().__init__(folder, command, f"{self.url}/voila/static/voila.js")

    def address(self, notebook: str, mode: str = "light") -> str:
        """Return where a notebook of the folder is shown, in ``light`` or ``dark``."""
        return f"{self.url}/voila/render/{notebook}?theme={mode}"


def write_notebook(folder: Path, name: str, *cells: str) -> str:
    """Write a notebook of code cells and return its name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / name)
    return name


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(folder: Path) -> dict[str, Any]:
    home = folder / "user"
    home.mkdir(exist_ok=True)
    return {**os.environ, "HOME": str(home), "JUPYTER_PLATFORM_DIRS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code < 500
    except requests.RequestException:
        return False
