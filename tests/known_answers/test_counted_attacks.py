"""Attacks on counted radii: exact on linear models, and against exhaustive search on spikes."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack, Saliency, SparsePGD, SparseRS, Swap, serves
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, Counts, Geometry, Misclassification, Threat
from support.legality import Spikes

PIXELS = Domain(kind="image", shape=(2, 2, 4))
FEATURES = Domain(kind="audio", shape=(12,), low=-1.0)
EVENTS = Domain(kind="events", shape=(2, 1, 2, 3), high=3.0, integer=True)
CASES = 200


class Planes(nn.Module):
    """Two classes, logits ``(0, w_n . x_n)`` with weights of its own for every item."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        value = (x.flatten(1) * self.w).sum(1)
        return torch.stack([torch.zeros_like(value), value], dim=1)


def optimum(threat: Threat, w: Tensor, x: Tensor) -> Tensor:
    """The largest gain of ``w . x``, by its definition."""
    domain, flat = threat.domain, x.flatten(1)
    assert isinstance(domain, Domain)
    room = torch.where(w > 0, domain.high - flat, flat - domain.low)
    if threat.name == "counts":
        units = torch.cat([(room > m) * w.abs() for m in range(int(domain.high))], dim=1)
        return units.topk(int(threat.radius), dim=1).values.sum(1)
    gains = w.abs() * room
    if threat.name == "l0" and domain.kind == "image":
        gains = gains.view(len(x), *domain.shape).sum(-3).flatten(1)
    return gains.topk(int(threat.radius), dim=1).values.sum(1)


@pytest.mark.parametrize(
    ("geometry", "radius", "domain"),
    [
        (L0(), 1.0, PIXELS),
        (L0(), 3.0, PIXELS),
        (L0(pixels=False), 3.0, PIXELS),
        (L0(), 4.0, FEATURES),
        (Counts(), 3.0, EVENTS),
    ],
    ids=["pixel", "pixels", "features", "samples", "events"],
)
@pytest.mark.parametrize(
    "attack",
    [
        SparseRS(steps=1000, stop=False),
        SparsePGD(steps=200),
        Saliency(),
        Saliency(candidates=3),
    ],
    ids=lambda attack: f"{type(attack).__name__}{getattr(attack, 'candidates', '')}",
)
def test_the_optimum_is_hit_exactly_in_99_of_100_linear_cases(
    attack: SparseRS | SparsePGD | Saliency, geometry: Geometry, radius: float, domain: Domain
) -> None:
    threat = Threat(geometry, radius, domain)
    if not attack.serves(threat):
        pytest.skip("SparsePGD chooses pixels and features, not events")
    draws = torch.Generator().manual_seed(0)
    w = torch.randn(CASES, domain.size, generator=draws, dtype=torch.float64)
    u = torch.rand(CASES, *domain.shape, generator=draws, dtype=torch.float64)
    u = torch.where(u < 0.1, 0.0, torch.where(u > 0.9, 1.0, u))
    x = domain.low + u * (domain.high - domain.low)
    x = x.round() if domain.integer else x
    model, goal = Planes(w), Misclassification(torch.zeros(CASES, dtype=torch.int64))
    with Oracle(model) as oracle:
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=CASES))
    ratio = ((x_adv - x).flatten(1) * w).sum(1) / optimum(threat, w, x)
    assert ratio.max() <= 1 + 1e-9
    assert (ratio >= 1 - 1e-9).sum() >= 0.99 * CASES, (ratio >= 1 - 1e-9).sum()


class Arcs(Spikes):
    """The same neurons behind a surrogate without zeros; real-valued weights of the readout."""

    def __init__(self, size: int, seed: int) -> None:
        super().__init__(size, seed)
        draws = torch.Generator().manual_seed(seed + 2)
        self.weight.data *= 2
        self.out.data = torch.randn(10, 3, generator=draws, dtype=torch.float64)

    def soft(self, u: Tensor) -> Tensor:
        """The arctan surrogate."""
        return torch.atan(2 * (u - 1)) / 2


BITS = 12
BINARY = Domain(kind="events", shape=(2, 1, 2, 3), high=1.0, integer=True)


def exhausted(logits: Tensor, goal: Misclassification, x: Tensor, radius: int) -> Tensor:
    """The largest margin over every way to flip up to ``radius`` bits."""
    place = 2 ** torch.arange(BITS)
    number = (x.flatten(1).long() * place).sum(1)
    best = torch.full((len(x),), -torch.inf)
    for count in range(radius + 1):
        for flips in itertools.combinations(range(BITS), count):
            changed = number ^ sum(1 << bit for bit in flips)
            best = torch.maximum(best, goal.margin(logits[changed]))
    return best


@pytest.mark.parametrize("geometry", [L0(), Counts()], ids=["l0", "counts"])
@pytest.mark.parametrize(
    "attack",
    [SparseRS(steps=400), Swap(steps=100), Saliency(candidates=BITS), SparsePGD(steps=200)],
    ids=lambda attack: type(attack).__name__,
)
def test_attacks_break_what_exhaustive_search_breaks(attack: Attack, geometry: Geometry) -> None:
    """At least 97 of 100 items that some flip of up to three bits breaks, on spiking networks."""
    found = total = 0
    for seed, radius in enumerate([1, 2, 3]):
        threat = Threat(geometry, float(radius), BINARY)
        if not serves(attack, threat):
            pytest.skip("SparsePGD chooses pixels and features, not events")
        draws = torch.Generator().manual_seed(seed)
        model = Arcs(BITS, seed)
        every = (torch.arange(1 << BITS)[:, None] >> torch.arange(BITS)) & 1
        x = torch.randint(0, 2, (100, *BINARY.shape), generator=draws).float()
        with Oracle(model) as oracle:
            logits = oracle.logits(every.float().view(-1, *BINARY.shape))
            goal = Misclassification(oracle.logits(x).argmax(1))
            x_adv = attack(oracle, x, goal, threat, seeds=seeds(seed, n=len(x)))
            ours = goal.margin(oracle.logits(x_adv))
        best = exhausted(logits, goal, x, radius)
        assert (ours <= best + 1e-6).all()
        total += int((best > 0).sum())
        found += int(((best > 0) & (ours > 0)).sum())
    assert total >= 100
    assert found >= 0.97 * total, (found, total)
