"""Auto-PGD: the step size follows how the search of each item goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, SettingError, check_count, check_fraction, per_item
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["APGD", "checkpoints"]

# First step, as a fraction of the radius.
FIRST = 2.0
# The same for l_1, with what divides it and the smallest one.
FIRST_SPARSE, DIVISOR, LAST_SPARSE = 1.0, 1.5, 0.1
# l_1: first share of the features in a step; what divides the share that the best point changes
# to give the next; a best point is sparser if it changes less than this part of the one before.
SHARE, THINNER, SPARSER = 0.2, 2.5, 0.95
# Multiples of the radius, and the share of the steps spent inside each. In a ball of 3 ε the search
# is free to leave the features it began with; relaxed into 2 ε and ε it keeps the best of them.
WIDE = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))


@ATTACKS.register("apgd")
@dataclass(frozen=True, kw_only=True)
class APGD:
    r"""Ascend with momentum, halve the step when progress ends, and go on from the best point.

    ``w = relax(z_k + a * step(grad score(z_k), z_k))``,
    ``z_{k+1} = relax(z_k + m (w - z_k) + (1 - m)(z_k - z_{k-1}))``, first ``a = 2``. At the
    checkpoints ``0.22 N``, then after gaps that shrink by ``0.03 N`` down to ``0.06 N``, an item
    halves ``a`` and returns to its best point if the score rose in fewer than ``rho`` of the
    steps since the last checkpoint, or if neither ``a`` nor the best score has changed since.

    l_1 has no momentum: the step is spread over at least a share of the features, at first .2.
    Every ``0.04 N`` steps that share becomes the one changed at the best point (participation
    ratio over n) divided by 2.5; an item whose best point has become sparser goes on from it with
    ``a = 1``, the others divide ``a`` by 1.5 down to .1.

    Every item has its own step size, decisions and best point.

    Args:
        steps: Gradient steps N, at least 1.
        momentum: Weight m of the new step, in [0, 1].
        rho: Share of rising steps below which progress counts as ended, in [0, 1].
        random_start: Begin at a random point of the ball instead of ``x``.
        wide: Spend .3 of the steps within three radii and .3 within two before the rest within
            one; recommended for l_1. Where the domain cannot hold such a radius, the steps are
            spent within one.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, momentum or rho outside [0, 1]; in a call, a threat whose
            radius is a count.
    Cost:
        ``steps + 2`` forward and ``steps`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        Random starts are uniform in the ball; an item that returns to its best point starts
        without momentum; steps ignore features the box holds back; the best point by margin is
        returned, the last one included. Under l_1 a step leads towards the best point of ball and
        box to first order, so sparsity is a participation ratio (such steps shrink features
        rather than end them) and is divided by 2.5 instead of 1.5: on linear models with a box
        the published rule ended at .83 of the optimum, this one reaches it. Grids and joint
        budgets are served through the relaxation.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L2, Misclassification
        >>> threat = Threat(L2(), 0.5, Domain(kind="audio", shape=(2,), low=-1.0))
        >>> model = torch.nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        >>> with Oracle(model) as oracle:
        ...     x_adv = APGD(steps=20)(oracle, torch.tensor([[0.5, 0.5]]),
        ...                            Misclassification(torch.tensor([0])), threat, seeds=seeds(0,
        ...                            n=1))
        >>> bool(torch.allclose(x_adv, torch.tensor([[0.2, 0.1]]), atol=1e-3))
        True

    References:
        croce2020reliable, croce2021mind
    """

    steps: int = 100
    momentum: float = 0.75
    rho: float = 0.75
    random_start: bool = True
    wide: bool = False
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_fraction(self, "momentum", "rho")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=6),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: its radius must be a length."""
        return not threat.counted

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
        """Run the attack; ``start`` replaces the random or clean starting point."""
        if threat.counted:
            raise SettingError(
                f"APGD needs a radius that is a length; that of {threat.name} counts. Use SAPGD, "
                "PGD or Swap."
            )
        best = Best(x, goal.margin(oracle.logits(x)))
        phases = self._phases(threat)
        z = phases[0][0].sample(x, seeds) if self.random_start else x
        walk = _Walk.begin(x, z if start is None else start, goal)
        for number, (wide, steps) in enumerate(phases):
            final = number == len(phases) - 1
            walk.enter(wide)
            self._climb(oracle, walk, wide, steps, best if final else None)
        return best.x

    def _phases(self, threat: Threat) -> list[tuple[Threat, int]]:
        """The threats to attack under, one after the other, and the steps under each."""
        if not self.wide:
            return [(threat, self.steps)]
        counts = [round(share * self.steps) for _, share in WIDE[:-1]]
        phases = []
        for (factor, _), steps in zip(WIDE, [*counts, self.steps - sum(counts)], strict=True):
            try:
                phases.append((threat.at(factor * threat.radius), steps))
            except SettingError:
                phases.append((threat, steps))
        return [(wide, steps) for wide, steps in phases if steps > 0]

    def _climb(
        self, oracle: Oracle, walk: _Walk, threat: Threat, steps: int, best: Best | None
    ) -> None:
        """Take the steps under one threat; points count for ``best`` where there is one."""
        marks, last = _marks(steps, threat), 0
        for k in range(steps):
            if self.stop and best is not None:
                walk.drop_won(best)
            if not len(walk):
                return
            x_adv = threat.project(walk.z, walk.x) if threat.relaxed else walk.z
            logits, grad = oracle.logits_and_grad(x_adv, walk.goal.score, walk.idx)
            if best is not None:
                best.keep(x_adv, walk.goal.margin(logits), walk.idx)
            walk.observe(walk.goal.score(logits).detach(), grad)
            if k in marks:
                walk.reduce_support() if threat.sparse else walk.judge(self.rho * (k - last))
                last = k
            if threat.sparse:
                walk.l1_step(threat)
            else:
                walk.momentum_step(threat, self.momentum if k else 1.0)
        if best is not None:
            x_adv = threat.project(walk.z, walk.x) if threat.relaxed else walk.z
            best.keep(x_adv, walk.goal.margin(oracle.logits(x_adv, walk.idx)), walk.idx)


def checkpoints(steps: int) -> set[int]:
    """The steps before which the step size is reviewed: 0.22 of them, then falling gaps."""
    marks, gap, at = set(), max(1, int(0.22 * steps)), 0
    while (at := at + gap) < steps:
        marks.add(at)
        gap = max(gap - max(1, int(0.03 * steps)), max(1, int(0.06 * steps)))
    return marks


def _marks(steps: int, threat: Threat) -> set[int]:
    """The same, and for l_1 every 0.04 of the steps."""
    if not threat.sparse:
        return checkpoints(steps)
    period = max(1, int(0.04 * steps))
    return set(range(period, steps, period))


class _Walk(Survivors):
    """Where the items stand and what the search of each remembers; one row per item."""

    z: Tensor  # the iterate
    before: Tensor  # the iterate one step earlier
    grad: Tensor
    score: Tensor
    top: Tensor  # largest score, where it was, and the gradient there
    top_z: Tensor
    top_grad: Tensor
    size: Tensor  # length of a step, as a fraction of the radius
    rises: Tensor  # steps since the last checkpoint on which the score rose
    kept: Tensor  # whether the last checkpoint left the step size as it was
    then: Tensor  # largest score at the last checkpoint
    share: Tensor  # share of the features in a step (l_1)
    used: Tensor  # share of the features changed at the last checkpoint (l_1)

    @classmethod
    def begin(cls, x: Tensor, z: Tensor, goal: Goal) -> _Walk:
        """A search that has seen nothing yet."""
        idx, none = torch.arange(len(x), device=x.device), torch.zeros_like(x)
        return cls(idx, goal, x=x, z=z, top_z=z, grad=none, top_grad=none, size=x.new_zeros(len(x)))

    def enter(self, threat: Threat) -> None:
        """Begin to ascend under a threat, at the best point so far."""
        self.z = self.before = self.top_z = threat.relax(self.top_z, self.x)
        one = torch.ones_like(self.size)
        self.size = (FIRST_SPARSE if threat.sparse else FIRST) * one
        self.top, self.then, self.score = -torch.inf * one, -torch.inf * one, torch.inf * one
        self.rises, self.kept = torch.zeros_like(one), torch.zeros_like(one, dtype=torch.bool)
        self.share, self.used = SHARE * one, one

    def observe(self, score: Tensor, grad: Tensor) -> None:
        """Take note of what the oracle answered about the iterate."""
        self.rises = self.rises + (score > self.score)
        self.score, self.grad = score, grad
        better = score > self.top
        self.top = torch.where(better, score, self.top)
        self.top_z = torch.where(per_item(better, grad), self.z, self.top_z)
        self.top_grad = torch.where(per_item(better, grad), grad, self.top_grad)

    def judge(self, enough: float) -> None:
        """Halve the step and go back to the best point where progress has ended."""
        ended = (self.rises < enough) | (self.kept & (self.top == self.then))
        self.size = torch.where(ended, self.size / 2, self.size)
        self.kept, self.then, self.rises = ~ended, self.top, torch.zeros_like(self.rises)
        self._back(ended)

    def reduce_support(self) -> None:
        """Aim at fewer features than the best point has changed; start anew if those are fewer."""
        # Under l_1 the question is less how far to step than on how many features: few overshoot,
        # many spend the radius where it gains little. So the schedule looks at δ, the change at the
        # best point. Is it sparser than a checkpoint ago, the search has found features to gather
        # on: the share of the next steps shrinks with it and their length a begins at 1 again. If
        # not, the support has settled, and a falls by 1.5 down to .1 to refine it.
        used = _spread(self.top_z - self.x)
        sparser = used < SPARSER * self.used
        smaller = (self.size / DIVISOR).clamp(min=LAST_SPARSE)
        self.size = torch.where(sparser, torch.full_like(smaller, FIRST_SPARSE), smaller)
        self.share, self.used = used / THINNER, used
        self._back(sparser)

    def momentum_step(self, threat: Threat, weight: float) -> None:
        """Step with momentum."""
        ahead = self.z + per_item(self.size, self.z) * threat.step(self.grad, self.z, self.x)
        ahead = threat.relax(ahead, self.x)
        mixed = self.z + weight * (ahead - self.z) + (1 - weight) * (self.z - self.before)
        self.before, self.z = self.z, threat.relax(mixed, self.x)

    def l1_step(self, threat: Threat) -> None:
        """Step over the share of the features that each item has come to."""
        step = threat.spread(self.grad, self.z, self.x, self.share)
        self.z = threat.relax(self.z + per_item(self.size, self.z) * step, self.x)

    def _back(self, items: Tensor) -> None:
        """Return these items to their best points, without momentum."""
        at = per_item(items, self.z)
        self.z = torch.where(at, self.top_z, self.z)
        self.grad = torch.where(at, self.top_grad, self.grad)
        self.before = torch.where(at, self.top_z, self.before)
        self.score = torch.where(items, self.top, self.score)


def _spread(change: Tensor) -> Tensor:
    """Participation ratio of each change over the number of features; 1 where nothing changed."""
    size = change.flatten(1).abs()
    squares = size.square().sum(1)
    ratio = size.sum(1).square() / torch.where(squares > 0, squares, torch.ones_like(squares))
    return torch.where(squares > 0, ratio / size.shape[1], torch.ones_like(ratio))
