"""What one input may look like: its shape, its box, its grid."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_finite, check_one_of, check_shape
from spikeproof.data.modality import MODALITIES, Modality
from spikeproof.data.on_disk import blocks

__all__ = ["Domain"]


@dataclass(frozen=True, kw_only=True)
class Domain:
    """The legal inputs of one modality: shape, box and grid.

    Args:
        kind: ``"image"`` ``(C, H, W)``; ``"events"`` ``(T, C, H, W)``, or ``(T, n)`` for spikes on
            n lines; ``"audio"`` ``(L,)``; ``"real"``, numbers of any shape.
        shape: Shape of one item.
        low: Smallest legal value; -inf for none.
        high: Largest legal value; inf for none.
        integer: Only whole numbers are legal: event counts, or levels of an image.
    Raises:
        SettingError: an unknown kind, a shape that no item of that kind has (an image with its
            channels last among them), or bounds between which nothing lies.
    Example:
        >>> Domain(kind="image", shape=(28, 28, 1))
        Traceback (most recent call last):
        spikeproof.base.errors.SettingError: Domain.shape of an image is (channel, height, width); \
(28, 28, 1) looks like channels last: use (1, 28, 28), and x.movedim(-1, -3).
    """

    kind: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0
    integer: bool = False

    def __post_init__(self) -> None:
        check_one_of(self.kind, MODALITIES, "kind of input")
        object.__setattr__(self, "shape", _shape(self.shape))
        _check_layout(self.kind, self.shape)
        for name in ("low", "high"):
            object.__setattr__(self, name, _bound(name, getattr(self, name)))
        if not self.low < self.high:
            raise SettingError(
                f"Domain.low must lie below Domain.high; got {self.low:g} and {self.high:g}."
            )
        if self.integer and math.isfinite(self.low) and math.ceil(self.low) > self.high:
            raise SettingError(
                f"No whole number lies between Domain.low {self.low:g} and Domain.high "
                f"{self.high:g}; use integer=False, or wider bounds."
            )

    @classmethod
    def unbounded(cls, shape: tuple[int, ...]) -> Domain:
        """A domain that allows every real input, for theory and tests."""
        return cls(kind="real", shape=shape, low=-math.inf, high=math.inf)

    @property
    def modality(self) -> Modality:
        """How its numbers are to be read."""
        return MODALITIES[self.kind]

    @property
    def axes(self) -> tuple[str, ...]:
        """What each axis of an item is, such as ``("channel", "height", "width")``."""
        layouts = self.modality.layouts
        free = ("feature",) * len(self.shape)
        return next((axes for axes in layouts if len(axes) == len(self.shape)), free)

    @property
    def timed(self) -> bool:
        """Whether an item is a sequence of steps, its first axis time."""
        return self.axes[0] == "time"

    @property
    def sounds(self) -> bool:
        """Whether an item is samples of a sound.

        Example:
            >>> Domain(kind="audio", shape=(800,)).sounds
            True
        """
        return "sample" in self.axes

    @property
    def layout(self) -> tuple[int, int, int, int]:
        """The shape with what is absent as 1: steps, channels, height, width.

        Lines, samples and features lie side by side, along the width.

        Example:
            >>> Domain(kind="audio", shape=(800,)).layout
            (1, 1, 1, 800)
        """
        sizes = dict(zip(self.axes, self.shape, strict=True))
        wide = "width" in sizes
        steps, channels = sizes.get("time", 1), sizes.get("channel", 1)
        height = sizes.get("height", 1)
        return steps, channels, height, sizes["width"] if wide else self.size // steps

    @property
    def counts(self) -> bool:
        """Whether its values are counts of events, which can be lost, added or come late."""
        return self.integer and self.modality.counts

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
        rows = x.flatten(1)
        # The ends of an item that holds a NaN are NaN, and lie nowhere.
        low, high = torch.aminmax(rows, dim=1)
        ok = low.isfinite() & high.isfinite() & (low >= self.low) & (high <= self.high)
        return ok & (rows == rows.round()).all(1) if self.integer else ok

    def pixels(self) -> tuple[Tensor, int]:
        """Number of the pixel each feature belongs to, ``(size,)``, and how many there are.

        All channels of a position are one pixel; a position of an event tensor is ``(t, h, w)``.
        """
        if "channel" not in self.axes:
            return torch.arange(self.size), self.size
        *lead, channels, height, width = self.shape
        places = math.prod(lead) * height * width
        index = torch.arange(places).view(*lead, 1, height, width)
        return index.expand(*lead, channels, height, width).reshape(-1), places

    def check(self, x: Tensor, what: str = "x") -> Tensor:
        """Return ``x`` if every item is legal; otherwise raise InputError saying how to mend it."""
        check_shape(x, self.shape, what)
        first = 0
        for part in blocks(x):
            check_finite(part, what)
            ok = self.contains(part)
            if not ok.all():
                _refuse(self, part, ok, what, first)
            first += len(part)
        return x


def _shape(shape: Any) -> tuple[int, ...]:
    """The shape of an item, if every axis is at least 1 long."""
    try:
        axes = tuple(operator.index(size) for size in shape)
    except TypeError:
        axes = ()
    if not axes or min(axes) < 1:
        raise SettingError(
            "Domain.shape must be the shape of one item, whole numbers of at least 1, such as "
            f"(1, 28, 28); got {shape!r}."
        )
    return axes


def _bound(name: str, value: Any) -> float:
    """A bound, if it is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise SettingError(f"Domain.{name} must be a number, and no NaN; got {value!r}.")
    return float(value)


def _check_layout(kind: str, shape: tuple[int, ...]) -> None:
    """Refuse a shape that no item of the kind has."""
    layouts = MODALITIES[kind].layouts
    text = " or ".join(f"({', '.join(axes)})" for axes in layouts).replace("(sample)", "(sample,)")
    what = f"Domain.shape of {MODALITIES[kind].item} is {text}"
    if layouts and len(shape) not in [len(axes) for axes in layouts]:
        raise SettingError(f"{what}, without the axis of the items; got {shape}.")
    # Real sensors have few channels and many places: a last axis this short is the channels'.
    if any(
        axes[-3:] == ("channel", "height", "width") and len(axes) == len(shape) for axes in layouts
    ) and shape[-1] <= 3 < min(shape[-3:-1]):
        mended = (*shape[:-3], shape[-1], *shape[-3:-1])
        raise SettingError(
            f"{what}; {shape} looks like channels last: use {mended}, and x.movedim(-1, -3)."
        )


def _refuse(domain: Domain, x: Tensor, ok: Tensor, what: str, begin: int = 0) -> None:
    """Raise the sentence for inputs outside the domain, the first of them item ``begin``."""
    low, high = float(x.min()), float(x.max())
    first = begin + int((~ok).nonzero()[0])
    if domain.integer and low >= domain.low and high <= domain.high:
        mend = "These must be whole numbers; pass counts or levels, not rates or normalised frames."
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
