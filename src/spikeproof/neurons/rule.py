"""Rules: how a layer that has fired hands gradients back, where a surrogate is not all there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels import drives, fused, look, membranes
from spikeproof.neurons.surrogate import Slope

__all__ = ["Firing", "FusedFiring", "Rule"]


class Firing:
    """One call of a spiking layer, as a rule sees it.

    Args:
        currents: What drives the neurons, noise and feedback included, ``(T, N, ...)``.
        dynamics: The recursion.
        through: Runs the layer's own kernel with a slope and returns its spikes.
    """

    def __init__(
        self, currents: Tensor, dynamics: Dynamics, through: Callable[[Slope], Tensor]
    ) -> None:
        self.currents = currents
        self.dynamics = dynamics
        self.through = through

    @cached_property
    def spikes(self) -> Tensor:
        """The spikes of the layer's own kernel, ``(T, N, ...)``, without a gradient."""
        with torch.no_grad():
            return self.through(Slope("triangle", 1.0))

    @cached_property
    def membranes(self) -> Tensor:
        """Membranes before the reset, counted from the threshold, without a gradient."""
        with torch.no_grad():
            u = membranes(self.currents.detach(), self.spikes, self.dynamics)
            return u - self.dynamics.threshold

    @cached_property
    def drive(self) -> Tensor:
        """What each step adds to the membrane, as a share of the threshold; with its gradient."""
        return drives(self.currents, self.dynamics) / self.dynamics.threshold

    def straight(self, slope: Tensor | float) -> Tensor:
        """The spikes exactly, with derivative ``slope`` with respect to ``drive``, step by step."""
        return self.spikes + slope * (self.drive - self.drive.detach())


class FusedFiring(Firing):
    """A call that the fused kernel runs: spikes and membranes come out of one compiled pass.

    Args:
        currents: What drives the neurons, ``(T, N, ...)``.
        dynamics: The recursion.
    """

    def __init__(self, currents: Tensor, dynamics: Dynamics) -> None:
        super().__init__(currents, dynamics, self._known)

    @cached_property
    def spikes(self) -> Tensor:
        """The spikes, ``(T, N, ...)``, without a gradient."""
        return self._look[0]

    @cached_property
    def membranes(self) -> Tensor:
        """Membranes before the reset, counted from the threshold, without a gradient."""
        return self._look[1]

    @cached_property
    def _look(self) -> tuple[Tensor, Tensor]:
        return look(self.currents, self.dynamics)

    def _known(self, slope: Slope) -> Tensor:
        """The spikes that are known, with the gradient of the fused kernel."""
        return fused(self.currents, self.dynamics, slope, known=self.spikes)


@runtime_checkable
class Rule(Protocol):
    """What a spiking layer returns: its spikes, with whatever gradient the rule gives them.

    A rule may be any function of one :class:`Firing`; ``gradient_rule`` puts it in force.
    """

    def __call__(self, firing: Firing, /) -> Tensor:
        """Return ``(T, N, ...)`` for one call of one layer."""
        ...
