"""Cells as tasks of a Ray cluster, with a folder that its nodes share or without one."""

from __future__ import annotations

import importlib.util
import multiprocessing
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from spikeproof.base import SettingError, SpikeproofError, check_at_least
from spikeproof.study.cells import Cell
from spikeproof.study.compute import Done
from spikeproof.study.engine.executor import Session
from spikeproof.study.engine.ray_driver import drive

__all__ = ["Ray"]

_ANSWER = 10.0  # seconds within which an address must answer
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, kw_only=True)
class Ray:
    """Compute every cell as a task of a Ray cluster.

    Every node needs this package, in the version of the machine that runs the study. Where a node
    sees the run folder under the same path, its cells are written there, and a training that was
    lost goes on from its last epoch. Where it does not, the network that a cell looks at is sent
    along and the files come back over Ray; a training that is lost with its node begins anew.

    Args:
        address: Of the cluster, ``"host:6379"``, ``"ray://host:10001"`` or ``"auto"``; where absent
            what ``RAY_ADDRESS`` says, and otherwise a Ray of this machine alone.
        memory: That Ray sets aside per cell, ``"4G"``; nothing where absent.
        gpus: Per cell, shares of one allowed; one for cells on a GPU, otherwise none, where absent.
        retries: How often a cell is tried again whose worker or node was lost.
    Example:
        >>> Ray(address="auto", memory="2G").retries
        3
    """

    address: str | None = None
    memory: str | None = None
    gpus: float | None = None
    retries: int = 3

    def __post_init__(self) -> None:
        check_at_least(0, self.retries, "Ray.retries")
        if self.memory is not None and _bytes(self.memory) is None:
            raise SettingError(
                f"Ray.memory is written as a number and K, M or G; got {self.memory!r}."
            )

    def open(self, cells: Path) -> Session:
        """Return a session whose cells go to the cluster when their ends are asked for.

        Raises:
            SettingError: Ray is not installed, or nobody answers at the address.
        """
        if importlib.util.find_spec("ray") is None:
            raise SettingError(
                "The executor 'ray' needs Ray, which is not installed here; "
                "pip install 'spikeproof[ray]', or choose another executor."
            )
        place = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", self.address or "")
        if place is not None:
            try:
                socket.create_connection((place[1], int(place[2])), _ANSWER).close()
            except (OSError, OverflowError) as problem:
                raise SettingError(
                    f"No Ray answers at {self.address} ({problem}); see 'ray status' on its head "
                    "node, or name another --address."
                ) from None
        return _Session(self, cells.resolve())

    def options(self, cell: Cell) -> dict[str, object]:
        """What Ray is asked for on behalf of a cell."""
        needs = cell.resources
        gpus = float(needs.device != "cpu") if self.gpus is None else self.gpus
        asked = {
            "num_cpus": needs.threads,
            "num_gpus": gpus or None,
            "memory": None if self.memory is None else _bytes(self.memory),
        }
        named = {key: value for key, value in asked.items() if value is not None}
        return {"max_retries": self.retries, "name": cell.title, **named}


class _Session:
    """The cells of one run, and the process that speaks with Ray.

    Ray ends the process that uses it when its head is lost; so that is another one than this.
    """

    def __init__(self, settings: Ray, cells: Path) -> None:
        self._settings = settings
        self._cells = cells
        self._work: list[tuple[Cell, str | None, dict[str, object]]] = []
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=drive, args=(theirs, cells, settings.address))
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the connection

    def submit(self, cell: Cell, *, after: str | None = None) -> None:
        """Hand over a cell."""
        self._work.append((cell, after, self._settings.options(cell)))

    def ended(self) -> Iterator[Done]:
        """Yield how each cell ended, as soon as it has.

        Raises:
            SpikeproofError: Ray cannot be reached, or went away.
        """
        try:
            self._connection.send(self._work)
            while True:
                wait([self._connection])
                message = self._connection.recv()
                if message is None:
                    return
                if isinstance(message, str):
                    raise SpikeproofError(message)
                yield message
        except (EOFError, OSError):
            self._process.join()
            raise SpikeproofError(
                f"Ray at {self._settings.address or 'this machine'} went away (its driver ended "
                f"with exit code {self._process.exitcode}); what was finished is intact. Run again "
                "when it is back, or with another executor."
            ) from None

    def close(self) -> None:
        """End the process that speaks with Ray; Ray then ends what it computes for it."""
        self._connection.close()
        self._process.join(5)
        for end in (self._process.terminate, self._process.kill):
            if self._process.exitcode is None:
                end()
                self._process.join(5)


def _bytes(text: str) -> int | None:
    """A size such as ``"4G"``; None where it is not one."""
    found = re.fullmatch(r"(\d{1,12})([KMG]?)B?", text)
    return None if found is None else int(found[1]) * _UNITS[found[2]]
