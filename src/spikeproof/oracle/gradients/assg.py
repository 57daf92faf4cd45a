"""Adaptive-sharpness surrogate gradient: every neuron as sharp as its membrane allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import check_fraction, check_one_of, check_positive
from spikeproof.neurons import Firing, Slope
from spikeproof.oracle.gradient import Question
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["ASSG"]

_SHAPES = ("arctan", "gaussian", "rectangle", "sigmoid", "triangle")
# (2/pi) tan(pi A') with the published A' = .425, and what the other shapes use directly.
_REACH = {"arctan": 2 * math.tan(0.425 * math.pi) / math.pi}
_USUAL = 0.8
_TINY = 1e-4


@GRADIENTS.register("assg")
@dataclass(frozen=True, kw_only=True)
class ASSG:
    r"""Make the surrogate of every neuron as sharp as its distance from the threshold allows.

    .. math::
        M_t \leftarrow b M_t + (1 - b)|u_t|, \quad
        D_t \leftarrow b D_t + (1 - b)\big||u_t| - M_t\big|, \quad
        \alpha_t = \frac{a}{M_t + \gamma D_t + 10^{-4}}

    :math:`u` is the membrane minus the threshold. M (from 1) and D (from 0) are kept per layer,
    step, item and neuron, from one call of an attack to the next; opening an oracle forgets them,
    and where a gradient is averaged over several draws only the first moves them.

    Args:
        shape: ``"arctan"``, ``"gaussian"``, ``"rectangle"``, ``"sigmoid"`` or ``"triangle"``.
        reach: :math:`a`, above zero; None is the published :math:`2\tan(.425\pi)/\pi` for the
            arctan and .8 for the others. A vanishing degree of at most :math:`A` allows
            :math:`2\tan(\pi A/2)/\pi` for the arctan.
        memory: :math:`b`, in [0, 1]; .9 as published, .99 with Poisson coding.
        relax: :math:`\gamma`, 0 or more.
    Raises:
        SettingError: an unknown shape, or a number out of its range.
    Cost:
        One forward and one backward pass, and one more walk through the membranes. Keeps two
        numbers per neuron, step and item of the attack.
    Differs from the paper:
        Items keep their own moments when an attack drops others.
    Example:
        >>> ASSG().name, round(ASSG().bound, 4), ASSG(shape="sigmoid").bound
        ('assg-arctan', 2.6517, 0.8)

    References:
        wang2025assg
    """

    shape: str = "arctan"
    reach: float | None = None
    memory: float = 0.9
    relax: float = 1.5

    def __post_init__(self) -> None:
        check_one_of(self.shape, _SHAPES, "ASSG.shape")
        check_fraction(self, "memory")
        if self.reach is not None:
            check_positive(self, "reach")
        if self.relax:
            check_positive(self, "relax")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(shape="triangle", reach=1.5, memory=0.99, relax=0.0),
        )

    @property
    def name(self) -> str:
        """In one word."""
        return f"assg-{self.shape}"

    @property
    def bound(self) -> float:
        """The number in force: sharpness times typical distance from the threshold."""
        return _REACH.get(self.shape, _USUAL) if self.reach is None else self.reach

    def without_rules(self) -> None:
        """Nothing is left of it where no layer obeys."""
        return

    def open(self) -> _Adapting:
        """Begin an attack that remembers nothing yet."""
        return _Adapting(self)


@dataclass(eq=False)
class _Moments:
    """Mean distance and mean deviation of one call of one layer, for all items of an attack."""

    mean: Tensor
    deviation: Tensor

    def take(self, idx: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Those of some items; an item never seen before begins with 1 and 0."""
        missing = (int(idx.max()) + 1 if len(idx) else 0) - self.mean.shape[1]
        if missing > 0:
            fresh = like.new_ones(like.shape[0], missing, *like.shape[2:])
            self.mean = torch.cat([self.mean, fresh], 1)
            self.deviation = torch.cat([self.deviation, torch.zeros_like(fresh)], 1)
        return self.mean[:, idx], self.deviation[:, idx]

    def keep(self, idx: Tensor, mean: Tensor, deviation: Tensor) -> None:
        """Write those of some items."""
        self.mean[:, idx], self.deviation[:, idx] = mean, deviation


@dataclass(eq=False)
class _Adapting:
    """ASSG during one attack: the moments of every layer, in the order in which layers run."""

    settings: ASSG
    layers: list[_Moments] = field(default_factory=list)

    def logits(self, question: Question) -> Tensor:
        """One forward pass, which moves nothing."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """One forward and one backward pass."""
        return question.logits_and_grad(_Walk(self, question.idx, question.first))


class _Walk:
    """One forward pass from layer to layer."""

    def __init__(self, state: _Adapting, idx: Tensor, moving: bool) -> None:
        self.state, self.idx, self.moving = state, idx, moving
        self.calls = 0

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of the next layer, with the sharpness of each of its neurons."""
        chosen, distance = self.state.settings, firing.membranes.abs()
        if self.calls == len(self.state.layers):
            none = distance.new_empty(distance.shape[0], 0, *distance.shape[2:])
            self.state.layers.append(_Moments(none, none))
        moments, idx = self.state.layers[self.calls], self.idx.to(distance.device)
        self.calls += 1
        mean, deviation = moments.take(idx, distance)
        if self.moving:
            mean = torch.lerp(distance, mean, chosen.memory)
            deviation = torch.lerp((distance - mean).abs(), deviation, chosen.memory)
            moments.keep(idx, mean, deviation)
        sharpness = chosen.bound / (mean + chosen.relax * deviation + _TINY)
        return firing.through(Slope(chosen.shape, sharpness))
