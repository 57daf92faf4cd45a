"""What searches over windows do with one: move it to a corner of the ball, or give it more."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.attacks.pieces.windows import Canvas
from spikeproof.base import per_item
from spikeproof.threats import Threat

__all__ = ["corner", "exchange", "mass", "norm_power", "unit"]


def norm_power(threat: Threat) -> float:
    """The p of the norm that every view is measured in; 0 where there is none."""
    views = threat.geometry.per_view.values()
    orders = {own.about.order for own, _ in views} or {threat.order}
    return orders.pop() or 0.0 if len(orders) == 1 else 0.0


def corner(z: Tensor, x: Tensor, threat: Threat, *, inside: Tensor, sign: Tensor) -> Tensor:
    """Move a window to the end of ball or box; the other end where it stands there already.

    Args:
        z: Where the search stands, ``(N, *shape)``.
        x: Clean inputs, ``(N, *shape)``.
        threat: A threat under l_inf.
        inside: Which features the window covers, bool ``(N, D)``.
        sign: Where each of them goes, ``(N, D)``.
    """
    way, covered = sign.to(x.dtype).view_as(x), inside.view_as(x)
    there = torch.where(covered, x + threat.step(way, x, x), z)
    idle = (there == z).flatten(1).all(1)
    if not idle.any():
        return there
    back = torch.where(covered, x + threat.step(-way, x, x), z)
    return torch.where(per_item(idle, x), back, there)


def exchange(
    z: Tensor,
    x: Tensor,
    threat: Threat,
    *,
    canvas: Canvas,
    inside: Tensor,
    shape: Tensor,
    gives: Tensor,
    part: Tensor,
    u: Tensor,
) -> Tensor:
    """Give a window the mass of a second one, or a part of it, and what is not spent yet.

    Args:
        z: Where the search stands, ``(N, *shape)``.
        x: Clean inputs, ``(N, *shape)``.
        threat: A threat under l_2 or l_1.
        canvas: The parts of its inputs.
        inside: Which features get the mass, bool ``(N, D)``.
        shape: What is added to their change, of any length, ``(N, D)``.
        gives: Which features a second window covers, bool ``(N, D)``.
        part: The part the first window lies in, ``(N,)``.
        u: One uniform number per item, ``(N, 1)``: below one half the second window gives all it
            has, above it everything outside the first gives a share.
    """
    power = norm_power(threat)
    group = canvas.cover(part) if canvas.joint else torch.ones_like(gives)
    # δ is the change so far, m(S) = Σ_{i in S} |δ_i|^p the mass on a set S, ε the radius.
    #
    #   before   A: m(A)                         B: m(B)             unspent: ε^p - m(all)
    #   after    A: m(A) + c m(B) + unspent      B: (1 - c) m(B)     unspent: 0
    #
    # so ||δ||_p = ε after every proposal, until the box cuts. Half of the time B is a second window
    # and c = 1, as published. Otherwise B is all the rest of the part and c = v², v uniform: mostly
    # a little of everything, so that mass also leaves where no second window ever falls.
    rest = u > 0.5
    moved = torch.where(rest, (2 * u - 1).square(), 1.0)
    gives = torch.where(rest, group, gives) & ~inside
    change = (z.double() - x.double()).flatten(1)
    radius = torch.tensor(canvas.radii, dtype=torch.float64, device=x.device)
    radius = radius[part if canvas.joint else torch.zeros_like(part)][:, None]
    spare = (radius**power - mass(change, group, power)).clamp(min=0)
    # What A holds afterwards; its form is the one it had plus a hill, so that what helped lives on.
    held = mass(change, inside, power) + moved * mass(change, gives, power) + spare
    form = unit(shape, inside, power)
    mixed = form + unit(change, inside, power)
    # Opposite to the change so far the sum is nothing; then the window turns round.
    mixed = torch.where((mixed == 0).all(1, keepdim=True), form, mixed)
    taken = unit(mixed, inside, power) * held ** (1 / power)
    left = torch.where(gives, change * (1 - moved) ** (1 / power), change)
    change = torch.where(inside, taken, left)
    return threat.domain.clip(x + change.to(x.dtype).view_as(x))


def mass(change: Tensor, where: Tensor, power: float) -> Tensor:
    """``sum |d|^p`` over some features, ``(N, 1)``."""
    return torch.where(where, change.abs() ** power, 0.0).sum(1, keepdim=True)


def unit(change: Tensor, where: Tensor, power: float) -> Tensor:
    """Some features of a change, scaled to length one; 0 where they have none."""
    length = mass(change, where, power) ** (1 / power)
    return torch.where(where, change, 0.0) / torch.where(length > 0, length, 1.0)
