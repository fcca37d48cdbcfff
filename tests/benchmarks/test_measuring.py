from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmarks.budgets import Target
from benchmarks.cases import Case, bare, rows
from benchmarks.check import YARDSTICKS, ratios
from benchmarks.contest import same_answer
from benchmarks.rounds import WARM_UP, Work, figure, in_turns, ratio, repeat
from benchmarks.servers import Server, ours
from benchmarks.traffic import Client, pipelined, whole_length


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return rows(tmp_path_factory.mktemp("models"), 1)


@pytest.fixture(scope="module")
def server(case: Case) -> Iterator[Server]:
    with ours(case.file, 1, case.request()) as running:
        yield running


def test_works_take_turns_and_the_first_rounds_do_not_count() -> None:
    done: list[str] = []
    works = {name: repeat(lambda name=name: done.append(name), 2) for name in "ab"}  # type: ignore[misc]
    taken = in_turns(works, 3)
    assert "".join(done) == "aabb" * (3 + WARM_UP)
    assert all(len(each.calls) == len(each.cpu) == len(each.elapsed) == 3 for each in taken.values())


def test_a_turns_cpu_and_time_are_those_of_one_call() -> None:
    clock = iter(range(0, 10_000, 10))
    work = Work(lambda: np.array([1.0, 3.0, 2.0, 4.0]), lambda: float(next(clock)))
    taken = in_turns({"work": work}, 2)["work"]
    assert taken.cpu == [2.5, 2.5]
    assert taken.percentile(50) == [2.5, 2.5]


def test_ratios_are_those_of_the_same_round() -> None:
    assert ratio([1.0, 10.0], [2.0, 20.0]) == (0.5, 0.5, 0.5)
    assert f"{figure([1, 2, 3]):.1f}" == "2.0 (1.5 to 2.5)"


@pytest.mark.parametrize(
    ("found", "levels", "met"),
    [
        (0.6, (0.65, 0.75, 0.9), "missed"),
        (0.65, (0.65, 0.75, 0.9), "must"),
        (0.9, (0.65, 0.75, 0.9), "moonshot"),
        (0.36, (0.35, 0.3, 0.2), "missed"),
        (0.3, (0.35, 0.3, 0.2), "aim"),
    ],
)
def test_a_target_is_met_by_more_or_by_less(found: float, levels: tuple[float, float, float], met: str) -> None:
    assert Target("", *levels, figure([found])).row()[-1] == met


def test_an_answers_length_is_known_once_its_head_has_come() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    assert whole_length(head[:-1]) is None
    assert whole_length(head + b"12") == len(head) + 5
    with pytest.raises(RuntimeError):
        whole_length(head.replace(b"200", b"503"))


def test_all_requests_of_a_visit_are_answered(case: Case, server: Server) -> None:
    same_answer(server, case)
    works = {f"{clients} clients": server.answering(case.request(), 40, clients) for clients in (1, 8)}
    works["pipelined"] = Work(pipelined(Client(server.port), case.request(), 40), server.clock())
    for taken in in_turns(works, 2).values():
        assert [len(times) for times in taken.calls] == [40, 40]
        assert min(taken.cpu) > 0


def test_a_paused_server_is_awake_only_in_its_turns_and_ends_with_its_context(case: Case) -> None:
    with ours(case.file, 1, case.request()) as running:
        process = running.process
        in_turns({"paused": running.answering(case.request(), 5, paused=True)}, 2)
        assert process.status() == psutil.STATUS_STOPPED
    assert not process.is_running()


def test_a_slower_server_has_a_higher_ratio() -> None:
    least = {name: 1.0 for pair in YARDSTICKS.items() for name in pair}
    assert set(ratios(least).values()) == {1.0}
    name = next(iter(YARDSTICKS))
    assert ratios(least | {name: 1.5})[name] == 1.5


def test_the_bare_model_answers_each_row(tmp_path: Path) -> None:
    (output,) = bare(rows(tmp_path, 5))()
    assert output.shape == (5, 1)
