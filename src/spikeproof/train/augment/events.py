"""Random changes of event counts: shift in space, jitter in time, drop events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, check_count, check_fraction
from spikeproof.data import Domain
from spikeproof.train.augment.images import check_shift, drawn, moved

__all__ = ["DropEvents", "JitterTime", "ShiftEvents"]


@dataclass(frozen=True, kw_only=True)
class ShiftEvents:
    """Move all events of an item by whole pixels; what leaves the sensor is lost.

    Args:
        pixels: Largest shift per axis, at least 1.
    """

    kind: ClassVar[str] = "events"

    pixels: int = 2

    def __post_init__(self) -> None:
        check_count(self, "pixels")

    def check(self, domain: Domain) -> None:
        """Raise SettingError where every item could be moved out of sight."""
        check_shift(self, "pixels", domain.shape[-2:])

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Shifted counts ``(N, T, C, H, W)``."""
        return moved(x, drawn(seeds, 2, self.pixels).to(x.device), self.pixels)


@dataclass(frozen=True, kw_only=True)
class JitterTime:
    """Move the events of a bin and pixel to the bin before or after; the ends hold theirs back.

    Where more would meet in a bin than the domain allows, the rest is lost.

    Args:
        share: Probability of moving, in [0, 1], half each way.
    Example:
        >>> from spikeproof.base import seeds
        >>> domain = Domain(kind="events", shape=(6, 1, 1, 1), high=8.0, integer=True)
        >>> x = torch.ones(50, 6, 1, 1, 1)
        >>> moved = JitterTime(share=0.5)(x, domain, seeds=seeds(0, n=50))
        >>> bool((moved.sum(1) == 6).all()), bool((moved == x).all())
        (True, False)
    """

    kind: ClassVar[str] = "events"

    share: float = 0.2

    def __post_init__(self) -> None:
        check_fraction(self, "share")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Counts ``(N, T, C, H, W)`` of jittered events."""
        u = seeds.uniform(x.shape[1:], device=x.device)
        last = torch.arange(x.shape[1], device=x.device).view(-1, 1, 1, 1)
        early = (u < self.share / 2) & (last > 0)
        late = (u > 1 - self.share / 2) & (last < x.shape[1] - 1)
        out = x * ~(early | late)
        out[:, :-1] += (x * early)[:, 1:]
        out[:, 1:] += (x * late)[:, :-1]
        return domain.clip(out)


@dataclass(frozen=True, kw_only=True)
class DropEvents:
    """Lose every single event with the same probability.

    Args:
        share: Probability, in [0, 1].
    Cost: one draw per place for the largest count of the batch.
    """

    kind: ClassVar[str] = "events"

    share: float = 0.1

    def __post_init__(self) -> None:
        check_fraction(self, "share")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Counts ``(N, T, C, H, W)`` of the events that are left."""
        out = torch.zeros_like(x)
        # Event k of a place has its own draw, so the batch does not matter.
        for k in range(int(x.max()) if x.numel() else 0):
            kept = seeds.child(k).uniform(x.shape[1:], device=x.device) >= self.share
            out += kept & (x > k)
        return out
