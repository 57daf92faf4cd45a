"""Rate and temporal information together: gradients averaged over time, no path through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.base import check_positive
from spikeproof.neurons import Firing, Slope
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["HART"]


@GRADIENTS.register("hart")
@dataclass(frozen=True, kw_only=True)
class HART:
    r"""Average the incoming gradient over time, and weigh each step by a triangle.

    .. math::
        \frac{\partial L}{\partial I[t]} := g\,h(u[t] - \theta)\;
        \frac1T \sum_{k=1}^{T} \frac{\partial L}{\partial s[k]},
        \qquad h(u) = s \max(0, 1 - s|u|)

    Nothing runs from one step to the next (temporal pruning). The published width is
    :math:`\gamma = 1/s`; ``evaluate.tune`` finds it on held-out items.

    Args:
        sharpness: :math:`s`, above zero.
    Raises:
        SettingError: a sharpness that is not positive.
    Cost:
        One forward and one backward pass, and one more walk through the membranes.
    Differs from the paper:
        Feedback between the neurons of a recurrent layer carries no gradient.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking, gradient_rule
        >>> currents = torch.tensor([[0.75], [0.5]]).requires_grad_(True)
        >>> with gradient_rule(HART()):
        ...     Spiking(LIF(leak=0.5))(currents)[1].sum().backward()
        >>> currents.grad.flatten().tolist()
        [0.375, 0.4375]

    References:
        hao2024hart
    """

    sharpness: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "sharpness")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(sharpness=2.0),)

    @property
    def name(self) -> str:
        """In one word."""
        return f"hart-{self.sharpness:g}"

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        slope = Slope("triangle", self.sharpness).derivative(firing.membranes)
        moved = firing.drive - firing.drive.detach()
        # One mean over time for all steps, so that each receives the mean of their gradients.
        return firing.spikes + (firing.dynamics.threshold * slope * moved).mean(0)
