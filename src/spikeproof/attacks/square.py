"""Random search over windows: l_inf, l_2 and l_1 without a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.moves import corner, exchange, mass, norm_power
from spikeproof.attacks.pieces.schedule import share_at
from spikeproof.attacks.pieces.search import random_search
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.pieces.windows import Canvas
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["MARKS", "Square", "first_point"]

# After so many queries of 10 000 the share of the window is the first one divided by so much.
MARKS = (
    (10, 2.0),
    (50, 4.0),
    (200, 8.0),
    (500, 16.0),
    (1000, 32.0),
    (2000, 64.0),
    (4000, 128.0),
    (6000, 256.0),
    (8000, 512.0),
)


# Random numbers are drawn for so many steps at a time.
BLOCK = 64


@ATTACKS.register("square")
@dataclass(frozen=True, kw_only=True)
class Square:
    r"""Change one random window at a time and keep what raises the margin.

    l_inf: the window goes to ``x + sign * radius``, one sign per channel; the search begins with
    stripes. l_2 and l_1 move mass ``m = sum |d|^p``: the window A takes a share ``c`` of the mass
    of a giver B, and everything not spent yet,
    ``d_A <- (d_A/|d_A|_p + s/|s|_p), scaled to m_A + c m_B + (radius^p - m)``, where ``s`` is two
    hills of opposite sign; the search begins with tiles. Windows shrink by the published table,
    stretched to ``steps``.

    Args:
        steps: Queries after the first two, at least 1.
        share: Share of the places the first windows cover, in (0, 1].
        stop: Leave an item alone once it is won; false goes on raising its margin.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, share outside (0, 1]; in a call, another geometry.
    Cost:
        ``steps + 2`` forward passes per item; with ``stop`` at most.
    Differs from the paper:
        Windows also lie in event tensors (one time step or all), sounds (spans) and single views.
        For l_2 and l_1 half of the windows cover one channel only. B is a second window, which
        gives all, half of the time; otherwise all the rest, which gives a random share: with a
        second window as the only giver l_1 ended as low as .66 of the optimum.
        A window that would change nothing gets the opposite signs; ties are taken, because a
        spike count stands still more often than it moves.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf, Misclassification
        >>> model = torch.nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> threat = Threat(Linf(), 0.25, Domain(kind="audio", shape=(2,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = Square(steps=20)(oracle, torch.tensor([[0.75, 0.5]]),
        ...                              Misclassification(torch.tensor([0])), threat,
        ...                              seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.5000, 0.7500]])

    References:
        andriushchenko2020square
    """

    steps: int = 5000
    share: float = 0.8
    stop: bool = True

    def __post_init__(self) -> None:
        check_count(self, "steps")
        if not 0 < self.share <= 1:
            raise SettingError(f"Square.share must lie in (0, 1]; got {self.share!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=6),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, 0

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: l_inf, l_2 or l_1, also jointly."""
        return norm_power(threat) > 0

    def __call__(
        self,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:
        """Run the attack; ``start`` replaces the stripes or tiles."""
        canvas, power = Canvas(threat), norm_power(threat)
        if not power:
            raise SettingError(
                f"Square changes windows under l_inf, l_2 and l_1; the radius of {threat.name} is "
                "measured otherwise. Use SparseRS where it is a count."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        z = first_point(canvas, power, x, threat, seeds.child("first")) if start is None else start
        left = Survivors.all(x, goal, z=z, seeds=seeds)
        change = _corner if power == math.inf else _exchange
        shape = (BLOCK, 3 + 2 * canvas.numbers)

        def propose(left: Survivors, k: int) -> Tensor:
            if k % BLOCK == 0:
                left.u = left.seeds.child("steps", k // BLOCK).uniform(
                    shape, torch.float64, device=x.device
                )
            share = share_at(k, self.steps, self.share, MARKS)
            u = left.u[:, k % BLOCK]
            return change(left.z, left.x, threat, canvas=canvas, share=share, u=u)

        return random_search(
            oracle, best, left, propose, steps=self.steps, stop=self.stop, legal=threat.project
        )


def first_point(canvas: Canvas, power: float, x: Tensor, threat: Threat, seeds: Seeds) -> Tensor:
    """Where the search begins: stripes at full radius (l_inf), or tiles as long as the radius."""
    tiles = canvas.tiles(seeds, stripes=power == math.inf, device=x.device)
    if power == math.inf:
        return x + threat.step(tiles.to(x.dtype).view_as(x), x, x)
    for number, radius in enumerate(canvas.radii):
        part = torch.full((len(x),), number, device=x.device)
        mine = canvas.cover(part) if canvas.joint else torch.ones_like(tiles, dtype=torch.bool)
        length = mass(tiles, mine, power) ** (1 / power)
        tiles = torch.where(mine, tiles * radius / length, tiles)
    return threat.domain.clip(x + tiles.to(x.dtype).view_as(x))


def _corner(
    z: Tensor, x: Tensor, threat: Threat, *, canvas: Canvas, share: float, u: Tensor
) -> Tensor:
    """Move a window to the end of ball or box, one sign per channel."""
    window = canvas.window(share, canvas.pick(u[:, 0]), u[:, 3:], full=True)
    return corner(z, x, threat, inside=window.inside, sign=window.signs)


def _exchange(
    z: Tensor, x: Tensor, threat: Threat, *, canvas: Canvas, share: float, u: Tensor
) -> Tensor:
    """Give a window the mass of a second one, or a part of it, and what is not spent yet."""
    # u[0] chooses the part that window A lies in, u[1] that of B, u[2] who gives and how much; the
    # rest says where the windows lie, and their signs.
    part = canvas.pick(u[:, 0])
    other = part if canvas.joint else canvas.pick(u[:, 1])
    gets = canvas.window(share, part, u[:, 3:], full=False)
    gives = canvas.window(share, other, u[:, 3 + canvas.numbers :], full=False).inside
    return exchange(
        z,
        x,
        threat,
        canvas=canvas,
        inside=gets.inside,
        shape=gets.shape,
        gives=gives,
        part=part,
        u=u[:, 2:3],
    )
