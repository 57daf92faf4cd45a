"""The members of a suite at work on one batch of items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from spikeproof.attacks.attack import Attack, independent_runs
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.suite.budget import Spending, cost_per_item
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.progress import STATES, ItemProgress, are_probabilities
from spikeproof.attacks.suite.result import MemberStats, SuiteResult
from spikeproof.attacks.suite.step import OnSuiteStep, SuiteStep
from spikeproof.base import MOST_ROWS, BatchSize, Seeds
from spikeproof.oracle import Known, Oracle, Passes
from spikeproof.threats import Misclassification, Threat

__all__ = ["SuccessCriterion", "SuiteRun"]

# Margins (M,) of inputs (M, *shape) for the items of these numbers, int64 (M,).
SuccessCriterion = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class SuiteRun:
    """A suite at work on its items.

    A member meets all items that still stand before the next one begins, a batch at a time: what
    few items stand of many batches fill one batch then.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        threat: What the attacker may do.
        x: Legal clean inputs, ``(N, *shape)``.
        y: True classes, int64 ``(N,)``.
        keys: One key per item.
        start: Points known to come close, ``(N, *shape)``.
        is_adversarial: Says who has won; None believes the oracle.
        patience: How often a member whose loss still rises may go on.
        every: Whether every member attacks every item that is right when clean.
        batch_size: Rows attacked at a time, an item or a restart of one each.
        spending: What may still be spent; None where nothing limits it.
        answers: What the network said of clean batches, by the items in them; None where it draws.
        progress: Called before every batch.
    """

    model: nn.Module
    threat: Threat
    x: Tensor
    y: Tensor
    keys: Seeds
    start: Tensor | None = None
    is_adversarial: SuccessCriterion | None = None
    patience: int = 0
    every: bool = False
    batch_size: BatchSize = field(default_factory=lambda: BatchSize(MOST_ROWS))
    spending: Spending | None = None
    answers: dict[tuple[int, ...], Tensor] | None = None
    progress: OnSuiteStep | None = None

    def run(self, members: Sequence[Member]) -> SuiteResult:
        """Let the members attack in turn."""
        best, missed, progress, passes = self._begin()
        first = torch.full_like(missed, -1, dtype=torch.int64)
        broken = missed.new_zeros(len(members), len(self.x))
        unsettled = torch.zeros_like(missed)
        stats = []
        for number, member in enumerate(members):
            idx = (~missed).nonzero().flatten() if self.every else best.standing()
            wanted, turn = self._wanted(member, idx, progress)
            idx = self._affordable(member, wanted, best)
            unsettled[wanted[~torch.isin(wanted, idx)]] = True
            turn += MemberStats(unaffordable=len(wanted) - len(idx))
            attacks = self._attacks(members[number:], number, idx, best, passes)
            for part, (done, result, rising) in attacks:
                won = result.margin > 0
                fresh = part[won & (best.margin[part] <= 0)]
                broken[number, part], first[fresh] = won, number
                turn += replace(done, broke=len(fresh))
                best.keep(result.x, result.margin, part)
                led = done.passes.backward > 0
                progress.note(part, result.margin, rising, followed=led, continued=member.continues)
            stats.append(turn)
            passes += turn.passes
            if self.spending is not None:
                self.spending.spend(turn.passes)
        won = best.margin > 0
        left = None if self.spending is None else unsettled & ~won
        return SuiteResult(best.x, won, first, passes, tuple(stats), broken, left)

    def _attacks(
        self, members: Sequence[Member], number: int, idx: Tensor, best: Best, passes: Passes
    ) -> Iterator[tuple[Tensor, tuple[MemberStats, Best, Tensor]]]:
        """The attack of the first of these members on some items, a batch at a time."""
        member = members[0]

        def attacked(part: Tensor) -> tuple[MemberStats, Best, Tensor]:
            self._tell(members, int((idx >= part[0]).sum()), best, passes)
            return self._turn(member, self.keys[part].child("member", number), part, best)

        copies = len(independent_runs(member.attack, self.keys[:0])[1])
        return self.batch_size.each(idx, attacked, copies=copies)

    def _tell(self, members: Sequence[Member], items: int, best: Best, passes: Passes) -> None:
        """Say where the suite stands, if anybody asked."""
        if self.progress is None:
            return
        standing = len(best.standing())
        first, *later = (cost_per_item(m, self.threat) for m in members if m.serves(self.threat))
        self.progress(
            SuiteStep(
                member=members[0].name,
                items=items,
                standing=standing,
                passes=passes.forward + passes.backward,
                passes_left=items * first + standing * sum(later),
            )
        )

    def _affordable(self, member: Member, idx: Tensor, best: Best) -> Tensor:
        """The items whose attack the budget still pays, nearest the boundary first.

        There one more attack changes most verdicts.
        """
        if self.spending is None or not len(idx):
            return idx
        each = cost_per_item(member, self.threat)
        room = int(min(self.spending.room(each), len(idx)))
        self.spending.owe(len(idx) - room, each)
        nearest = best.margin[idx].argsort(descending=True, stable=True)[:room]
        return idx[nearest.sort().values]

    def _wanted(
        self, member: Member, idx: Tensor, progress: ItemProgress
    ) -> tuple[Tensor, MemberStats]:
        """Which of some standing items a member attacks, and how many it passes over."""
        if not member.serves(self.threat):
            return idx[:0], MemberStats()
        wanted = progress.within(STATES if self.every else member.on)[idx]
        return idx[wanted], MemberStats(skipped=int((~wanted).sum()))

    def _begin(self) -> tuple[Best, Tensor, ItemProgress, Passes]:
        """Where the items stand clean and at the start, and which are wrong when clean."""
        margins, starts, passes, saturating = [], [], Passes(), False
        everyone = torch.arange(len(self.x), device=self.x.device)
        for _, (margin, near, spent, probabilities) in self.batch_size.each(everyone, self._clean):
            margins.append(margin)
            starts += [] if near is None else [near]
            saturating |= probabilities
            passes += spent
        best = Best(self.x, torch.cat(margins) if margins else self.x.new_zeros(0))
        missed = best.margin > 0
        sparse = self.threat.sparse or self.threat.counted
        progress = ItemProgress(best.margin, sparse=sparse, saturating=saturating)
        if starts:
            points, margin = (torch.cat(each) for each in zip(*starts, strict=True))
            best.keep(points, torch.where(missed, -torch.inf, margin))
        if self.spending is not None:
            self.spending.spend(passes)
        return best, missed, progress, passes

    def _clean(self, part: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor] | None, Passes, bool]:
        """Margins of a batch, clean and at the start, and whether outputs are probabilities."""
        known, near, probabilities = self._known(part), None, False
        with Oracle(self.model, seeds=self.keys[part], known=known) as oracle:
            margin = self._margin(oracle, self.x[part], part)
            if self.is_adversarial is None and known is not None and known.logits is not None:
                probabilities = are_probabilities(known.logits)
            if self.start is not None:
                x_adv = self.threat.project(self.start[part], self.x[part])
                near = x_adv, self._margin(oracle, x_adv, part)
            passes = oracle.passes
        self._learn(part, known)
        return margin, near, passes, probabilities

    def _turn(
        self, member: Member, keys: Seeds, idx: Tensor, best: Best
    ) -> tuple[MemberStats, Best, Tensor]:
        """One member's attack on some items, gone on with while its loss still rises."""
        given = member.continues or (self.start is not None and not _random(member))
        begin = best.x[idx] if given else None
        result, rising, passes = self._attack(member, keys, idx, begin)
        for again in range(1, self.patience + 1):
            longer = member.longer(2**again)
            open_ = (rising & (result.margin <= 0)).nonzero().flatten()
            if longer is None or not len(open_):
                break
            seeds = keys[open_].child("again", again)
            more, rising[open_], spent = self._attack(longer, seeds, idx[open_], result.x[open_])
            result.keep(more.x, more.margin, open_)
            passes += spent
        stuck = int((rising & (result.margin <= 0)).sum())
        stats = MemberStats(tried=len(idx), not_converged=stuck, passes=passes)
        return stats, result, rising

    def _attack(
        self, member: Member, keys: Seeds, idx: Tensor, begin: Tensor | None
    ) -> tuple[Best, Tensor, Passes]:
        """One run: the best points, whose loss was still rising, and the passes."""
        attack, each = independent_runs(member.attack, keys)
        # As many runs at a time as rows fit; what each run draws is its own.
        most = max(1, self.batch_size.rows // max(1, len(idx)))
        result, rising, passes = self._runs(member, attack, each[:most], idx, begin)
        for done in range(most, len(each), most):
            more, still, spent = self._runs(member, attack, each[done : done + most], idx, begin)
            result.keep(more.x, more.margin)
            rising, passes = rising | still, passes + spent
        return result, rising, passes

    def _runs(
        self,
        member: Member,
        attack: Attack,
        each: Sequence[Seeds],
        idx: Tensor,
        begin: Tensor | None,
    ) -> tuple[Best, Tensor, Passes]:
        """Some runs of one attack, in one batch."""
        times, keys = len(each), Seeds(torch.cat([one.values for one in each]))
        begin = None if begin is None else torch.cat([begin] * times)
        copies = idx.repeat(times)
        aim = Misclassification(self.y[copies], loss=member.loss)
        known = self._known(copies)
        with Oracle(self.model, gradient=member.gradient, seeds=keys, known=known) as oracle:
            x_adv = attack(oracle, self.x[copies], aim, self.threat, seeds=keys, start=begin)
            margin = self._margin(oracle, x_adv, copies)
            rising, passes = oracle.not_converged(len(copies)).to(x_adv.device), oracle.passes
        self._learn(copies, known)
        points = x_adv.view(times, *self.x[idx].shape)
        margins = margin.view(times, len(idx))
        result = Best(points[0], margins[0])
        for k in range(1, times):
            result.keep(points[k], margins[k])
        if member.longer(2) is None:  # it numbers the items of its runs anew, or cannot go on
            rising = torch.zeros_like(rising)
        return result, rising.view(times, len(idx)).any(0), passes

    def _known(self, idx: Tensor) -> Known | None:
        """The clean batch of these items, which no attack has to pay for again."""
        if self.answers is None:
            return None
        return Known(self.x[idx], self.answers.get(_named(idx)))

    def _learn(self, idx: Tensor, known: Known | None) -> None:
        """Remember what was answered about a clean batch, if anybody asked."""
        if self.answers is not None and known is not None and known.logits is not None:
            self.answers[_named(idx)] = known.logits

    def _margin(self, oracle: Oracle, x_adv: Tensor, idx: Tensor) -> Tensor:
        """Margins of some items, by the success criterion if one is given."""
        if self.is_adversarial is not None:
            return self.is_adversarial(x_adv, idx).to(x_adv.device)
        return Misclassification(self.y[idx]).margin(oracle.logits(x_adv))


def _named(idx: Tensor) -> tuple[int, ...]:
    """The items of a batch as a key."""
    return tuple(idx.cpu().tolist())


def _random(member: Member) -> bool:
    """Whether the attack chooses its own random start."""
    return bool(getattr(member.attack, "random_start", True))
