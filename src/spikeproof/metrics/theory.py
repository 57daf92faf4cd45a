"""What first-order theory says about random and adversarial vulnerability, in every norm.

For a differentiable f_y with gradient g at x and small radius r, ``f_y(x + r d) - f_y(x) = r g.d``.
Everything here follows from that; nothing is specific to spiking networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_finite
from spikeproof.threats import Threat

__all__ = [
    "FirstOrder",
    "ball_moment",
    "dual_exponent",
    "dual_norm",
    "first_order",
    "first_order_l0",
    "first_order_lp",
]


def dual_exponent(p: float) -> float:
    """Return q with ``1/p + 1/q = 1``.

    Example:
        >>> [dual_exponent(p) for p in (1.0, 2.0, math.inf)]
        [inf, 2.0, 1.0]
    """
    if not p >= 1:
        raise SettingError(f"A norm needs p >= 1; got p = {p!r}. Use first_order_l0 for l_0.")
    if p == 1:
        return math.inf
    return 1.0 if math.isinf(p) else p / (p - 1)


def dual_norm(grad: Tensor, p: float) -> Tensor:
    """Return the largest ``g.d`` over the unit l_p ball, ``(N,)`` in float64.

    ``sup_{||d||_p <= 1} g.d = ||g||_q``.

    Args:
        grad: Gradients, ``(N, ...)``.
        p: Exponent of the ball, in [1, inf].
    Example:
        >>> dual_norm(torch.tensor([[3.0, -4.0]]), math.inf)
        tensor([7.], dtype=torch.float64)
    """
    norm: Tensor = torch.linalg.vector_norm(_flat(grad), ord=dual_exponent(p), dim=1)
    return norm


def ball_moment(n: int, p: float) -> float:
    """Return ``c_{n,p}``, the second moment of one coordinate of a draw from the unit l_p ball.

    ``c_{n,p} = Gamma(3/p) Gamma(n/p + 1) / (Gamma(1/p) Gamma((n+2)/p + 1))``, ``c_{n,inf} = 1/3``.

    Args:
        n: Dimension, at least 1.
        p: Exponent, in [1, inf].
    Example:
        >>> round(ball_moment(20, 2.0) * (20 + 2), 12), ball_moment(20, math.inf) * 3
        (1.0, 1.0)
    """
    dual_exponent(p)
    if n < 1:
        raise SettingError(f"A ball needs at least one dimension; got n = {n}.")
    if math.isinf(p):
        return 1 / 3
    up = math.lgamma(3 / p) + math.lgamma(n / p + 1)
    return math.exp(up - math.lgamma(1 / p) - math.lgamma((n + 2) / p + 1))


@dataclass(frozen=True, kw_only=True)
class FirstOrder:
    """First-order predictions for each item, float64 ``(N,)`` each.

    Args:
        adversarial: Supremum of the squared change, ``(r sup g.d)^2``.
        random: Expected squared change over the ball.
        ratio: ``adversarial / random``; NaN where the gradient is zero.
        lower: Smallest ratio that any gradient with as many non-zeros can have.
        upper: Largest such ratio.
    """

    adversarial: Tensor
    random: Tensor
    ratio: Tensor
    lower: Tensor
    upper: Tensor


def first_order_lp(grad: Tensor, p: float, radius: float = 1.0) -> FirstOrder:
    """Predict both vulnerabilities under an l_p ball from the gradients.

    ``adversarial = r^2 ||g||_q^2``, ``random = r^2 c_{n,p} ||g||_2^2``,
    ``ratio = ||g||_q^2 / (c_{n,p} ||g||_2^2)`` lies between ``1/c`` and ``||g||_0^(2/q-1) / c``.
    For l_inf the ratio is three times the participation ratio, for l_2 always n + 2.

    Args:
        grad: Gradients of the true-class probability, ``(N, ...)``.
        p: Exponent of the ball, in [1, inf].
        radius: Radius of the ball, in input units.
    Returns:
        Predictions; exact non-zeros are counted in the bounds.
    Raises:
        SettingError: p below 1.
        InputError: gradients that are not finite.
    Differs from the paper:
        The paper (sparse-gradient training) states l_inf only.
    Example:
        >>> out = first_order_lp(torch.tensor([[1.0, 1.0, 0.0, 0.0]]), math.inf)
        >>> out.ratio.tolist(), out.lower.tolist(), out.upper.tolist()
        ([6.0], [3.0], [6.0])

    References:
        liu2024sparse, simongabriel2019
    """
    flat = _flat(grad)
    moment = ball_moment(flat.shape[1], p)
    square = flat.square().sum(1)
    adversarial = radius**2 * dual_norm(flat, p).square()
    random = radius**2 * moment * square
    q = dual_exponent(p)
    power = (2 / q if math.isfinite(q) else 0.0) - 1
    nonzero = (flat != 0).sum(1).to(flat.dtype)
    plain = torch.full_like(square, 1 / moment)
    counted = nonzero.clamp(min=1) ** power / moment
    return FirstOrder(
        adversarial=adversarial,
        random=random,
        ratio=_defined(adversarial / random, square),
        lower=_defined(torch.minimum(plain, counted), square),
        upper=_defined(torch.maximum(plain, counted), square),
    )


def first_order_l0(grad: Tensor, k: int, *, pixels: Tensor | None = None) -> FirstOrder:
    """Predict both vulnerabilities when k coordinates (or pixels) may change by up to 1.

    ``adversarial = (sum of the k largest |g_i|)^2``, ``random = (k / (3 n)) ||g||_2^2``: k random
    coordinates, each uniform in [-1, 1]. With S the sum of the k largest and s non-zeros,
    ``min(1, k^2/s) ||g||_2^2 <= S^2 <= min(k, s) ||g||_2^2`` bounds the ratio. For pixels,
    ``|g_i|`` is the l_1 norm over a pixel's features and n the number of pixels.

    Convention: every coordinate may move by up to 1 in both directions. For other ranges multiply
    the gradient by them first. Inside a box a coordinate has less room on one side, so the true
    supremum may be smaller, and draws are not centred.

    Args:
        grad: Gradients, ``(N, ...)``, times how far each feature may move.
        k: How many coordinates or pixels may change, 1..n.
        pixels: Number of the pixel each feature belongs to, int64 ``(n,)``; each its own if absent.
    Returns:
        Predictions; exact non-zeros are counted in the bounds.
    Raises:
        SettingError: k outside 1..n.
        InputError: gradients that are not finite.
    Example:
        >>> out = first_order_l0(torch.tensor([[3.0, -4.0, 0.0]]), k=1)
        >>> out.adversarial.item(), round(out.random.item(), 9), round(out.ratio.item(), 9)
        (16.0, 2.777777778, 5.76)

    References:
        liu2024sparse
    """
    flat = _flat(grad)
    heights, most = flat.abs(), 1
    if pixels is not None:
        index = pixels.reshape(-1).to(flat.device, torch.int64)
        places = int(index.max()) + 1
        heights = flat.new_zeros(len(flat), places).index_add_(1, index, flat.abs())
        most = int(torch.bincount(index).max())
    n = heights.shape[1]
    if not 1 <= k <= n:
        raise SettingError(f"l_0 needs a radius of 1..{n} changed places; got {k}.")
    square = flat.square().sum(1)
    adversarial = heights.topk(k, dim=1).values.sum(1).square()
    random = (k / (3 * n)) * square
    places_hit = (heights != 0).sum(1).to(flat.dtype).clamp(min=1)
    features_hit = (flat != 0).sum(1).to(flat.dtype)
    return FirstOrder(
        adversarial=adversarial,
        random=random,
        ratio=_defined(adversarial / random, square),
        lower=_defined((3 * n / k) * (k**2 / places_hit).clamp(max=1.0), square),
        upper=_defined((3 * n / k) * features_hit.clamp(max=float(k * most)), square),
    )


def first_order(grad: Tensor, threat: Threat) -> FirstOrder:
    """Predict both vulnerabilities under a threat, from the gradients.

    Args:
        grad: Gradients of the true-class probability, ``(N, *shape)``.
        threat: linf, l2, l1, l0 or l0-features. An l_0 change is taken to reach as far as from 0
            (dark, silent, no event) to the far wall of the box, in both directions; 1 where the
            box is unbounded. A draw inside the box is uniform over the box instead, which is
            exactly this only where the box is unbounded.
    Returns:
        Predictions for each item.
    Raises:
        SettingError: a threat without a first-order theory here (counts, joint).
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L2
        >>> threat = Threat(L2(), 0.5, Domain(kind="image", shape=(1, 2, 2)))
        >>> round(first_order(torch.ones(1, 1, 2, 2), threat).ratio.item(), 9)
        6.0
    """
    if threat.order is not None and threat.order > 0:
        return first_order_lp(grad, threat.order, float(threat.radius))
    if threat.order == 0:
        low, high = threat.domain.bounds(grad)
        reach = torch.maximum(low.abs(), high.abs())
        reach = torch.where(torch.isfinite(reach), reach, torch.ones_like(reach))
        pixels = threat.domain.pixels()[0] if threat.geometry.by_pixel else None
        return first_order_l0(grad * reach, int(threat.radius), pixels=pixels)
    raise SettingError(
        f"There is no first-order prediction for the threat {threat.name!r}; "
        "use linf, l2, l1, l0 or l0-features."
    )


def _flat(grad: Tensor) -> Tensor:
    """Checked gradients as float64 ``(N, n)``."""
    if grad.ndim < 2 or not grad[0:1].numel():
        raise InputError(
            f"Gradients must have shape (N, ...), items first; got {tuple(grad.shape)}."
        )
    return check_finite(grad, "The gradient").detach().flatten(1).to(torch.float64)


def _defined(values: Tensor, square: Tensor) -> Tensor:
    """``values``, NaN where the gradient is zero: a quotient of two zeros says nothing."""
    return values.masked_fill(square == 0, math.nan)
