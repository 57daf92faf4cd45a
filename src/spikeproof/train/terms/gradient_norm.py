"""A norm of the input gradient, differentiated exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from torch import Tensor

from spikeproof.base import check_count, check_one_of
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.input_gradient import NORMS, SCORES, input_gradient, length
from spikeproof.train.terms.registry import TERMS

__all__ = ["GradientNorm"]


@TERMS.register("gradient_norm")
@dataclass(frozen=True, kw_only=True)
class GradientNorm:
    r"""Penalise a norm of the input gradient by differentiating twice.

    .. math:: \frac1N \sum_i \|\nabla_x f(x_i)\|_q^2 \quad\text{or}\quad
        \frac1N \sum_i \|\nabla_x f(x_i)\|_q

    The norm is the dual of the threat's: l_1 against l_inf (what SR approximates by a finite
    difference), l_2 against l_2 (pure size), l_inf against l_1, and the sum of the ``k`` largest
    entries against k changed features.

    Args:
        norm: ``"l1"``, ``"l2"``, ``"linf"`` or ``"top-k"``.
        of: The gradient of what: the true class's ``"pairwise"`` or ``"softmax"`` probability, or
            the ``"loss"`` (cross-entropy).
        penalty: ``"square"`` of the norm, or the norm itself (``"absolute"``).
        k: Entries that ``"top-k"`` sums.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: an unknown ``norm``, ``of`` or ``penalty``, or ``k`` below 1.
        InputError: no gradient that could be differentiated again.
    Cost: 1 backward to the input with a graph, and a backward through it (about twice a plain
        step's); the shared forward runs the reference kernel, which alone has second derivatives.
    Differs from the paper:
        Spikes have no second derivative either; the surrogate's own derivative stands in, so this
        is the exact gradient of the surrogate gradient's norm.
    Example:
        >>> import torch
        >>> model = torch.nn.Linear(3, 2).double()
        >>> x, y = torch.rand(4, 3, dtype=torch.float64), torch.tensor([0, 1, 0, 1])
        >>> forward = Forward(model, x, y)
        >>> f = forward.logits.softmax(1).gather(1, y[:, None]).squeeze(1)  # two classes
        >>> slope = f * (1 - f) * (model.weight[0] - model.weight[1]).norm()
        >>> bool(torch.isclose(GradientNorm(norm="l2")(forward), slope.square().mean()))
        True

    References:
        simongabriel2019, liu2024sparse
    """

    passes: ClassVar[tuple[int, int]] = (0, 1)

    looks: ClassVar[tuple[str, ...]] = ("second",)

    norm: str = "l2"
    of: str = "pairwise"
    penalty: str = "square"
    k: int = 10

    def __post_init__(self) -> None:
        check_one_of(self.norm, NORMS, "GradientNorm.norm")
        check_one_of(self.of, SCORES, "GradientNorm.of")
        check_one_of(self.penalty, ("square", "absolute"), "GradientNorm.penalty")
        check_count(self, "k")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(norm="l1", of="softmax"),
            cls(norm="linf", penalty="absolute"),
            cls(norm="top-k", k=3, of="loss"),
        )

    def __call__(self, forward: Forward) -> Tensor:
        """The mean penalty of the shared pass."""
        size = length(input_gradient(forward, self.of), self.norm, self.k)
        return (size.square() if self.penalty == "square" else size).mean()
