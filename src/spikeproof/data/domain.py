"""What one input may look like: its shape, its box, its grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spikeproof.base import InputError, check_finite, check_shape

__all__ = ["Domain"]


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The legal inputs of one modality: shape, box and grid.

    Args:
        kind: ``"image"`` ``(C, H, W)``, ``"events"`` ``(T, C, H, W)`` or ``"audio"`` ``(L,)``.
        shape: Shape of one item.
        low: Smallest legal value.
        high: Largest legal value.
        integer: Only whole numbers are legal (event counts).
    """

    kind: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0
    integer: bool = False

    @classmethod
    def unbounded(cls, shape: tuple[int, ...]) -> Domain:
        """A domain that allows every real input, for theory and tests."""
        return cls(kind="real", shape=shape, low=-math.inf, high=math.inf)

    @property
    def size(self) -> int:
        """How many features an item has."""
        return math.prod(self.shape)

    def relaxed(self) -> Domain:
        """The same box without the grid: frame space."""
        return replace(self, integer=False)

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest legal value, broadcastable to an item of ``like``'s type."""
        return like.new_tensor(self.low), like.new_tensor(self.high)

    def clip(self, x: Tensor) -> Tensor:
        """The nearest point of the box, ``(N, *shape)``."""
        return x.clamp(self.low, self.high)

    def snap(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """The nearest grid point of ``x_adv`` on the way back to ``x``; keeps every l_p ball."""
        return x + (x_adv - x).trunc() if self.integer else x_adv

    def contains(self, x: Tensor) -> Tensor:
        """Whether each item is legal, bool ``(N,)``."""
        ok = torch.isfinite(x) & (x >= self.low) & (x <= self.high)
        if self.integer:
            ok &= x == x.round()
        return ok.flatten(1).all(1)

    def pixels(self) -> tuple[Tensor, int]:
        """Number of the pixel each feature belongs to, ``(size,)``, and how many there are.

        All channels of a position are one pixel; a position of an event tensor is ``(t, h, w)``.
        """
        if self.kind not in ("image", "events"):
            return torch.arange(self.size), self.size
        *lead, channels, height, width = self.shape
        places = math.prod(lead) * height * width
        index = torch.arange(places).view(*lead, 1, height, width)
        return index.expand(*lead, channels, height, width).reshape(-1), places

    def check(self, x: Tensor, what: str = "x") -> Tensor:
        """Return ``x`` if every item is legal; otherwise raise InputError saying how to mend it."""
        check_finite(check_shape(x, self.shape, what), what)
        ok = self.contains(x)
        if not ok.all():
            _refuse(self, x, ok, what)
        return x


def _refuse(domain: Domain, x: Tensor, ok: Tensor, what: str) -> None:
    """Raise the sentence for inputs outside the domain."""
    low, high = float(x.min()), float(x.max())
    first = int((~ok).nonzero()[0])
    if domain.integer and low >= domain.low and high <= domain.high:
        mend = "Event counts must be whole numbers; pass counts, not rates or normalised frames."
    elif low < domain.low and abs(float(x.mean())) < 1 and high < 20:
        mend = "It looks normalised: pass raw values and keep the normalisation inside the model."
    elif high > domain.high and high <= 255 and domain.high == 1:
        mend = "It looks like 0..255 data: divide it by 255."
    else:
        mend = "Rescale or clip it to that range."
    raise InputError(
        f"{what} must lie in [{domain.low:g}, {domain.high:g}]; item {first} and "
        f"{int((~ok).sum()) - 1} others do not (values {low:.4g}..{high:.4g}). {mend}"
    )
