"""Random windows of an input: squares of an image, boxes of an event tensor, spans of a sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.data import Domain, Views
from spikeproof.threats import Threat

__all__ = ["Canvas", "Window"]

# Random numbers that place a window: row, column, turn, time step, channel; signs follow.
PLACE = 5


@dataclass(frozen=True, eq=False)
class Window:
    """One window per item.

    Args:
        inside: Which features it covers, bool ``(N, D)``.
        signs: One random sign per channel, 0 outside, float64 ``(N, D)``.
        shape: Two hills of opposite sign times the channel's sign, 0 outside, ``(N, D)``.
    """

    inside: Tensor
    signs: Tensor
    shape: Tensor


class Canvas:
    """The parts of an item windows are drawn in: its views, or the item itself.

    Every part is seen as ``(T, C, H, W)``; a sound is one row of samples. Views that a joint
    threat holds fixed have no part.

    Args:
        threat: What the attacker may do.
    """

    def __init__(self, threat: Threat) -> None:
        domain, views = threat.domain, threat.geometry.per_view
        self.size = domain.size
        self.parts: list[tuple[slice, tuple[int, int, int, int]]] = []
        self.radii = [threat.radius]
        if isinstance(domain, Domain):
            self.parts.append((slice(0, self.size), domain.layout))
        elif views:
            named = [name for name, _ in domain.parts if name in views]
            self.radii = [views[name][1] * threat.radius for name in named]
            self.parts = [_part(domain, name) for name in named]
        else:
            self.parts = [_part(domain, name) for name, _ in domain.parts]
        self.joint = bool(views)

    @property
    def numbers(self) -> int:
        """How many random numbers a window is made of."""
        return PLACE + max(layout[1] for _, layout in self.parts)

    def pick(self, u: Tensor) -> Tensor:
        """The part that a uniform number ``(N,)`` falls on, larger ones more often."""
        sizes = torch.tensor([float(math.prod(layout)) for _, layout in self.parts]).double()
        # Summed on the CPU, so that every device compares with the same ends.
        ends = (sizes.cumsum(0) / sizes.sum())[:-1].to(u.device)
        return (u[:, None] > ends).sum(1)

    def cover(self, part: Tensor) -> Tensor:
        """Which features belong to the part of every item, bool ``(N, D)``."""
        out = torch.zeros(len(part), self.size, dtype=torch.bool, device=part.device)
        for number, (where, _) in enumerate(self.parts):
            out[:, where] = (part == number)[:, None]
        return out

    def window(self, share: float, part: Tensor, u: Tensor, *, full: bool) -> Window:
        """Make windows that cover about ``share`` of the places of a part.

        Args:
            share: In (0, 1]; at least one place is covered.
            part: The part each item's window lies in, ``(N,)``.
            u: Uniform numbers, ``(N, numbers)``.
            full: Cover all channels; otherwise a single one half of the time.
        Returns:
            The windows. Half of them cover every time step, the others one.
        """
        if len(self.parts) == 1 and self.parts[0][0] == slice(0, self.size):
            return _draw(share, self.parts[0][1], u, full)
        signs = u.new_zeros(len(part), self.size)
        out = Window(signs > 0, signs, signs.clone())
        for number, (where, layout) in enumerate(self.parts):
            idx = (part == number).nonzero().flatten()
            one = _draw(share, layout, u[idx], full)
            out.inside[idx, where] = one.inside
            out.signs[idx, where] = one.signs
            out.shape[idx, where] = one.shape
        return out

    def tiles(self, seeds: Seeds, *, stripes: bool, device: torch.device | None = None) -> Tensor:
        """Random signed tiles over every part, float64 ``(N, D)``; 0 where there is no part.

        Args:
            seeds: One key per item.
            stripes: Tiles as high as the part and one place wide, of height 1; otherwise about
                five by five of them, shaped like windows.
            device: Where they are needed; made on the CPU, moved once.
        """
        out = torch.zeros(len(seeds), self.size, dtype=torch.float64)
        for number, (where, layout) in enumerate(self.parts):
            steps, channels, height, width = layout
            if stripes:
                tall, wide = height, 1
            else:
                tall, wide = max(1, height // 5), max(1, width // (5 if height > 1 else 25))
            bump = torch.ones(tall, wide).double() if stripes else _bump(tall, wide)
            rows, columns = torch.arange(height), torch.arange(width)
            count = (channels, -(-height // tall), -(-width // wide))
            sign = (seeds.child("tiles", number).uniform(count, torch.float64) - 0.5).sign()
            field = sign[:, :, rows[:, None] // tall, columns[None, :] // wide]
            field = field * bump[rows[:, None] % tall, columns[None, :] % wide]
            out[:, where] = field[:, None].expand(-1, steps, -1, -1, -1).flatten(1)
        return out.to(device)


def _part(views: Views, name: str) -> tuple[slice, tuple[int, int, int, int]]:
    """Where a view lies, and its layout."""
    return views.slices()[name], dict(views.parts)[name].layout


def _draw(share: float, layout: tuple[int, int, int, int], u: Tensor, full: bool) -> Window:
    """One window per item inside one part."""
    steps, channels, height, width = layout
    if min(height, width) == 1:
        tall, wide = (max(1, round(share * size)) for size in (height, width))
    else:
        side = max(1, round(math.sqrt(share * height * width)))
        tall, wide = min(side, height), min(side, width)
    rows = torch.arange(height, device=u.device) - (u[:, :1] * (height - tall + 1)).long()
    columns = torch.arange(width, device=u.device) - (u[:, 1:2] * (width - wide + 1)).long()
    bump = _bump(tall, wide).to(u.device)
    i, j = rows.clamp(0, tall - 1)[:, :, None], columns.clamp(0, wide - 1)[:, None, :]
    field = bump[i, j]
    if tall == wide > 1:
        field = torch.where(u[:, 2, None, None] < 0.5, bump.T[i, j], field)
    place = ((rows >= 0) & (rows < tall))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None]
    inside = place[:, None, None].expand(-1, steps, channels, -1, -1)
    if steps > 1:
        inside = inside & _one_or_all(u[:, 3], steps)[:, :, None, None, None]
    if channels > 1 and not full:
        inside = inside & _one_or_all(u[:, 4], channels)[:, None, :, None, None]
    signs = inside * (u[:, None, PLACE : PLACE + channels, None, None] - 0.5).sign()
    return Window(inside.flatten(1), signs.flatten(1), (signs * field[:, None, None]).flatten(1))


def _one_or_all(u: Tensor, count: int) -> Tensor:
    """All of ``count`` where ``u`` is below one half, otherwise one; bool ``(N, count)``."""
    one = ((2 * u - 1).clamp(min=0) * count).long().clamp(max=count - 1)
    return (u < 0.5)[:, None] | (torch.arange(count, device=u.device) == one[:, None])


def _bump(tall: int, wide: int) -> Tensor:
    """Two neighbouring hills of opposite sign, ``(tall, wide)``; one where there is no room."""
    if max(tall, wide) < 2:
        return torch.ones(tall, wide, dtype=torch.float64)
    if wide < 2:
        return _bump(wide, tall).T
    half = wide // 2
    return torch.cat([_hill(tall, half), -_hill(tall, wide - half)], dim=1)


def _hill(tall: int, wide: int) -> Tensor:
    """The paper's pyramid, ``sum_{k=0}^{n-d} (n + 1 - k)^-2`` at distance d from its middle."""
    n = max(tall, wide) // 2
    rows, columns = ((torch.arange(size) - size // 2).abs() for size in (tall, wide))
    heights = torch.arange(n + 1, 0, -1).double().pow(-2).cumsum(0)
    return heights[n - torch.maximum(rows[:, None], columns[None, :])]
