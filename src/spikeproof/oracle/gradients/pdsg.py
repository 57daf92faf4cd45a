"""Potential-dependent surrogate gradient: as wide as the membranes spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import check_one_of
from spikeproof.neurons import Firing, Slope
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["PDSG"]


@GRADIENTS.register("pdsg")
@dataclass(frozen=True, kw_only=True)
class PDSG:
    r"""Take a Gaussian as wide as the membranes of its channel spread, shifted by half a width.

    .. math::
        h(u) = \frac{1}{\sqrt{2\pi}\,\sigma}
        \exp\Big(-\frac{(u - \sigma/2)^2}{2\sigma^2}\Big)

    :math:`\sigma` at step t is the standard deviation of the membranes up to that step, channel by
    channel, over places and time; 1 where it is 0. The chain rule runs through time.

    Args:
        statistics: ``"item"`` takes each item's own deviation, ``"batch"`` pools the items as
            published.
    Raises:
        SettingError: unknown statistics.
    Cost:
        One forward and one backward pass, and one more walk through the membranes.
    Differs from the paper:
        By default no item's gradient depends on the items beside it. The deviation is that of the
        values themselves (divided by their number).
    Example:
        >>> from spikeproof.neurons import LIF, Spiking, gradient_rule
        >>> currents = torch.tensor([[[0.5, 1.5]]]).unsqueeze(0).requires_grad_(True)
        >>> with gradient_rule(PDSG()):  # one channel, two places: sigma = .5
        ...     Spiking(LIF())(currents).sum().backward()
        >>> currents.grad.flatten()  # .8 exp(-(u - .25)^2 / .5)
        tensor([0.2590, 0.7041])

    References:
        lun2025pdsg
    """

    statistics: str = "item"

    def __post_init__(self) -> None:
        check_one_of(self.statistics, ("item", "batch"), "PDSG.statistics")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(statistics="batch"),
        )

    @property
    def name(self) -> str:
        """In one word."""
        return "pdsg" if self.statistics == "item" else "pdsg-batch"

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        spread = self._spread(firing.membranes)
        sharpness = 1 / torch.where(spread > 0, spread, torch.ones_like(spread))
        return firing.through(Slope("shifted-gaussian", sharpness.expand_as(firing.membranes)))

    def _spread(self, u: Tensor) -> Tensor:
        """Standard deviation up to each step, of the shape of ``u`` with ones where it pooled."""
        over = tuple(range(3, u.ndim)) + ((1,) if self.statistics == "batch" else ())
        steps = torch.arange(1, len(u) + 1, device=u.device, dtype=torch.float64)
        steps = steps.view(-1, *[1] * (u.ndim - 1))

        def so_far(x: Tensor) -> Tensor:
            each = x.mean(over, keepdim=True) if over else x
            return each.cumsum(0) / steps

        # In double precision, and around the mean of the whole: a square of means taken from a
        # mean of squares must not leave the deviation of equal numbers above zero.
        exact = u.double()
        centred = exact - exact.mean((0, *over), keepdim=True)
        spread = (so_far(centred.square()) - so_far(centred).square()).clamp_min(0).sqrt()
        tiny = 1e-6 * exact.abs().amax((0, *over), keepdim=True)
        return torch.where(spread > tiny, spread, 0.0).to(u.dtype)
