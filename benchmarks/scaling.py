"""How well a study uses several workers, and what it would do with a thousand.

Measured: the same small study with two workers on each engine that is here (processes; Ray with
two raylets; a Slurm of one node and two cores). Efficiency is the time that cells were being
computed, added up, as a share of two workers' time between the first cell's begin and the last
one's end; both are measured in the same run, so that other load on the machine cancels. Target:
0.9. Overhead per cell is what passes between two cells of one worker; the start of an engine, once
per run, stands beside it. Ray's hand-over is the time of a task that does nothing, 500 of them.

Simulated: the measured cells, repeated until there are 12,000, on up to 1,000 workers, in the
order in which the package's own bookkeeping hands them out. The driver hands over one cell at a
time, each cell costs its worker the measured overhead. How fast a cluster's own scheduler is, its
network and its disk are not in it.

    .venv-cluster/bin/python benchmarks/scaling.py
"""

from __future__ import annotations

import heapq
import importlib.util
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from harness import write

from spikeproof.study import (
    Cell,
    DataPlan,
    Done,
    Plan,
    ProcessPool,
    Ray,
    RunFolder,
    Slurm,
    TrainingPlan,
    cells_of,
    run,
)
from spikeproof.study.engine.graph import Graph

ROOT = Path(__file__).resolve().parents[1]
TARGET = 0.9
CELLS = 12_000
SEEDS = 3
LONGER = 20  # cells of so many times the measured length, as those of larger networks are
WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
TASKS = 500
STORE = 100 * 2**20


def study(seeds: int) -> Plan:
    """A small study: per seed one network, three ladders and a probe."""
    data = DataPlan(
        name="digits", model="cnn-small", timesteps=4, width=4, epochs=3, train_items=400,
        threats=("linf", "l2", "l0"),
    )  # fmt: skip
    error = {"kind": "cross_entropy", "weight": 1.0}
    return Plan(
        name="scaling",
        data=(data,),
        training=(TrainingPlan(name="plain", terms={"error": error}),),
        seeds=tuple(range(seeds)),
        items=16,
        draws=2,
        probe_items=8,
    )


def timed(plan: Plan, executor: Any) -> tuple[dict[str, tuple[float, float]], float]:
    """Begin and end of each cell, seconds after the start, and how long the start took."""
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()

        def note(at: Any) -> None:
            if at.title:
                ends.append(time.perf_counter() - begun)
                titles.append(at.title)

        titles: list[str] = []
        run(plan, folder, executor=executor, progress=note)
        place = RunFolder(folder)
        seconds = {cell.title: place.cell(cell).seconds() for cell in cells_of(plan)}
    spans = {title: (end - seconds[title], end) for title, end in zip(titles, ends, strict=True)}
    return spans, min(begin for begin, _ in spans.values())


def measured(name: str, executor: Any, plan: Plan) -> dict[str, Any]:
    """A row: two workers against cells without anything between them."""
    spans, start = timed(plan, executor)
    busy = sum(end - begin for begin, end in spans.values())
    wall = max(end for _, end in spans.values()) - start
    efficiency = busy / (2 * wall)
    return {
        "work": f"{name}, two workers, {len(spans)} cells",
        "against": "nothing between cells",
        "ours_s": wall,
        "theirs_s": busy / 2,
        "ratio": wall / (busy / 2),
        "target": 1 / TARGET,
        "met": efficiency >= TARGET,
        "efficiency": efficiency,
        "cell_seconds": busy / len(spans),
        "idle_seconds_per_cell": (2 * wall - busy) / len(spans),
        "start_seconds": start,
    }


def gaps(executor: Any, plan: Plan) -> float:
    """Seconds between two cells of one worker, the median."""
    spans = sorted(timed(plan, executor)[0].values())
    between = [later[0] - earlier[1] for earlier, later in itertools.pairwise(spans)]
    return max(0.0, statistics.median(between))


@contextmanager
def rays(nodes: int) -> Iterator[str]:
    """The address of a Ray with so many raylets of one core."""
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = f"{ROOT / 'src'}:{os.environ.get('PYTHONPATH', '')}"
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False},
    )
    for _ in range(nodes):
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


def hand_over(address: str) -> float:
    """Seconds of a task of Ray that does nothing."""
    import ray

    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    nothing = ray.remote(_nothing)
    ray.get([nothing.remote() for _ in range(20)])
    begun = time.perf_counter()
    ray.get([nothing.remote() for _ in range(TASKS)])
    taken = (time.perf_counter() - begun) / TASKS
    ray.shutdown()
    return taken


def _nothing() -> None:
    """What such a task does."""


@contextmanager
def slurms(cores: int) -> Iterator[None]:
    """A Slurm of one node in the environment of this process."""
    sys.path.insert(0, str(ROOT))
    from tests.cluster.one_node import OneNode

    with tempfile.TemporaryDirectory(dir="/tmp", prefix="slurm-") as folder:
        node = OneNode(Path(folder), cpus=cores)
        os.environ |= {key: node.environment[key] for key in ("PATH", "SLURM_CONF")}
        os.environ["PYTHONPATH"] = f"{ROOT / 'src'}:{os.environ.get('PYTHONPATH', '')}"
        node.start()
        try:
            yield
        finally:
            node.stop()


def simulated(family: list[Cell], seconds: dict[str, float], costs: tuple[float, float]) -> Any:
    """Efficiency with each number of workers.

    Args:
        family: A network and what looks at it.
        seconds: Id → measured time.
        costs: Overhead per cell of its worker, and of the driver.
    """
    overhead, driver = costs
    cells = [
        replace(cell, id=f"{n}-{cell.id}", parent=cell.parent and f"{n}-{cell.parent}",
                cost=seconds[cell.id])
        for n in range(CELLS // len(family))
        for cell in family
    ]  # fmt: skip
    total = sum(cell.cost for cell in cells)
    return {str(w): total / (w * _makespan(cells, w, overhead, driver)) for w in WORKERS}


def _makespan(cells: list[Cell], workers: int, overhead: float, driver: float) -> float:
    """When the last cell ends."""
    graph = Graph()
    for cell in cells:
        graph.add(cell, after=cell.parent)
    running: list[tuple[float, str]] = []
    now = 0.0
    while graph:
        while len(running) < workers and (cell := graph.next()) is not None:
            now += driver  # one at a time
            heapq.heappush(running, (now + overhead + cell.cost, cell.id))
        end, id = heapq.heappop(running)
        now = max(now, end)
        graph.end(Done(id, 0.0))
    return now


def main() -> None:
    """Measure, simulate and store, after every engine: the last one may not be here."""
    torch.set_num_threads(1)
    plan, one = study(seeds=SEEDS), study(seeds=1)
    family = cells_of(one)
    with tempfile.TemporaryDirectory() as folder:
        run(one, folder, executor="in-process")
        seconds = {cell.id: RunFolder(folder).cell(cell).seconds() for cell in family}
    rows = [measured("processes", ProcessPool(workers=2), plan)]
    costs = {"processes": (gaps(ProcessPool(workers=1), one), 0.0)}
    store(family, seconds, rows, costs)
    if importlib.util.find_spec("ray") is not None:
        with rays(2) as address:
            rows.append(measured("Ray", Ray(address=address), plan))
            driver = hand_over(address)
        with rays(1) as address:
            costs["Ray"] = (gaps(Ray(address=address), one), driver)
        store(family, seconds, rows, costs)
    with suppress(OSError, RuntimeError), slurms(2):
        quick = Slurm(poll=0.5, patience=5.0, memory="500M")
        rows.append(measured("Slurm", quick, plan))
        costs["Slurm"] = (rows[-1]["idle_seconds_per_cell"], 0.0)
        more = study(seeds=2 * SEEDS)
        rows.append(measured("Slurm, 3 cells per task", replace(quick, per_task=3), more))
        store(family, seconds, rows, costs)


def store(
    family: list[Cell],
    seconds: dict[str, float],
    rows: list[dict[str, Any]],
    costs: dict[str, tuple[float, float]],
) -> None:
    """Store what was measured, and what follows for more workers."""
    longer = {id: LONGER * taken for id, taken in seconds.items()}
    write(
        "scaling",
        rows,
        cells={cell.title: seconds[cell.id] for cell in family},
        overhead_seconds={name: {"worker": a, "driver": b} for name, (a, b) in costs.items()},
        simulated={name: simulated(family, seconds, pair) for name, pair in costs.items()},
        simulated_longer={name: simulated(family, longer, pair) for name, pair in costs.items()},
    )


if __name__ == "__main__":
    main()
