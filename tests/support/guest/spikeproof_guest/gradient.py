"""A gradient rule."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spikeproof.neurons import Firing

__all__ = ["Flat"]


@dataclass(frozen=True, kw_only=True)
class Flat:
    """Every spike is handed back the same slope.

    Args:
        slope: Of a spike with respect to the drive.
    """

    slope: float = 0.5

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        return firing.straight(self.slope)
