"""Several domains in one input, such as a picture and its sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_shape, settings_from
from spikeproof.data.domain import Domain
from spikeproof.data.modality import together
from spikeproof.data.on_disk import blocks

__all__ = ["Views", "domain_from", "domain_record", "modality_of"]


@dataclass(frozen=True)
class Views:
    """Several domains packed into one flat item ``(D,)``, in order, each under a name.

    Args:
        parts: ``(name, domain)`` pairs.
    Raises:
        SettingError: no view, two of one name, or a view that is no ``Domain``.
    Example:
        >>> views = Views((("image", Domain(kind="image", shape=(1, 2, 2))),
        ...                ("audio", Domain(kind="audio", shape=(3,), low=-1.0))))
        >>> views.shape
        (7,)
        >>> views.unpack(torch.zeros(5, 7))["image"].shape
        torch.Size([5, 1, 2, 2])
    """

    parts: tuple[tuple[str, Domain], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.parts]
        if not names or len(set(names)) < len(names):
            known = ", ".join(map(repr, names)) or "none"
            raise SettingError(
                f"Views need at least one view, each with its own name; got {known}."
            )
        for name, domain in self.parts:
            if not isinstance(domain, Domain):
                raise SettingError(f"View {name!r} must be a Domain; got {type(domain).__name__}.")

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

    @property
    def sounds(self) -> bool:
        """Whether any view is samples of a sound."""
        return any(domain.sounds for _, domain in self.parts)

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
        for part in blocks(x):
            views = self.unpack(part)
            for name, domain in self.parts:
                domain.check(views[name], f"{what}[{name!r}]")
        return x


def domain_from(record: Mapping[str, Any]) -> Domain | Views:
    """Return the legal inputs that a record of a network names.

    Args:
        record: The fields of a domain, or ``{"views": [[name, fields], ...]}``.
    Raises:
        SettingError: it is not the record of legal inputs.
    Example:
        >>> domain_from({"kind": "audio", "shape": [3], "low": -1.0}).shape
        (3,)
    """
    try:
        if "views" in record:
            return Views(tuple((str(name), _one(part)) for name, part in record["views"]))
        return _one(record)
    except (KeyError, TypeError, ValueError) as problem:
        raise SettingError(f"This is not the record of legal inputs: {problem}.") from None


def domain_record(domain: Domain | Views) -> dict[str, Any]:
    """Return the plain record of legal inputs, which ``domain_from`` reads; bounds may be words.

    Example:
        >>> from spikeproof.data import Domain
        >>> domain_record(Domain.unbounded((2,)))["high"]
        'inf'
        >>> domain_from(domain_record(Domain.unbounded((2,)))) == Domain.unbounded((2,))
        True
    """
    if isinstance(domain, Views):
        return {"views": [[name, domain_record(part)] for name, part in domain.parts]}
    ends = {name: getattr(domain, name) for name in ("low", "high")}
    said = {name: end if math.isfinite(end) else str(end) for name, end in ends.items()}
    return {**asdict(domain), "shape": list(domain.shape), **said}


def modality_of(domain: Domain | Views) -> str:
    """Return what items of a domain are: its kind, or ``"audio-visual"`` for sound and sight."""
    parts = [part for _, part in domain.parts] if isinstance(domain, Views) else [domain]
    return together(*(part.kind for part in parts))


def _one(record: Mapping[str, Any]) -> Domain:
    """One domain from its record."""
    words = {"inf": math.inf, "-inf": -math.inf}
    values = {
        key: words.get(value, value) if key in ("low", "high") else value
        for key, value in record.items()
    }
    return settings_from(Domain, {**values, "shape": tuple(record["shape"])}, "domain")
