"""Random search that begins where the gradient ends and proposes what the gradient suggests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.moves import norm_power
from spikeproof.attacks.pieces.proposals import CHOICES, changed_windows, exchanged_units
from spikeproof.attacks.pieces.schedule import share_at
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.pieces.windows import Canvas
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.square import MARKS, first_point
from spikeproof.base import Seeds, SettingError, check_count, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["GuidedSearch"]

# Random numbers are drawn for so many steps at a time.
BLOCK = 64
# Weight of the past in the averaged gradient, and in the tally of which kind of proposal gains.
MEMORY, TALLY = 0.9, 0.99
# The first and the last gradient step as shares of the radius: from x, and from a given start.
FRESH, NEAR = (0.5, 0.1), (0.1, 0.02)
# How often a proposal may follow the averaged gradient, whatever the tally says.
LEAST, MOST = 0.1, 0.9


@ATTACKS.register("guided_search")
@dataclass(frozen=True, kw_only=True)
class GuidedSearch:
    r"""Search at random around the best point of a short ascent, with the gradient as a prior.

    Where a gradient misleads (neurons without a leak, saturated windows) it still leads close. So
    the search begins at the best of ``ascent`` gradient steps, or goes on from ``start``, and
    averages their gradients, ``h <- .9 h + .1 g / mean|g|``, also over every ``every``-th proposal.
    A proposal changes one or two windows, as in Square: l_inf sets them to ``x + s * radius``, l_2
    and l_1 move mass into one. Its content is ``sign(h)`` (``h``) with a probability that follows
    the gains of such proposals, otherwise random. Counted radii exchange units, ranked by ``h`` as
    often. A proposal is kept where ``margin > margin_old + T log u`` with ``u`` uniform and
    ``T = heat * |best margin| * (1 - k / steps)``: small losses are taken, because one-window
    moves end soon in points that no other single window improves.

    Args:
        steps: Proposals, at least 1; with ``width`` above 1, rounds of so many.
        ascent: Gradient steps first, at least 1.
        every: Every so many-th proposal is asked for a gradient too, at least 1.
        share: Share of the places the first windows cover, or of the units first exchanged, in
            (0, 1]; it falls by Square's table.
        width: Proposals of an item in one round, of which the best counts. They are asked about in
            one batch: for few items a round takes hardly more time than one proposal.
        heat: Losses that are taken, as a share of what is missing; 0 takes none.
        stop: Leave an item alone once it is won; false goes on raising its margin.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps, ascent, every or width below 1, share outside (0, 1], negative heat; in
            a call, a threat that is neither counted nor l_inf, l_2 or l_1 in every view.
    Cost:
        ``width * steps + ascent + 1`` forward and ``ascent + steps / every`` (rounded up) backward
        passes per item; above width 1 the latter's second term forward again; with ``stop`` at
        most.
    Differs from the paper:
        The bandit prior of Ilyas et al. estimates a gradient from queries; here it is the averaged
        surrogate gradient, and it only says where Square's windows aim.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf, Misclassification
        >>> model = torch.nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> threat = Threat(Linf(), 0.25, Domain(kind="audio", shape=(2,)))
        >>> with Oracle(model) as oracle:
        ...     x_adv = GuidedSearch(steps=20, ascent=3, stop=False)(
        ...         oracle, torch.tensor([[0.75, 0.5]]), Misclassification(torch.tensor([0])),
        ...         threat, seeds=seeds(0, n=1))
        >>> x_adv
        tensor([[0.5000, 0.7500]])

    References:
        andriushchenko2020square, ilyas2019prior
    """

    steps: int = 3700
    ascent: int = 40
    every: int = 20
    share: float = 0.1
    width: int = 1
    heat: float = 0.05
    stop: bool = True

    def __post_init__(self) -> None:
        for name in ("steps", "ascent", "every", "width"):
            check_count(self, name)
        if not 0 < self.share <= 1:
            raise SettingError(f"GuidedSearch.share must lie in (0, 1]; got {self.share!r}.")
        if not 0 <= self.heat < math.inf:
            raise SettingError(
                f"GuidedSearch.heat must be 0 or more and finite; got {self.heat!r}."
            )

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(steps=6, ascent=2, every=4, stop=False),
            cls(steps=3, ascent=2, every=2, width=3, stop=False),
        )

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        followed = -(-self.steps // self.every)
        again = followed if self.width > 1 else 0
        return self.width * self.steps + self.ascent + 1 + again, self.ascent + followed

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: counts, or one norm in every view."""
        return threat.counted or norm_power(threat) > 0

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
        """Run the attack; ``start`` is where the ascent begins, with shorter steps than from x."""
        if not self.serves(threat):
            raise SettingError(
                "GuidedSearch moves windows under l_inf, l_2 and l_1, or counted units; the radius "
                f"of {threat.name} is measured otherwise. Use PGD, which serves every threat."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        left = Survivors.all(x, goal, z=x if start is None else start, seeds=seeds)
        self._ascend(oracle, best, left, threat, FRESH if start is None else NEAR)
        if start is None and not threat.counted:
            _leave_flat_items(left, threat)
        self._search(oracle, best, left, threat)
        return best.x

    def _search(self, oracle: Oracle, best: Best, left: Survivors, threat: Threat) -> None:
        """Propose, ask, and go on from what is better or little worse."""
        canvas = Canvas(threat)
        numbers = CHOICES + (0 if threat.counted else 3 * canvas.numbers)
        left.gains = torch.ones(len(left), 2, dtype=torch.float64, device=left.x.device)
        left.tries = 2 * left.gains
        for k in range(self.steps):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return
            keys = left.seeds.child("steps", k // BLOCK)
            if k % BLOCK == 0:
                left.u = keys.uniform(
                    (BLOCK, self.width * numbers), torch.float64, device=left.x.device
                )
            u = left.u[:, k % BLOCK].view(len(left), self.width, numbers)
            rate = left.gains / left.tries
            follows = u[..., 0] < (rate[:, 1] / rate.sum(1)).clamp(LEAST, MOST)[:, None]
            step_keys = keys.child("unit", k)
            proposals = self._proposed(
                left, threat, follows, u, canvas=canvas, k=k, seeds=step_keys
            )
            followed = k % self.every == 0
            if self.width == 1:
                z = proposals
                margin = self._ask(oracle, best, left, threat.project(z, left.x), gradient=followed)
                every = margin[:, None]
            else:
                every, z, margin = self._best_of(oracle, best, left, threat, proposals)
                if followed:
                    self._ask(oracle, best, left, threat.project(z, left.x), gradient=True)
            self._tally(left, follows, every > left.margin[:, None])
            heat = self.heat * (1 - k / self.steps) * best.margin[left.idx].abs()
            loss = heat * u[:, 0, 1].clamp(min=1e-9).log().to(margin)
            _take(left, z, margin, margin >= left.margin + loss)

    def _proposed(
        self,
        left: Survivors,
        threat: Threat,
        follows: Tensor,
        u: Tensor,
        *,
        canvas: Canvas,
        k: int,
        seeds: Seeds,
    ) -> Tensor:
        """The proposals of one round, one item's after the other's."""
        share = share_at(k, self.steps, self.share, MARKS)
        count = max(1, round(share * threat.radius)) if threat.counted else 0
        if self.width == 1:
            trusted = left.prior * follows
            if threat.counted:
                return exchanged_units(left, threat, trusted, count, seeds)
            return changed_windows(left, threat, trusted, share, u[:, 0, 2:], canvas=canvas)
        rows = torch.arange(len(left), device=left.x.device).repeat_interleave(self.width)
        many = Survivors(left.idx[rows], left.goal, x=left.x[rows], z=left.z[rows])
        trusted = left.prior[rows] * follows.reshape(-1, 1)
        if threat.counted:
            each = torch.stack([seeds.child(part).values for part in range(self.width)], 1)
            return exchanged_units(many, threat, trusted, count, Seeds(each.flatten()))
        return changed_windows(many, threat, trusted, share, u.flatten(0, 1)[:, 2:], canvas=canvas)

    def _best_of(
        self, oracle: Oracle, best: Best, left: Survivors, threat: Threat, proposals: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Margins of all proposals of a round ``(M, width)``, and each item's best with its own."""
        rows = torch.arange(len(left), device=left.x.device).repeat_interleave(self.width)
        x_adv = threat.project(proposals, left.x[rows])
        margins = left.goal[rows].margin(oracle.logits(x_adv, left.idx[rows]))
        margins = margins.view(len(left), self.width)
        margin, place = margins.max(1)
        chosen = torch.arange(len(left), device=place.device) * self.width + place
        best.keep(x_adv[chosen], margin, left.idx)
        return margins, proposals[chosen], margin

    @staticmethod
    def _tally(left: Survivors, follows: Tensor, gained: Tensor) -> None:
        """Note which kind of proposal gained, ``(M, width)`` each."""
        for kind, won in zip(follows.unbind(1), gained.unbind(1), strict=True):
            at, one = kind.long()[:, None], won.double()[:, None]
            left.gains = (TALLY * left.gains).scatter_add(1, at, one)
            left.tries = (TALLY * left.tries).scatter_add(1, at, torch.ones_like(one))

    def _ascend(
        self,
        oracle: Oracle,
        best: Best,
        left: Survivors,
        threat: Threat,
        lengths: tuple[float, float],
    ) -> None:
        """Take gradient steps; leave the items at the best point of theirs."""
        left.grad, left.prior = torch.zeros_like(left.x), left.x.double().flatten(1) * 0
        left.margin, left.walk = torch.full_like(best.margin, -torch.inf), left.z
        for k in range(self.ascent):
            if self.stop:
                left.drop_won(best)
            if not len(left):
                return
            x_adv = threat.project(left.walk, left.x)
            margin = self._ask(oracle, best, left, x_adv, gradient=True)
            _take(left, x_adv, margin, margin >= left.margin)
            size = lengths[0] + (lengths[1] - lengths[0]) * k / max(1, self.ascent - 1)
            step = threat.step(left.grad, left.walk, left.x)
            left.walk = threat.relax(left.walk + size * step, left.x)

    def _ask(
        self, oracle: Oracle, best: Best, left: Survivors, x_adv: Tensor, *, gradient: bool
    ) -> Tensor:
        """Margins of legal points; with their gradients the average moves on."""
        if gradient:
            logits, left.grad = oracle.logits_and_grad(x_adv, left.goal.score, left.idx)
            left.prior = MEMORY * left.prior + (1 - MEMORY) * _scaled(left.grad)
        else:
            logits = oracle.logits(x_adv, left.idx)
        margin = left.goal.margin(logits)
        best.keep(x_adv, margin, left.idx)
        return margin


def _scaled(grad: Tensor) -> Tensor:
    """Gradients over their mean absolute entry, float64 ``(N, D)``; 0 for a zero gradient."""
    flat = grad.double().flatten(1)
    size = flat.abs().mean(1, keepdim=True)
    return flat / torch.where(size > 0, size, torch.ones_like(size))


def _take(left: Survivors, z: Tensor, margin: Tensor, taken: Tensor) -> None:
    """Go on from some of the points."""
    left.margin = torch.where(taken, margin, left.margin)
    left.z = torch.where(per_item(taken, z), z, left.z)


def _leave_flat_items(left: Survivors, threat: Threat) -> None:
    """Begin like Square where the gradient has said nothing at all."""
    flat = (left.prior == 0).all(1)
    if flat.any():
        at = first_point(
            Canvas(threat), norm_power(threat), left.x, threat, left.seeds.child("first")
        )
        _take(left, at, torch.full_like(left.margin, -torch.inf), flat)
