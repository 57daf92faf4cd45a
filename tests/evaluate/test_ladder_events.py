"""Ladders of every threat, and of retimings: a larger radius never stands where a smaller fell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import Member, MemberStats, RetimingSearch, Suite, SuiteResult
from spikeproof.base import Seeds
from spikeproof.data import Domain, Split
from spikeproof.evaluate import evaluate_ladder
from spikeproof.oracle import Passes
from spikeproof.threats import Misclassification, Threat, threat_from
from support.legality import Spikes

BITS = Domain(kind="events", shape=(4, 1, 1, 3), high=1.0, integer=True)
COUNTS = Domain(kind="events", shape=(4, 1, 1, 3), high=3.0, integer=True)
IMAGE = Domain(kind="image", shape=(1, 3, 4))
EVERY = torch.tensor(list(itertools.product((0.0, 1.0), repeat=12))).view(-1, *BITS.shape)


class Recognises(nn.Module):
    """Right about the inputs it has seen, and about no other."""

    def __init__(self, seen: Tensor) -> None:
        super().__init__()
        self.seen = nn.Parameter(seen.flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of two classes; class 0 leads on what was seen."""
        gap = (x.flatten(1)[:, None] - self.seen).abs().sum(2).amin(1)
        return torch.stack([1e-6 - gap, gap - gap], dim=1)


class GivesUp(Suite):
    """Finds random legal points at the first radius asked about, and nothing at any larger one."""

    def __call__(
        self, model: nn.Module, x: Tensor, y: Tensor, threat: Threat, *, seeds: Seeds, **_: Any
    ) -> SuiteResult:
        """Claim nothing: verification decides."""
        first = threat.radius <= SMALLEST[threat.name]
        return SuiteResult(
            threat.sample(x, seeds) if first else x,
            torch.zeros_like(y, dtype=torch.bool),
            torch.full_like(y, -1),
            Passes(),
            (MemberStats(),),
            torch.zeros(1, len(y), dtype=torch.bool),
        )


SMALLEST: dict[str, float] = {}


def rungs(name: str, radii: Sequence[float], domain: Domain) -> list[Threat]:
    return [threat_from(name, radius, domain) for radius in radii]


@pytest.mark.parametrize(
    ("name", "radii", "domain"),
    [
        *((name, (0.1, 0.2, 0.4), IMAGE) for name in ("linf", "l2", "l1")),
        ("l0", (1, 2, 4), IMAGE),
        ("counts", (1, 2, 4), COUNTS),
        *((name, (1, 2, 4), BITS) for name in ("flips", "flips-insert", "retiming-l1")),
        ("retiming-l0", (1, 2, 4), BITS),
        ("retiming-inf", (1, 2, 3), BITS),
        ("flips-relative", (0.3, 0.6, 1.0), BITS),
        ("retiming-l1-relative", (0.3, 0.6, 1.0), BITS),
        ("retiming-l0-relative", (0.3, 0.6, 1.0), BITS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_smaller_radius_broke_every_larger_one_breaks_though_its_attack_fails(
    name: str, radii: tuple[float, ...], domain: Domain
) -> None:
    """The input found at the smaller radius is the larger one's answer, of the same length."""
    draws = torch.Generator().manual_seed(0)
    x = torch.rand(12, *domain.shape, generator=draws)
    x = (x < 0.5).float() if domain.integer else 0.2 + 0.6 * x
    split = Split(x, torch.zeros(12, dtype=torch.int64), torch.arange(12))
    ladder = rungs(name, radii, domain)
    SMALLEST[ladder[0].name] = ladder[0].radius
    suite = GivesUp((Member(),))
    found = evaluate_ladder(Recognises(x), split, ladder, suite, seed=0, draws=0)
    assert found.correct.all() and found.broken[0].any()
    assert (found.broken == found.broken[0]).all()
    assert (found.length == found.length[0]).all()
    assert (found.margin == found.margin[0]).all()


@pytest.mark.parametrize(
    ("name", "radii"),
    [("retiming-inf", (1, 2, 3)), ("retiming-l1", (1, 2, 4, 8)), ("retiming-l0", (1, 2, 3, 4))],
)
def test_each_radius_on_its_own_breaks_what_exhaustive_search_breaks_and_the_ladder_no_less(
    name: str, radii: tuple[float, ...]
) -> None:
    """All legal retimings of 12 bits are asked; alone, no radius knows what another one found."""
    model = Spikes(12, 3)
    draws = torch.Generator().manual_seed(0)
    x = EVERY[torch.randint(len(EVERY), (40,), generator=draws)]
    with torch.no_grad():
        logits, y = model(EVERY), model(x).argmax(1)
    split = Split(x, y, torch.arange(len(x)))
    suite = Suite((Member(attack=RetimingSearch(steps=60, stop=True)),))
    ours, truth = [], []
    for threat in rungs(name, radii, BITS):
        found = evaluate_ladder(model, split, threat, suite, seed=0, draws=0)
        ours.append(found.broken[0])
        legal = [threat.distance(EVERY, one.expand_as(EVERY)) <= threat.radius for one in x]
        goals = [Misclassification(one.expand(len(EVERY))) for one in y]
        hit = [bool((g.margin(logits)[ok] > 0).any()) for g, ok in zip(goals, legal, strict=True)]
        truth.append(np.array(hit))
    grown, best = np.array(ours), np.array(truth)
    assert (best[:-1] <= best[1:]).all() and best[0].sum() < best[-1].sum()
    assert (grown <= best).all()  # nothing illegal
    # Gradients of these neurons are zero nearly everywhere: what is left to chance is missed.
    assert grown.sum() >= 0.95 * best.sum(), (grown.sum(1), best.sum(1))
    # Chance decides about a few items of every radius; a ladder keeps what any of them found.
    assert (grown[:-1] & ~grown[1:]).mean() <= 0.03, (grown.sum(1), best.sum(1))
    whole = evaluate_ladder(model, split, rungs(name, radii, BITS), suite, seed=0, draws=0).broken
    assert (whole == np.logical_or.accumulate(grown)).all()
    assert (whole[:-1] <= whole[1:]).all()
