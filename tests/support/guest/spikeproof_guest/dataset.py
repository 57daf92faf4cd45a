"""A data set that is made: bars of two directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import seeds
from spikeproof.data import Domain, Facts

__all__ = ["Bars"]


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Make images of one bright row (class 0) or one bright column (class 1), with noise.

    Args:
        count: How many items there are.
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=2,
        title="Bars",
        unit="brightness, 0–1",
        licence="CC0",
        source="Bars drawn by the guest package.",
        radii={"linf": (0.05, 0.1, 0.2), "half": (0.1, 0.2, 0.4)},
        training={"model": "cnn-small", "timesteps": 2, "width": 4, "epochs": 2},
    )

    count: int = 240

    @property
    def domain(self) -> Domain:
        """Legal images."""
        return Domain(kind="image", shape=(1, 8, 8))

    def labels(self) -> Tensor:
        """The direction of every bar."""
        return torch.arange(self.count) % 2

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The images of ``items``."""
        x = 0.3 * seeds(seed, items=items).child("bars").uniform((1, 8, 8))
        for image, item in zip(x, items.tolist(), strict=True):
            place = (item // 2) % 8
            if item % 2:
                image[0, :, place] += 0.7
            else:
                image[0, place] += 0.7
        return x.clamp(0, 1)
