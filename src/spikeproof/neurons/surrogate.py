"""The one table of surrogate derivatives: what stands in for the derivative of a spike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import check_one_of, check_positive

__all__ = ["SHAPES", "Surrogate"]


def _triangle(u: Tensor, s: float) -> Tensor:
    return s * (1 - s * u.abs()).clamp_min(0)


def _rectangle(u: Tensor, s: float) -> Tensor:
    return (0.5 * s) * (u.abs() < 1 / s).to(u.dtype)


def _sigmoid(u: Tensor, s: float) -> Tensor:
    p = torch.sigmoid(s * u)
    return s * p * (1 - p)


def _arctan(u: Tensor, s: float) -> Tensor:
    return (0.5 * s) / (1 + (0.5 * math.pi * s * u).square())


SHAPES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "arctan": _arctan,
    "rectangle": _rectangle,
    "sigmoid": _sigmoid,
    "triangle": _triangle,
}


@dataclass(frozen=True)
class Surrogate:
    r"""Stand in for the derivative of the spike, which is zero almost everywhere.

    .. math::
        \text{triangle } s\,\max(0, 1 - s|u|) \quad
        \text{rectangle } \tfrac{s}{2}\,1[|u| < 1/s] \quad
        \text{sigmoid } s\,\sigma(su)(1 - \sigma(su)) \quad
        \text{arctan } \frac{s/2}{1 + (\pi s u / 2)^2}

    :math:`u` is the membrane minus the threshold and :math:`s` the sharpness: larger is sharper
    for every shape. Each integrates to one. Published parameters: triangle and rectangle give
    the width :math:`\gamma = 1/s`, sigmoid :math:`\gamma = s`, arctan :math:`\alpha = s`.

    Args:
        shape: ``"triangle"``, ``"rectangle"``, ``"sigmoid"`` or ``"arctan"``.
        sharpness: Scale of the membrane axis, above zero.
    Raises:
        SettingError: an unknown shape, or a sharpness that is not positive.
    Example:
        >>> Surrogate("triangle", sharpness=2.0).derivative(torch.tensor([0.0, 0.25, 1.0]))
        tensor([2., 1., 0.])

    References:
        neftci2019
    """

    shape: str = "triangle"
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        check_one_of(self.shape, SHAPES, "surrogate shape")
        check_positive(self, "sharpness")

    def derivative(self, u: Tensor) -> Tensor:
        """The derivative at ``u``, the membrane minus the threshold; same shape as ``u``."""
        return SHAPES[self.shape](u, self.sharpness)
