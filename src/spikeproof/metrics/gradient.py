"""How large and how sparse input gradients are, item by item."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_finite, check_labels
from spikeproof.oracle import Oracle

__all__ = ["GradientMeasures", "gradient_measures", "true_class_gradient"]


@dataclass(frozen=True, kw_only=True)
class GradientMeasures:
    """Size and sparsity of each item's gradient, float64 ``(N,)`` each.

    Args:
        l0: Entries above the tolerance.
        l1: Sum of absolute values.
        l2: Euclidean length.
        linf: Largest absolute value.
        participation: ``||g||_1^2 / ||g||_2^2``, a scale-free count of the entries that matter,
            in [1, ||g||_0]; NaN where the gradient is zero.
        top_share: Share of ``||g||_1`` in the largest entries; NaN where the gradient is zero.
    """

    l0: Tensor
    l1: Tensor
    l2: Tensor
    linf: Tensor
    participation: Tensor
    top_share: Tensor


def gradient_measures(
    grad: Tensor, *, tolerance: float = 1e-6, top: float = 0.05
) -> GradientMeasures:
    """Measure the gradients of a batch.

    ``l0 = #{i: |g_i| > tolerance * max|g|}``: with 1e-6 what float32 cannot tell from zero beside
    the largest entry counts as zero. l_0 and participation measure sparsity; the other norms also
    carry scale.

    Args:
        grad: Gradients, ``(N, ...)``.
        tolerance: Fraction of each item's largest entry, in [0, 1).
        top: Share of the features whose weight ``top_share`` reports, in (0, 1], rounded up.
    Returns:
        Six numbers per item.
    Raises:
        InputError: gradients that are not finite or not ``(N, ...)``.
        SettingError: tolerance or top out of range.
    Example:
        >>> m = gradient_measures(torch.tensor([[2.0, -2.0, 0.0, 0.0]]), top=0.25)
        >>> m.l0.item(), m.l1.item(), m.participation.item(), m.top_share.item()
        (2.0, 4.0, 2.0, 0.5)

    References:
        liu2024sparse
    """
    if not 0 <= tolerance < 1 or not 0 < top <= 1:
        raise SettingError(
            f"gradient_measures: tolerance must lie in [0, 1) and top in (0, 1]; "
            f"got {tolerance!r} and {top!r}."
        )
    if grad.ndim < 2:
        raise InputError(f"Gradients must have shape (N, ...); got {tuple(grad.shape)}.")
    size = check_finite(grad, "The gradient").detach().flatten(1).to(torch.float64).abs()
    largest = size.amax(1)
    l1, square = size.sum(1), size.square().sum(1)
    head = size.topk(math.ceil(top * size.shape[1]), dim=1).values.sum(1)
    return GradientMeasures(
        l0=(size > tolerance * largest[:, None]).sum(1).to(torch.float64),
        l1=l1,
        l2=square.sqrt(),
        linf=largest,
        participation=l1.square() / square,
        top_share=head / l1,
    )


def true_class_gradient(oracle: Oracle, x: Tensor, y: Tensor) -> Tensor:
    """Return the input gradient of the true-class probability, ``(N, *shape)``.

    ``g = grad_x softmax(z(x))_y``, through the oracle's surrogate. The softmax is taken in
    float64: in float32 a confident model's ``1 - f_y`` rounds to zero and takes the gradient
    with it.

    Args:
        oracle: How the model is seen; its rule decides what the gradient of a spike is.
        x: Inputs, ``(N, *shape)``.
        y: True classes, int64 ``(N,)``.
    Raises:
        InputError: labels that do not fit, or no finite gradient.
    Cost:
        One forward and one backward pass per item.
    Example:
        >>> y = torch.zeros(5, dtype=torch.int64)
        >>> with Oracle(torch.nn.Linear(3, 2)) as oracle:
        ...     grad = true_class_gradient(oracle, torch.zeros(5, 3), y)
        >>> grad.shape
        torch.Size([5, 3])

    References:
        liu2024sparse
    """

    def probability(logits: Tensor) -> Tensor:
        check_labels(y, logits.shape[1], len(x))
        return logits.to(torch.float64).softmax(1).gather(1, y[:, None])[:, 0]

    return oracle.logits_and_grad(x, probability)[1]
