"""Random changes of images: shift, mirror, cut out a square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_count, check_fraction
from spikeproof.data import Domain

__all__ = ["Cutout", "Flip", "ShiftImage", "check_shift", "drawn", "moved"]


@dataclass(frozen=True, kw_only=True)
class ShiftImage:
    """Move an image by whole pixels, up to ``pixels`` in each direction; 0 moves in.

    Args:
        pixels: Largest shift per axis, at least 1. With 4 this is the usual random crop of 32x32
            images padded by 4.
    Example:
        >>> from spikeproof.base import seeds
        >>> domain = Domain(kind="image", shape=(1, 3, 3))
        >>> moved = ShiftImage(pixels=1)(torch.ones(9, 1, 3, 3), domain, seeds=seeds(0, n=9))
        >>> sorted(set(moved.sum((1, 2, 3)).tolist()))
        [4.0, 6.0]
    """

    kind: ClassVar[str] = "image"

    pixels: int = 4

    def __post_init__(self) -> None:
        check_count(self, "pixels")

    def check(self, domain: Domain) -> None:
        """Raise SettingError where every item could be moved out of sight."""
        check_shift(self, "pixels", domain.shape[-2:])

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Shifted images ``(N, C, H, W)``."""
        return moved(x, drawn(seeds, 2, self.pixels).to(x.device), self.pixels)


@dataclass(frozen=True, kw_only=True)
class Flip:
    """Mirror an image left to right.

    Args:
        share: Probability, in [0, 1].
    """

    kind: ClassVar[str] = "image"

    share: float = 0.5

    def __post_init__(self) -> None:
        check_fraction(self, "share")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Images ``(N, C, H, W)``, some of them mirrored."""
        chosen = seeds.uniform((), device=x.device) < self.share
        return torch.where(chosen[:, None, None, None], x.flip(-1), x)


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """Set a square to the middle of the legal values; at the edge a part of it lies outside.

    Args:
        size: Side of the square, pixels.
    References:
        devries2017
    """

    kind: ClassVar[str] = "image"

    size: int = 8

    def __post_init__(self) -> None:
        check_count(self, "size")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Images ``(N, C, H, W)`` with a square cut out."""
        inside = []
        for axis, length in enumerate(x.shape[-2:]):
            centre = (seeds.child(axis).uniform(()) * length).floor()
            first = (centre - self.size // 2)[:, None]
            place = torch.arange(length)
            inside.append((place >= first) & (place < first + self.size))
        hole = (inside[0][:, :, None] & inside[1][:, None, :]).to(x.device)
        return torch.where(hole[:, None], (domain.low + domain.high) / 2, x)


def check_shift(change: object, name: str, sides: Sequence[int]) -> None:
    """Raise SettingError where the largest shift, a field of ``change``, is beyond an item."""
    most, value = min(sides), getattr(change, name)
    if value > most:
        raise SettingError(
            f"{type(change).__name__}.{name} must be at most {most}, the side of an item; got "
            f"{value}."
        )


def drawn(seeds: Seeds, axes: int, largest: int) -> Tensor:
    """Whole numbers from -largest to largest, all equally likely, int64 ``(N, axes)``."""
    return (seeds.uniform((axes,)) * (2 * largest + 1)).floor().long() - largest


def moved(x: Tensor, by: Tensor, most: int) -> Tensor:
    """Items moved along their last axes, each by its row of ``by``, int64 ``(N, axes)``, at most
    ``most`` places; 0 moves in."""
    axes = by.shape[1]
    # One copy of whole windows; gathering every value by its number takes several times as long.
    windows = F.pad(x, (most,) * (2 * axes))
    for length in x.shape[-axes:]:
        windows = windows.unfold(-axes, length, 1)  # the places inside a window go last
    windows = windows.movedim(tuple(range(-2 * axes, -axes)), tuple(range(1, axes + 1)))
    rows = torch.arange(len(x), device=x.device)
    return windows[(rows, *(most - by).unbind(1))]
