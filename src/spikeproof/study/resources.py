"""What a cell needs to be computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Resources"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a cell needs of the machine that computes it; the same for every cell so far.

    Args:
        threads: Of the numeric libraries. The order of sums, and so the last bits, depend on it.
        device: Where tensors live.
    Example:
        >>> Resources().record()
        {'threads': 1}
    """

    threads: int = 1
    device: str = "cpu"

    def record(self) -> dict[str, Any]:
        """What enters the id of a cell; the CPU goes without saying."""
        return {"threads": self.threads} | ({} if self.device == "cpu" else {"device": self.device})
