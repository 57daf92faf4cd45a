"""MPD-SGR: few membranes shall lie where the surrogate has a slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.base import check_positive
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

__all__ = ["MPDSGR"]

# Keeps the deviation of a single item, which is 0, differentiable.
_SMALL = 1e-6


@TERMS.register("mpd_sgr")
@dataclass(frozen=True, kw_only=True)
class MPDSGR:
    r"""Penalise the share of membranes inside the surrogate's window (MPD-SGR).

    .. math:: \Omega = \Phi\Big(\frac{\mu + \gamma}{\sigma}\Big)
        - \Phi\Big(\frac{\mu - \gamma}{\sigma}\Big)

    averaged over layers, and in each over channels and steps: the mass of a normal membrane within
    :math:`\gamma` of the threshold, with mean distance from the threshold :math:`\mu` and standard
    deviation :math:`\sigma` of each channel at each step.

    Args:
        window: :math:`\gamma`, half the width of the window, in units of the membrane, > 0. For
            a triangle or rectangle it is one over the sharpness.
    Returns:
        A scalar in [0, 1].
    Raises:
        SettingError: a window that is not positive.
        InputError: a model without spiking layers.
    Cost: nothing beyond the shared forward, which runs the reference kernel and keeps membranes.
    Differs from the paper:
        :math:`\mu` and :math:`\sigma` are those of the batch's membranes (over items and places),
        not the parameters of tdBN, so that networks without it are covered. They belong to the
        batch, so the value is not a mean over items.
    Example:
        >>> from spikeproof.neurons import IF, Spiking
        >>> class Net(torch.nn.Module):
        ...     spikes = Spiking(IF())
        ...     def forward(self, x):
        ...         return self.spikes(x.expand(1, *x.shape)).mean(0)
        >>> forward = Forward(Net(), torch.tensor([[0.0, 0.0], [2.0, 2.0]]), torch.tensor([0, 1]))
        >>> round(MPDSGR(window=1.0)(forward).item(), 3)  # one standard deviation to both sides
        0.683

    References:
        mpdsgr2026
    """

    looks: ClassVar[tuple[str, ...]] = ("membranes",)

    window: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self, "window")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean over layers."""
        return torch.stack([self._share(t.membranes - t.threshold) for t in forward.traces]).mean()

    def _share(self, distance: Tensor) -> Tensor:
        """Mean over channels and steps of one layer's share inside the window."""
        steps, items, channels = distance.shape[:3] if distance.ndim > 2 else (*distance.shape, 1)
        rows = distance.reshape(steps, items, channels, -1).transpose(1, 2).flatten(2)
        mean = rows.mean(2)
        deviation = (rows.var(2, correction=0) + _SMALL).sqrt()
        upper, lower = (mean + self.window) / deviation, (mean - self.window) / deviation
        inside: Tensor = torch.special.ndtr(upper) - torch.special.ndtr(lower)
        return inside.mean()
