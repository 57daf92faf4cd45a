"""Rate gradient approximation: the slope of the firing rate over the mean current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_positive
from spikeproof.neurons import Firing
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["RGA"]


@GRADIENTS.register("rga")
@dataclass(frozen=True, kw_only=True)
class RGA:
    r"""Let every step have the slope of the firing rate at the mean current of the neuron.

    .. math::
        \frac{\partial s[t]}{\partial \bar I} := \gamma\,1[0 \le \bar I \le 1 - \lambda]
        + \frac{d - \gamma + \gamma\lambda}{\lambda + e}\,1[1 - \lambda \le \bar I \le 1 + e],
        \qquad \bar I = \tfrac1T \textstyle\sum_t I[t]

    with the leak :math:`\lambda`; for IF and the defaults :math:`1/2` on :math:`[0, 2]`. Each step
    keeps its own incoming gradient. Where the two intervals meet, both slopes count, as published.

    Args:
        low: :math:`\gamma`, the slope of currents too weak to fire a neuron that forgets.
        extent: :math:`e`, how far beyond the threshold the slope reaches.
        height: :math:`d`, the rate reached there.
    Raises:
        SettingError: a negative ``low``, an ``extent`` or ``height`` that is not positive.
    Cost:
        One forward and one backward pass, without the backward loop over time.
    Differs from the paper:
        Published for gain and threshold 1; here the current is counted in thresholds, behind gain
        and synapse. A PSN counts as a neuron without leak. Feedback between the neurons of a
        recurrent layer carries no gradient.
    Example:
        >>> from spikeproof.neurons import IF, Spiking, gradient_rule
        >>> currents = torch.tensor([[1.5], [1.0], [-0.5]]).requires_grad_(True)
        >>> with gradient_rule(RGA()):
        ...     (Spiking(IF())(currents) * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
        >>> currents.grad.flatten().tolist()
        [0.5, 1.0, 1.5]

    References:
        bu2023rga
    """

    low: float = 0.2
    extent: float = 1.0
    height: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "extent", "height")
        if not 0 <= self.low < float("inf"):
            raise SettingError(f"RGA.low must be 0 or more and finite; got {self.low!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    @property
    def name(self) -> str:
        """In one word."""
        return "rga"

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        mean = firing.drive.detach().mean(0, keepdim=True)
        leak = torch.as_tensor(firing.dynamics.leak).detach().to(mean)
        steep = (self.height - self.low + self.low * leak) / (leak + self.extent)
        strong = ((mean >= 1 - leak) & (mean <= 1 + self.extent)).to(mean.dtype)
        weak = ((mean >= 0) & (mean <= 1 - leak)).to(mean.dtype)
        return firing.straight(steep * strong + self.low * weak)
