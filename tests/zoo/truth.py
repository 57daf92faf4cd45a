"""What is true of an entry, established without any check of the diagnosis.

Attacks on the twin, which computes the same answers with its true gradients, make inputs; these are
tried on the network itself, some random changes of each beside them. What they break is broken,
whatever the claimed attack says, so the share that they leave is an upper bound of the truth. The
claimed attack is run under three seeds: a label that turns with the seed is no label.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.attacks import (
    APGD,
    FMN,
    PGD,
    SAPGD,
    Attack,
    SigmaZero,
    Square,
    Swap,
    Targeted,
)
from spikeproof.base import GradientRuleUnused, InputError, seeds
from spikeproof.evaluate import open_split, verify
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.models import evaluating
from spikeproof.neurons import Surrogate
from spikeproof.oracle import (
    ASSG,
    Backward,
    Expectation,
    GradientRule,
    Oracle,
    Smoothing,
    stochastic,
)
from spikeproof.threats import Misclassification, Threat
from tests.zoo.entry import BROKEN, Case, Entry

__all__ = ["GAP", "Truth", "agreed", "established"]

GAP = 0.1
"""An entry is broken where the claimed attack leaves so much more than the strongest one, and sound
where it leaves at most half of that more; under every one of some seeds."""
DRAWS, SEEDS = 10, 3
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Truth:
    """What was established of an entry.

    Args:
        items: Right items that were attacked.
        claimed: Share of them that the claimed attack leaves, the mean of its seeds.
        claims: The same, seed by seed.
        strongest: Share that the attacks on the twin leave.
        moved: Share of items that the network answers otherwise in another call or another batch.
        exact: Share that stands by a closed form; None where there is none.
        agrees: Whether all this is what the entry says of itself.
    """

    items: int
    claimed: float
    strongest: float
    moved: float
    exact: float | None
    agrees: bool
    claims: tuple[float, ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "claims": list(self.claims)}


def established(entry: Entry, case: Case, split: str, *, seed: int = 0) -> Truth:
    """Attack an entry as it is claimed, and by what its twin shows.

    Args:
        entry: The entry.
        case: What it builds.
        split: ``"validation"`` or ``"test"``.
        seed: Of every random number.
    """
    opened, samples = open_split(case.data, split), 1 if case.same else DRAWS
    twin = case.model if case.twin is None else case.twin
    with evaluating(case.model), evaluating(twin):
        if entry.fact == "function":
            return _no_function(entry, case, opened.x[: entry.items])
        right = margins(_logits(case.model, opened.x, opened.items, samples), opened.y) <= 0
        idx = right.nonzero().flatten()[: entry.items]
        x, y, items = opened.x[idx], opened.y[idx], opened.items[idx]
        attacked = _Attacked(case, x, y, items, samples, seed)
        claimed = [replace(attacked, seed=seed + number).by_claim() for number in range(SEEDS)]
        broken = torch.stack(claimed).any(0)
        # A broken one needs no more than its gap to be shown, a sound one everything.
        enough = float(broken.double().mean()) + 2 * GAP if entry.truth == BROKEN else 1.0
        strongest = attacked.by_twin(twin, broken, enough)
    lefts = tuple(1 - float(won.double().mean()) for won in claimed)
    least = 1 - float(strongest.double().mean())
    exact = _exact(case, x, y) if entry.fact == "closed form" else None
    agrees = agreed(entry.truth, lefts, least if exact is None else exact)
    return Truth(len(idx), sum(lefts) / SEEDS, least, 0.0, exact, agrees, lefts)


def agreed(truth: str, lefts: Sequence[float], truly: float) -> bool:
    """Whether so much more stands before the claimed attack than truly, as an entry says of itself.

    One of 20 items is 5 points, whatever the last bit of its quotient says.

    Args:
        truth: ``"broken"`` or ``"sound"``.
        lefts: What the claimed attack leaves, seed by seed.
        truly: What the strongest attacks leave, or a closed form.
    """
    if truth == BROKEN:
        return min(lefts) - truly >= GAP - _ROUNDING
    return max(abs(left - truly) for left in lefts) <= GAP / 2 + _ROUNDING


def _no_function(entry: Entry, case: Case, x: Tensor) -> Truth:
    """Whether an answer changes from one call, or from one batch, to another."""
    with torch.no_grad():
        first, again = case.model(x).argmax(1), case.model(x).argmax(1)
        order = torch.arange(len(x)).roll(len(x) // 2)
        turned = case.model(x[order])[order.argsort()].argmax(1)
        alone = torch.cat([case.model(one[None]) for one in x]).argmax(1)
    moved = float(((again != first) | (turned != first) | (alone != first)).double().mean())
    return Truth(len(x), 1.0, 1.0, moved, None, moved > 0)


def _exact(case: Case, x: Tensor, y: Tensor) -> float:
    """The closed form of an entry; that of ``made`` is half an item's gap above the radius."""
    if case.gap is not None:
        gap, closed = case.gap(x)
    else:
        gap, closed = (x[:, 0, :2].mean((1, 2)) - x[:, 0, 2:].mean((1, 2))).abs(), 2.0
    return float((gap > closed * case.threat.radius).double().mean())


def _logits(model: nn.Module, x: Tensor, items: Tensor, samples: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return plain_logits(model, x, items=items, samples=samples, batch_size=64)


@dataclass
class _Attacked:
    """Right items, attacked."""

    case: Case
    x: Tensor
    y: Tensor
    items: Tensor
    samples: int
    seed: int

    def by_claim(self) -> Tensor:
        """What the claimed attack breaks, as its evaluation would count it."""
        claim = self.case.claimed
        return self._by(self.case.model, claim.attack, claim.gradient, claim.loss, tries=0)

    def by_twin(self, twin: nn.Module, claimed: Tensor, enough: float) -> Tensor:
        """What the claimed attack and the strongest ones on the twin break, until it is enough."""
        broken = claimed
        random = stochastic(twin, self.x[:1])
        for attack, gradient, loss in _strongest(self.case.threat, 30 if random else 60):
            if random and isinstance(gradient, Smoothing):
                continue  # its differences would need as many draws each
            if random and not isinstance(attack, Square):
                gradient = Expectation(samples=DRAWS, gradient=gradient)
            if float(broken.double().mean()) >= enough:
                break
            broken = broken | self._by(twin, attack, gradient, loss, tries=2)
        return broken

    def _by(
        self, model: nn.Module, attack: Attack, gradient: GradientRule | None, loss: str, tries: int
    ) -> Tensor:
        threat, goal = self.case.threat, Misclassification(self.y, loss=loss)
        keys = seeds(self.seed, items=self.items)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # A network without spikes takes its own gradient whatever the rule.
            warnings.simplefilter("ignore", GradientRuleUnused)
            torch.manual_seed(self.seed)
            try:
                with Oracle(model, gradient=gradient, seeds=keys) as oracle:
                    x_adv = attack(oracle, self.x, goal, threat, seeds=keys).detach()
            except InputError:  # no gradient reaches the input
                x_adv = self.x
        won = self._wins(x_adv)
        for number in range(tries):
            other = threat.at(threat.radius).sample(self.x, keys.child("try", number))
            nearby = threat.project(0.8 * x_adv + 0.2 * other, self.x)
            won |= self._wins(nearby)
        return won

    def _wins(self, x_adv: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            seen = verify(
                self.case.model, self.x, x_adv, self.y, self.case.threat,
                items=self.items, samples=self.samples, batch_size=64,
            )  # fmt: skip
        won: Tensor = seen.won
        return won


def _strongest(threat: Threat, steps: int) -> list[tuple[Attack, GradientRule | None, str]]:
    """Attacks on the twin; of so many steps."""
    arctan = Surrogate("arctan", sharpness=5.0)
    sharp = Backward(gradient=ASSG(vanishing=0.455), reset="detached")
    if threat.counted:
        swap = Swap(steps=steps, share=0.8, noise=0.2)
        found: list[tuple[Attack, GradientRule | None, str]]
        found = [(swap, None, "margin"), (swap, arctan, "margin"), (swap, sharp, "margin")]
        zero = SigmaZero(steps=5 * steps)
        return [*found, (zero, None, "margin")] if threat.domain.sounds else found
    size = float(torch.tensor(threat.domain.shape).prod()) if hasattr(threat.domain, "shape") else 1
    noise = threat.radius / 4 if threat.order == float("inf") else threat.radius / (4 * size**0.5)
    several: list[tuple[Attack, GradientRule | None, str]] = [
        (PGD(steps=steps, step_size=0.1, last=0.1), arctan, "margin"),
        (PGD(steps=steps, step_size=0.1, last=0.1), sharp, "margin"),
        (APGD(steps=steps), None, "cross_entropy"),
    ]
    if threat.norm:
        smooth = Smoothing(pairs=12, noise=noise)
        several.append((PGD(steps=20, step_size=0.2, last=0.2), smooth, "margin"))
    if threat.domain.sounds:  # where one goal after the other breaks what all these leave
        mild = Backward(gradient=ASSG(vanishing=0.41), reset="detached")
        several.append((Targeted(attack=SAPGD(steps=steps), rivals=4), mild, "margin"))
        several.append(
            (FMN(steps=5 * steps), Backward(gradient=arctan, reset="detached"), "margin")
        )
    square = Square(steps=1000)
    return [*several, (square, None, "margin")] if square.serves(threat) else several
