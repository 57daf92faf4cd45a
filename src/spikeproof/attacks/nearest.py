"""Minimum-norm attacks: how far is the nearest adversarial point, instead of what lies inside."""

# One loop serves them all (``Descent``); a paper is what stands in its two methods.
#
#   _begin(x, start)  ->  x_adv_0, and the attack's own tensors (a sphere ε, a multiplier, moments)
#   for k = 0 .. steps:
#       items known near enough leave, with all their tensors (``Survivors``)
#       margin, grad  <-  oracle at x_adv_k      a ``Look``; δ = x_adv_k - x is measured
#       near.keep(x_adv_k)                       adversarial, and nearer than all before?
#       _advance(look)  ->  x_adv_{k+1}          won: shorten δ; not won: follow the gradient
#
# The answer is ``near``, not the last point: the iterate crosses the boundary again and again, and
# every crossing may be the nearest. ``nearest`` goes on until the steps are used up; a call for one
# radius ε lets an item go once ``near`` holds a point within ε.

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.base import InputError, Seeds, SettingError
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["Descent", "Look", "MinimumNorm", "Nearest", "State"]

# What an attack remembers of each item: "x" clean, "x_adv" to be asked next, and its own tensors.
State = dict[str, Tensor]


class Nearest:
    """The adversarial point nearest to each clean input among those visited.

    Points outside box or grid never count, and neither does a NaN.

    Args:
        x: Clean inputs, ``(N, *shape)``.
        margin: Margin there, ``(N,)``; where it is positive the distance is 0.
        threat: Measures the distances.
        enough: An item whose distance is no more than this needs no further search.
    Attributes:
        x_adv: The points, ``(N, *shape)``; ``x`` where none was found.
        distance: float64 ``(N,)``; inf where none was found.
        best: The visited point of largest margin within the radius of the threat.
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L1
        >>> threat = Threat(L1(), 1.0, Domain(kind="audio", shape=(2,)))
        >>> near = Nearest(torch.zeros(1, 2), torch.tensor([-1.0]), threat)
        >>> for size in (0.75, 0.25, 0.5):
        ...     distance = near.keep(torch.full((1, 2), size), torch.tensor([size - 0.4]))
        >>> near.distance.item(), near.best.x.tolist()
        (1.0, [[0.5, 0.5]])
    """

    def __init__(self, x: Tensor, margin: Tensor, threat: Threat, *, enough: float = 0.0) -> None:
        self.x, self.threat, self.enough = x.detach(), threat, enough
        self.x_adv = self.x.clone()
        never = torch.full((len(x),), math.inf, dtype=torch.float64, device=x.device)
        self.distance = torch.where(margin > 0, torch.zeros_like(never), never)
        self.best = Best(x, margin)

    def keep(self, x_adv: Tensor, margin: Tensor, idx: Tensor | None = None) -> Tensor:
        """Take over the points that are adversarial and nearer than what was known.

        Args:
            x_adv: Visited points, one per item, or one per entry of ``idx``.
            margin: Margins there.
            idx: Which items were visited, int64; all where absent.
        Returns:
            Distance of the visited points, float64; inf where a point is not legal.
        """
        idx = torch.arange(len(self.x), device=self.x.device) if idx is None else idx
        distance = self.threat.distance(x_adv, self.x[idx])
        distance = torch.where(self.threat.domain.contains(x_adv), distance, math.inf)
        closer = (margin > 0) & (distance < self.distance[idx])
        self.distance[idx[closer]] = distance[closer]
        self.x_adv[idx[closer]] = x_adv[closer].detach()
        inside = distance <= self.threat.radius
        self.best.keep(x_adv, torch.where(inside, margin, -math.inf), idx)
        return distance

    def standing(self) -> Tensor:
        """Which items are worth a further search, int64 ``(M,)``."""
        return (self.distance > self.enough).nonzero().flatten()


@dataclass(frozen=True)
class Look:
    """What one query of the oracle says about the items still searched.

    Args:
        threat: What the attacker may do.
        grad: Gradient of the goal's score at ``x_adv``, ``(M, *shape)``.
        margin: Margin at ``x_adv``, ``(M,)``.
        distance: How far ``x_adv`` is from ``x``, float64 ``(M,)``.
        nearest: Distance of the nearest adversarial point so far, float64 ``(M,)``.
        step: Number of the step, from 0.
        steps: How many there will be.
    """

    threat: Threat
    grad: Tensor
    margin: Tensor
    distance: Tensor
    nearest: Tensor
    step: int
    steps: int

    @property
    def won(self) -> Tensor:
        """Whether ``x_adv`` is adversarial, bool ``(M,)``."""
        return self.margin > 0

    def slope(self, x: Tensor) -> Tensor:
        """First-order gain per unit of distance, the dual norm of the gradient; float64 ``(M,)``.

        At least the smallest positive number, so that one can divide by it.
        """
        one = self.threat.step(self.grad, x, x, torch.ones(len(x), device=x.device))
        gain = (self.grad.double() * one.double()).flatten(1).sum(1)
        return gain.clamp(min=torch.finfo(torch.float64).tiny)

    def falling(self, first: float, last: float) -> float:
        """A setting that falls from ``first`` to ``last`` along half a cosine."""
        share = self.step / max(1, self.steps - 1)
        return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


class MinimumNorm(ABC):
    """An attack that looks for the nearest adversarial point.

    One run serves every radius: :meth:`nearest` gives the distances of a whole security curve.
    Calling it answers for the radius of the threat alone, and leaves an item alone once it is won
    within that radius. Subclasses say how they search.
    """

    steps: int

    @abstractmethod
    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat."""

    @abstractmethod
    def _search(
        self, oracle: Oracle, goal: Goal, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """Show ``near`` every point worth keeping."""

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item of a call, at most."""
        return self.steps + 3, self.steps

    def nearest(
        self,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Nearest:
        """Search the nearest adversarial point of every item; the threat's radius plays no role.

        Args:
            oracle: An open oracle.
            x: Legal clean inputs, ``(N, *shape)``.
            goal: What the attacker wants of these items.
            threat: How distances are measured, and what is legal.
            seeds: One key per item.
            start: Legal points to begin from instead of ``x``.
        Returns:
            The nearest points and their distances.
        Raises:
            SettingError: a threat the attack does not serve.
        Cost:
            ``steps + 2`` forward and ``steps`` backward passes per item; items that are won
            already cost one forward pass.
        """
        near = Nearest(x, goal.margin(oracle.logits(x)), threat)
        self._search(oracle, goal, near, start, seeds)
        return near

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
        """Run the attack for one radius; ``start`` replaces ``x`` as the first point."""
        margin = goal.margin(oracle.logits(x))
        near = Nearest(x, margin, threat, enough=threat.radius)
        self._search(oracle, goal, near, start, seeds)
        if len(idx := near.standing()):
            x_adv = threat.project(near.x_adv[idx], x[idx])
            near.best.keep(x_adv, goal[idx].margin(oracle.logits(x_adv, idx)), idx)
        return near.best.x

    def _refuse(self, near: Nearest, start: Tensor | None) -> None:
        """Raise where the attack would search in vain."""
        name, threat = type(self).__name__, near.threat
        if not self.serves(threat):
            grid = " on a grid of whole numbers" if threat.domain.integer else ""
            raise SettingError(
                f"{name} cannot work under {threat.name}{grid}; see its card in docs/methods, or "
                "use FMN, which serves every threat."
            )
        if start is not None and start.shape != near.x.shape:
            raise InputError(
                f"start must have the shape of x, {tuple(near.x.shape)}; got {tuple(start.shape)}."
            )


class Descent(MinimumNorm):
    """A minimum-norm attack that asks at one point per step and goes on by the answer."""

    @abstractmethod
    def _begin(self, x: Tensor, start: Tensor, threat: Threat) -> State:
        """What is remembered at first, ``x`` and ``x_adv`` included, of legal first points."""

    @abstractmethod
    def _advance(self, left: Survivors, look: Look) -> None:
        """Go on after a question: write another legal ``x_adv``, and what else has changed."""

    def _search(
        self, oracle: Oracle, goal: Goal, near: Nearest, start: Tensor | None, seeds: Seeds
    ) -> None:
        """Ask and advance until the steps are used or no item is left."""
        self._refuse(near, start)
        idx = near.standing()
        x = near.x[idx]
        state = self._begin(x, x if start is None else start[idx].to(x), near.threat)
        left = Survivors(idx, goal[idx], **state)
        for step in range(self.steps + 1):
            left.drop_won(near)
            if not len(left):
                return
            if step == self.steps:
                margin = left.goal.margin(oracle.logits(left.x_adv, left.idx))
                near.keep(left.x_adv, margin, left.idx)
                return
            logits, grad = oracle.logits_and_grad(left.x_adv, left.goal.score, left.idx)
            margin = left.goal.margin(logits)
            distance = near.keep(left.x_adv, margin, left.idx)
            shortest = near.distance[left.idx]
            look = Look(near.threat, grad, margin, distance, shortest, step, self.steps)
            self._advance(left, look)
