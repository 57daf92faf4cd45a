"""Surrogate derivatives: what stands in for the derivative of a spike."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from spikeproof.base import SettingError, check_one_of, check_positive
from spikeproof.neurons.formulas import SHAPES

__all__ = ["SHAPES", "Slope", "Surrogate"]


@dataclass(frozen=True, eq=False)
class Slope:
    """A surrogate derivative as kernels use it, with a sharpness that may differ per neuron.

    Args:
        shape: A key of ``SHAPES``.
        sharpness: One number, or a tensor ``(T, N, ...)`` like the currents.
        height: Factor on the result.
    Raises:
        SettingError: an unknown shape.
    Example:
        >>> import torch
        >>> u = torch.tensor([[0.25], [0.25]])
        >>> Slope("triangle", torch.tensor([[1.0], [2.0]])).derivative(u).flatten()
        tensor([0.7500, 1.0000])
    """

    shape: str
    sharpness: float | Tensor
    height: float = 1.0

    def __post_init__(self) -> None:
        check_one_of(self.shape, SHAPES, "surrogate shape")

    def derivative(self, u: Tensor) -> Tensor:
        """The derivative at ``u``, the membrane minus the threshold; same shape as ``u``."""
        value: Tensor = SHAPES[self.shape](u, self.sharpness)
        return value if self.height == 1 else self.height * value

    def at(self, step: int) -> Slope:
        """The slope of one time step."""
        if not isinstance(self.sharpness, Tensor):
            return self
        return Slope(self.shape, self.sharpness[step], self.height)


@dataclass(frozen=True)
class Surrogate:
    r"""Stand in for the derivative of the spike, which is zero almost everywhere.

    .. math::
        \text{triangle } s\,\max(0, 1 - s|u|) \quad
        \text{rectangle } \tfrac{s}{2}\,1[s|u| < 1] \quad
        \text{sigmoid } s\,\sigma(su)(1 - \sigma(su)) \quad
        \text{arctan } \frac{s/2}{1 + (\pi s u / 2)^2} \quad
        \text{gaussian } s\,\varphi(su) \quad
        \text{exponential } \tfrac{s}{2} e^{-s|u|} \quad
        \text{shifted-gaussian } s\,\varphi(su - \tfrac12) \quad
        \text{straight-through } 1 \quad
        \text{multi-gaussian } 1.15\,s\varphi(su) - .15\,\tfrac{s}{6}
        \big(\varphi(\tfrac{su-1}{6}) + \varphi(\tfrac{su+1}{6})\big)

    :math:`u` is the membrane minus the threshold, :math:`\varphi` the standard normal density and
    :math:`s` the sharpness: larger is sharper for every shape but straight-through, which has
    none. The first seven integrate to one, the multi-Gaussian to .85. Published parameters:
    triangle and rectangle give the width :math:`\gamma = 1/s`, sigmoid :math:`\gamma = s`, arctan
    and Gaussian :math:`\alpha = s`, the shifted one :math:`\sigma = 1/s`, multi-Gaussian the lens
    :math:`1/s`, and the exponential :math:`\beta = s` with a peak of 1 (or .3) in place of
    :math:`s/2`: set ``height`` to :math:`2/s` (or :math:`.6/s`).

    Args:
        shape: A key of ``SHAPES``.
        sharpness: Scale of the membrane axis, above zero.
        height: Factor on the result, above zero.
    Raises:
        SettingError: an unknown shape, or a sharpness or height that is not positive.
    Example:
        >>> import torch
        >>> Surrogate("triangle", sharpness=2.0).derivative(torch.tensor([0.0, 0.25, 1.0]))
        tensor([2., 1., 0.])

    References:
        neftci2019
    """

    shape: str = "triangle"
    sharpness: float = 1.0
    height: float = 1.0

    def __post_init__(self) -> None:
        check_one_of(self.shape, SHAPES, "surrogate shape")
        if isinstance(self.sharpness, Tensor):
            raise SettingError("Surrogate.sharpness is one number; give a Slope for a tensor.")
        check_positive(self, "sharpness", "height")

    @property
    def slope(self) -> Slope:
        """What kernels take."""
        return Slope(self.shape, self.sharpness, self.height)

    def derivative(self, u: Tensor) -> Tensor:
        """The derivative at ``u``, the membrane minus the threshold; same shape as ``u``."""
        return self.slope.derivative(u)
