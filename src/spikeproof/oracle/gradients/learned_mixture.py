"""Several gradient rules at once, weighed anew at every coordinate as the attack goes on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_positive
from spikeproof.oracle.gradient import (
    GradientEstimator,
    GradientRule,
    Question,
    name_of,
    opened,
    passes_of_all,
    without_rules,
)
from spikeproof.oracle.gradients.mixture import unit_length, usual_mixture
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["LearnedMixture", "weight_gradient"]

# sech^2 is below 1e-33 here, and its square root still far from overflowing float32.
_FLAT = 40.0


@GRADIENTS.register("learned_mixture")
@dataclass(frozen=True, kw_only=True)
class LearnedMixture:
    r"""Mix the input gradients of several rules by weights that are learned during the attack.

    .. math::
        x' = x + \epsilon\,\mathrm{sign}\Big(\sum_m a_m \odot g_m\Big), \qquad
        a_m \leftarrow a_m + r\,\frac{\partial F}{\partial x}(x') \odot \nu\,g_m \odot
        \mathrm{sech}^2\Big(\nu \sum_m a_m \odot g_m\Big), \qquad
        g = \sum_m a_m \odot g_m

    The update is the derivative of :math:`F(x + \epsilon \tanh(\nu \sum_m a_m g_m))`, in which the
    tanh stands for the sign. :math:`F` is what the attack maximises, its gradient at :math:`x'` is
    that of the first rule. Every :math:`g_m`, and that gradient, is scaled to root mean square 1
    over the item. Weights belong to an item and its coordinates, begin at 1 / m, and are forgotten
    when an oracle is opened anew.

    Args:
        gradients: The rules; at least one.
        step: :math:`\epsilon`, how far ahead the weights are judged, in units of the input.
        fit: :math:`\nu`, how closely tanh follows the sign.
        rate: :math:`r`.
    Raises:
        SettingError: no rule, or a number that is not positive.
    Cost:
        The sum over the rules, and the first one once more. Keeps one number per rule and
        coordinate of every item of the attack.
    Differs from the paper:
        There one gradient of each model or rule is weighed; the published rate of 1e5 and fit of 50
        go with its gradients of 1e-3 and less. Scaled gradients take both out of the units of the
        network; the constant factor :math:`\epsilon` of the derivative is in the rate.
        The published sech^2 overflows to NaN where :math:`|\nu \sum a g|` exceeds 44 in float32;
        here it is as good as 0 there.
    Example:
        >>> LearnedMixture().name, LearnedMixture().passes
        ('learned(arctan-5+bptr)', (3, 3))

    References:
        xu2022attacking
    """

    gradients: tuple[GradientRule, ...] = field(default_factory=usual_mixture)
    step: float = 0.01
    fit: float = 1.0
    rate: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "gradients", tuple(self.gradients))
        if not self.gradients:
            raise SettingError("A LearnedMixture needs at least one gradient rule.")
        check_positive(self, "step", "fit", "rate")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(), cls(step=0.05, fit=50.0, rate=2.0))

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        return passes_of_all((*self.gradients, self.gradients[0]))

    @property
    def name(self) -> str:
        """In one word."""
        return f"learned({'+'.join(name_of(gradient) for gradient in self.gradients)})"

    def without_rules(self) -> GradientRule | None:
        """Itself if any part does more than ask layers; else every part is the own gradient."""
        return self if any(without_rules(gradient) for gradient in self.gradients) else None

    def open(self) -> _Learning:
        """Begin an attack with equal weights."""
        return _Learning(self, [opened(gradient) for gradient in self.gradients])


def weight_gradient(slope: Tensor, grads: Tensor, weights: Tensor, fit: float) -> Tensor:
    r"""Derivative of :math:`F(x + \tanh(\nu \sum_m a_m g_m))` with respect to every weight.

    Args:
        slope: Gradient of :math:`F` at the point reached, ``(N, ...)``.
        grads: Gradients of the rules, ``(M, N, ...)``.
        weights: The same shape.
        fit: :math:`\nu`.
    Returns:
        ``(M, N, ...)``, finite whatever the size of the sum.
    """
    bent = (fit * (weights * grads).sum(0)).clamp(-_FLAT, _FLAT)
    return slope * fit * grads / bent.cosh().square()


@dataclass(eq=False)
class _Learning:
    """A learned mixture during an attack: the weights of its items so far."""

    settings: LearnedMixture
    parts: list[GradientEstimator]
    weights: Tensor | None = None

    def logits(self, question: Question) -> Tensor:
        """One forward pass."""
        return self.parts[0].logits(question)

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """What every rule costs, and the first one again from the point ahead."""
        answers = [part.logits_and_grad(question) for part in self.parts]
        grads = torch.stack([_scaled(grad) for _, grad in answers])
        weights, idx = self._take(question.idx, grads), question.idx.to(grads.device)
        chosen = self.settings
        if question.first:
            ahead = question.x + chosen.step * (weights * grads).sum(0).sign()
            slope = self.parts[0].logits_and_grad(replace(question, x=ahead, first=False))[1]
            gain = weight_gradient(_scaled(slope), grads, weights, chosen.fit)
            weights = weights + chosen.rate * gain
            assert self.weights is not None
            self.weights[:, idx] = weights
        return answers[0][0], (weights * grads).sum(0)

    def _take(self, idx: Tensor, like: Tensor) -> Tensor:
        """The weights of some items; an item never seen before begins with equal ones."""
        if self.weights is None:
            self.weights = like.new_empty(like.shape[0], 0, *like.shape[2:])
        missing = (int(idx.max()) + 1 if len(idx) else 0) - self.weights.shape[1]
        if missing > 0:
            shape = (like.shape[0], missing, *like.shape[2:])
            fresh = like.new_full(shape, 1 / like.shape[0])
            self.weights = torch.cat([self.weights, fresh], 1)
        return self.weights[:, idx.to(like.device)]


def _scaled(grad: Tensor) -> Tensor:
    """Each item's gradient with root mean square 1, or 0 where it is zero."""
    return unit_length(grad) * (grad[0].numel() ** 0.5 if len(grad) else 1.0)
