"""Worker processes: started when there is work, fed one cell at a time, replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar

from spikeproof.allocator import tune_allocator
from spikeproof.base import FileProblem, SpikeproofError
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done, attempt, single_thread
from spikeproof.study.engine.graph import Graph
from spikeproof.study.interrupt import Interrupted, interruptible
from spikeproof.study.store import CellFolder

__all__ = ["Pool"]

_READY = "ready"  # what a worker says once it has imported everything
_PATIENCE = 10.0  # seconds until a process that was asked to end is ended


class Pool:
    """The cells of one run and the processes that compute them.

    Args:
        cells: The folder that holds one folder per cell.
        workers: How many processes at most.
    """

    def __init__(self, cells: Path, workers: int) -> None:
        self._cells = cells
        self._most = workers
        self._graph = Graph()
        self._workers: list[_Worker] = []

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        """Hand over a cell; processes begin when the ends are asked for."""
        self._graph.add(cell, after=after)

    def ended(self) -> Iterator[Done]:
        """Yield how each cell ended, as soon as it has.

        Raises:
            SpikeproofError: no process could begin.
            Interrupted: this process was asked to stop; trainings have ended their epochs.
        """
        try:
            yield from self._ended()
        except Interrupted:
            self._interrupt()
            raise

    def _ended(self) -> Iterator[Done]:
        while self._graph:
            self._feed()
            ends = [end for worker in self._active() for end in self._listen(worker)]
            self._feed()  # before whoever reads the ends takes their time
            yield from sorted(ends, key=lambda end: end.id)

    def close(self) -> None:
        """End every process: at once where a cell is being computed, which loses that cell."""
        for worker in self._workers:
            worker.end()
        for worker in self._workers:
            worker.join()
        self._workers.clear()

    def _interrupt(self) -> None:
        """Ask the processes to stop, and wait for those that end an epoch first."""
        training = [w for w in self._workers if w.cell is not None and w.cell.kind == "train"]
        for worker in training:
            worker.interrupt()
        for worker in training:
            # Its answer, or its end: either way nothing is left to wait for.
            wait([worker.connection, worker.process.sentinel])

    def _feed(self) -> None:
        """Give every cell that may begin to a process, as long as there are any."""
        while True:
            idle = next((worker for worker in self._workers if worker.cell is None), None)
            if idle is None and len(self._workers) >= self._most:
                return
            cell = self._graph.next()
            if cell is None:
                return
            if idle is None:
                self._workers.append(idle := _Worker(self._cells))
            if not idle.give(cell):
                # It died while it had nothing to do: that fails no cell.
                self._dismiss(idle)
                self._graph.requeue(cell)

    def _active(self) -> list[_Worker]:
        """Wait until something happens, and return the busy workers that have to do with it."""
        busy = {worker: worker.process.sentinel for worker in self._workers if worker.cell}
        happened = wait([*(worker.connection for worker in busy), *busy.values()])
        return [
            w for w, sentinel in busy.items() if w.connection in happened or sentinel in happened
        ]

    def _listen(self, worker: _Worker) -> list[Done]:
        """What a worker has to say: that it is ready, how its cell ended, or nothing any more."""
        try:
            # What it said before it died still counts.
            message = worker.connection.recv() if worker.connection.poll() else None
        except (EOFError, OSError):
            message = None
        if isinstance(message, Done):
            cell, worker.cell = worker.cell, None
            if message.interrupted and cell is not None:
                self._graph.requeue(cell)
                return []
            return self._graph.end(message)
        if message == _READY:
            worker.ready = True
            return []
        return self._lost(worker)

    def _lost(self, worker: _Worker) -> list[Done]:
        """A worker died. Its cell failed, unless the process had not even begun."""
        cell, seconds = worker.cell, time.perf_counter() - worker.begun
        assert cell is not None
        self._dismiss(worker)
        why = worker.obituary()
        if worker.ready:
            error = f"its worker process {why}. Run again to try it again, with fewer workers if "
            error += "memory is short."
            try:
                CellFolder(self._cells / cell.id).note_failure(error, "")
            except FileProblem as full:
                error = f"{error} ({full})"
            return self._graph.end(Done(cell.id, seconds, error))
        self._graph.requeue(cell)
        self._most -= 1
        if not self._most:
            raise SpikeproofError(
                f"No worker process could begin: the last one {why}. What was finished is intact. "
                "In a script of your own, call run() under `if __name__ == '__main__':`; if memory "
                "is short, run again with fewer workers."
            )
        return []

    def _dismiss(self, worker: _Worker) -> None:
        """Forget a worker that died."""
        self._workers.remove(worker)
        worker.join()


@dataclass(eq=False)
class _Worker:
    """One process, and the cell that it computes."""

    cells: Path
    cell: Cell | None = None
    ready: bool = False
    begun: float = 0.0

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, self.cells))
        with _worker_environment():
            self.process.start()
        theirs.close()  # so that the end of the process is the end of the connection

    def give(self, cell: Cell) -> bool:
        """Hand over a cell; False where the process is gone."""
        try:
            self.connection.send(cell)
        except OSError:
            return False
        self.cell, self.begun = cell, time.perf_counter()
        return True

    def interrupt(self) -> None:
        """Ask the process to stop what it computes, after the epoch if it trains."""
        if self.ready and self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGUSR1)
        else:
            self.process.terminate()

    def end(self) -> None:
        """Let the process go: with a word if it is idle, by force if it computes."""
        if self.cell is None:
            try:
                self.connection.send(None)
            except OSError:
                self.process.terminate()
        else:
            self.process.terminate()

    def join(self) -> None:
        """Wait until the process has ended, by force if need be."""
        self.connection.close()
        self.process.join(_PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()

    def obituary(self) -> str:
        """How the process ended, in words."""
        code = self.process.exitcode or 0
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name
        return f"was ended by {name}" + (
            ", perhaps for lack of memory" if name == "SIGKILL" else ""
        )


class _worker_environment:
    """Inside, new processes start with one thread per numeric library."""

    _SET: ClassVar[dict[str, str]] = {
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._SET}
        os.environ.update(self._SET)

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(connection: Connection, cells: Path) -> None:
    """What a worker does: compute what it is given until it is given None."""
    tune_allocator()
    single_thread()
    # The terminal sends Ctrl-C to every process; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    try:
        with interruptible((signal.SIGUSR1,)):  # SIGTERM is how the parent ends it at once
            connection.send(_READY)
            while (cell := connection.recv()) is not None:
                connection.send(_attempt(cells, cell))
    except (EOFError, OSError, Interrupted):
        return  # the parent has closed its end, or there was nothing to do


def _attempt(cells: Path, cell: Cell) -> Done:
    """Compute a cell, or say that it was interrupted."""
    begun = time.perf_counter()
    try:
        return attempt(cells, cell)
    except Interrupted:
        return Done(cell.id, time.perf_counter() - begun, interrupted=True)


def _follow(sentinel: int) -> None:
    """End this process once its parent has ended, even by kill -9."""
    wait([sentinel])
    os._exit(1)
