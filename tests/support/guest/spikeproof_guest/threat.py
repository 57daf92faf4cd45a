"""A threat that is no norm: the second half of every item stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats import Boxed, ThreatFacts

__all__ = ["Half"]


@dataclass(frozen=True)
class Half(Boxed):
    """Features of the first half of an item move by at most the radius, the others not at all."""

    facts: ClassVar[Mapping[str, ThreatFacts]] = {
        "half": ThreatFacts(symbol="half", title="largest change of a value in the first half")
    }

    @property
    def name(self) -> str:
        """``"half"``."""
        return "half"

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """Largest change, infinite where the second half has changed."""
        change = (x_adv.double() - x.double()).flatten(1).abs()
        free = self._free(x)
        out = (change * free).amax(1)
        return torch.where((change * ~free).amax(1) > 0, torch.full_like(out, torch.inf), out)

    def nearest(
        self, z: Tensor, x: Tensor, radius: float | Tensor, domain: Domain | Views
    ) -> Tensor:
        """Clamp the first half to the ball and the box."""
        near = x.double()
        change = (z.double() - near).flatten(1) * self._free(x)
        most = torch.as_tensor(radius, dtype=change.dtype)
        return domain.clip(near + change.clamp(-most, most).view_as(x)) - near

    def step(
        self,
        grad: Tensor,
        z: Tensor,
        x: Tensor,
        radius: float | Tensor,
        domain: Domain | Views,
    ) -> Tensor:
        """The radius in the sign of the gradient, in the first half."""
        return (radius * grad.flatten(1).sign() * self._free(x)).view_as(grad).to(grad.dtype)

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """Uniform in the first half."""
        drawn = radius * (2 * seeds.uniform(x.shape[1:], x.dtype) - 1)
        return (drawn.flatten(1) * self._free(x)).view_as(x)

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse more than the whole range."""
        if radius > 1:
            raise SettingError(f"The half radius {radius:g} is larger than 1; choose a smaller.")

    def length(
        self, change: npt.NDArray[np.float64], domain: Domain | Views
    ) -> npt.NDArray[np.float64]:
        """The same as ``distance``, said in another way."""
        rows = [row.ravel() for row in change]
        return np.array(
            [
                np.inf if np.any(row[len(row) // 2 :]) else max(abs(row[: len(row) // 2]))
                for row in rows
            ]
        )

    def _free(self, x: Tensor) -> Tensor:
        """Which features may move."""
        size = x[0].numel()
        return torch.arange(size) < size // 2
