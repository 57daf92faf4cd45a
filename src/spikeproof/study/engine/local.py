"""Executors for one machine: this process, or a pool of fresh ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import ClassVar

from spikeproof.base import SpikeproofError, check_positive
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done, attempt, single_thread

__all__ = ["InProcess", "ProcessPool"]


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """Compute one cell after the other in this process, on one thread."""

    def map(self, cells: Path, work: Sequence[Cell]) -> Generator[Done, None, None]:
        """Yield how each cell ended, in the order given."""
        for cell in work:
            yield attempt(cells, cell)


@dataclass(frozen=True, kw_only=True)
class ProcessPool:
    """Compute cells in fresh processes, one thread each.

    Processes are spawned, not forked: a fork would copy locks of torch's threads. A worker whose
    parent dies ends itself.

    Args:
        workers: How many processes.
    """

    workers: int

    def __post_init__(self) -> None:
        check_positive(self, "workers")

    def map(self, cells: Path, work: Sequence[Cell]) -> Generator[Done, None, None]:
        """Yield how each cell ended, as soon as it has.

        Raises:
            SpikeproofError: a worker died; what was finished before is intact.
        """
        pool = ProcessPoolExecutor(
            max_workers=min(self.workers, max(1, len(work))),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
        )
        finished = False
        try:
            with _worker_environment():
                pending = {pool.submit(attempt, cells, cell) for cell in work}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from _results(done)
            finished = True
        except BrokenProcessPool:
            raise SpikeproofError(
                "A worker process died, perhaps for lack of memory. What was finished is intact: "
                "run again with fewer workers. In a script of your own, call run() under "
                "`if __name__ == '__main__':`."
            ) from None
        finally:
            # Files are whole or absent, so a worker may be stopped at any moment.
            processes = list((pool._processes or {}).values())
            if not finished:
                for process in processes:
                    process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)


def _results(done: set[Future[Done]]) -> Iterator[Done]:
    """The results of futures that are done, in a fixed order."""
    yield from sorted((future.result() for future in done), key=lambda result: result.id)


class _worker_environment:
    """Inside, new processes start with one thread per numeric library and keep freed memory.

    The C library otherwise hands every large tensor back to the system and faults it in again at
    the next step, a good part of the time of a small network. It changes no number.
    """

    _SET: ClassVar[dict[str, str]] = {
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
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


def _begin() -> None:
    """Set up a worker: one thread, deaf to Ctrl-C, and gone when its parent is."""
    single_thread()
    # The terminal sends Ctrl-C to every process; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    """End this process once its parent has ended, even by kill -9."""
    wait_for([sentinel])
    os._exit(1)
