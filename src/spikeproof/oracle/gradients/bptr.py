"""Straight through the firing rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.neurons import Firing
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["BPTR"]


@GRADIENTS.register("bptr")
@dataclass(frozen=True, kw_only=True)
class BPTR:
    r"""Pass the gradient straight through every neuron that fired at all.

    .. math:: \frac{\partial s[t]}{\partial I[t']} := \frac{g}{\theta}\,1[t = t']\,
        1\big[\textstyle\sum_k s[k] > 0\big]

    Cost:
        One forward and one backward pass, without the backward loop over time.
    Differs from the paper:
        Published for gain and threshold 1; others scale the current by :math:`g/\theta`. Feedback
        between the neurons of a recurrent layer carries no gradient.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking, gradient_rule
        >>> currents = torch.tensor([[0.5, 0.75], [0.25, 0.75]]).unsqueeze(2).requires_grad_(True)
        >>> with gradient_rule(BPTR()):
        ...     Spiking(LIF(leak=0.5))(currents).sum().backward()
        >>> currents.grad.squeeze()
        tensor([[0., 1.],
                [0., 1.]])

    References:
        ding2022snnrat
    """

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    @property
    def name(self) -> str:
        """In one word."""
        return "bptr"

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        fired = firing.spikes.amax(0, keepdim=True) > 0
        return firing.straight(fired.to(firing.spikes.dtype))
