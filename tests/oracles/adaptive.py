"""The published strongest gradient attack on spiking networks, written again from its formulas.

ASSG makes the surrogate of every neuron as sharp as its distance from the threshold allows; SA-PGD
ascends along a running gradient, slower where it is unsteady (Wang et al., arXiv 2512.22522). The
published protocol is ``l_inf``: 100 steps on the cross-entropy, reset detached, four reaches A'.

The analogues for l_2 and l_1 are OURS, not published: the same running gradient and the same
schedule, the step made steepest for the norm. They are called "analogue" wherever they are named.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["REACHES", "Adaptive", "halvings", "pgd", "project", "sapgd", "steepest"]

REACHES = (0.41, 0.425, 0.44, 0.455)
Seen = Callable[[Tensor], None]


class Adaptive:
    r"""ASSG with the arctan: sharpness ``a / (M + 1.5 D + 1e-4)``, ``a = 2 tan(pi A') / pi``.

    ``M <- .9 M + .1 |u|`` from 1 and ``D <- .9 D + .1 ||u| - M|`` from 0, per layer, step, item and
    neuron, kept from one pass of an attack to the next. With Poisson coding the memory is .99.

    Args:
        reach: A'.
        memory: What the moments keep.
    """

    def __init__(self, reach: float = 0.425, memory: float = 0.9) -> None:
        self.bound = 2 * math.tan(math.pi * reach) / math.pi
        self.memory = memory
        self.moments: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self.moving = True

    def begin(self) -> None:
        """A forward pass begins; the moments stay."""

    def __call__(self, u: Tensor, layer: int, step: int) -> Tensor:
        """The derivative at the membrane minus the threshold."""
        away = u.abs()
        mean, spread = self.moments.get((layer, step), (torch.ones_like(u), torch.zeros_like(u)))
        if self.moving:
            mean = self.memory * mean + (1 - self.memory) * away
            spread = self.memory * spread + (1 - self.memory) * (away - mean).abs()
            self.moments[layer, step] = mean, spread
        s = self.bound / (mean + 1.5 * spread + 1e-4)
        return (s / 2) / (1 + (math.pi / 2 * s * u) ** 2)


def halvings(steps: int) -> list[int]:
    """Steps at which the size is halved: gaps of .22 N, then .03 N less each, .06 N at least."""
    gap, least, less = int(0.22 * steps), int(0.06 * steps), int(0.03 * steps)
    marks, at = [], gap
    while gap > 0 and at < steps:
        marks.append(at)
        gap = max(gap - less, least)
        at += gap
    return marks


def sapgd(
    model: nn.Module, x: Tensor, y: Tensor, ball: tuple[str, float], seen: Seen, steps: int = 100
) -> None:
    """SA-PGD on the cross-entropy in the box [0, 1], one random start.

    ``m <- m/2 + g/mean|g|``, ``v <- .8 v + g^2/mean(g^2)``, the step ``clip(eta m/sqrt(v), +-eta)``
    with eta from the radius, halved at ``halvings``. For l_2 and l_1 the step is the steepest one
    for m, feature by feature times ``min(1, |m|/sqrt(v))``.

    Args:
        model: Reads ``(N, C, H, W)`` in [0, 1].
        x: Clean inputs.
        y: True classes.
        ball: Norm and radius; ``"linf"`` is published, ``"l2"`` and ``"l1"`` are our analogues.
        seen: Gets every iterate; whoever judges keeps what is worth it.
        steps: Gradient steps.
    """
    norm, radius = ball
    z = start(x, norm, radius)
    m, v, eta = torch.zeros_like(x), torch.zeros_like(x), radius
    marks = halvings(steps)
    for k in range(steps):
        seen(z)
        g = gradient(model, z, y)
        m = 0.5 * m + g / (_mean(g.abs()) + 1e-12)
        v = 0.8 * v + g.square() / (_mean(g.square()) + 1e-12)
        if k in marks:
            eta = eta / 2
        ratio = m / (v.sqrt() + 1e-12)
        if norm == "linf":
            move = (eta * ratio).clamp(-eta, eta)
        else:
            move = eta * ratio.abs().clamp(max=1) * steepest(m, norm)
        z = project(z + move, x, norm, radius)
    seen(z)


def pgd(
    model: nn.Module, x: Tensor, y: Tensor, ball: tuple[str, float], seen: Seen, steps: int = 100
) -> None:
    """PGD on the cross-entropy: steps of .3 of the radius, of .1 in the second half."""
    norm, radius = ball
    z = start(x, norm, radius)
    for k in range(steps):
        seen(z)
        size = radius * (0.3 if k < steps // 2 else 0.1)
        z = project(z + size * steepest(gradient(model, z, y), norm), x, norm, radius)
    seen(z)


def gradient(model: nn.Module, z: Tensor, y: Tensor) -> Tensor:
    """Of the summed cross-entropy."""
    z = z.detach().requires_grad_()
    loss = F.cross_entropy(model(z), y, reduction="sum")
    (g,) = torch.autograd.grad(loss, z)
    assert torch.isfinite(g).all()
    return g


def start(x: Tensor, norm: str, radius: float) -> Tensor:
    """A random point: the sign cube scaled to the ball for l_inf, else a random direction."""
    u = 2 * torch.rand_like(x) - 1
    if norm == "linf":
        u = u / _largest(u.abs())
        return project(x + radius * u, x, norm, radius)
    return project(x + radius * torch.rand(len(x), 1, 1, 1) * steepest(u, norm), x, norm, radius)


def steepest(g: Tensor, norm: str) -> Tensor:
    """The direction of length 1 along a gradient; for l_1 a twentieth of the features share it."""
    if norm == "linf":
        return g.sign()
    if norm == "l2":
        return g / (g.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12)
    assert norm == "l1"
    flat = g.flatten(1)
    count = max(1, flat.shape[1] // 20)
    top = flat.abs().topk(count, dim=1).indices
    out = torch.zeros_like(flat).scatter(1, top, flat.gather(1, top).sign() / count)
    return out.view_as(g)


def project(z: Tensor, x: Tensor, norm: str, radius: float) -> Tensor:
    """A point of ball and box: into the ball, then into [0, 1], which only shortens the change."""
    d = (z - x).flatten(1)
    if norm == "linf":
        d = d.clamp(-radius, radius)
    elif norm == "l2":
        size = d.norm(dim=1, keepdim=True)
        d = d * (radius / size.clamp_min(1e-12)).clamp(max=1)
    else:
        # Into the box first: for l_1 the ball spends its radius on what the box allows.
        d = ((x.flatten(1) + d).clamp(0, 1) - x.flatten(1)).contiguous()
        d = _onto_l1(d, radius)
    return (x + d.view_as(x)).clamp(0, 1)


def _onto_l1(d: Tensor, radius: float) -> Tensor:
    """The nearest point with absolute sum at most the radius."""
    size = d.abs()
    sorted_, _ = size.sort(dim=1, descending=True)
    over = sorted_.cumsum(1) - radius
    rank = torch.arange(1, d.shape[1] + 1)
    count = (sorted_ * rank > over).sum(1, keepdim=True).clamp_min(1)
    cut = over.gather(1, count - 1) / count
    shrunk = d.sign() * (size - cut.clamp_min(0)).clamp_min(0)
    return torch.where(size.sum(1, keepdim=True) > radius, shrunk, d)


def _mean(x: Tensor) -> Tensor:
    """Over the features of each item."""
    return x.flatten(1).mean(1).view(-1, 1, 1, 1)


def _largest(x: Tensor) -> Tensor:
    """Over the features of each item."""
    return x.flatten(1).amax(1).view(-1, 1, 1, 1)
