"""The recurrent spiking layer: neurons that receive each other's last spikes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels import reference
from spikeproof.neurons.lif import PSN
from spikeproof.neurons.registry import Neuron
from spikeproof.neurons.rule import Firing
from spikeproof.neurons.spiking import Spiking
from spikeproof.neurons.surrogate import Slope

__all__ = ["Recurrent"]


class Recurrent(Spiking):
    r"""A layer of neurons whose spikes return to all of them one step later.

    .. math:: I'[t] = I[t] + W s[t-1], \quad s[-1] = 0

    :math:`I'` drives the neuron as in ``Spiking``. The matrix is learned and starts uniform in
    :math:`\pm 1/\sqrt{K}`. It keeps no state from one call to the next.

    Args:
        neuron: What each unit computes; no PSN, which sees all steps at once and so cannot receive
            its spikes of the step before.
        size: How many units, K.
    Raises:
        SettingError: a PSN.
        InputError: currents that are not ``(T, N, ...)`` with at least one step.
    Cost:
        The reference kernel's, and a product with the matrix per step; no other kernel runs it.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> layer = Recurrent(LIF(leak=0.5), size=1)
        >>> _ = torch.nn.init.constant_(layer.feedback.weight, 2.0)
        >>> layer(torch.tensor([1.0, 0.0, 0.0, -4.0]).view(4, 1, 1)).flatten().tolist()
        [1.0, 1.0, 1.0, 0.0]

    References:
        cramer2022
    """

    @staticmethod
    def check(neuron: Neuron) -> None:
        """Refuse a neuron that cannot receive its own spikes."""
        if isinstance(neuron, PSN):
            raise SettingError("A PSN sees all steps at once and cannot be recurrent; use a LIF.")

    def __init__(self, neuron: Neuron, size: int) -> None:
        self.check(neuron)
        super().__init__(neuron, kernel="reference")
        self.feedback = nn.Linear(size, size, bias=False)

    def _firing(self, currents: Tensor, dynamics: Dynamics) -> Firing:
        """A rule sees the feedback of the spikes as a current, through which no gradient runs."""
        plain = super()._firing(currents, dynamics)
        with torch.no_grad():
            feedback = self.feedback(plain.spikes[:-1])
            feedback = torch.cat([torch.zeros_like(plain.spikes[:1]), feedback])
        firing = Firing(currents + feedback, dynamics, plain.through)
        firing.spikes = plain.spikes
        return firing

    def _unroll(
        self,
        currents: Tensor,
        dynamics: Dynamics,
        slope: Slope,
        charges: list[Tensor] | None = None,
    ) -> Tensor:
        """Run the loop over time, each step's spikes added to the next current."""
        return reference(currents, dynamics, slope, self.feedback, charges)
