"""Adaptive-sharpness surrogate gradient: every neuron as sharp as its membrane allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_count, check_fraction, check_one_of, check_positive
from spikeproof.neurons import Firing, Moments, Slope
from spikeproof.oracle.gradient import Question
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["ASSG"]

_SHAPES = ("arctan", "gaussian", "rectangle", "sigmoid", "triangle")
# The published A' of the arctan, and the reach that the other shapes use directly.
_VANISHING = 0.425
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
        reach: :math:`a`, above zero; None is that of ``vanishing`` for the arctan and .8 for the
            others.
        memory: :math:`b`, in [0, 1]; .9 as published, .99 with Poisson coding.
        relax: :math:`\gamma`, 0 or more.
        vanishing: :math:`A'` of the arctan, inside (0, .5), in place of ``reach``:
            :math:`a = 2\tan(\pi A')/\pi` lets at most :math:`A = 2A'` of a surrogate lie nearer to
            the threshold than a typical membrane. None is the published .425; published searches
            end between .41 and .45 (images), .425 and .455 (events), .455 and .485 (Poisson).
        warm: How often the moments have moved before an item's first gradient, all at the
            membranes of that first question, 0 or more. 0 starts cold, from M = 1 and D = 0, as
            published; 20 forget 88 % of that start.
    Raises:
        SettingError: an unknown shape, a number out of its range, or ``vanishing`` beside a
            ``reach`` or another shape than the arctan.
    Cost:
        One forward and one backward pass, and one more walk through the membranes. Keeps two
        numbers per neuron, step and item of the attack.
    Differs from the paper:
        Items keep their own moments when an attack drops others. A warm start is ours.
    Example:
        >>> ASSG().name, round(ASSG().bound, 4), ASSG(shape="sigmoid").bound
        ('assg-arctan', 2.6517, 0.8)
        >>> ASSG(vanishing=0.455, warm=20).name, round(ASSG(vanishing=0.455).bound, 4)
        ('assg-arctan-0.455-warm-20', 4.4731)

    References:
        wang2025assg
    """

    added: ClassVar[tuple[str, ...]] = ("vanishing", "warm")

    shape: str = "arctan"
    reach: float | None = None
    memory: float = 0.9
    relax: float = 1.5
    vanishing: float | None = None
    warm: int = 0

    def __post_init__(self) -> None:
        check_one_of(self.shape, _SHAPES, "ASSG.shape")
        check_fraction(self, "memory")
        if self.reach is not None:
            check_positive(self, "reach")
        if self.relax:
            check_positive(self, "relax")
        if self.warm:
            check_count(self, "warm")
        if self.vanishing is None:
            return
        if not 0 < self.vanishing < 0.5:
            raise SettingError(
                f"ASSG.vanishing must lie inside (0, .5); got {self.vanishing!r}. It is A', half "
                "the share A."
            )
        if self.shape != "arctan" or self.reach is not None:
            raise SettingError("ASSG.vanishing is the reach of the arctan; give `reach` alone.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(shape="triangle", reach=1.5, memory=0.99, relax=0.0),
            cls(vanishing=0.455, warm=20),
        )

    @property
    def name(self) -> str:
        """In one word."""
        said = [f"assg-{self.shape}"]
        if self.vanishing is not None:
            said.append(f"{self.vanishing:g}")
        if self.reach is not None:
            said.append(f"reach-{self.reach:g}")
        if self.warm:
            said.append(f"warm-{self.warm}")
        return "-".join(said)

    @property
    def bound(self) -> float:
        """The number in force: sharpness times typical distance from the threshold."""
        if self.reach is not None:
            return self.reach
        if self.shape != "arctan":
            return _USUAL
        vanishing = _VANISHING if self.vanishing is None else self.vanishing
        return 2 * math.tan(vanishing * math.pi) / math.pi

    def without_rules(self) -> None:
        """Nothing is left of it where no layer obeys."""
        return

    def open(self) -> _Adapting:
        """Begin an attack that remembers nothing yet."""
        return _Adapting(self)


@dataclass(eq=False)
class _Layer:
    """Mean distance and mean deviation of one call of one layer, for all items of an attack."""

    mean: Tensor
    deviation: Tensor
    order: tuple[int, ...]  # axes as they lie in memory, items before places
    met: Tensor

    @classmethod
    def like(cls, u: Tensor) -> _Layer:
        """A layer that has met nobody."""
        places = sorted(range(2, u.ndim), key=u.stride().__getitem__, reverse=True)
        order = (0, 1, *places)
        none = u.permute(order)[:, :0].contiguous()
        return cls(none, none, order, torch.zeros(0, dtype=torch.bool))

    def meet(self, idx: Tensor) -> Tensor:
        """Make room for some items, with 1 and 0; which of them never moved, bool ``(N,)``."""
        missing = (int(idx.max()) + 1 if len(idx) else 0) - self.mean.shape[1]
        if missing > 0:
            fresh = self.mean.new_ones(len(self.mean), missing, *self.mean.shape[2:])
            self.mean = torch.cat([self.mean, fresh], 1)
            self.deviation = torch.cat([self.deviation, torch.zeros_like(fresh)], 1)
            self.met = torch.cat([self.met, torch.zeros(missing, dtype=torch.bool)])
        return ~self.met[idx]


@dataclass(eq=False)
class _Adapting:
    """ASSG during one attack: the moments of every layer, in the order in which layers run."""

    settings: ASSG
    layers: list[_Layer] = field(default_factory=list)

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
        u, layers = firing.membranes, self.state.layers
        if self.calls == len(layers):
            layers.append(_Layer.like(u))
        layer, chosen = layers[self.calls], self.state.settings
        self.calls += 1
        fresh = layer.meet(self.idx)
        moves = torch.zeros_like(self.idx)
        if self.moving:
            moves = 1 + chosen.warm * fresh.long()
            layer.met[self.idx] = True
        moments = Moments(bound=chosen.bound, memory=chosen.memory, relax=chosen.relax, tiny=_TINY)
        kept = layer.mean, layer.deviation
        sharpness = moments.sharpness(u.permute(layer.order), kept, self.idx, moves)
        back = tuple(layer.order.index(axis) for axis in range(u.ndim))
        return firing.through(Slope(chosen.shape, sharpness.permute(back)))
