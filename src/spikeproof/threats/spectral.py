"""Norms of a waveform's change that see its spectrum: any change becomes legal by shortening it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.rescore import sound_length
from spikeproof.threats.box import free_gradient, round_toward
from spikeproof.threats.geometry import Geometry, Radius

__all__ = ["ROUNDS", "Spectral"]

Floats = npt.NDArray[np.float64]

# Rounds of going back and forth between two convex sets, and of giving way to rounding.
ROUNDS = 12
_RETREATS = 6
_SLACK = 1 + 5e-7  # half of what verification allows


class Spectral(Geometry):
    """A norm of the change that sees its spectrum: half way to 0 it is half as long.

    So any change becomes legal by shortening it, whatever rounding and the box did to it.
    """

    @abstractmethod
    def _length(self, change: Tensor, x: Tensor) -> Tensor:
        """Length of changes, float64 ``(N, L)``, of the clean items; float64 ``(N,)``."""

    @abstractmethod
    def _nearest(self, change: Tensor, x: Tensor, radius: Tensor) -> Tensor:
        """The change of at most this length nearest to another one, off the box, ``(N, L)``."""

    @abstractmethod
    def _steepest(self, grad: Tensor, x: Tensor) -> Tensor:
        """A change along a gradient, of any length, ``(N, L)``."""

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Length of the change, float64 ``(N,)``."""
        near = x.double()
        return self._length(x_adv.double() - near, near)

    def length_between(self, x_adv: Floats, x: Floats, domain: Domain | Views) -> Floats:
        """The same by scipy."""
        record = {"kind": self.name, **asdict(self)}  # type: ignore[call-overload]
        return sound_length(record, x_adv - x, x)

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """A legal point: the nearest one where the box does not bind, else a near one."""
        near = x.double()
        most = torch.as_tensor(radius, dtype=torch.float64, device=x.device).reshape(-1, 1)
        most = most.expand(len(x), 1)
        change = self._nearest(z.double() - near, near, most)
        boxed = domain.clip(near + change) - near
        if not torch.equal(boxed, change):
            # Back and forth; it need not end in both sets, and what is left is shortened away.
            for _ in range(ROUNDS):
                boxed = domain.clip(near + self._nearest(boxed, near, most)) - near
        change = self._shortened(boxed, near, most)
        out = round_toward(change, x, domain, grid=False)
        for _ in range(_RETREATS):
            long = self.distance(out, x, domain)[:, None] > most * _SLACK
            if not long.any():
                return out
            change = torch.where(long, change / 2, change)
            out = round_toward(change, x, domain, grid=False)
        long = self.distance(out, x, domain)[:, None] > most * _SLACK
        return torch.where(long, x, out)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The same: the ball is convex."""
        return self.project(z, x, radius, domain)

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """Along the gradient of what can move, as long as the radius; 0 for a zero gradient."""
        near, free = x.double(), free_gradient(grad, z, domain).double()
        largest = free.abs().amax(1, keepdim=True)
        free = free / torch.where(largest > 0, largest, torch.ones_like(largest))
        return (self._of_length(self._steepest(free, near), near) * radius).to(grad.dtype)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Gaussian noise of the legal form, of a length that is uniform up to the radius."""
        noise = seeds.child("noise").normal(x.shape[1:], torch.float64, device=x.device)
        share = seeds.child("length").uniform((1,), torch.float64, device=x.device)
        near = x.double()
        return (self._of_length(self._steepest(noise, near), near) * share * radius).to(x.dtype)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse what is no waveform."""
        if not (isinstance(domain, Domain) and domain.kind == "audio"):
            raise SettingError(
                f"{type(self).__name__} needs a waveform; this {domain.kind} domain holds none. "
                "Use Joint with this geometry on the view that is a sound."
            )

    def _of_length(self, change: Tensor, x: Tensor) -> Tensor:
        """Changes made one long; 0 where there is none, or none is allowed."""
        length = self._length(change, x)[:, None]
        usable = (length > 0) & length.isfinite()
        unit = change / torch.where(usable, length, torch.ones_like(length))
        return torch.where(usable, unit, torch.zeros_like(unit))

    def _shortened(self, change: Tensor, x: Tensor, radius: Tensor) -> Tensor:
        """Changes that are too long, made as long as they may be."""
        length = self._length(change, x)[:, None]
        scale = radius / length.clamp(min=1e-300)
        return torch.where(length > radius, change * scale, change)
