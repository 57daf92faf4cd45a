"""Sparse-gradient regularisation (SR): a finite difference along the sign of the input gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import InputError, check_one_of, check_positive
from spikeproof.train.clean_pass import Pass

__all__ = ["SparseGradient"]


@dataclass(frozen=True, kw_only=True)
class SparseGradient:
    r"""Penalise the l_1 norm of the input gradient of the true class's probability.

    .. math:: d = \operatorname{sign} \nabla_x f(x), \qquad
        \Big(\tfrac{f(x + h d) - f(x)}{h}\Big)^2 \approx \|\nabla_x f(x)\|_1^2

    The direction ``d`` is taken as constant; weights are reached through ``f(x)`` and through
    ``f(x + h d)``, so no second derivative is needed. ``f`` is the true class's probability
    against the rival of the first pass (``"pairwise"``, the same rival in both passes) or against
    all classes (``"softmax"``). The moved input is not clipped to the domain.

    Args:
        h: Length of the step per feature, in input units, > 0.
        penalty: ``"square"`` of the finite difference, or its ``"absolute"`` value.
        probability: ``"pairwise"`` or ``"softmax"``.
        frozen_statistics: Keep running statistics (any buffer) of the model out of the second
            pass; the batch statistics that normalise that pass are its own either way.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: ``h`` is not positive, or an unknown ``penalty`` or ``probability``.
        InputError: no gradient reaches the input.
    Cost: 1 forward beyond the shared one, 1 backward to the input, and the backward of both
        forwards: a plain step costs 3 units (forward 1, backward 2), this one 7.
    Differs from the paper:
        The paper penalises ``|f(x + hd) - f(x)| / h`` of the softmax
        probability (:meth:`paper`); its published code squares, and uses the pairwise
        probability (:meth:`code`, the default). In training mode the second pass feeds the
        running statistics too, as in that code, unless ``frozen_statistics``. Dropout and other
        noise repeat the draws of the first pass; drawn anew, their difference would be divided
        by ``h`` and swamp the penalty.
    Example:
        >>> model = torch.nn.Linear(3, 2).double()
        >>> x, y = torch.rand(4, 3, dtype=torch.float64), torch.tensor([0, 1, 0, 1])
        >>> clean = Pass(model, x, y)
        >>> f = clean.logits.softmax(1).gather(1, y[:, None]).squeeze(1)  # two classes
        >>> slope = f * (1 - f) * (model.weight[0] - model.weight[1]).abs().sum()
        >>> gap = SparseGradient(h=1e-6)(clean) - slope.square().mean()
        >>> abs(gap.item()) < 1e-6
        True

    References:
        liu2024sparse, finlay2019scaleable
    """

    h: float = 0.01
    penalty: str = "square"
    probability: str = "pairwise"
    frozen_statistics: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "h")
        check_one_of(self.penalty, ("square", "absolute"), "SparseGradient.penalty")
        check_one_of(self.probability, ("pairwise", "softmax"), "SparseGradient.probability")

    @classmethod
    def code(cls) -> SparseGradient:
        """The settings of the published code: squared, pairwise, h = 0.01."""
        return cls(h=0.01, penalty="square", probability="pairwise")

    @classmethod
    def paper(cls) -> SparseGradient:
        """The form the paper states: absolute value, softmax probability, h = 0.01."""
        return cls(h=0.01, penalty="absolute", probability="softmax")

    def __call__(self, clean: Pass) -> Tensor:
        """The mean penalty of the shared pass."""
        before = self._confidence(clean, clean.logits)
        (grad,) = torch.autograd.grad(before.sum(), clean.x, retain_graph=True, allow_unused=True)
        if grad is None:
            raise InputError(
                "No gradient reaches the input, so SparseGradient has nothing to make sparse: the "
                "model cuts the graph (a detach, a step function without surrogate, or an encoder "
                "that cannot be differentiated). Use spikeproof.neurons.Spiking for the neurons."
            )
        moved = clean.x.detach() + self.h * grad.sign()
        after = self._confidence(
            clean, clean.again(moved, frozen_statistics=self.frozen_statistics)
        )
        slope = (after - before) / self.h
        return (slope.square() if self.penalty == "square" else slope.abs()).mean()

    def _confidence(self, clean: Pass, logits: Tensor) -> Tensor:
        """Probability of the true class, ``(N,)``."""
        ours = clean.y[:, None]
        if self.probability == "softmax":
            return logits.softmax(1).gather(1, ours).squeeze(1)
        return torch.sigmoid(logits.gather(1, ours) - logits.gather(1, clean.rival[:, None]))[:, 0]
