"""Sparse-gradient regularisation (SR): a finite difference along the input gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_count, check_one_of, check_positive
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.input_gradient import score
from spikeproof.train.terms.registry import TERMS

__all__ = ["DIRECTIONS", "SparseGradient"]

DIRECTIONS = ("dual", "one-hot", "sign", "top-k", "unit")


@TERMS.register("sparse_gradient")
@dataclass(frozen=True, kw_only=True)
class SparseGradient:
    r"""Penalise a norm of the input gradient of the true class's probability, l_1 by default.

    .. math:: d = \operatorname{sign} \nabla_x f(x), \qquad
        \Big(\tfrac{f(x + h d) - f(x)}{h}\Big)^2 \approx \|\nabla_x f(x)\|_1^2

    Other directions give the dual norms of other threats, ``d · ∇f`` to first order:

    ============  ==========================================  =======================  ========
    direction     d                                           d · ∇f                   threat
    ============  ==========================================  =======================  ========
    ``sign``      sign of the gradient                        l_1 norm                 l_inf
    ``unit``      gradient over its l_2 norm                  l_2 norm                 l_2
    ``one-hot``   sign at the largest entry, 0 elsewhere      largest entry            l_1
    ``top-k``     sign at the k largest entries, 0 elsewhere  sum of the k largest     l_0
    ``dual``      ``sign(g) (|g| / ||g||_q)^(q - 1)``         l_q norm, 1/p + 1/q = 1  l_p
    ============  ==========================================  =======================  ========

    The direction ``d`` is taken as constant; weights are reached through ``f(x)`` and through
    ``f(x + h d)``, so no second derivative is needed. ``f`` is the true class's probability
    against the rival of the first pass (``"pairwise"``, the same rival in both passes) or against
    all classes (``"softmax"``). The moved input is not clipped unless ``clip`` says where.

    Args:
        h: Length of the step, in input units, > 0: per feature that moves, or for ``"unit"`` in
            the l_2 norm. A spiking network answers in jumps; where d moves few features or
            each by little, as all but ``"sign"`` do, h must be large enough to flip a spike.
        penalty: ``"square"`` of the finite difference, or its ``"absolute"`` value.
        probability: ``"pairwise"`` or ``"softmax"``.
        direction: ``"sign"``, ``"unit"``, ``"one-hot"``, ``"top-k"`` or ``"dual"``.
        k: Entries that ``"top-k"`` moves, at least 1.
        p: Norm of the threat that ``"dual"`` answers, above 1 and finite.
        clip: Lowest and highest value of the moved input, such as (0, 1); None does not clip. A
            feature at its limit then counts only if it can move.
        frozen_statistics: Keep running statistics (any buffer) of the model out of the second
            pass; the batch statistics that normalise that pass are its own either way.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: ``h`` is not positive, ``k`` below 1, ``p`` not above 1, ``clip`` not two
            rising numbers, or an unknown ``penalty``, ``probability`` or ``direction``.
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
        >>> forward = Forward(model, x, y)
        >>> f = forward.logits.softmax(1).gather(1, y[:, None]).squeeze(1)  # two classes
        >>> slope = f * (1 - f) * (model.weight[0] - model.weight[1]).abs().sum()
        >>> gap = SparseGradient(h=1e-6)(forward) - slope.square().mean()
        >>> abs(gap.item()) < 1e-6
        True

    References:
        liu2024sparse, finlay2019scaleable
    """

    sparse_gradients: ClassVar[bool] = True
    """What studies judge under claims about sparse-gradient training."""
    passes: ClassVar[tuple[int, int]] = (1, 1)

    h: float = 0.01
    penalty: str = "square"
    probability: str = "pairwise"
    direction: str = "sign"
    k: int = 10
    p: float = 2.0
    clip: tuple[float, float] | None = None
    frozen_statistics: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "h")
        check_one_of(self.penalty, ("square", "absolute"), "SparseGradient.penalty")
        check_one_of(self.probability, ("pairwise", "softmax"), "SparseGradient.probability")
        check_one_of(self.direction, DIRECTIONS, "SparseGradient.direction")
        check_count(self, "k")
        if not 1 < self.p < float("inf"):
            raise SettingError(
                f"SparseGradient.p must be above 1 and finite; got {self.p!r}. Use direction "
                "'one-hot' for l_1 and 'sign' for l_inf."
            )
        if self.clip is not None:
            object.__setattr__(self, "clip", tuple(self.clip))
            if len(self.clip) != 2 or not self.clip[0] < self.clip[1]:
                raise SettingError(
                    "SparseGradient.clip must be (lowest, highest), e.g. (0, 1); got "
                    f"{self.clip!r}."
                )

    @classmethod
    def examples(cls) -> tuple[SparseGradient, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(direction="unit", h=0.5),
            cls(direction="dual", p=4.0, clip=(0.0, 1.0), h=0.5),
            cls(direction="one-hot", h=0.5),
            cls(direction="top-k", k=5, h=0.2),
            cls.code(),
            cls.paper(),
            cls(frozen_statistics=True),
        )

    @classmethod
    def code(cls) -> SparseGradient:
        """The settings of the published code: squared, pairwise, h = 0.01."""
        return cls(h=0.01, penalty="square", probability="pairwise")

    @classmethod
    def paper(cls) -> SparseGradient:
        """The form the paper states: absolute value, softmax probability, h = 0.01."""
        return cls(h=0.01, penalty="absolute", probability="softmax")

    def __call__(self, forward: Forward) -> Tensor:
        """The mean penalty of the shared pass."""
        # The finite difference (f(x + h d) - f(x)) / h stands for the directional derivative
        # d . grad f(x), whose gradient in the weights would be a second derivative through every
        # spike. Here d is a constant, so autograd meets f twice to first order; any kernel will do.
        before = self._confidence(forward, forward.logits)
        # The graph of f(x) is kept: the loss goes back through it once more, to the weights.
        (grad,) = torch.autograd.grad(before.sum(), forward.x, retain_graph=True, allow_unused=True)
        if grad is None:
            raise InputError(
                "No gradient reaches the input, so SparseGradient has nothing to make sparse: the "
                "model cuts the graph (a detach, a step function without surrogate, or an encoder "
                "that cannot be differentiated). Use spikeproof.neurons.Spiking for the neurons."
            )
        moved = forward.x.detach() + self.h * self._towards(grad)
        if self.clip is not None:
            moved = moved.clamp(*self.clip)
        after = self._confidence(
            forward, forward.forward_again(moved, frozen_statistics=self.frozen_statistics)
        )
        # Both ends carry the graph; with one detached the weights could lower the difference by
        # moving f(x) alone.
        slope = (after - before) / self.h
        return (slope.square() if self.penalty == "square" else slope.abs()).mean()

    def _towards(self, grad: Tensor) -> Tensor:
        """The direction, shaped like the gradient; 0 where there is no gradient."""
        if self.direction == "sign":
            return grad.sign()
        flat = grad.flatten(1)
        if self.direction in ("unit", "dual"):
            p = 2.0 if self.direction == "unit" else self.p
            return _steepest(flat, p).view_as(grad)
        count = 1 if self.direction == "one-hot" else min(self.k, flat.shape[1])
        places = flat.abs().topk(count, dim=1).indices
        chosen = torch.zeros_like(flat).scatter(1, places, 1.0)
        return (chosen * flat.sign()).view_as(grad)

    def _confidence(self, forward: Forward, logits: Tensor) -> Tensor:
        """Probability of the true class, ``(N,)``."""
        return score(forward, logits, self.probability)


def _steepest(rows: Tensor, p: float) -> Tensor:
    """The direction of l_p length 1 along which each row rises most, ``(N, n)``; 0 for a zero."""
    # Divided by the largest entry first, whose powers do not vanish in float32.
    tiny, q = torch.finfo(rows.dtype).tiny, p / (p - 1)
    scaled = rows / rows.abs().amax(1, keepdim=True).clamp_min(tiny)
    length = scaled.abs().pow(q).sum(1, keepdim=True).pow(1 / q).clamp_min(tiny)
    steepest: Tensor = scaled.sign() * (scaled.abs() / length).pow(q - 1)
    return steepest
