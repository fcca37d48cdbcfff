"""The engine's home folder, and the file in it that tells clients where the engine is."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import platformdirs

from jupyter_edge.core.errors import InvalidInputError
from jupyter_edge.core.files import write_private


@dataclass(frozen=True)
class EngineAddress:
    """Where a running engine listens; kept in ``engine.json`` with mode 0600 because it holds the token."""

    pid: int
    url: str
    token: str = field(repr=False)


class Home:
    """The folder that holds everything one engine keeps: ``JUPYTER_EDGE_HOME``, or the user's data folder."""

    def __init__(self, path: Path | None = None) -> None:
        chosen = (
            path or os.environ.get("JUPYTER_EDGE_HOME") or platformdirs.user_data_dir("jupyter_edge", appauthor=False)
        )
        self.path = Path(chosen).expanduser().absolute()
        self.address_file = self.path / "engine.json"
        self.credentials_file = self.path / "credentials.json"
        self.port_file = self.path / "port"
        self.start_lock = self.path / "start.lock"
        self.engine_lock = self.path / "engine.lock"
        self.log_file = self.path / "engine.log"
        self.database = self.path / "engine.db"
        self.blobs = self.path / "blobs"
        self.registry = self.path / "registry"
        self.inference_log = self.path / "logs"
        self.deployments = self.path / "deployments"

    def create(self) -> None:
        """Make the folder, readable by its owner only.

        Raises:
            InvalidInputError: if nothing can be written there.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            msg = (
                f"The home folder {self.path} cannot be written ({error.strerror}): "
                "name another one in JUPYTER_EDGE_HOME, or let yourself write there."
            )
            raise InvalidInputError(msg) from None

    def read_address(self) -> EngineAddress | None:
        """Return where the engine says it listens; ``None`` if no engine has said so."""
        try:
            return EngineAddress(**json.loads(self.address_file.read_text()))
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            return None

    def write_address(self, address: EngineAddress) -> None:
        """Tell clients where the engine listens."""
        write_private(self.address_file, json.dumps(asdict(address)))
