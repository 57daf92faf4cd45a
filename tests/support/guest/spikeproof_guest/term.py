"""A term of an objective."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spikeproof.train import Forward

__all__ = ["LogitSize"]


@dataclass(frozen=True, kw_only=True)
class LogitSize:
    """Penalise large logits: the mean of their squares.

    Args:
        scale: What logits are divided by.
    """

    scale: float = 1.0

    def __call__(self, forward: Forward) -> Tensor:
        """The mean over items."""
        return (forward.logits / self.scale).square().mean()
