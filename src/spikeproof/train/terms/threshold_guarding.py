"""TGO: membranes shall keep their distance from the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.base import check_one_of, check_positive
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

__all__ = ["ThresholdGuarding"]


@TERMS.register("threshold_guarding")
@dataclass(frozen=True, kw_only=True)
class ThresholdGuarding:
    r"""Penalise membranes that stand close to their threshold (TGO).

    .. math:: C = \frac{r}{T M} \sum_{t, m} \max(0, \delta - |u_m[t] - \theta|), \qquad
        r = \tfrac12 (1 - \cos \pi p)

    averaged over items; M neurons of all layers count alike (``over="neurons"``), or this mean is
    taken in each layer and the layers are added (``"layers"``). :math:`u` is the membrane before
    the reset. :math:`p` is the share of the training that is done, so the term grows from 0 to its
    weight. The paper trains it with Gaussian noise on the membrane: the neuron ``noisy-lif``.

    Args:
        guard: :math:`\delta`, in units of the membrane, > 0.
        over: ``"neurons"``: the mean over all of them; ``"layers"``: the sum of the layers' means.
        ramp: ``"cosine"``, or ``"none"`` for :math:`r = 1` throughout.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: a guard that is not positive, an unknown ``over`` or ramp.
        InputError: a model without spiking layers.
    Cost: nothing beyond the shared forward, which runs the reference kernel and keeps membranes.
    Differs from the paper:
        The paper names no :math:`\delta` (a reviewer asked for it); 0.5 is half the way from rest
        to a threshold of 1. Its weights, .4 and .6, are for the sum over layers (:meth:`paper`).
    Example:
        >>> from spikeproof.neurons import LIF, Spiking
        >>> class Net(torch.nn.Module):
        ...     spikes = Spiking(LIF(leak=0.5))
        ...     def forward(self, x):
        ...         return self.spikes(x.expand(2, *x.shape)).mean(0)
        >>> forward = Forward(Net(), torch.tensor([[0.75, 0.0]]), torch.tensor([0]))
        >>> round(ThresholdGuarding(guard=0.5)(forward).item(), 4)  # (.25 + .375 + 0 + 0) / 4
        0.1562

    References:
        tgo2026
    """

    looks: ClassVar[tuple[str, ...]] = ("membranes",)

    guard: float = 0.5
    over: str = "neurons"
    ramp: str = "cosine"

    def __post_init__(self) -> None:
        check_positive(self, "guard")
        check_one_of(self.over, ("layers", "neurons"), "ThresholdGuarding.over")
        check_one_of(self.ramp, ("cosine", "none"), "ThresholdGuarding.ramp")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(ramp="none"),
        )

    @classmethod
    def paper(cls, *, guard: float = 0.5) -> ThresholdGuarding:
        """The form of the paper, which adds the means of the layers."""
        return cls(guard=guard, over="layers")

    def __call__(self, forward: Forward) -> Tensor:
        """The mean over items, steps and neurons."""
        traces = forward.traces
        near = [(self.guard - (t.membranes - t.threshold).abs()).clamp_min(0) for t in traces]
        if self.over == "layers":
            value = torch.stack([each.mean() for each in near]).sum()
        else:
            total = torch.stack([each.sum() for each in near]).sum()
            value = total / sum(each.numel() for each in near)
        if self.ramp == "none":
            return value
        return 0.5 * (1 - math.cos(math.pi * forward.progress)) * value
