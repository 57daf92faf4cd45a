"""What a cell needs to be computed, and what a plan says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spikeproof.base import arithmetic, check_at_least, check_device

__all__ = ["ComputePlan", "Resources"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a cell needs of the machine that computes it.

    Args:
        threads: Of the numeric libraries. The order of sums, and so the last bits, depend on it.
        device: Where the network and what it is asked about live.
        batch_size: Rows through the network at a time in attacks and probes; what memory holds
            where None. No part of an id: it changes no verdict.
    Example:
        >>> Resources().record()
        {'threads': 1}
    """

    threads: int = 1
    device: str = "cpu"
    batch_size: int | None = None

    def record(self) -> dict[str, Any]:
        """What enters the id of a cell; the CPU goes without saying."""
        return {"threads": self.threads, **arithmetic(self.device)}

    def plain(self) -> dict[str, Any]:
        """Everything, for ``plan.json``; a batch size only where one is asked for."""
        asked = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return {"threads": self.threads, "device": self.device, **asked}


@dataclass(frozen=True, kw_only=True)
class ComputePlan:
    """The ``[compute]`` table: where cells are computed, and how much at a time.

    Only a device other than the CPU changes bits, and with them the ids of cells.

    Args:
        executor: A name from ``EXECUTORS``, or its record with settings; what ``workers`` says
            where absent.
        device: Where the networks live: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``. On CUDA algorithms
            are deterministic and TF32 is off.
        batch_size: Rows through a network at a time in attacks and probes; what memory holds where
            absent, at most 256. It changes no verdict.
    """

    executor: str | dict[str, Any] | None = None
    device: str = "cpu"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        check_device(self.device, "[compute] device")
        if self.batch_size is not None:
            check_at_least(1, self.batch_size, "[compute] batch_size")

    @property
    def resources(self) -> Resources:
        """What each cell asks of a machine."""
        return Resources(device=self.device, batch_size=self.batch_size)

    def record(self) -> dict[str, Any]:
        """Plain data; settings that came later only where they are not the default."""
        later = {"device": (self.device, "cpu"), "batch_size": (self.batch_size, None)}
        asked = {name: value for name, (value, usual) in later.items() if value != usual}
        return {"executor": self.executor, **asked}
