from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path

from jupyter_edge.core.secret import Secret
from jupyter_edge.engine.log_query import Query
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.log_tables import LogSource
from jupyter_edge.logs.shipper import Shipper
from jupyter_edge.logs.spool import Spool
from tests.engine.log_helpers import PIPELINE, database_with_pipeline
from tests.logs.helpers import record, wait_until

ROOT = Path(__file__).parents[2]
KILLS = 6


@contextmanager
def flaky_engine(store: LogStore) -> Iterator[tuple[str, list[str]]]:
    """Serve a log store over HTTP, dropping connections before and after the commit; yield its URL and what it did."""
    done: list[str] = []
    fates = cycle(["cut before", "cut after", "answer", "fail", "cut answer", "cut after"])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            done.append(fate := next(fates))
            if fate == "cut before":
                self.close_connection = True
                return
            if fate == "fail":
                self.send_error(503)
                return
            sequence = [int(number) for number in self.headers["Jupyter-Edge-Sequence"].split(",")]
            source = LogSource(PIPELINE, "edge-1", self.headers["Jupyter-Edge-Epoch"])
            store.ingest_shipment(source, sequence, body, int(self.headers["Jupyter-Edge-Dropped-Rows"]))
            answer = json.dumps({"acknowledged": sequence[-1]}).encode()
            self.close_connection = fate != "answer"
            if fate != "cut after":
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer if fate == "answer" else answer[:5])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", done
    server.shutdown()
    server.server_close()
    thread.join()


def begin_spool(path: Path) -> None:
    """Make a spool with one row, number -1, that notes every commit in a table of its own."""
    spool = Spool(path, "writer")
    spool.append(record(-1))
    spool.close()
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE noted AS SELECT epoch, seq, rows FROM batch;
        CREATE TRIGGER note AFTER INSERT ON batch BEGIN
            INSERT INTO noted VALUES (new.epoch, new.seq, new.rows);
        END;
        """
    )
    connection.close()


def write_and_kill(path: Path, first: int, lines: int) -> list[int]:
    """Run a writer until it has said `lines` times how far it is, kill it, and return the numbers it promised."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.logs.writer_process", str(path), str(first), "2", "3"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    last = [process.stdout.readline() for _ in range(lines)][-1]
    process.kill()
    last = (process.stdout.read().split() or [last])[-1]
    process.wait()
    return list(range(first, int(last) + 1))


def test_each_committed_row_arrives_once_over_kills_and_cut_links(tmp_path: Path) -> None:
    choose = random.Random(11)
    path = tmp_path / "spool.db"
    begin_spool(path)
    with database_with_pipeline(tmp_path / "engine.db") as sessions:
        store = LogStore(sessions, tmp_path / "logs")
        with flaky_engine(store) as (url, done):
            shipper = Shipper(path, url, Secret("x"), longest_pause=0.1)
            shipper.start()
            promised = [-1]
            for kill in range(KILLS):
                promised += write_and_kill(path, kill * 1_000_000, choose.randint(1, 5))
                store.compact()
            wait_until(lambda: shipper.backlog[0] == 0, 60)
            shipper.stop(5)
        page = store.read(Query(PIPELINE, lambda present, _known: present, limit=1_000_000))
    arrived = [number for (number,) in page.rows["out.number"].to_pylist()]
    (committed,) = sqlite3.connect(path).execute("SELECT sum(rows) FROM noted").fetchone()
    assert len(done) > 12, "each way to fail was met"
    assert len(arrived) == len(set(arrived)) == committed
    assert set(promised) <= set(arrived)
