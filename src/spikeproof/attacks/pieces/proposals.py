"""Random proposals of which some follow a prior: windows changed, or counted units exchanged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spikeproof.attacks.pieces.moves import corner, exchange, norm_power
from spikeproof.attacks.pieces.ranking import first
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.pieces.windows import Canvas
from spikeproof.base import Seeds, per_item
from spikeproof.threats import Threat

__all__ = ["CHOICES", "changed_windows", "exchanged_units"]

# Uniform numbers of a proposal: two of the search's own, four that choose here, then its windows.
CHOICES = 6
# How much more the unit of least worth is taken back than one of none, in logarithms.
WORTH = 2.0


def changed_windows(
    left: Survivors, threat: Threat, prior: Tensor, share: float, u: Tensor, *, canvas: Canvas
) -> Tensor:
    """Change a window of ``left.z``, and half of the time a second one.

    Args:
        left: The items, with clean inputs ``x`` and points ``z``.
        threat: l_inf, l_2 or l_1.
        prior: Where the features are to go, ``(N, D)``; what it leaves at 0 goes at random.
        share: Share of the places a window covers.
        u: Uniform numbers, four and those of three windows.
        canvas: The parts the windows lie in.
    """
    full, n, places = norm_power(threat) == math.inf, canvas.numbers, u[:, 4:]
    part = canvas.pick(u[:, 0])
    other = part if canvas.joint else canvas.pick(u[:, 1])
    z = moved = left.z
    for number in range(2):
        z = moved
        one = canvas.window(share, part, places[:, number * n : (number + 1) * n], full=full)
        if full:
            sign = torch.where(prior != 0, prior.sign(), one.signs)
            moved = corner(z, left.x, threat, inside=one.inside, sign=sign)
            continue
        moved = exchange(
            z,
            left.x,
            threat,
            canvas=canvas,
            inside=one.inside,
            shape=torch.where(prior != 0, prior, one.shape),
            gives=canvas.window(share, other, places[:, 2 * n :], full=False).inside,
            part=part,
            u=u[:, 2:3],
        )
    return torch.where(per_item(u[:, 3] < 0.5, z), moved, z)


def exchanged_units(
    left: Survivors, threat: Threat, prior: Tensor, count: int, seeds: Seeds
) -> Tensor:
    """Take some units back and put these, and what is not spent yet, elsewhere.

    Args:
        left: The items, with clean inputs ``x`` and points ``z``.
        threat: A counted one.
        prior: What ranks places and units to first order, ``(N, D)``; at random where it is 0.
        count: How many units are taken back.
        seeds: One key per item.
    """
    size, home = (threat.domain.size,), prior.device
    random = (seeds.child("way").uniform(size, torch.float64, device=home) - 0.5).sign()
    way = torch.where(prior != 0, prior, random).to(left.x.dtype).view_as(left.x)
    ranked = (prior != 0).any(1, keepdim=True)
    used, _, worth = threat.marginal_gains(way, left.z, left.x)
    nowhere, held = torch.zeros_like(used, dtype=torch.bool), used > 0
    scale = worth.double().abs().amax(1, keepdim=True)
    scaled = WORTH * worth / torch.where(scale > 0, scale, torch.ones_like(scale))
    rank = _gumbel(seeds.child("take"), used) - torch.where(ranked, scaled, 0.0)
    take = first(torch.where(held, rank, -torch.inf), held.sum(1).clamp(max=count))
    bare = threat.swap_units(left.z, left.x, way, put=nowhere, take=take)
    used, gain, _ = threat.marginal_gains(way, bare, left.x)
    rank = _gumbel(seeds.child("put"), used) + torch.where(ranked, gain.double().log(), 0.0)
    spare = (threat.radius - used.sum(1)).clamp(min=0)
    put = first(torch.where(gain > 0, rank, -torch.inf), torch.minimum(spare, (gain > 0).sum(1)))
    return threat.swap_units(bare, left.x, way, put=put, take=nowhere)


def _gumbel(seeds: Seeds, like: Tensor) -> Tensor:
    """Standard Gumbel draws, float64 ``(N, P)``."""
    return -seeds.exponential(like.shape[1:], torch.float64, device=like.device).log()
