"""Evaluate a ladder of radii with a suite of attacks, attacking only what still stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import MemberStats, OnSuiteStep, Spending, SuccessCriterion, Suite
from spikeproof.attacks import suite as make_suite
from spikeproof.base import (
    InputError,
    Seeds,
    check_at_least,
    check_labels,
    check_seed,
    seeds,
)
from spikeproof.data import Split
from spikeproof.evaluate.arguments import ladder_of
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.outcome import Adversarials, Gallery, Outcome
from spikeproof.evaluate.step import OnLadderStep, on_suite_step
from spikeproof.evaluate.verify import Verified, verify
from spikeproof.oracle import Passes
from spikeproof.threats import Threat

__all__ = ["evaluate_ladder"]

_SHOWN = 4


def evaluate_ladder(
    model: nn.Module,
    split: Split,
    ladder: Threat | Sequence[Threat],
    suite: str | Suite,
    *,
    seed: int,
    draws: int = 10,
    samples: int = 1,
    spending: Spending | None = None,
    keep: bool = False,
    progress: OnLadderStep | None = None,
) -> Outcome:
    """Evaluate one model on one ladder of radii, smallest first.

    An item that is wrong when clean counts as broken everywhere and is never attacked. An item
    broken at one radius is broken at every larger one, since its adversarial input is legal there;
    it is carried up and not attacked again. Every adversarial input, also of an attack that
    failed, is verified. Random draws are made for every item at every radius, and an item that a
    draw breaks needs no attack.

    Random numbers belong to item, threat and radius, so neither the other items nor the other
    radii change what an item meets, and skipping broken items changes no verdict.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``; left as it was.
        split: The items.
        ladder: Threats of one geometry and domain, ascending in radius; or one alone.
        suite: A name, or the attacks, tried one after the other on the items that still stand.
        seed: Of every random number.
        draws: Random perturbations per item and radius; 0 makes none, and their share is NaN.
        samples: Draws that make one prediction of a stochastic network (see ``plain_logits``).
        spending: A budget; every radius has an equal share of what is left.
        keep: Whether to return every input that broke an item, ``Outcome.adversarials``.
        progress: Called before every batch of every attack.
    Returns:
        Results per item and radius.
    Raises:
        SettingError: a ladder that does not ascend or mixes threats, an unknown suite, or a seed
            or number of draws that is none.
        InputError: no items, items or labels that do not fit, or a model without finite logits.
        IllegalAdversarial: an attack returned a point its threat does not allow.
    Cost:
        ``1 + R * draws`` forward passes per item; the suite and one forward for each item and
        radius where it still stands; ``samples`` times the forwards that decide success.
    References:
        croce2020reliable
    """
    ladder, suite = ladder_of(ladder), make_suite(suite)
    seed = check_seed(seed, "evaluate_ladder: seed")
    draws = check_at_least(0, draws, "evaluate_ladder: draws")
    if not len(split):
        raise InputError("evaluate_ladder: there are no items to attack; got a split of none.")
    ladder[0].check(split.x)
    logits = plain_logits(model, split.x, items=split.items, samples=samples)
    check_labels(split.y, logits.shape[1], len(split.x))
    climber = _LadderEvaluation(model, split, suite, seed, draws, samples, logits)
    for number, threat in enumerate(ladder):
        if spending is not None:
            climber.spending = spending.part(len(ladder) - number)
        if progress is not None:
            before = climber.passes.forward + climber.passes.backward
            climber.progress = on_suite_step(progress, suite, ladder, number, before=before)
        climber.rung(threat)
    return climber.outcome(ladder, keep=keep)


@dataclass
class _State:
    """Where every item stands: the best input found so far and what verification measured."""

    x_adv: Tensor
    margin: Tensor
    broken: Tensor
    member: Tensor
    distance: Tensor
    length: Tensor
    predicted: Tensor

    def copy(self) -> _State:
        return _State(**{name: value.clone() for name, value in vars(self).items()})


@dataclass
class _LadderEvaluation:
    """One evaluation of a ladder under way."""

    model: nn.Module
    split: Split
    suite: Suite
    seed: int
    draws: int
    samples: int
    logits: Tensor
    rungs: list[_State] = field(default_factory=list)
    random: list[Tensor] = field(default_factory=list)
    passes: Passes = field(default_factory=Passes)
    spending: Spending | None = None
    unsettled: list[int] = field(default_factory=list)
    progress: OnSuiteStep | None = None

    def __post_init__(self) -> None:
        n, margin = len(self.split), margins(self.logits, self.split.y)
        fitted = self.suite.fitted(self.model, self.split.x)
        self.draws_itself = fitted.averages and not self.suite.averages
        self.suite = fitted
        self.stats = [MemberStats() for _ in self.suite.members]
        self.clean_margin = margin
        self.passes += Passes(forward=self.samples * n)
        self.state = _State(
            x_adv=self.split.x.clone(),
            margin=margin.clone(),
            broken=margin > 0,
            member=torch.full((n,), -1, dtype=torch.int16),
            distance=torch.zeros(n, dtype=torch.float64),
            length=torch.zeros(n, dtype=torch.float64),
            predicted=self.logits.argmax(1),
        )

    def rung(self, threat: Threat) -> None:
        """Draw at random for everyone, then attack what still stands, at one radius."""
        keys = seeds(self.seed, items=self.split.items).child(threat.name, repr(threat.radius))
        self.random.append(self._draw(threat, keys.child("draws")))
        idx = (~self.state.broken).nonzero().flatten()
        left = self._attack(idx, threat, keys.child("attack")) if len(idx) else 0
        if self.spending is not None:
            self.unsettled.append(left)
        self.rungs.append(self.state.copy())

    def _draw(self, threat: Threat, keys: Seeds) -> Tensor:
        """Share of draws classified right, float64 ``(N,)``; a wrong one breaks its item."""
        if not self.draws:
            return torch.full((len(self.split),), torch.nan, dtype=torch.float64)
        right = torch.zeros(len(self.split), dtype=torch.float64)
        for number in range(self.draws):
            drawn = threat.sample(self.split.x, keys.child(number))
            margin = margins(self._plain(drawn), self.split.y)
            right += (margin <= 0).double()
            struck = ((margin > 0) & ~self.state.broken).nonzero().flatten()
            if len(struck):
                self._keep(struck, drawn[struck], threat, len(self.suite.members))
        self.passes += Passes(forward=self.samples * self.draws * len(self.split))
        return right / self.draws

    def _plain(self, x: Tensor) -> Tensor:
        """Predictions for all items."""
        return plain_logits(self.model, x, items=self.split.items, samples=self.samples)

    def _attack(self, idx: Tensor, threat: Threat, keys: Seeds) -> int:
        """Run the suite on the items that still stand; how many the budget left unsettled."""
        left = self.split[idx]
        told: dict[str, Any] = {} if self.progress is None else {"progress": self.progress}
        result = self.suite(
            self.model,
            left.x,
            left.y,
            threat,
            seeds=keys[idx],
            is_adversarial=self._is_adversarial(left) if self.draws_itself else None,
            spending=self.spending,
            **told,
        )
        if result.x_adv.shape != left.x.shape:
            raise InputError(
                f"The suite returned {tuple(result.x_adv.shape)} for {tuple(left.x.shape)}."
            )
        self.passes += result.passes
        self.stats = [a + b for a, b in zip(self.stats, result.stats, strict=True)]
        self._keep(idx, result.x_adv, threat, result.member)
        if result.unsettled is None:
            return 0
        return int((result.unsettled & ~self.state.broken[idx]).sum())

    def _is_adversarial(self, left: Split) -> SuccessCriterion:
        """Who has won on a stochastic network: by the draws that verification will make."""

        def is_adversarial(x_adv: Tensor, idx: Tensor) -> Tensor:
            self.passes += Passes(forward=self.samples * len(idx))
            items, y = left.items[idx], left.y[idx]
            return margins(plain_logits(self.model, x_adv, items=items, samples=self.samples), y)

        return is_adversarial

    def _keep(self, idx: Tensor, x_adv: Tensor, threat: Threat, member: Tensor | int) -> None:
        """Verify what was found for some items, and note it where it is no worse than before."""
        left = self.split[idx]
        seen = verify(
            self.model, left.x, x_adv, left.y, threat, items=left.items, samples=self.samples
        )
        self.passes += Passes(forward=self.samples * len(idx))
        better = seen.margin >= self.state.margin[idx]
        _note(self.state, idx[better], x_adv[better], seen, better)
        names = torch.as_tensor(member, dtype=torch.int16).expand(len(idx))
        self.state.member[idx] = torch.where(seen.won, names, -1).to(torch.int16)

    def outcome(self, ladder: tuple[Threat, ...], *, keep: bool) -> Outcome:
        """Everything as arrays."""

        def stacked(name: str) -> np.ndarray[Any, Any]:
            return torch.stack([getattr(rung, name) for rung in self.rungs]).numpy()

        return Outcome(
            ladder=ladder,
            items=self.split.items.numpy(),
            y=self.split.y.numpy(),
            clean_margin=self.clean_margin.numpy(),
            correct=(self.clean_margin <= 0).numpy(),
            random_correct=torch.stack(self.random).numpy(),
            members=(*(member.name for member in self.suite.members), "random draws"),
            stats=tuple(self.stats),
            passes=self.passes,
            gallery=self._gallery(ladder),
            unsettled=tuple(self.unsettled),
            used=None if self.spending is None else self.spending.used,
            owed=0.0 if self.spending is None else self.spending.owed,
            adversarials=self._adversarials() if keep else None,
            **{n: stacked(n) for n in ("broken", "margin", "member", "distance", "length")},
        )

    def _adversarials(self) -> Adversarials:
        """What broke the items that are right when clean; the state keeps it ever after."""
        broken = torch.stack([rung.broken for rung in self.rungs])
        who = (broken[-1] & (self.clean_margin <= 0)).nonzero().flatten()
        level = (~broken[:, who]).sum(0).to(torch.int16)  # broken once, broken at all larger ones
        return Adversarials(
            items=self.split.items[who].numpy(),
            level=level.numpy(),
            x_adv=self.state.x_adv[who].numpy(),
        )

    def _gallery(self, ladder: tuple[Threat, ...]) -> Gallery | None:
        """The first few items that the middle radius broke."""
        middle = len(ladder) // 2
        rung = self.rungs[middle]
        show = (rung.broken & (self.clean_margin <= 0)).nonzero().flatten()[:_SHOWN]
        if not len(show):
            return None
        return Gallery(
            x=self.split.x[show].numpy(),
            x_adv=rung.x_adv[show].numpy(),
            y=self.split.y[show].numpy(),
            predicted=self.logits.argmax(1)[show].numpy(),
            predicted_adv=rung.predicted[show].numpy(),
            radius=np.array(ladder[middle].radius),
        )


def _note(state: _State, idx: Tensor, x_adv: Tensor, seen: Verified, better: Tensor) -> None:
    """Write what verification measured into the state of some items."""
    state.x_adv[idx] = x_adv
    state.margin[idx] = seen.margin[better]
    state.broken[idx] = seen.won[better]
    state.distance[idx] = seen.distance[better]
    state.length[idx] = seen.length[better]
    state.predicted[idx] = seen.predicted[better]
