"""Several gradient rules at once: the mean of their gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.neurons import Surrogate
from spikeproof.oracle.gradient import (
    GradientEstimator,
    GradientRule,
    Question,
    name_of,
    opened,
    passes_of_all,
    without_rules,
)
from spikeproof.oracle.gradients.bptr import BPTR
from spikeproof.oracle.gradients.conversion import Conversion
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["Mixture", "unit_length", "usual_mixture"]


def usual_mixture() -> tuple[GradientRule, ...]:
    """Two rules that differ in kind."""
    return (Surrogate("arctan", sharpness=5.0), BPTR())


@GRADIENTS.register("mixture")
@dataclass(frozen=True, kw_only=True)
class Mixture:
    r"""Step along the mean of the input gradients of several rules.

    .. math:: g = \frac1k \sum_{i=1}^{k} g_i \qquad\text{or}\qquad
        g = \frac1k \sum_{i=1}^{k} \frac{g_i}{\lVert g_i \rVert_2} \ \text{(normalised)}

    Args:
        gradients: The rules; at least one.
        normalised: Every rule pulls equally hard on an item, however long its gradient; a
            gradient of zero stays zero. Without it the longest gradient decides.
    Raises:
        SettingError: no rule.
    Cost:
        The sum over the rules.
    Differs from the paper:
        The published mixture does not normalise, and learns its weights: see ``LearnedMixture``.
    Example:
        >>> Mixture(gradients=(BPTR(), Surrogate("triangle"))).name
        'mixture(bptr+triangle-1)'

    References:
        xu2022attacking
    """

    renamed: ClassVar[Mapping[str, str]] = {"paths": "gradients"}

    gradients: tuple[GradientRule, ...] = field(default_factory=usual_mixture)
    normalised: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "gradients", tuple(self.gradients))
        if not self.gradients:
            raise SettingError("A Mixture needs at least one gradient rule.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(gradients=(Surrogate("sigmoid", sharpness=4.0), Conversion(), BPTR())),
            cls(normalised=True),
        )

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        return passes_of_all(self.gradients)

    @property
    def name(self) -> str:
        """In one word."""
        return f"mixture({'+'.join(name_of(gradient) for gradient in self.gradients)})"

    def without_rules(self) -> GradientRule | None:
        """Itself if any part does more than ask layers; else every part is the own gradient."""
        return self if any(without_rules(gradient) for gradient in self.gradients) else None

    def open(self) -> _Mixed:
        """Begin an attack through every rule."""
        return _Mixed([opened(gradient) for gradient in self.gradients], self.normalised)


@dataclass(frozen=True, eq=False)
class _Mixed:
    """A mixture during an attack."""

    parts: list[GradientEstimator]
    normalised: bool

    def logits(self, question: Question) -> Tensor:
        """One forward pass."""
        return self.parts[0].logits(question)

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """What every rule costs."""
        logits, grad = self.parts[0].logits_and_grad(question)
        grads = [grad, *(part.logits_and_grad(question)[1] for part in self.parts[1:])]
        if self.normalised:
            grads = [unit_length(each) for each in grads]
        return logits, torch.stack(grads).mean(0)


def unit_length(grad: Tensor) -> Tensor:
    """Each item's gradient with length 1, or 0 where it is zero."""
    flat = grad.flatten(1)
    # Scaled first: squares of very small gradients would underflow to zero.
    flat = flat / _or_one(flat.abs().amax(1, keepdim=True))
    return (flat / _or_one(flat.norm(dim=1, keepdim=True))).view_as(grad)


def _or_one(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.ones_like(x))
