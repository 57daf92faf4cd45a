"""The gradient of the smoothed network, from outputs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import check_count, check_positive, per_item
from spikeproof.oracle.gradient import Question
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["Smoothing"]


@GRADIENTS.register("smoothing")
@dataclass(frozen=True, kw_only=True)
class Smoothing:
    r"""Estimate the gradient of the smoothed score from differences of the true forward pass.

    .. math::
        \nabla\, \mathrm{E}\,m(x + \sigma u) = \mathrm{E}\,
        \frac{m(x + \sigma u) - m(x - \sigma u)}{2 \sigma}\,u, \qquad u \sim N(0, 1)^d

    the mean over ``pairs`` antithetic pairs, whose draws belong to the item and change at every
    question. No surrogate takes part, and nothing has to be differentiable.

    Args:
        pairs: Draws of :math:`u` per item, at least 1. The error per feature falls as
            :math:`\lVert g \rVert / \sqrt{\text{pairs}}`.
        noise: :math:`\sigma` in units of the input, above zero; small beside the radius.
    Raises:
        SettingError: less than one pair, noise that is not positive.
    Cost:
        ``1 + 2 pairs`` forward passes, no backward.
    Differs from the paper:
        Both points of a pair see the same draws of a stochastic network. One published estimator
        divides by twice the number of evaluations and returns a quarter of the gradient.
    Example:
        >>> from spikeproof.oracle import Oracle
        >>> model = torch.nn.Linear(2, 1, bias=False)
        >>> _ = torch.nn.init.ones_(model.weight)
        >>> with Oracle(model, gradient=Smoothing(pairs=400)) as oracle:
        ...     _, grad = oracle.logits_and_grad(torch.zeros(1, 2), lambda z: z[:, 0])
        >>> bool((grad - 1).abs().max() < 0.2), oracle.passes.forward, oracle.passes.backward
        (True, 801, 0)

    References:
        ilyas2018nes
    """

    pairs: int = 32
    noise: float = 0.01

    def __post_init__(self) -> None:
        check_count(self, "pairs")
        check_positive(self, "noise")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(pairs=2),)

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        return 2 * self.pairs + 1, 0

    @property
    def name(self) -> str:
        """In one word."""
        return f"smoothing-{self.pairs}"

    def open(self) -> _Differences:
        """Begin an attack."""
        return _Differences(self)


@dataclass(frozen=True, eq=False)
class _Differences:
    """Smoothing during an attack; it remembers nothing."""

    settings: Smoothing

    def logits(self, question: Question) -> Tensor:
        """One forward pass."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """One forward pass, and two for every pair."""
        x, noise = question.x, self.settings.noise
        logits, total = question.logits(), torch.zeros_like(question.x)
        for number in range(self.settings.pairs):
            draw_keys = question.seeds.child("pair", number)
            u = draw_keys.normal(x.shape[1:], x.dtype, device=x.device)
            more, less = (
                question.score(replace(question.drawn(draw_keys), x=at).logits())
                for at in (x + noise * u, x - noise * u)
            )
            slope = (more - less) / (2 * noise)
            total += per_item(slope, x).to(x.dtype) * u
        return logits, total / self.settings.pairs
