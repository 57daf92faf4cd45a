"""The rungs of a ladder, one after the other: draws, attacks and verification of all items."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import MemberStats, OnSuiteStep, Spending, Suite
from spikeproof.base import BatchSize, InputError, Seeds, seeds
from spikeproof.data import Split
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.outcome import Adversarials, Gallery, Outcome
from spikeproof.evaluate.verify import Verified, verify
from spikeproof.models import home_of
from spikeproof.oracle import Passes
from spikeproof.threats import Threat

__all__ = ["LadderEvaluation"]

_SHOWN = 4
# Items that a suite holds at a time, with what it knows of each: so many, or of so many bytes.
_HELD, _HELD_BYTES = 1024, 1 << 23


@dataclass
class _State:
    """Where every item stands: what verification measured of the best input found so far."""

    margin: Tensor
    broken: Tensor
    member: Tensor
    distance: Tensor
    length: Tensor
    predicted: Tensor

    def copy(self) -> _State:
        return _State(**{name: value.clone() for name, value in vars(self).items()})


@dataclass
class LadderEvaluation:
    """One evaluation of a ladder under way; of every item it holds a few numbers, no inputs.

    Args:
        model: Where it is to be computed.
        split: The items, wherever they lie; read a part at a time.
        suite: The attacks.
        seed: Of every random number.
        draws: Random perturbations per item and radius.
        samples: Draws that make one prediction of a stochastic network.
        logits: Its clean answers, ``(N, K)``, on the CPU.
        size: Rows through the network at a time.
        middle: Which rung the gallery shows.
        keep: Whether every input that breaks an item is kept.
    """

    model: nn.Module
    split: Split
    suite: Suite
    seed: int
    draws: int
    samples: int
    logits: Tensor
    size: BatchSize
    middle: int
    keep: bool
    rungs: list[_State] = field(default_factory=list)
    random: list[Tensor] = field(default_factory=list)
    passes: Passes = field(default_factory=Passes)
    spending: Spending | None = None
    unsettled: list[int] = field(default_factory=list)
    found: dict[int, Tensor] = field(default_factory=dict)
    progress: OnSuiteStep | None = None

    def __post_init__(self) -> None:
        self.home = home_of(self.model)
        self.y, self.items = self.split.y.cpu(), self.split.items.cpu()
        n, margin = len(self.split), margins(self.logits, self.y)
        fitted = self.suite.fitted(self.model, self.split.x[:1].to(self.home))
        self.draws_itself = fitted.averages and not self.suite.averages
        self.suite = fitted
        self.stats = [MemberStats() for _ in self.suite.members]
        self.clean_margin = margin
        self.passes += Passes(forward=self.samples * n)
        self.state = _State(
            margin=margin.clone(),
            broken=margin > 0,
            member=torch.full((n,), -1, dtype=torch.int16),
            distance=torch.zeros(n, dtype=torch.float64),
            length=torch.zeros(n, dtype=torch.float64),
            predicted=self.logits.argmax(1),
        )

    def rung(self, threat: Threat) -> None:
        """Draw at random for everyone, then attack what still stands, at one radius."""
        keys = seeds(self.seed, items=self.items).child(threat.name, repr(threat.radius))
        self.random.append(self._draw(threat, keys.child("draws")))
        idx = (~self.state.broken).nonzero().flatten()
        parts, left = torch.split(idx, self._held()) if len(idx) else (), 0
        spending = self.spending
        for number, part in enumerate(parts):
            # Each part of a large set has its share of what is left for this radius.
            share = None if spending is None else spending.part(len(parts) - number)
            left += self._attack(part, threat, keys.child("attack"), share)
        if self.spending is not None:
            self.unsettled.append(left)
        self.rungs.append(self.state.copy())

    def _held(self) -> int:
        """How many items a suite holds at a time."""
        each, rows = self.split.x[0].numel() * self.split.x.element_size(), self.size.rows
        most = min(_HELD, _HELD_BYTES // max(1, each))
        return max(rows, most - most % rows)  # whole batches

    def _draw(self, threat: Threat, keys: Seeds) -> Tensor:
        """Share of draws classified right, float64 ``(N,)``; a wrong one breaks its item."""
        if not self.draws:
            return torch.full((len(self.split),), torch.nan, dtype=torch.float64)
        right = torch.zeros(len(self.split), dtype=torch.float64)
        everyone = torch.arange(len(self.split))
        for number in range(self.draws):
            # Drawn and projected on the CPU: the same legal points for every device.
            for idx in torch.split(everyone, self.size.rows):
                drawn = threat.sample(self.split.x[idx].cpu(), keys[idx].child(number))
                margin = margins(self._plain(drawn, self.items[idx]), self.y[idx])
                right[idx] += (margin <= 0).double()
                struck = ((margin > 0) & ~self.state.broken[idx]).nonzero().flatten()
                if len(struck):
                    self._keep(idx[struck], drawn[struck], threat, len(self.suite.members))
        self.passes += Passes(forward=self.samples * self.draws * len(self.split))
        return right / self.draws

    def _plain(self, x: Tensor, items: Tensor) -> Tensor:
        """Predictions for some items."""
        return plain_logits(self.model, x, items=items, samples=self.samples, batch_size=self.size)

    def _attack(self, idx: Tensor, threat: Threat, keys: Seeds, spending: Spending | None) -> int:
        """Run the suite on items that still stand; how many the budget left unsettled."""
        x = self.split.x[idx].to(self.home)
        told: dict[str, Any] = {} if self.progress is None else {"progress": self.progress}
        result = self.suite(
            self.model,
            x,
            self.y[idx].to(self.home),
            threat,
            seeds=keys[idx],
            is_adversarial=partial(self._margins, idx) if self.draws_itself else None,
            batch_size=self.size,
            spending=spending,
            **told,
        )
        if result.x_adv.shape != x.shape:
            got, wanted = tuple(result.x_adv.shape), tuple(x.shape)
            raise InputError(f"The suite returned {got} for {wanted}.")
        self.passes += result.passes
        self.stats = [a + b for a, b in zip(self.stats, result.stats, strict=True)]
        self._keep(idx, result.x_adv.cpu(), threat, result.member.cpu())
        if result.unsettled is None:
            return 0
        return int((result.unsettled.cpu() & ~self.state.broken[idx]).sum())

    def _margins(self, held: Tensor, x_adv: Tensor, idx: Tensor) -> Tensor:
        """Who has won on a stochastic network: by the draws that verification will make."""
        self.passes += Passes(forward=self.samples * len(idx))
        who = held[idx.cpu()]
        return margins(self._plain(x_adv, self.items[who]).cpu(), self.y[who])

    def _keep(self, idx: Tensor, x_adv: Tensor, threat: Threat, member: Tensor | int) -> None:
        """Verify what was found for some items, and note it where it is no worse than before."""
        names = torch.as_tensor(member, dtype=torch.int16).expand(len(idx))
        for part in torch.split(torch.arange(len(idx)), self.size.rows):
            who, points = idx[part], x_adv[part]
            seen = verify(
                self.model, self.split.x[who], points, self.y[who], threat,
                items=self.items[who], samples=self.samples, batch_size=self.size,
            )  # fmt: skip
            better = seen.margin >= self.state.margin[who]
            _note(self.state, who[better], seen, better)
            self.state.member[who] = torch.where(seen.won, names[part], -1).to(torch.int16)
            self._show(who[better & seen.won], points[better & seen.won])
        self.passes += Passes(forward=self.samples * len(idx))

    def _show(self, idx: Tensor, x_adv: Tensor) -> None:
        """Remember what broke items that were right when clean: the first few, or all of them."""
        # Broken items are never attacked again, so their inputs stay, and whoever is among the
        # first few in the end is among them when it breaks: the gallery needs no other inputs.
        if not self.keep and len(self.rungs) > self.middle:
            return
        for where, point in zip(idx.tolist(), x_adv, strict=True):
            if self.clean_margin[where] <= 0:
                self.found[where] = point.clone()
        for where in () if self.keep else sorted(self.found)[_SHOWN:]:
            del self.found[where]

    def outcome(self, ladder: tuple[Threat, ...]) -> Outcome:
        """Everything as arrays."""

        def stacked(name: str) -> np.ndarray[Any, Any]:
            return torch.stack([getattr(rung, name) for rung in self.rungs]).numpy()

        return Outcome(
            ladder=ladder,
            items=self.items.numpy(),
            y=self.y.numpy(),
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
            adversarials=self._adversarials() if self.keep else None,
            not_run=getattr(self.suite, "not_run", ()),
            **{n: stacked(n) for n in ("broken", "margin", "member", "distance", "length")},
        )

    def _adversarials(self) -> Adversarials:
        """What broke the items that are right when clean."""
        broken = torch.stack([rung.broken for rung in self.rungs])
        who = (broken[-1] & (self.clean_margin <= 0)).nonzero().flatten()
        level = (~broken[:, who]).sum(0).to(torch.int16)  # broken once, broken at all larger ones
        none = self.split.x[:0].cpu()
        x_adv = torch.stack([self.found[at] for at in who.tolist()]) if len(who) else none
        return Adversarials(items=self.items[who].numpy(), level=level.numpy(), x_adv=x_adv.numpy())

    def _gallery(self, ladder: tuple[Threat, ...]) -> Gallery | None:
        """The first few items that the middle radius broke."""
        rung = self.rungs[self.middle]
        show = (rung.broken & (self.clean_margin <= 0)).nonzero().flatten()[:_SHOWN]
        if not len(show):
            return None
        return Gallery(
            x=self.split.x[show].cpu().numpy(),
            x_adv=torch.stack([self.found[where] for where in show.tolist()]).numpy(),
            y=self.y[show].numpy(),
            predicted=self.logits.argmax(1)[show].numpy(),
            predicted_adv=rung.predicted[show].numpy(),
            radius=np.array(ladder[self.middle].radius),
        )


def _note(state: _State, idx: Tensor, seen: Verified, better: Tensor) -> None:
    """Write what verification measured into the state of some items."""
    state.margin[idx] = seen.margin[better]
    state.broken[idx] = seen.won[better]
    state.distance[idx] = seen.distance[better]
    state.length[idx] = seen.length[better]
    state.predicted[idx] = seen.predicted[better]
