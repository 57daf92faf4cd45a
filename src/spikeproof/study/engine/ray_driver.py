"""The process that speaks with Ray, and what a task of Ray does."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from spikeproof.base import SpikeproofError, write_atomic
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done, attempt
from spikeproof.study.engine.graph import Graph
from spikeproof.study.engine.orphans import shared, token_in, working_for
from spikeproof.study.store import CellFolder

__all__ = ["compute", "drive", "files_of", "receive"]

# Handed to the workers of the cluster, whose own environment is that of their nodes.
_HANDED_ON = ("SPIKEPROOF_DATA",)
_STORE = 200 * 2**20  # bytes of shared memory, where Ray is started for this run alone

Work = Sequence[tuple[Cell, str | None, dict[str, Any]]]


def drive(connection: Connection, cells: Path, address: str | None) -> None:
    """Compute cells on a Ray cluster; what a process of its own does.

    Args:
        connection: Brings the cells with what each waits for and needs; takes each ``Done``, at
            last None, or a sentence where Ray cannot be reached.
        cells: The folder that holds one folder per cell.
        address: Of the cluster.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_follow, daemon=True).start()
    work: Work = connection.recv()
    import ray

    try:
        _connect(ray, address)
    except Exception as problem:  # Ray's own, of many kinds
        connection.send(
            f"Ray cannot be used at {address or 'this machine'}: {_first_line(problem)} Look at "
            "'ray status' on its head node, or name another --address."
        )
        return
    try:
        with token_in(cells.parent) as token:
            for done in _Driver(ray, cells, token).ends(work):
                connection.send(done)
        connection.send(None)
    except SpikeproofError as problem:
        connection.send(str(problem))
    ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    """Connect to a cluster, or start one of this machine."""
    variables = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if variables:
        options["runtime_env"] = {"env_vars": variables}
    if address is None and "RAY_ADDRESS" not in os.environ:
        options |= {"include_dashboard": False, "object_store_memory": _STORE}
    ray.init(address=address, **options)


@dataclass
class _Driver:
    """Hands cells to Ray and takes their results."""

    ray: Any
    cells: Path
    token: tuple[str, str]
    graph: Graph = field(default_factory=Graph)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    flight: dict[Any, Cell] = field(default_factory=dict)
    networks: dict[str, Any] = field(default_factory=dict)

    def ends(self, work: Work) -> Iterator[Done]:
        """Yield how each cell ended, as soon as it has."""
        for cell, after, options in work:
            self.graph.add(cell, after=after)
            self.options[cell.id] = options
        remote = self.ray.remote(compute)
        while self.graph:
            while (ready := self.graph.next()) is not None:
                task = remote.options(**self.options[ready.id])
                ref = task.remote(ready, str(self.cells), self.token, self._network(ready))
                self.flight[ref] = ready
            for ref in self.ray.wait(list(self.flight))[0]:
                yield from self.graph.end(self._take(ref, self.flight.pop(ref)))

    def _network(self, cell: Cell) -> list[Any]:
        """The files of the network that a cell looks at, fetched by workers that cannot see it."""
        if cell.parent is None:
            return []
        if cell.parent not in self.networks:
            files = files_of(self.cells / cell.parent)
            self.networks[cell.parent] = self.ray.put(files)
        # In a list Ray hands on the reference and not what it refers to.
        return [self.networks[cell.parent]]

    def _take(self, ref: Any, cell: Cell) -> Done:
        """The end of a cell, with its files written here where they came over Ray."""
        try:
            done, files = self.ray.get(ref)
            if files is not None:
                receive(self.cells / cell.id, files)
        except Exception as problem:
            times = self.options[cell.id]["max_retries"] + 1
            error = f"its Ray task was lost, after {times} tries at most: {_first_line(problem)}"
            return Done(cell.id, 0.0, error)
        return cast(Done, done)


def compute(
    cell: Cell, cells: str, token: tuple[str, str], network: list[Any]
) -> tuple[Done, dict[str, bytes] | None]:
    """Compute one cell on whichever node Ray chose.

    Args:
        cell: What to compute.
        cells: The folder of the cells, on the machine of the driver.
        token: Path and content of a file that says whether this is the same folder here.
        network: Reference of the files of the network that it looks at, or nothing.
    Returns:
        How it ended, and its files where the folder is not shared.
    """
    if shared(token):
        with working_for(token):
            return attempt(Path(cells), cell), None
    import ray

    with tempfile.TemporaryDirectory(prefix="spikeproof-") as folder:
        here = Path(folder)
        for ref in network:
            for name, content in ray.get(ref).items():
                write_atomic(here / str(cell.parent) / name, content)
        done = attempt(here, cell)
        return done, files_of(here / cell.id)


def files_of(folder: Path) -> dict[str, bytes]:
    """Name → bytes of the files of a cell."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def receive(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a cell that was computed where its folder is not seen, record last.

    Raises:
        FileProblem: one cannot be written, or is not what the record says.
    """
    for name in sorted(files, key=lambda name: name == "record.json"):
        if Path(name).name == name and not name.startswith("."):
            write_atomic(folder / name, files[name])
    if "record.json" in files:
        CellFolder(folder).read()
        CellFolder(folder).forget_failure()


def _follow() -> None:
    """End this process once its parent has ended, even by kill -9."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _first_line(problem: BaseException) -> str:
    """What a problem says first, as a sentence."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    said = f"{type(problem).__name__}: {lines[0] if lines else 'it says nothing'}"
    return said if said.endswith(".") else f"{said}."
