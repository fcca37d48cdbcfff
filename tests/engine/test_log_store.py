from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from jupyter_edge.core.errors import EntityNotFoundError, InvalidInputError, TooLargeError
from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.engine import log_compaction, log_rows, log_store
from jupyter_edge.engine.database import Sessions
from jupyter_edge.engine.log_query import Page, Query
from jupyter_edge.engine.log_store import LogStore
from jupyter_edge.engine.log_tables import LogFile, LogSegment, LogSource
from jupyter_edge.logs.records import encode
from tests.engine.log_helpers import PIPELINE, in_runs
from tests.logs.helpers import as_stream, read, record, wait_until


class Writer:
    """Ingests records as the batches of one epoch."""

    def __init__(self, store: LogStore, partition: str, epoch: str = "e1") -> None:
        self.store, self.source, self.seq = store, LogSource(PIPELINE, partition, epoch), 0

    def write(self, *records: InferenceRecord) -> None:
        for _, payload in encode(records):
            self.seq += 1
            assert self.store.ingest(self.source, [(self.seq, payload)]) == 1


def everything(present: list[str], known: list[str]) -> list[str]:
    return present


def query(**changes: Any) -> Query:
    return Query(PIPELINE, everything, **changes)


def numbers(page: Page) -> list[int]:
    return [number for (number,) in page.rows["out.number"].to_pylist()] if page.rows.num_rows else []


def pages(store: LogStore, between: Callable[[], object] = lambda: None, **changes: Any) -> list[Page]:
    """Follow a query to its end, which is an empty page."""
    found = [store.read(query(**changes))]
    while found[-1].rows.num_rows:
        between()
        found.append(store.read(query(**(changes | {"positions": found[-1].positions}))))
    return found[:-1]


def test_a_batch_is_taken_once_however_often_it_comes(store: LogStore) -> None:
    ((_, payload),) = encode([record(0, 3)])
    first, other = LogSource(PIPELINE, "edge-1", "e1"), LogSource(PIPELINE, "edge-1", "e2")
    assert store.ingest(first, [(5, payload)]) == 1
    assert store.ingest(first, [(5, payload)]) == 0
    assert store.ingest(first, [(4, payload), (5, payload), (6, payload)]) == 1
    assert store.ingest(other, [(5, payload)]) == 1
    assert store.partitions(PIPELINE)[0] == {"edge-1": (0, 9)}


def test_a_shipment_with_one_bad_batch_leaves_nothing(store: LogStore) -> None:
    payloads = [payload for _, payload in encode([record(0), record(1, pipeline_version="2")])]
    source = LogSource(PIPELINE, "edge-1", "e1")
    for body in (payloads[0] + b"rubbish", payloads[0] + payloads[1][:-100], b"", b"\0" * 5000):
        with pytest.raises(InvalidInputError):
            store.ingest_shipment(source, [1, 2], body, 0)
    with pytest.raises(InvalidInputError):
        store.ingest_shipment(source, [2, 1], b"".join(payloads), 0)
    assert store.partitions(PIPELINE) == ({}, 0)
    assert store.ingest_shipment(source, [1, 2], b"".join(payloads), 7) == 2
    assert numbers(store.read(query())) == [0, 1]
    assert store.totals(["edge-1"]) == {(PIPELINE, "edge-1"): (2, 7)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"time": pa.array(["1"])}, "needs rows and the columns"),
        ({"time": pa.array([None], pa.int64())}, "needs rows and the columns"),
        ({"metadata.elapsed": None}, "needs rows and the columns"),
        ({"elsewhere": pa.array([1])}, "elsewhere"),
        ({"in.x": pa.array([{"a": 1}])}, "in.x"),
        ({"metadata.last_model": in_runs(["a" * 2000], pa.string())}, "repeats more than"),
        ({"time": in_runs([None], pa.int64())}, "needs rows and the columns"),
        ({"metadata.dropped": in_runs([["a" * 1000]], pa.list_(pa.string()))}, "repeats more than"),
    ],
)
def test_an_arrow_stream_of_something_else_is_refused(
    store: LogStore, changes: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_rows, "MAX_REPEATED_BYTES", 1000)
    ((_, payload),) = encode([record(0)])
    columns = dict(zip(read(payload).column_names, read(payload).columns, strict=True)) | changes
    table = pa.table({name: column for name, column in columns.items() if column is not None})
    with pytest.raises((InvalidInputError, TooLargeError), match=reason):
        store.ingest(LogSource(PIPELINE, "edge-1", "e1"), [(1, as_stream(table))])


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
def test_compressed_buffers_of_an_edge_are_refused(store: LogStore, codec: str | None) -> None:
    ((_, payload),) = encode([record(0, 1000)])
    body = as_stream(read(payload), compression=codec)
    source = LogSource(PIPELINE, "edge-1", "e1")
    if codec is None:
        assert store.ingest_shipment(source, [1], body, 0) == 1
    else:
        with pytest.raises(InvalidInputError, match="compressed"):
            store.ingest_shipment(source, [1], body, 0)


@pytest.mark.fuzz
@given(st.data())
def test_a_damaged_batch_is_refused_or_can_be_read(data: st.DataObject) -> None:
    ((_, payload),) = encode([record(0, 4, inputs={"text": ["a", "b", None, "c"]}, check_failures=[["x"], [], [], []])])
    damaged = bytearray(payload)
    for place in data.draw(st.lists(st.integers(0, len(payload) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    body = bytes(damaged[: data.draw(st.integers(len(payload) // 2, 2 * len(payload)))])
    try:
        for part in log_rows.split(body):
            log_rows.decode(part).to_pylist()
    except (InvalidInputError, TooLargeError):
        pass


def test_rows_of_a_pipeline_that_is_gone_are_refused(store: LogStore) -> None:
    ((_, payload),) = encode([record(0)])
    with pytest.raises(EntityNotFoundError):
        store.ingest(LogSource(99, "edge-1", "e1"), [(1, payload)])


def test_many_senders_at_once_lose_and_double_nothing(store: LogStore) -> None:
    payloads = [payload for number in range(20) for _, payload in encode([record(number)])]

    def send(partition: str) -> None:
        for seq, payload in enumerate(payloads, 1):
            store.ingest(LogSource(PIPELINE, partition, "e1"), [(seq, payload)])

    threads = [threading.Thread(target=send, args=(name,)) for name in ("a", "a", "b", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.partitions(PIPELINE)[0] == {"a": (0, 20), "b": (0, 20)}
    assert sorted(numbers(store.read(query()))) == sorted([*range(20), *range(20)])


@pytest.mark.parametrize("compacted", [False, True])
def test_rows_of_all_partitions_come_in_the_order_of_time(store: LogStore, compacted: bool) -> None:
    writers = [Writer(store, name) for name in ("c", "a", "b")]
    for number in range(0, 60, 2):
        writers[number % 3].write(record(number, time=number), record(number + 1, time=number + 1))
    if compacted:
        assert store.compact() == 1
    assert numbers(store.read(query())) == list(range(60))
    assert numbers(store.read(query(descending=True))) == list(range(59, -1, -1))
    newest = store.read(query(descending=True, limit=7))
    assert (numbers(newest), newest.status) == ([59, 58, 57, 56, 55, 54, 53], "RecordLimited")
    assert set(newest.rows["metadata.partition"].to_pylist()) == {"a", "b", "c"}
    assert numbers(store.read(query(first=10, last=13))) == [10, 11, 12, 13]
    assert numbers(store.read(query(first=10, last=13, descending=True))) == [13, 12, 11, 10]
    assert store.read(query(limit=60)).status == "All"


@pytest.mark.parametrize("descending", [False, True])
def test_pages_repeat_and_skip_nothing_while_rows_arrive_and_files_are_made(store: LogStore, descending: bool) -> None:
    choose = random.Random(5)
    writers = [Writer(store, name) for name in "abc"]
    sent: list[int] = []

    def write() -> None:
        for _ in range(choose.randint(0, 3)):
            rows = choose.randint(1, 9)
            clock = choose.randint(0, 1000)  # clocks jump
            choose.choice(writers).write(record(len(sent), rows, time=clock))
            sent.extend(range(len(sent), len(sent) + rows))

    def disturb() -> None:
        if len(sent) < 600:
            write()
        if choose.random() < 0.2:
            store.compact()

    for _ in range(40):
        write()
    before = len(sent)
    found = [number for page in pages(store, disturb, descending=descending, limit=7) for number in numbers(page)]
    assert len(found) == len(set(found))
    if descending:
        assert sorted(found) == list(range(before))
    else:
        assert sorted(found) == list(range(len(sent)))


def test_rows_that_differ_only_in_columns_nobody_asked_for_share_a_page(store: LogStore) -> None:
    writer = Writer(store, "a")
    writer.write(record(0, time=0))
    writer.write(record(1, time=1, inputs={"image": np.zeros((1, 2), np.float32)}))
    page = store.read(Query(PIPELINE, lambda present, known: ["time", "out.number"]))
    assert (page.status, numbers(page)) == ("All", [0, 1])


def test_another_schema_ends_a_page_and_the_next_one_goes_on(store: LogStore) -> None:
    a, b = Writer(store, "a"), Writer(store, "b")
    for number in range(0, 10, 2):
        a.write(record(number, time=number))
        b.write(record(number + 1, time=number + 1))
    other: dict[str, Any] = {"inputs": {"image": np.zeros((1, 2), np.float32)}}
    a.write(record(10, time=10, **other))
    b.write(record(11, time=11))
    found = pages(store)
    assert [(page.status, numbers(page)) for page in found] == [
        ("SchemaChange", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]),
        ("All", [10]),
    ]
    assert [page.rows.column_names[1] for page in found] == ["in.tensor", "in.image"]
    down = pages(store, descending=True)
    assert [(page.status, numbers(page)) for page in down] == [
        ("SchemaChange", [11, 9, 7, 5, 3, 1]),
        ("SchemaChange", [10]),
        ("All", [8, 6, 4, 2, 0]),
    ]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_column_has_one_type_whoever_sent_it(store: LogStore, compacted: bool) -> None:
    writer = Writer(store, "a")
    writer.write(record(0, inputs={"tensor": np.full((1, 2), 0.1, np.float32)}))
    if compacted:
        store.compact()
    writer.write(record(1, inputs={"tensor": np.full((1, 2), 0.1)}))
    writer.write(record(2, inputs={}, dropped=["in.tensor"]))
    if compacted:
        store.compact()
    page = store.read(query())
    assert page.status == "All"
    assert page.rows.schema.field("in.tensor").type == pa.list_(pa.float64())
    exact = float(np.float32(0.1))
    assert page.rows["in.tensor"].to_pylist() == [[exact, exact], [0.1, 0.1], None]
    assert page.rows["metadata.dropped"].to_pylist() == [[], [], ["in.tensor"]]


@pytest.mark.parametrize("compacted", [False, True])
def test_names_and_texts_may_hold_any_character(store: LogStore, compacted: bool) -> None:
    texts = ["\0", "", "a\0b", "\U0001f600\u00e4\ufffe"]
    Writer(store, "a").write(record(0, 4, inputs={"a\0": texts, "\u00e4.\n": np.arange(4)}))
    if compacted:
        store.compact()
    rows = store.read(query()).rows
    assert rows["in.a\0"].to_pylist() == texts
    assert rows["in.\u00e4.\n"].to_pylist() == [0, 1, 2, 3]


def test_a_large_page_is_cut_by_bytes(store: LogStore) -> None:
    writer = Writer(store, "a")
    for number in range(20):
        writer.write(record(number, width=1000))
    found = pages(store, max_bytes=20_000)
    assert [page.status for page in found] == ["ByteLimited"] * (len(found) - 1) + ["All"]
    assert 4 < len(found) < 10
    assert [number for page in found for number in numbers(page)] == list(range(20))
    assert numbers(store.read(query(max_bytes=1))) == [0]


def test_only_the_wanted_columns_are_returned(store: LogStore) -> None:
    Writer(store, "a").write(record(0), record(1, pipeline_version="2"))
    for wanted in (["out.number"], ["metadata.partition"], ["metadata.partition", "time"]):
        page = store.read(Query(PIPELINE, lambda _present, _known, names=wanted: names))  # type: ignore[misc]
        assert (page.rows.column_names, page.rows.num_rows) == (wanted, 2)


def test_compaction_makes_files_by_day_and_merges_small_ones(
    store: LogStore, sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_compaction, "MAX_GROUP_ROWS", 40)
    writer = Writer(store, "a")
    day = 86_400_000
    for number in range(log_compaction.MANY_FILES):
        writer.write(record(10 * number, 10, time=day * 3 + number))
        writer.write(record(1000 + number, time=-5 if number else day))
        store.compact()
    store.compact()
    with sessions() as session:
        files = {file.day.isoformat(): file.name for file in session.scalars(select(LogFile))}
        assert session.scalars(select(LogSegment).where(LogSegment.file_id.is_(None))).all() == []
    assert sorted(files) == ["1970-01-01", "1970-01-02", "1970-01-04"]
    on_disk = {path.relative_to(tmp_path / "logs").as_posix() for path in (tmp_path / "logs").glob("*/*")}
    assert files["1970-01-04"] in on_disk
    assert pq.read_table(tmp_path / "logs" / files["1970-01-04"])["metadata.partition"].unique().to_pylist() == ["a"]
    found = sorted(number for page in pages(store, limit=13) for number in numbers(page))
    assert found == [*range(80), *range(1000, 1008)]
    with sessions() as session:
        assert len(on_disk) == len(session.scalars(select(LogFile)).all())


def test_compaction_ends_between_two_files_when_the_engine_does(store: LogStore, sessions: Sessions) -> None:
    writer = Writer(store, "a")
    for number in range(3):
        writer.write(record(number, time=86_400_000 * number))
    may_go_on = iter([True, False])
    assert log_compaction.compact(sessions, store._folder, lambda: next(may_go_on)) == 1
    assert sorted(number for page in pages(store) for number in numbers(page)) == [0, 1, 2]

    async def begin_and_end() -> None:
        tidying = asyncio.create_task(store.tidy_for_ever())
        await asyncio.sleep(0)
        tidying.cancel()
        await asyncio.gather(tidying, return_exceptions=True)

    asyncio.run(begin_and_end())
    assert store.compact() == 0


def test_a_crash_while_compacting_loses_and_doubles_nothing(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(store, "a")
    writer.write(record(0, 5))

    class Killed(BaseException):
        pass

    for name in ("sync", "_forget"):
        with monkeypatch.context() as patch:
            patch.setattr(log_compaction, name, _raise(Killed))
            with pytest.raises(Killed):
                store.compact()
        assert numbers(store.read(query())) == [0, 1, 2, 3, 4]
    assert list((tmp_path / "logs").glob("*/*"))
    store.sweep()
    assert not list((tmp_path / "logs").glob("*/*"))
    store.compact()
    store.sweep()
    assert numbers(store.read(query())) == [0, 1, 2, 3, 4]
    assert len(list((tmp_path / "logs").glob("*/*"))) == 1


def _raise(kind: type[BaseException]) -> Callable[..., None]:
    def function(*_: object) -> None:
        raise kind

    return function


def test_old_rows_and_what_is_too_much_go_and_positions_stay(store: LogStore, tmp_path: Path) -> None:
    writer = Writer(store, "a")
    for number in range(3):
        writer.write(record(10 * number, 10))
        store.compact()
    files = sorted((tmp_path / "logs").glob("*/*"), key=lambda path: path.stat().st_mtime_ns)
    assert store.prune() == 0
    assert store.prune(keep_bytes=sum(path.stat().st_size for path in files[1:])) == 1
    assert store.partitions(PIPELINE)[0] == {"a": (10, 30)}
    assert numbers(store.read(query())) == list(range(10, 30))
    writer.write(record(30))
    assert store.prune(keep=timedelta(0)) == 2
    assert numbers(store.read(query())) == []
    assert store.partitions(PIPELINE) == ({"a": (31, 31)}, 0)
    assert not list((tmp_path / "logs").glob("*/*"))
    writer.write(record(31))
    assert numbers(store.read(query(positions={"a": 3}))) == [31]


def test_no_rows_are_an_empty_page(store: LogStore) -> None:
    page = store.read(query())
    assert (page.status, page.rows.num_rows, page.positions) == ("All", 0, {})
    Writer(store, "a").write(record(0))
    assert store.read(query(first=1 << 60)).rows.num_rows == 0


def test_a_store_tidies_itself_until_it_is_stopped(
    store: LogStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_store, "TIDY_SECONDS", 0.01)
    Writer(store, "a").write(record(0))

    async def tidy() -> None:
        task = asyncio.create_task(store.tidy_for_ever())
        await asyncio.to_thread(wait_until, lambda: list((tmp_path / "logs").glob("*/*.parquet")))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(tidy())
    assert numbers(store.read(query())) == [0]
