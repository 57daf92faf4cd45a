"""Temporal codes: the length of a pixel's spike train is its brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.base import check_one_of
from spikeproof.models.encode import ENCODERS, check_images, through

__all__ = ["Temporal"]

CODES = ("post", "pre")
SLOPES = ("mean", "spike")


@ENCODERS.register("temporal")
@dataclass(frozen=True, kw_only=True)
class Temporal:
    r"""Code a pixel by how long it spikes: from the first step on, or up to the last one.

    .. math:: \text{pre: } s_t = 1[t / T < x], \qquad \text{post: } s_t = 1[t / T > 1 - x],
        \qquad t = 0, \dots, T - 1

    Under ``pre`` a pixel spikes at its first :math:`\lceil T x \rceil` steps, under ``post`` at
    its last ones (but never at step 0, so one less for white). Every step rises from 0 to 1 as
    the pixel goes from black to white, so its mean slope is 1, which stands in for the derivative.
    The published one is the spike itself: nothing passes where there is none, so an attacker is
    never shown that a dark pixel could become bright.

    Args:
        code: ``"pre"`` or ``"post"``.
        slope: What stands in for the derivative: ``"mean"`` (1 everywhere), or ``"spike"``, as
            published, which masks the gradient.
    Returns:
        Spikes ``(T, N, C, H, W)``, 0 or 1.
    Raises:
        SettingError: an unknown code or slope.
        InputError: not images in [0, 1].
    Cost:
        One comparison per pixel and step.
    Differs from the paper:
        ``slope="mean"`` by default. The fused input, several codes side by side in the channels,
        is not offered.
    Example:
        >>> x = torch.tensor([0.0, 0.3, 1.0]).view(1, 1, 1, 3)
        >>> Temporal()(x, 4).squeeze().T.int().tolist()
        [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
        >>> Temporal(code="post")(x, 4).squeeze().T.int().tolist()
        [[0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 1]]

    References:
        ding2025paradigms
    """

    code: str = "pre"
    slope: str = "mean"

    def __post_init__(self) -> None:
        check_one_of(self.code, CODES, "Temporal.code")
        check_one_of(self.slope, SLOPES, "Temporal.slope")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(), cls(code="post"), cls(slope="spike"))

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """The spike train of each pixel of ``x``, ``(N, C, H, W)``."""
        check_images(x)
        share = torch.arange(timesteps, device=x.device).view(-1, 1, 1, 1, 1) / timesteps
        value = x.detach()
        spikes = share < value if self.code == "pre" else share > 1 - value
        code = spikes.to(x.dtype)
        return through(code, code if self.slope == "spike" else 1.0, x)
