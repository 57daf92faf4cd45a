"""Encoders: how an image becomes input over time, with a gradient down to the raw pixels.

Every encoder maps ``x`` in [0, 1], ``(N, C, H, W)``, to ``(T, N, C, H, W)``. The coding is part of
the network, so an attacker moves pixels and never spikes. A code's true derivative is zero almost
everywhere; each encoder says what stands in for it, and why. A learned coding needs no class of
its own: it is ``Direct`` into the network's first convolution, which is learned, normalised and
followed by spiking neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from spikeproof.base import InputError, Registry, SettingError
from spikeproof.neurons import draw_spikes

__all__ = [
    "ENCODERS",
    "Direct",
    "Encoder",
    "Latency",
    "Phase",
    "Poisson",
    "check_images",
    "through",
]


class Encoder(Protocol):
    """A coding of images over time: frozen settings, called with a batch and a number of steps."""

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """The code of ``x``, ``(N, C, H, W)``, as ``(T, N, C, H, W)``."""
        ...


def check_images(x: Tensor) -> None:
    """Raise InputError unless ``x`` is a batch of images in [0, 1]."""
    legal = x.ndim == 4 and x.is_floating_point()
    known = x.detach() if legal and x.numel() else torch.zeros(1)
    low, high = float(known.min()), float(known.max())
    if not (legal and low >= 0 and high <= 1):  # a NaN fails the comparison
        values = f", values {low:.4g}..{high:.4g}" if legal else ""
        raise InputError(
            "An encoder needs floating-point images (N, C, H, W) with values in [0, 1]; got "
            f"{x.dtype} of shape {tuple(x.shape)}{values}. Divide 0..255 data by 255, and keep "
            "normalisation behind the encoder."
        )


def _needs_grad(x: Tensor) -> bool:
    """Whether anybody will ask for the gradient with respect to ``x``."""
    return x.requires_grad and torch.is_grad_enabled()


def through(code: Tensor, slope: Tensor | float, x: Tensor) -> Tensor:
    """The ``code`` exactly, with the derivative ``slope`` with respect to ``x``."""
    return code + slope * (x - x.detach()) if _needs_grad(x) else code


@dataclass(frozen=True, kw_only=True)
class Direct:
    r"""Direct coding: the image itself at every step, :math:`s_t = x`.

    The gradient is exact. Networks run the first convolution once, since every step is the same.

    Returns:
        ``(T, N, C, H, W)``, a view of ``x``.
    Raises:
        InputError: not images in [0, 1].
    Cost:
        None: nothing is copied.
    Example:
        >>> Direct()(torch.full((1, 1, 1, 1), 0.5), 3).flatten()
        tensor([0.5000, 0.5000, 0.5000])

    References:
        liu2024sparse
    """

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """Repeat ``x``, ``(N, C, H, W)``, over ``timesteps``."""
        check_images(x)
        return x.expand(timesteps, *x.shape)


@dataclass(frozen=True, kw_only=True)
class Poisson:
    r"""Rate coding: a pixel spikes at each step with its value as the probability.

    .. math:: s_t = 1[u_t \le x], \quad u_t \sim U(0, 1), \qquad
        \frac{\partial s_t}{\partial x} := 1

    The stand-in is the derivative of the expectation, :math:`E[s_t] = x`, which takes the place of
    the spikes under :func:`spikeproof.neurons.averaging`. Draws come from
    :func:`spikeproof.neurons.drawing` where it is open, so that they belong to the item, and from
    torch's global generator elsewhere.

    Returns:
        Spikes ``(T, N, C, H, W)``, 0 or 1.
    Raises:
        InputError: not images in [0, 1], or ``drawing`` was opened for other items.
    Cost:
        One draw per pixel and step. One forward pass is one draw of the network: an attack that
        averages gradients over draws pays for each.
    Example:
        >>> Poisson()(torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), 3).squeeze()
        tensor([[0., 1.],
                [0., 1.],
                [0., 1.]])

    References:
        liu2024sparse
    """

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """Draw the spikes of ``x``, ``(N, C, H, W)``."""
        check_images(x)
        value = x.detach().expand(timesteps, *x.shape)
        return through(draw_spikes(value), 1.0, x)


@dataclass(frozen=True, kw_only=True)
class Latency:
    r"""Time to first spike: every pixel spikes once, the brighter the sooner.

    .. math:: \tau = \lfloor (T - 1)(1 - x) + \tfrac12 \rfloor, \quad s_t = 1[t = \tau], \qquad
        \frac{\partial s_t}{\partial x} := -(T - 1)\,\frac{1[t = b] - 1[t = a]}{b - a}

    White spikes at step 0, black at step T - 1. The stand-in goes straight through the rounding;
    what a shift of the spike does to the code is a difference over its neighbours in time,
    :math:`a = \max(\tau - 1, 0)` and :math:`b = \min(\tau + 1, T - 1)`. The slopes of a pixel sum
    to zero over time, as they must: it always spikes exactly once.

    Returns:
        Spikes ``(T, N, C, H, W)``, 0 or 1.
    Raises:
        InputError: not images in [0, 1].
        SettingError: one timestep only, which says nothing about ``x``.
    Cost:
        One comparison per pixel and step, and two more for the gradient.
    Example:
        >>> Latency()(torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3), 3).squeeze()
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])

    References:
        luu2025trail
    """

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """The one spike of each pixel of ``x``, ``(N, C, H, W)``."""
        check_images(x)
        last = timesteps - 1
        if last < 1:
            raise SettingError("Latency needs at least 2 timesteps to tell one pixel from another.")
        steps = torch.arange(timesteps, device=x.device).view(-1, 1, 1, 1, 1)
        time = (last * (1 - x.detach()) + 0.5).floor().to(torch.int64)
        code = (steps == time).to(x.dtype)
        if not _needs_grad(x):
            return code
        sooner, later = (time - 1).clamp_min(0), (time + 1).clamp_max(last)
        shift = (steps == later).to(x.dtype) - (steps == sooner).to(x.dtype)
        return through(code, -last * shift / (later - sooner), x)


@dataclass(frozen=True, kw_only=True)
class Phase:
    r"""Phase coding: the bits of a pixel, the highest first, over and over.

    .. math:: s_t = w_t\,b_{t \bmod K}, \quad
        \sum_{k < K} 2^{-(1 + k)} b_k = \frac{n}{2^K}, \quad
        n = \lfloor (2^K - 1)\,x + \tfrac12 \rfloor, \qquad
        \frac{\partial s_t}{\partial x} := w_t

    With eight bits :math:`n` is the grey level and :math:`n / 256 = x \cdot 255/256`. Unweighted,
    :math:`w_t = 1`; weighted, :math:`w_t = 2^{-(1 + t \bmod K)}`. The stand-in is each bit's mean
    slope, since every bit rises from 0 to 1 between black and white; with weights the slopes of a
    period sum to :math:`1 - 2^{-K}`, the exact derivative of the value that the period spells.

    Args:
        bits: :math:`K`, the period in steps, 1 to 16. Fewer timesteps drop the lowest bits.
        weighted: Scale each spike by the worth of its bit. Unweighted, the lowest bit counts as
            much as the highest, and a change of 1/255 flips it.
    Returns:
        ``(T, N, C, H, W)``: 0 or 1, times the weight of the step.
    Raises:
        SettingError: ``bits`` is not a whole number from 1 to 16.
        InputError: not images in [0, 1].
    Cost:
        One shift and one mask per pixel and step.
    Differs from the paper:
        Values between two levels are rounded to the nearer one, not down; on images of 8 bits
        the two agree.
    Example:
        >>> level = torch.full((1, 1, 1, 1), 0b10100001 / 255)
        >>> Phase()(level, 8).flatten().int().tolist()
        [1, 0, 1, 0, 0, 0, 0, 1]
        >>> Phase(bits=2, weighted=True)(torch.ones(1, 1, 1, 1), 4).flatten().tolist()
        [0.5, 0.25, 0.5, 0.25]

    References:
        luu2025trail
    """

    bits: int = 8
    weighted: bool = False

    def __post_init__(self) -> None:
        if self.bits not in range(1, 17):
            raise SettingError(f"Phase.bits must be a whole number 1 to 16; got {self.bits!r}.")

    def __call__(self, x: Tensor, timesteps: int) -> Tensor:
        """The bits of ``x``, ``(N, C, H, W)``, one per step."""
        check_images(x)
        phase = torch.arange(timesteps, device=x.device).view(-1, 1, 1, 1, 1) % self.bits
        # Half precision cannot count to 2^16.
        exact = x.detach() if x.dtype == torch.float64 else x.detach().float()
        level = (exact * (2**self.bits - 1) + 0.5).floor().to(torch.int64)
        code = (level.bitwise_right_shift(self.bits - 1 - phase) & 1).to(x.dtype)
        if not self.weighted:
            return through(code, 1.0, x)
        worth = torch.exp2(-(1.0 + phase)).to(x.dtype)
        return through(worth * code, worth, x)


ENCODERS: Registry[Encoder] = Registry(
    "encoder",
    {"direct": Direct, "latency": Latency, "phase": Phase, "poisson": Poisson},
    group="spikeproof.encoders",
    of=Encoder,
)
