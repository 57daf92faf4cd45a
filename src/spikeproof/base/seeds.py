"""Random numbers that belong to the item, so batch size and order never change what it is given.

A :class:`Seeds` holds one 64-bit key per item. Every draw is a pure function of (key, labels,
position): splitmix64 in counter mode, vectorised over items. There is no generator state.

Keys live on the CPU and draws are made there, whatever device they are for: every device is given
the same numbers. This is the only place that moves a draw to its ``device``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base.checks import check_whole
from spikeproof.base.errors import SettingError

__all__ = ["Seeds", "seeds"]


def _signed(value: int) -> int:
    """The int64 with the same bits as a uint64."""
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MIX_1 = _signed(0xBF58476D1CE4E5B9)
_MIX_2 = _signed(0x94D049BB133111EB)


def _shift(z: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64 bits."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _mix(z: Tensor) -> Tensor:
    """The output function of splitmix64."""
    z = (z ^ _shift(z, 30)) * _MIX_1
    z = (z ^ _shift(z, 27)) * _MIX_2
    return z ^ _shift(z, 31)


def _label(*labels: int | str) -> int:
    """A 64-bit number for a tuple of labels, the same on every machine."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in labels)
    return _signed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


@dataclass(frozen=True)
class Seeds:
    """One random key per item.

    Args:
        values: int64, ``(N,)``, on the CPU.
    """

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: Tensor | slice) -> Seeds:
        """The keys of the chosen items; the choice may come from any device."""
        return Seeds(self.values[which.cpu() if isinstance(which, Tensor) else which])

    def child(self, *labels: int | str) -> Seeds:
        """Keys for another purpose: same items, independent draws."""
        return Seeds(_mix(_mix(self.values) ^ _label(*labels)))

    def at(self, numbers: Tensor) -> Seeds:
        """Keys for the ``numbers``-th use of each item, int64 ``(N,)``: independent draws."""
        return Seeds(_mix(_mix(self.values) ^ _mix((numbers.to(self.values) + 1) * _GOLDEN)))

    def bits(self, shape: Sequence[int]) -> Tensor:
        """Random int64 bits, ``(N, *shape)``."""
        n = math.prod(shape)
        counter = torch.arange(1, n + 1, dtype=torch.int64) * _GOLDEN
        return _mix(_mix(self.values)[:, None] + counter[None, :]).view(len(self), *shape)

    def uniform(
        self,
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        *,
        device: torch.device | None = None,
    ) -> Tensor:
        """Uniform draws in the open interval (0, 1), ``(N, *shape)``, for a device."""
        # 23 bits and the midpoint of each cell: exact in float32, and never 0 or 1.
        u = (_shift(self.bits(shape), 41).to(torch.float64) + 0.5) / (1 << 23)
        return _handed_over(u, dtype, device)

    def normal(
        self,
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        *,
        device: torch.device | None = None,
    ) -> Tensor:
        """Standard normal draws, ``(N, *shape)``, for a device (inverse error function)."""
        u = (_shift(self.bits(shape), 12).to(torch.float64) + 0.5) / (1 << 52)
        return _handed_over(math.sqrt(2.0) * torch.erfinv(2.0 * u - 1.0), dtype, device)

    def exponential(
        self,
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        *,
        device: torch.device | None = None,
    ) -> Tensor:
        """Draws of the unit exponential, ``(N, *shape)``, for a device."""
        u = (_shift(self.bits(shape), 12).to(torch.float64) + 0.5) / (1 << 52)
        return _handed_over(-torch.log(u), dtype, device)


def _handed_over(draws: Tensor, dtype: torch.dtype, device: torch.device | None) -> Tensor:
    """Draws in the type that is asked for, on the device that they are for."""
    # The type first, on the CPU: both rounding and numbers are then the same for every device.
    draws = draws.to(dtype)
    return draws if device is None else draws.to(device)


def seeds(seed: int, n: int | None = None, *, items: Tensor | None = None) -> Seeds:
    """Make one random key per item from a single seed.

    Args:
        seed: Any integer; the same seed gives the same keys on every machine.
        n: How many items; they are numbered 0..n-1.
        items: Numbers of the items instead of ``n``, int64 ``(N,)``. An item keeps its key
            whatever batch it comes in.
    Returns:
        Keys for ``N`` items.
    Raises:
        SettingError: a seed that is no whole number, or neither or both of ``n`` and ``items``.
    Example:
        >>> a = seeds(0, n=3).uniform((2,))
        >>> b = seeds(0, items=torch.tensor([2, 0])).uniform((2,))
        >>> bool((a[2] == b[0]).all() and (a[0] == b[1]).all())
        True
    """
    if (n is None) == (items is None):
        raise SettingError("seeds() needs exactly one of n and items.")
    numbers = torch.arange(n or 0) if items is None else items.to("cpu", torch.int64)
    return Seeds(_mix(numbers * _GOLDEN + _label("root", check_whole(seed, "seeds: seed"))))
