"""Measure the bare model, this project's server and the peers in the same rounds."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.cases import NO_ECHO, Case, bare, image, rows
from benchmarks.peers import Peer
from benchmarks.rounds import Taken, in_turns, repeat
from benchmarks.servers import Server, free_port, ours, running
from benchmarks.traffic import Client
from jupyter_edge.core.media_types import ARROW_FILE

OURS = "jupyter_edge"
ONE, CROWD, MANY, IMAGE = "1 row", "1 row x32", "1,001 rows", "image"


@dataclass(frozen=True)
class Process:
    """What a server's process took: seconds to its first answer, and MB after the rows."""

    ready: float
    memory: float


@contextlib.contextmanager
def peer_server(peer: Peer, case: Case, folder: Path) -> Iterator[Server]:
    """Start a peer, and see that it answers as the bare model does."""
    request, port = peer.form.request(case), free_port()
    log, command = folder / f"{peer.name}.log", peer.command(peer, case, port, folder / peer.name)
    with running(command, port, request, env=peer.variables(case), log=log) as server:
        (expected,) = bare(case)()
        np.testing.assert_allclose(peer.form.values(Client(port).send(request)), expected, rtol=1e-5, atol=1e-5)
        yield server


def same_answer(server: Server, case: Case) -> None:
    """See that this project's server answers as the bare model does."""
    answer = json.loads(Client(server.port).send(case.request()))
    (expected,) = bare(case)()
    found = np.array([next(iter(record["out"].values())) for record in answer], np.float32)
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def measure_rows(folder: Path, peers: Sequence[Peer], rounds: int) -> tuple[dict[str, Taken], dict[str, Process]]:
    """Measure rows for the tree ensemble, on one thread each, and on two for several clients at once."""
    many, one = rows(folder), rows(folder, 1)
    with contextlib.ExitStack() as stack:
        server, both = (stack.enter_context(ours(many.file, threads, many.request())) for threads in (1, 2))
        same_answer(server, many)
        arrow, single = many.request(ARROW_FILE, ARROW_FILE), one.request()
        works = {
            "bare": repeat(bare(many), 20),
            "Arrow to Arrow": server.answering(arrow, 20),
            "Arrow to JSON": server.answering(many.request(ARROW_FILE), 20),
            "Arrow to JSON without": server.answering(many.request(ARROW_FILE, query=NO_ECHO), 20),
            "4 clients": both.answering(arrow, 100, 4),
            f"{OURS} {ONE}": server.answering(single, 200),
            f"{OURS} {CROWD}": server.answering(single, 2000, 32),
            f"{OURS} {MANY}": server.answering(many.request(), 10),
        }
        servers = {OURS: server}
        for peer in peers:
            server = servers[peer.title] = stack.enter_context(peer_server(peer, many, folder))
            single = peer.form.request(one)
            works |= {
                f"{peer.title} {ONE}": server.answering(single, 100, paused=True),
                f"{peer.title} {CROWD}": server.answering(single, 300, 32, paused=True),
                f"{peer.title} {MANY}": server.answering(peer.form.request(many), 8, paused=True),
            }
        taken = in_turns(works, rounds)
        return taken, {name: Process(server.ready, server.memory()) for name, server in servers.items()}


def measure_image(folder: Path, peers: Sequence[Peer], rounds: int) -> tuple[dict[str, Taken], float]:
    """Measure an image, on two threads; return also the most memory in MB that this project's server had for JSON."""
    picture = image(folder)
    with contextlib.ExitStack() as stack:
        server, of_arrow = (stack.enter_context(ours(picture.file, 2, picture.request())) for _ in range(2))
        same_answer(of_arrow, picture)
        works = {
            "bare": repeat(bare(picture), 2),
            "Arrow": of_arrow.answering(picture.request(ARROW_FILE, ARROW_FILE, NO_ECHO), 2),
            f"{OURS} {IMAGE}": server.answering(picture.request(query=NO_ECHO), 2),
        }
        for peer in peers:
            other = stack.enter_context(peer_server(peer, picture, folder))
            works[f"{peer.title} {IMAGE}"] = other.answering(peer.form.request(picture), 1, paused=True)
        return in_turns(works, rounds), server.peak()
