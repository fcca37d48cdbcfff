"""What an edge keeps between restarts: its identity, the pipeline that it last served, and that pipeline's models."""

from __future__ import annotations

import fcntl
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jupyter_edge.core.errors import ConflictError, DigestError, EdgeError, StorageFullError
from jupyter_edge.core.files import write_private
from jupyter_edge.core.naming import check_name
from jupyter_edge.core.pipeline import PipelineSpec
from jupyter_edge.core.secret import new_token
from jupyter_edge.oci.blobs import BlobStore

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """Who an edge is to its engine, once it has joined; ``join_token_hash`` tells a new bundle from the one used."""

    edge_name: str
    engine_url: str
    credential: str = field(repr=False)
    join_token_hash: str = field(repr=False)


@dataclass(frozen=True)
class Served:
    """The pipeline that was last served, and the reference under which it was pulled."""

    pipeline_url: str
    spec: PipelineSpec

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Served:
        """Read what ``EdgeStore.keep_served`` wrote."""
        return cls(value["pipeline_url"], PipelineSpec.from_json(value["spec"]))


class EdgeStore:
    """The persist folder, held by one edge server at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, making it where needed.

        Raises:
            StorageFullError: if the folder cannot be written.
            ConflictError: if another edge server holds it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (folder / "lock").open("w")
        except OSError as error:
            msg = (
                f"The edge cannot keep its state in {folder} ({error.strerror}): set JUPYTER_EDGE_PERSIST to a folder."
            )
            raise StorageFullError(msg) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"Another edge server uses {folder}: set JUPYTER_EDGE_PERSIST to a folder of this one's own."
            raise ConflictError(msg) from None
        self.blobs = BlobStore(folder / "blobs")
        self.blobs.sweep()
        self._folder = folder
        self._identity = folder / "identity.json"
        self._served = folder / "pipeline.json"
        self._key = folder / "key"

    def close(self) -> None:
        """Let another edge server have the folder."""
        self._lock.close()

    def spool(self, edge_name: str) -> Path:
        """Return where rows wait to be sent under a name: each has a file, so that none goes out under another.

        Raises:
            InvalidInputError: if this can be no edge's name.
        """
        return self._folder / f"spool-{check_name('edge', edge_name)}.db"

    def identity(self) -> Identity | None:
        """Return who this edge is, if it ever joined."""
        return _read(self._identity, lambda value: Identity(**value))

    def new_credential(self, join_token: str) -> str:
        """Return what to be known by after joining: the same for a token each time, so that a join can be repeated.

        Raises:
            OSError: if the key that it is made with cannot be kept.
        """
        if not self._key.exists():
            write_private(self._key, new_token())
        return hmac.digest(self._key.read_bytes(), join_token.encode(), "sha256").hex()

    def keep_identity(self, identity: Identity) -> None:
        """Remember who this edge is.

        Raises:
            OSError: if the disk has no room for it.
        """
        write_private(self._identity, json.dumps(asdict(identity)))

    def served(self) -> Served | None:
        """Return the pipeline that was last served, if there is one."""
        return _read(self._served, Served.from_json)

    def keep_served(self, served: Served) -> None:
        """Remember a pipeline that was loaded, and let go of the models of the one before.

        Raises:
            OSError: if the disk has no room for it; what was remembered before still is.
        """
        value = {"pipeline_url": served.pipeline_url, "spec": served.spec.to_json()}
        write_private(self._served, json.dumps(value))
        needed = {f"sha256:{model.sha}" for model in served.spec.models}
        for digest in set(self.blobs.digests()) - needed:
            self.blobs.delete(digest)


def check_models(spec: PipelineSpec, blobs: BlobStore) -> None:
    """Read every model file of a pipeline again and compare its digest.

    Raises:
        DigestError: naming the first model whose file is missing or damaged, and its digest.
    """
    for model in spec.models:
        digest = f"sha256:{model.sha}"
        if not blobs.has(digest) or not blobs.verify(digest):
            msg = f"The stored file of model {model.name} is missing or damaged (layer {digest}): fetch it again."
            raise DigestError(msg)


def _read(path: Path, make: Callable[[dict[str, Any]], T]) -> T | None:
    try:
        return make(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, EdgeError) as error:
        _log.error("%s is damaged (%s), and passed over.", path, type(error).__name__)
        return None
