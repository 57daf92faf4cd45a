"""Executors: what may begin and in which order, names in plans and on the command line."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from spikeproof.base import InputError, SettingError
from spikeproof.study import (
    EXECUTORS,
    Cell,
    ComputePlan,
    Done,
    InProcess,
    Plan,
    ProcessPool,
    attempt,
    cells_of,
    load_plan,
    run,
)
from spikeproof.study.engine import executor_from
from spikeproof.study.engine.graph import Graph
from support.run_files import contents


def cell(id: str, cost: float, parent: str | None = None) -> Cell:
    kind = "probe" if parent else "train"
    content = {"kind": kind, "data": "d", "training": id, "seed": 0}
    return Cell(
        id=id, cell=content, parent=parent, data_sha256="", code_sha256="", cost=cost
    )  # fmt: skip


def test_the_longest_chain_begins_first_and_nothing_before_its_network() -> None:
    graph = Graph()
    cells = [cell("a", 1.0), cell("b", 3.0), cell("a1", 5.0, "a"), cell("a2", 1.0, "a")]
    for one in (*cells, cell("b1", 2.0, "b")):
        graph.add(one, after=one.parent)
    # Chains: a with a1 is 6 long, b with b1 is 5.
    assert [graph.next(), graph.next(), graph.next()] == [cells[0], cells[1], None]
    assert graph.end(Done("a", 1.0)) == [Done("a", 1.0)]
    assert [graph.next(), graph.next(), graph.next()] == [cells[2], cells[3], None]
    assert graph.end(Done("b", 1.0, "No.")) == [
        Done("b", 1.0, "No."),
        Done("b1", 0.0, "its network is missing, as d · b · seed 0 · train failed."),
    ]
    assert graph
    graph.end(Done("a1", 1.0))
    graph.end(Done("a2", 1.0))
    assert not graph


def test_many_cells_are_handed_out_in_the_order_of_their_chains() -> None:
    costs = random.Random(3)
    heads = [cell(f"h{n}", costs.uniform(1, 9)) for n in range(40)]
    behind = [
        cell(f"{head.id}f{n}", costs.uniform(1, 9), head.id) for head in heads for n in range(3)
    ]
    graph = Graph()
    for one in (*heads, *behind):
        graph.add(one, after=one.parent)
    waiting, done = [*heads, *behind], set[str]()

    def length(one: Cell) -> float:
        return one.cost + max((f.cost for f in waiting if f.parent == one.id), default=0.0)

    while waiting:
        may_begin = [one for one in waiting if one.parent is None or one.parent in done]
        first = graph.next()
        assert first == max(may_begin, key=length)
        waiting.remove(first)
        done.add(first.id)
        graph.end(Done(first.id, 0.0))
    assert graph.next() is None
    assert not graph


def test_a_cell_that_waits_for_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="waits for the cell z, which was not submitted"):
        Graph().add(cell("a", 1.0, "z"), after="z")


class Backwards:
    """An executor of somebody else's: remembers what it was told, and takes the last one first."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def open(self, cells: Path) -> Backwards:
        self.cells, self.waiting, self.ready = cells, dict[str, list[Cell]](), list[Cell]()
        return self

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        queue = self.ready if after is None else self.waiting.setdefault(after, [])
        queue.append(cell)

    def ended(self) -> Iterator[Done]:
        while self.ready:
            cell = self.ready.pop()
            self.order.append(cell.id)
            yield attempt(self.cells, cell)
            self.ready += self.waiting.pop(cell.id, [])

    def close(self) -> None:
        self.order.append("closed")


def test_an_attack_begins_once_its_own_network_is_there_and_bytes_do_not_care(
    tmp_path: Path, tiny: Plan, whole: Path
) -> None:
    mine = Backwards()
    assert run(tiny, tmp_path, executor=mine).complete
    assert contents(tmp_path) == contents(whole)
    kinds = {cell.id: cell.kind for cell in cells_of(tiny)}
    trained = [kinds[id] == "train" for id in mine.order[:-1]]
    assert trained == [True, *[False] * 4] * 2
    assert mine.order[-1] == "closed"


def test_an_executor_goes_by_its_name(tmp_path: Path, tiny: Plan, whole: Path) -> None:
    assert list(EXECUTORS) == ["in-process", "processes", "ray", "slurm"]
    assert executor_from(None, 1) == executor_from("in-process", 4) == InProcess()
    assert executor_from(None, 4) == executor_from("processes", 4) == ProcessPool(workers=4)
    assert executor_from({"kind": "processes", "workers": 2}, 4) == ProcessPool(workers=2)
    with pytest.raises(SettingError, match="Unknown executor 'process'. Did you mean 'processes'"):
        executor_from("process", 1)
    shorter = dataclasses.replace(tiny, compute=ComputePlan(executor="in-process"), workers=3)
    run(shorter, tmp_path)
    assert contents(tmp_path / "cells") == contents(whole / "cells")


def test_a_plan_names_its_executor_and_a_mistake_is_told(tmp_path: Path) -> None:
    quick = Path(__file__).parents[2] / "src/spikeproof/study/plans/quick.toml"
    text = quick.read_text(encoding="utf-8")
    path = tmp_path / "plan.toml"
    path.write_text(text + '\n[compute]\nexecutor = { kind = "processes", workers = 3 }\n')
    plan = load_plan(path)
    assert plan.compute.executor == {"kind": "processes", "workers": 3}
    assert Plan.from_record(plan.record()) == plan
    older = {key: value for key, value in plan.record().items() if key != "compute"}
    assert Plan.from_record(older).compute == ComputePlan()
    for wrong, sentence in (
        ('executor = "proceses"', r"\[compute\]: Unknown executor 'proceses'. Did you mean"),
        ('executer = "processes"', r"\[compute\]: unknown setting 'executer'"),
    ):
        path.write_text(f"{text}\n[compute]\n{wrong}\n")
        with pytest.raises(SettingError, match=sentence):
            load_plan(path)
