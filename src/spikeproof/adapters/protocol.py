"""What was found out about a network of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spikeproof.base import record_of

__all__ = ["Reading"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found out about a network, for users and records.

    Args:
        library: What it is made with.
        version: Of that.
        spiking: Spiking layers found.
        rules: Whether gradient rules of the package reach its layers.
        resets: What an attacker may choose in it, ``"kept"`` and ``"detached"``.
        time: Where the time axis of its input is.
        reduce: How its answer became logits.
        stateful: Whether it carried state between calls.
        notes: One sentence each.
    """

    library: str
    version: str
    spiking: int = 0
    rules: bool = False
    resets: tuple[str, ...] = ()
    time: str = "none"
    reduce: str = "logits"
    stateful: bool = False
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return record_of(self)
