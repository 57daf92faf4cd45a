"""The participation ratio of the input gradient: sparsity without size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from spikeproof.base import check_one_of
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.input_gradient import SCORES, input_gradient
from spikeproof.train.terms.registry import TERMS

__all__ = ["ParticipationRatio"]


@TERMS.register("participation_ratio")
@dataclass(frozen=True, kw_only=True)
class ParticipationRatio:
    r"""Penalise how many features share the input gradient, whatever its size.

    .. math:: \frac1N \sum_i \frac{\|g_i\|_1^2}{n\,\|g_i\|_2^2} \in \Big[\frac1n, 1\Big], \quad
        g_i = \nabla_x f(x_i) \in \mathbb{R}^n

    1 where all features count alike, :math:`1/n` where one feature counts alone. Scaling the
    gradient changes nothing, so beside ``GradientNorm(norm="l2")`` it takes sparsity and size
    apart. An item without a gradient counts 0.

    Args:
        of: The gradient of what: the true class's ``"pairwise"`` or ``"softmax"`` probability, or
            the ``"loss"``. Pairwise probability and difference of logits have the same ratio.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: an unknown ``of``.
        InputError: no gradient that could be differentiated again.
    Cost: as ``GradientNorm``: 1 backward to the input with a graph, and a backward through it.
    Example:
        >>> model = torch.nn.Linear(4, 2, bias=False).double()
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0] * 4]))
        >>> x = torch.rand(2, 4, dtype=torch.float64)
        >>> round(ParticipationRatio()(Forward(model, x, torch.tensor([0, 1]))).item(), 6)
        0.5

    References:
        liu2024sparse
    """

    passes: ClassVar[tuple[int, int]] = (0, 1)

    looks: ClassVar[tuple[str, ...]] = ("second",)

    of: str = "pairwise"

    def __post_init__(self) -> None:
        check_one_of(self.of, SCORES, "ParticipationRatio.of")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean ratio of the shared pass."""
        grad = input_gradient(forward, self.of)
        largest = grad.detach().abs().amax(1, keepdim=True)
        some = largest > 0
        # Dividing by a constant leaves the ratio and its gradient alone, and squares do not vanish.
        grad = torch.where(some, grad / torch.where(some, largest, 1.0), 0.0)
        squares = torch.where(some[:, 0], grad.square().sum(1), 1.0)
        return (grad.abs().sum(1).square() / (grad.shape[1] * squares)).mean()
