"""What an input may look like (Domain, Views) and what a data set is (Split, DataSpec, Dataset)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from spikeproof.base import InputError, check_finite, check_shape

__all__ = ["DataSpec", "Dataset", "Domain", "Split", "Views"]


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


@dataclass(frozen=True)
class Views:
    """Several domains packed into one flat item ``(D,)``, in order, each under a name.

    Args:
        parts: ``(name, domain)`` pairs.
    Example:
        >>> views = Views((("image", Domain(kind="image", shape=(1, 2, 2))),
        ...                ("audio", Domain(kind="audio", shape=(3,), low=-1.0))))
        >>> views.shape
        (7,)
        >>> views.unpack(torch.zeros(5, 7))["image"].shape
        torch.Size([5, 1, 2, 2])
    """

    parts: tuple[tuple[str, Domain], ...]

    @property
    def kind(self) -> str:
        """Always ``"views"``."""
        return "views"

    @property
    def size(self) -> int:
        """How many features an item has, over all views."""
        return sum(domain.size for _, domain in self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(D,)``."""
        return (self.size,)

    @property
    def integer(self) -> bool:
        """Whether any view lives on a grid."""
        return any(domain.integer for _, domain in self.parts)

    def slices(self) -> dict[str, slice]:
        """Where each view lies in the packed item."""
        out, start = {}, 0
        for name, domain in self.parts:
            out[name] = slice(start, start + domain.size)
            start += domain.size
        return out

    def unpack(self, x: Tensor) -> dict[str, Tensor]:
        """Each view in its own shape, from packed ``(N, D)``."""
        where = self.slices()
        return {name: x[:, where[name]].reshape(len(x), *d.shape) for name, d in self.parts}

    def pack(self, views: Mapping[str, Tensor]) -> Tensor:
        """Packed ``(N, D)`` from each view in its own shape."""
        return torch.cat([views[name].flatten(1) for name, _ in self.parts], dim=1)

    def relaxed(self) -> Views:
        """The same boxes without grids."""
        return Views(tuple((name, domain.relaxed()) for name, domain in self.parts))

    def bounds(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Lowest and highest legal value of each feature, ``(D,)`` each."""
        low = torch.cat([like.new_full((d.size,), d.low) for _, d in self.parts])
        high = torch.cat([like.new_full((d.size,), d.high) for _, d in self.parts])
        return low, high

    def clip(self, x: Tensor) -> Tensor:
        """The nearest point of the box, ``(N, D)``."""
        low, high = self.bounds(x)
        return torch.minimum(torch.maximum(x, low), high)

    def snap(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Snap the views that live on a grid."""
        if not self.integer:
            return x_adv
        near, far = self.unpack(x), self.unpack(x_adv)
        return self.pack({name: d.snap(far[name], near[name]) for name, d in self.parts})

    def contains(self, x: Tensor) -> Tensor:
        """Whether each item is legal in every view, bool ``(N,)``."""
        views = self.unpack(x)
        return torch.stack([d.contains(views[name]) for name, d in self.parts]).all(0)

    def pixels(self) -> tuple[Tensor, int]:
        """Number of the pixel each feature belongs to, and how many there are."""
        indices, count = [], 0
        for _, domain in self.parts:
            index, places = domain.pixels()
            indices.append(index + count)
            count += places
        return torch.cat(indices), count

    def check(self, x: Tensor, what: str = "x") -> Tensor:
        """Return ``x`` if every view of every item is legal; otherwise raise InputError."""
        check_shape(x, self.shape, what)
        views = self.unpack(x)
        for name, domain in self.parts:
            domain.check(views[name], f"{what}[{name!r}]")
        return x


@dataclass(frozen=True)
class Split:
    """Items of one split.

    Args:
        x: Inputs, ``(N, *shape)``.
        y: Class numbers, int64 ``(N,)``.
        items: The item's number in the whole data set, int64 ``(N,)``; random draws belong to it.
    """

    x: Tensor
    y: Tensor
    items: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: slice | Tensor) -> Split:
        """The chosen items."""
        return Split(self.x[which], self.y[which], self.items[which])


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What is known about a data set without opening it.

    Args:
        name: Its name in ``load``.
        version: Changes whenever any value changes.
        classes: Number of classes.
        modality: ``"image"``, ``"events"``, ``"audio"`` or ``"audio-visual"``.
        licence: Licence of the data.
        source: Where the data come from, one sentence with the citation key.
        sha256: Hash of every array, ``digest_arrays`` over x, y, items and the splits.
        radii: Threat name → ascending radii that the report uses; the middle one is standard.
        joint: View name → its own radius in the ``"joint"`` threat; empty without views.
    """

    name: str
    version: str
    classes: int
    modality: str
    licence: str
    source: str
    sha256: str
    radii: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    joint: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Train and validation items for whoever trains; the test items stay sealed.

    Args:
        spec: What is known about the set.
        domain: Legal inputs.
        train: Items to train on.
        validation: Items to select on.
        sealed: Test items; only ``evaluate`` opens them, a test of the code base sees to it.
    """

    spec: DataSpec
    domain: Domain | Views
    train: Split
    validation: Split
    sealed: Split = field(repr=False)
