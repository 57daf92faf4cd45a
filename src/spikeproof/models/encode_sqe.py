"""Stochastic quantised encoding: every step draws one of the two levels around a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.models.encode import ENCODERS, check_images, through
from spikeproof.neurons import draw_spikes

__all__ = ["SQE"]

_MOST = 1 << 16


@ENCODERS.register("sqe")
@dataclass(frozen=True, kw_only=True)
class SQE:
    r"""Stochastic quantised encoding: a pixel is rounded up or down to one of N + 1 levels.

    .. math:: s_t \in \{\lfloor xN \rfloor / N, \lceil xN \rceil / N\}, \quad
        P(\text{up}) = xN - \lfloor xN \rfloor, \qquad \frac{\partial s_t}{\partial x} := 1

    One knob from rate coding to direct coding: :math:`N = 1` is :class:`Poisson`, large N the
    image itself, and the variance :math:`f (1 - f) / N^2` of a step, f its probability to go up,
    is at most :math:`1 / 4N^2`. The stand-in is the derivative of the expectation,
    :math:`E[s_t] = x`, which takes the place of the levels under
    :func:`spikeproof.neurons.averaging`. arXiv 2610.01558 reports it as a defence, by attacks
    that average over no draws.

    Args:
        levels: :math:`N`, from 1 to 65536.
    Returns:
        Levels ``(T, N, C, H, W)``, multiples of 1/N.
    Raises:
        SettingError: ``levels`` is not a whole number in that range.
        InputError: not images in [0, 1], or ``drawing`` was opened for other items.
    Cost:
        One draw per pixel and step. One forward pass is one draw of the network: an attack that
        averages gradients over draws pays for each.
    Example:
        >>> SQE(levels=2)(torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3), 2).squeeze()
        tensor([[0.0000, 0.5000, 1.0000],
                [0.0000, 0.5000, 1.0000]])

    References:
        liu2024sparse
    """

    levels: int = 2

    def __post_init__(self) -> None:
        if isinstance(self.levels, bool) or self.levels not in range(1, _MOST + 1):
            raise SettingError(
                f"SQE.levels must be a whole number 1 to {_MOST}; got {self.levels!r}."
            )

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(), cls(levels=1), cls(levels=8))

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """Draw the levels of ``x``, ``(N, C, H, W)``."""
        check_images(x)
        scaled = (self.levels * x.detach()).expand(timesteps, *x.shape)
        below = scaled.floor()
        drawn = below + draw_spikes(scaled - below)
        # A uniform draw may be 0 exactly, which would lift a pixel that is a level already.
        return through(torch.minimum(drawn, scaled.ceil()) / self.levels, 1.0, x)
