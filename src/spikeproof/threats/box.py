"""The arithmetic of balls inside boxes, which every norm shares.

A geometry is a contract (``geometry.py``); most keep it by finding the nearest change that fits
both ball and box, and rounding what they found towards the clean input.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from spikeproof.base import SettingError, per_item
from spikeproof.data import Domain, Views
from spikeproof.threats.geometry import Geometry, Radius
from spikeproof.threats.masks import either, kept

__all__ = [
    "Boxed",
    "direction_to",
    "feature_range",
    "feature_unit",
    "fill",
    "free_gradient",
    "headroom",
    "refuse_radius",
    "refuse_small",
    "round_toward",
    "threshold",
]

# A ball may be left by this much, relatively, through rounding: projections then leave z alone,
# which makes them idempotent. Far below the 1e-6 that verification allows.
SLACK = 1e-12

# How many of the largest coordinates are looked at before all of them are sorted.
HEAD = 256


class Boxed(Geometry):
    """A geometry whose legal points are what a ball and the box of the domain have in common.

    One method, ``nearest``, then gives both projections.
    """

    @abstractmethod
    def nearest(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """Change, float64, from ``x`` to the point of ball and box nearest to ``z``."""

    def reach(self, x: Tensor, domain: Domain | Views) -> Tensor:
        """Distance to the farthest corner of the box, float64 ``(N,)``."""
        low, high = domain.bounds(x)
        return self.distance(torch.where(x - low > high - x, low, high), x, domain)

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """A legal point: in the ball, in the box, on the grid."""
        return round_toward(self.nearest(z, x, radius, domain), x, domain, grid=True)

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The point of the convex relaxation of the legal set nearest to ``z``."""
        return round_toward(self.nearest(z, x, radius, domain), x, domain, grid=False)


def round_toward(change: Tensor, x: Tensor, domain: Domain | Views, *, grid: bool) -> Tensor:
    """Return ``x + change`` in the type of ``x``, every coordinate rounded towards ``x``.

    Rounding towards ``x`` never lengthens a perturbation, so ball and box survive float32.
    """
    exact = x.double()
    target = exact + change
    if grid and domain.integer:
        # The nudge keeps 2.9999999999, which scaling made of 3, from being cut to 2.
        target = domain.snap(target + 1e-9 * change.sign(), exact)
        target = torch.where(change == 0, exact, target)
    out = target.to(x.dtype)
    beyond = (out.double() - exact).abs() > (target - exact).abs()
    return either(beyond, torch.nextafter(out, x), out)


def headroom(direction: Tensor, z: Tensor, domain: Domain | Views) -> Tensor:
    """How far each coordinate of ``z`` can go in the sign of ``direction``; 0 where that is 0."""
    low, high = domain.bounds(z)
    # "Not at least 0" instead of "below 0" lets a NaN through, to be found by who checks for it.
    return (kept(high - z, direction > 0) + kept(z - low, ~(direction >= 0))).clamp(min=0)


def free_gradient(grad: Tensor, z: Tensor, domain: Domain | Views) -> Tensor:
    """The gradient without the coordinates that stand on the bound they would leave through."""
    return kept(grad, headroom(grad, z, domain) > 0)


def feature_range(domain: Domain | Views, like: Tensor | None = None) -> Tensor:
    """Range ``high - low`` of each feature, ``(size,)`` in the type of ``like`` (or float64)."""
    low, high = domain.bounds(torch.zeros((), dtype=torch.float64) if like is None else like)
    return (high - low).expand(domain.size)


def feature_unit(domain: Domain | Views, like: Tensor | None = None) -> Tensor:
    """The same, 1 where the range is infinite or zero: something to measure changes in."""
    unit = feature_range(domain, like)
    return torch.where(unit.isfinite() & (unit > 0), unit, torch.ones_like(unit))


def threshold(size: Tensor, room: Tensor, radius: Radius) -> Tensor:
    r"""Return the θ with ``sum(clip(size - θ, 0, room)) = radius``, at least 0, ``(N, 1)``.

    Where no room is exceeded, which is the rule for an iterate that stays in the box, the
    coordinates above θ are found by walking up from below (Michelot's algorithm, finite and
    exact). Only the other rows are sorted.
    """
    total = torch.minimum(size, room).sum(1, keepdim=True)
    theta = torch.zeros_like(total)
    left = (total > radius * (1 + SLACK)).flatten().nonzero().flatten()
    if not len(left):
        return theta
    found = _walk(size[left], _radii_of(radius, left))
    theta[left] = found
    full = ((size[left] - found) > room[left]).any(1)
    if full.any():
        rows = left[full]
        theta[rows] = _threshold(size[rows], room[rows], _radii_of(radius, rows))
    return theta


def _walk(size: Tensor, radius: Radius) -> Tensor:
    """The θ with ``sum(max(size - θ, 0)) = radius`` for rows whose sum exceeds the radius."""
    above, theta = size > 0, size.amax(1, keepdim=True)
    while True:
        count = above.sum(1, keepdim=True)
        spent = kept(size, above).sum(1, keepdim=True) - radius
        # No coordinate is left above where the radius is zero: the largest size is θ.
        theta = torch.where(count > 0, spent / count.clamp(min=1), theta)
        now = above & (size > theta)
        if torch.equal(now, above):
            return theta
        above = now


def _threshold(size: Tensor, room: Tensor, radius: Radius) -> Tensor:
    """The θ of ``threshold``, from the breakpoints of the piecewise linear sum."""
    # s(θ) = Σ_i clip(size_i - θ, 0, room_i) is piecewise linear. As θ falls, coordinate i begins to
    # spend at size_i and is full at size_i - room_i:
    #
    #   room_i ─────┐
    #               |╲               from right to left the slope of s rises by 1 at size_i
    #        0 ─────┴─┴───────> θ    and falls by 1 at size_i - room_i
    #    size_i - room_i  size_i
    #
    # Sorted, these 2 n ends (and θ = 0, the last one allowed) cut θ into pieces of one slope each;
    # ``slope`` counts it, and the running sum of slope times width is s at every end.
    total = torch.minimum(size, room).sum(1, keepdim=True)
    ends = torch.cat([size, (size - room).clamp(min=0), torch.zeros_like(total)], 1)
    rise = torch.cat([torch.ones_like(size), -torch.ones_like(room), torch.zeros_like(total)], 1)
    ends, order = ends.sort(dim=1, descending=True, stable=True)
    slope = rise.gather(1, order).cumsum(1)
    gains = slope[:, :-1] * (ends[:, :-1] - ends[:, 1:])
    sums = torch.cat([torch.zeros_like(total), gains.cumsum(1)], 1)
    # First breakpoint at which the sum reaches the radius; θ lies between it and the one before.
    reached = (sums < radius).sum(1, keepdim=True).clamp(1, ends.shape[1] - 1)
    before = reached - 1
    # On that piece s is a straight line: from its upper end go down until s is the radius.
    steep = slope.gather(1, before).clamp(min=1)
    theta = ends.gather(1, before) - (radius - sums.gather(1, before)) / steep
    return torch.where(total <= radius * (1 + SLACK), torch.zeros_like(theta), theta.clamp(min=0))


def fill(worth: Tensor, room: Tensor, length: Radius) -> Tensor:
    """Spend ``length`` on the coordinates in order of ``worth``, at most ``room`` on each."""
    room = kept(room, worth > 0).clamp(max=length)
    if worth.shape[1] > 4 * HEAD:
        best, where = worth.topk(HEAD + 1, dim=1)
        caps = room.gather(1, where[:, :-1])
        if ((caps.sum(1, keepdim=True) >= length) | (best[:, -1:] <= 0)).all():
            return _fill(where[:, :-1], caps, room, length)
    where = worth.sort(dim=1, descending=True, stable=True).indices
    return _fill(where, room.gather(1, where), room, length)


def direction_to(size: Tensor, grad: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """The way from ``z`` to ``x + size * sign(grad)``; none for an item without a gradient."""
    goal = x + size.view_as(x).to(x) * grad.sign()
    some = per_item((grad != 0).flatten(1).any(1), x)
    return torch.where(some, goal - z, torch.zeros_like(z))


def _fill(where: Tensor, caps: Tensor, room: Tensor, length: Radius) -> Tensor:
    """Spend ``length`` on the coordinates ``where``, in that order, at most ``caps`` on each."""
    before = caps.cumsum(1) - caps
    spent = torch.minimum((length - before).clamp(min=0), caps)
    return torch.zeros_like(room).scatter(1, where, spent)


def _radii_of(radius: Radius, rows: Tensor) -> Radius:
    """The radii of some of the items."""
    return radius[rows] if isinstance(radius, Tensor) else radius


def refuse_radius(name: str, radius: float, most: float, what: str) -> None:
    """Raise where a radius exceeds everything the domain allows."""
    if math.isfinite(most) and radius > most * (1 + 1e-9):
        meant = f"; did you mean {radius:g}/255?" if most <= 255 < radius * 255 else ""
        raise SettingError(
            f"The {name} radius {radius:g} is larger than {what} ({most:g}), so it would allow "
            f"every input{meant or '; choose a smaller one.'}"
        )


def refuse_small(name: str, radius: Radius, domain: Domain | Views) -> None:
    """Raise where a radius is too small to change anything that can be stored."""
    if domain.integer and 0 < radius < 1:
        raise SettingError(
            f"The {name} radius {radius:g} is smaller than one event, so no input could change; "
            "take a radius of at least 1, or domain.relaxed() to perturb frames."
        )
