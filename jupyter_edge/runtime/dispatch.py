"""When and where requests are answered: at once on the event loop, together with others, or in worker threads."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from jupyter_edge.core.records import InferenceRecord
from jupyter_edge.runtime.batch import Batch, Gathering
from jupyter_edge.runtime.exchange import Exchange, Request, Response, error_response
from jupyter_edge.runtime.pipeline import Outcome

QUEUE_LIMIT = 256
_SMALL_BODY = 16 * 1024
_LONE_BODY = 1024 * 1024  # of a client without neighbours that would have to wait
_SHORT_WORK = 0.005
_LAST_RUNS = 3
_LONGEST_WAIT = 86_400.0


class Run(NamedTuple):
    """What became of rows: ``record`` is what is logged of them."""

    batch: Batch
    record: InferenceRecord
    outcome: Outcome

    def row(self, number: int) -> Run:
        """Return one of the rows alone, but for the record, which is that of all."""
        outputs = {name: column[number : number + 1] for name, column in self.outcome.outputs.items()}
        return Run(self.batch.row(number), self.record, replace(self.outcome, outputs=outputs))


@dataclass(slots=True)
class Inference:
    """A request that was read: its rows wait to be run.

    Args:
        target: of the request, by which an error is written.
        batch: the rows.
        parsed: how many nanoseconds it took to read them.
        write: answers the request once its rows have run.
        key: inferences that share it, and whose batches are of one form, may be run as one; ``None`` for one that
            runs alone.
        write_rows: answers several requests of one row each that have run as one batch; ``None`` where each is
            answered by its own ``write``.
    """

    target: str
    batch: Batch
    parsed: int
    write: Callable[[Run], Response]
    key: object | None = None
    write_rows: Callable[[Run], list[Response]] | None = None


Item = tuple[Exchange, Inference]
Answer = tuple[Exchange, Response]
Records = list[InferenceRecord]


class Worker(Protocol):
    """Does the work; its methods are called from any thread, and raise nothing."""

    def prepare(self, request: Request) -> Response | Inference:
        """Answer a request, or read it."""

    def run(self, inferences: list[Inference]) -> tuple[list[Response], Records]:
        """Run inferences of one key, answer each, and return what is to be logged."""

    def log(self, records: Records) -> None:
        """Log what was run."""


class _Pace:
    """Whether work takes long, by the quickest of its last runs: the others may have waited for a busy machine."""

    def __init__(self, *, is_long: bool) -> None:
        self.is_long = is_long
        self._last: deque[float] = deque(maxlen=_LAST_RUNS)

    def add(self, seconds: float) -> None:
        self._last.append(seconds)
        self.is_long = min(self._last) > _SHORT_WORK


class Dispatcher:
    """Brings requests to a worker; used in the event loop's thread.

    A small request is read on the event loop, and run there while that takes little time, and so is a larger one of
    a client that is alone; others wait for a thread.
    At most ``limit`` of them wait or run: what comes on top is answered 503 with Retry-After.

    Args:
        worker: does the work.
        threads: how many threads do it at the same time.
        gathering: how requests of one row are gathered; ``None`` runs each alone.
        answered: is told of answers once they are sent.
        limit: how many requests may wait or run in threads.
    """

    def __init__(
        self,
        worker: Worker,
        threads: int,
        gathering: Gathering | None,
        answered: Callable[[list[Answer]], None],
        limit: int = QUEUE_LIMIT,
    ) -> None:
        self._worker = worker
        self._gathering = gathering
        self._gathers_unasked = gathering == Gathering()
        self._answered = answered
        self._limit = limit
        self._thread_count = threads
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="inference")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._gathered: deque[Item] = deque()
        self._flushing: asyncio.Handle | None = None
        self._pace = _Pace(is_long=False)
        self._pace_of_large = _Pace(is_long=True)
        self._runs = 0
        self._in_threads = 0

    def queue_length(self) -> int:
        """Return how many requests wait, or run in a thread."""
        return self._in_threads + (len(self._gathered) if self._pace.is_long else 0)

    def refusal(self, request: Request) -> Response | None:
        """Return 503 if the request cannot wait, because too many do."""
        if self.queue_length() < self._limit:
            return None
        message = f"{self._limit} requests wait already, the limit here: send this one again later."
        return error_response(503, message, {"Retry-After": "1"}, target=request.target)

    def handle(self, exchange: Exchange, *, aside: bool = False) -> None:
        """Answer an exchange, now or later; ``aside`` in a thread of its own, however many wait for the others."""
        request = exchange.request
        prefer = request.headers.get("prefer")
        if prefer is not None and (seconds := preferred_wait(prefer)) is not None:
            exchange.expire_after(seconds, self._expire)
        size = len(request.body)
        if aside:
            self._aside.submit(self._read_aside, asyncio.get_running_loop(), exchange)
            return
        if size > _SMALL_BODY:
            if exchange.alone and size <= _LONE_BODY and not self._pace_of_large.is_long:
                response, records, taken = self._read_and_run(exchange)
                self._finish_large(0, exchange, response, taken)
                self._worker.log(records)
            else:
                self._submit([exchange], self._read_and_run_in_thread, exchange)
            return
        prepared = self._worker.prepare(request)
        if isinstance(prepared, Response):
            self._answer(exchange, prepared)
        elif not (exchange.alone and self._gathers_unasked) and self._can_gather(prepared):
            self._gather(exchange, prepared)
        elif self._pace.is_long:
            self._submit_run([(exchange, prepared)])
        else:
            self._run_here([(exchange, prepared)])

    def close(self) -> None:
        """Wait for running work, and end the threads."""
        self._threads.shutdown()
        self._aside.shutdown()

    # Requests of one row, run together

    def _can_gather(self, inference: Inference) -> bool:
        return self._gathering is not None and inference.key is not None and inference.batch.rows == 1

    def _gather(self, exchange: Exchange, inference: Inference) -> None:
        if self._pace.is_long and (refusal := self.refusal(exchange.request)):
            self._answer(exchange, refusal)
            return
        assert self._gathering is not None  # noqa: S101 (_can_gather has looked)
        self._gathered.append((exchange, inference))
        if self._flushing is None:
            loop, delay = asyncio.get_running_loop(), self._gathering.delay
            self._flushing = loop.call_later(delay, self._flush) if delay else loop.call_soon(self._flush)
        elif self._gathering.delay and len(self._gathered) >= self._gathering.target:
            self._flushing.cancel()
            self._flush()

    def _flush(self) -> None:
        """Run what has gathered; where all threads are busy, it goes on gathering until one is free."""
        assert self._gathering is not None  # noqa: S101 (it has gathered)
        self._flushing = None
        while self._gathered and not (self._pace.is_long and self._runs >= self._thread_count):
            count = min(len(self._gathered), self._gathering.limit)
            items = [self._gathered.popleft() for _ in range(count)]
            if self._pace.is_long:
                self._submit_run(items)
            else:
                self._run_here(items)

    # Where work runs

    def _run_here(self, items: list[Item]) -> None:
        started = time.perf_counter()
        answers, records = self._run(items)
        taken = time.perf_counter() - started
        self._answer_all(answers)
        self._worker.log(records)  # not before: a client need not wait for it
        self._pace.add(taken)

    def _submit(self, exchanges: list[Exchange], work: Callable[..., None], *arguments: Any) -> bool:
        refusals = [self.refusal(exchange.request) for exchange in exchanges]
        if None in refusals:
            self._in_threads += len(exchanges)
            self._threads.submit(work, asyncio.get_running_loop(), *arguments)
            return True
        for exchange, refusal in zip(exchanges, refusals, strict=True):
            if refusal is not None:
                self._answer(exchange, refusal)
        return False

    def _submit_run(self, items: list[Item]) -> None:
        self._runs += self._submit([exchange for exchange, _ in items], self._run_in_thread, items)

    def _read_and_run(self, exchange: Exchange) -> tuple[Response, Records, float]:
        started = time.perf_counter()
        prepared = self._worker.prepare(exchange.request)
        if isinstance(prepared, Response):
            response, records = prepared, list[InferenceRecord]()
        else:
            (response,), records = self._worker.run([prepared])
        return response, records, time.perf_counter() - started

    def _read_aside(self, loop: asyncio.AbstractEventLoop, exchange: Exchange) -> None:
        response, records, _ = self._read_and_run(exchange)
        self._worker.log(records)
        loop.call_soon_threadsafe(self._finish, 0, [(exchange, response)])

    def _read_and_run_in_thread(self, loop: asyncio.AbstractEventLoop, exchange: Exchange) -> None:
        if exchange.over:
            loop.call_soon_threadsafe(self._finish, 1, [])
        else:
            response, records, taken = self._read_and_run(exchange)
            self._worker.log(records)
            loop.call_soon_threadsafe(self._finish_large, 1, exchange, response, taken)

    def _finish_large(self, count: int, exchange: Exchange, response: Response, taken: float) -> None:
        self._pace_of_large.add(taken)
        self._finish(count, [(exchange, response)])

    def _run_in_thread(self, loop: asyncio.AbstractEventLoop, items: list[Item]) -> None:
        started = time.perf_counter()
        answers, records = self._run(items)
        taken = time.perf_counter() - started
        self._worker.log(records)
        loop.call_soon_threadsafe(self._finish, len(items), answers, taken)

    def _run(self, items: list[Item]) -> tuple[list[Answer], Records]:
        """Run, in any thread, what is still wanted: inferences of one key together."""
        groups: dict[tuple[object, Hashable], list[Item]] = {}
        for item in items:
            exchange, inference = item
            if not exchange.over:
                form = inference.batch.form() if len(items) > 1 else None
                groups.setdefault((inference.key, form), []).append(item)
        answers: list[Answer] = []
        records: Records = []
        for group in groups.values():
            responses, of_group = self._worker.run([inference for _, inference in group])
            records += of_group
            answers += [(exchange, response) for (exchange, _), response in zip(group, responses, strict=True)]
        return answers, records

    def _finish(self, count: int, answers: list[Answer], taken: float | None = None) -> None:
        self._in_threads -= count
        if taken is not None:
            self._runs -= 1
            self._pace.add(taken)
        self._answer_all(answers)
        if self._gathered and self._flushing is None:
            self._flush()

    def _answer(self, exchange: Exchange, response: Response) -> None:
        self._answer_all([(exchange, response)])

    def _answer_all(self, answers: list[Answer]) -> None:
        wanted = [answer for answer in answers if not answer[0].over]
        for exchange, response in wanted:
            exchange.answer(response)
        self._answered(wanted)

    def _expire(self, exchange: Exchange) -> None:
        message = "The answer was not ready in the time that the request gave (Prefer: wait): allow more, or send less."
        self._answer(exchange, error_response(504, message, target=exchange.request.target))


def preferred_wait(prefer: str) -> float | None:
    """Return the seconds that a client waits for its answer by RFC 7240 section 4.3, ``Prefer: wait=10``, if it says.

    Fractions are read too; what is no such preference is passed over, as the RFC wants it.
    """
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            try:
                seconds = float(value.strip().strip('"'))
            except ValueError:
                return None
            return seconds if 0 <= seconds <= _LONGEST_WAIT else None
    return None
