"""Proximal steps of the norms inside a box, each exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from spikeproof.threats import Threat

__all__ = ["NORMS", "proximal"]

# Each halves the interval that holds the answer.
HALVINGS = 50


def proximal(z: Tensor, weight: Tensor, strength: Tensor, room: Tensor, threat: Threat) -> Tensor:
    r"""Return ``argmin_u 1/2 sum_i weight_i (u_i - z_i)^2 + strength ||u||`` inside the box.

    Args:
        z: Changes, float64 ``(N, size)``.
        weight: Metric, positive, ``(N, size)``.
        strength: Weight of the norm, ``(N, 1)``.
        room: How far each coordinate may go in the direction of ``z``, ``(N, size)``.
        threat: Its norm is the one penalised: l_inf, l_2, l_1 or l_0.
    Returns:
        ``(N, size)``.
    """
    size = NORMS[threat.order](z.abs(), weight, strength, room, threat)
    return torch.minimum(size, room) * z.sign()


def _l1(z: Tensor, weight: Tensor, strength: Tensor, room: Tensor, threat: Threat) -> Tensor:
    """Shrink every coordinate by its own threshold."""
    return (z - strength / weight).clamp(min=0)


def _l0(z: Tensor, weight: Tensor, strength: Tensor, room: Tensor, threat: Threat) -> Tensor:
    """Keep the places whose change saves more than a place costs."""
    saved = weight / 2 * (z.square() - (z - torch.minimum(z, room)).square())
    places = threat.places()
    saved = places.spread(places.sums(saved))
    return torch.where(saved > strength, z, torch.zeros_like(z))


def _l2(z: Tensor, weight: Tensor, strength: Tensor, room: Tensor, threat: Threat) -> Tensor:
    """Shrink by ``1 + strength / (weight s)`` where ``s`` is the length of the result."""

    def shrunk(length: Tensor) -> Tensor:
        return torch.minimum(z * (weight * length / (weight * length + strength)), room)

    def short(length: Tensor) -> Tensor:
        return shrunk(length).square().sum(1, keepdim=True).sqrt() <= length

    # A length that maps below itself is too long; where all do, the result is 0.
    return shrunk(_bisect(short, torch.minimum(z, room).square().sum(1, keepdim=True).sqrt()))


def _linf(z: Tensor, weight: Tensor, strength: Tensor, room: Tensor, threat: Threat) -> Tensor:
    """Cut at the level where the saving of a lower one no longer pays."""

    def low(level: Tensor) -> Tensor:
        cost = torch.where(room > level, weight * (z - level).clamp(min=0), torch.zeros_like(z))
        return cost.sum(1, keepdim=True) <= strength

    return torch.minimum(z, _bisect(low, torch.minimum(z, room).amax(1, keepdim=True)))


def _bisect(enough: Callable[[Tensor], Tensor], most: Tensor) -> Tensor:
    """The smallest value in ``[0, most]`` from which on ``enough`` holds, ``(N, 1)``."""
    below, above = torch.zeros_like(most), most
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        fits = enough(middle)
        below, above = torch.where(fits, below, middle), torch.where(fits, middle, above)
    return above


NORMS: Mapping[float | None, Callable[..., Tensor]] = {
    0.0: _l0,
    1.0: _l1,
    2.0: _l2,
    math.inf: _linf,
}
